#include "api/client/client.h"
#include "base/str.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

struct outcome {
        const char *name; /* Status.reason */
        unsigned status;
        enum client_reason reason;
        int code;
};

/* Sorted by how specific a reason is: the first entry of a status code stands for an answer whose
 * reason is absent or unknown. */
static const struct outcome outcomes[] = {
        { "BadRequest", 400, CLIENT_REASON_BAD_REQUEST, -EBADMSG },
        { "Unauthorized", 401, CLIENT_REASON_UNAUTHORIZED, -EACCES },
        { "Forbidden", 403, CLIENT_REASON_FORBIDDEN, -EPERM },
        { "NotFound", 404, CLIENT_REASON_NOT_FOUND, -ENOENT },
        { "MethodNotAllowed", 405, CLIENT_REASON_OTHER, -EOPNOTSUPP },
        { "Conflict", 409, CLIENT_REASON_CONFLICT, -EAGAIN },
        { "AlreadyExists", 409, CLIENT_REASON_ALREADY_EXISTS, -EEXIST },
        { "Expired", 410, CLIENT_REASON_EXPIRED, -ESTALE },
        { "Gone", 410, CLIENT_REASON_EXPIRED, -ESTALE },
        { "RequestEntityTooLarge", 413, CLIENT_REASON_OTHER, -EMSGSIZE },
        { "UnsupportedMediaType", 415, CLIENT_REASON_UNSUPPORTED_MEDIA_TYPE, -EMEDIUMTYPE },
        { "Invalid", 422, CLIENT_REASON_INVALID, -EINVAL },
        { "TooManyRequests", 429, CLIENT_REASON_TOO_MANY_REQUESTS, -EAGAIN },
        { "InternalError", 500, CLIENT_REASON_INTERNAL, -EREMOTEIO },
        { "ServiceUnavailable", 503, CLIENT_REASON_UNAVAILABLE, -EREMOTEIO },
        { "Timeout", 504, CLIENT_REASON_TIMEOUT, -ETIMEDOUT },
};

static struct outcome outcome_find(const char *name, unsigned status) {
        for (size_t i = 0; name && i < ARRAY_SIZE(outcomes); i++)
                if (str_eq(outcomes[i].name, name))
                        return outcomes[i];
        for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
                if (outcomes[i].status == status)
                        return outcomes[i];
        return (struct outcome){ .reason = CLIENT_REASON_OTHER, .code = -EREMOTEIO };
}

static int outcome_set(const struct outcome *o, enum client_reason *ret_reason) {
        if (ret_reason)
                *ret_reason = o->reason;
        return o->code;
}

int client_status_parse(const char *json, size_t len, enum client_reason *ret_reason,
                        struct err *e) {
        struct outcome o = { .reason = CLIENT_REASON_OTHER, .code = -EREMOTEIO };
        json_t *root = json_loadb(json, len, 0, NULL);
        const char *status = json_string_value(json_object_get(root, "status"));
        const char *message = json_string_value(json_object_get(root, "message"));

        if (str_eq(status, "Success")) {
                o = (struct outcome){ .reason = CLIENT_REASON_NONE };
        } else if (str_eq(status, "Failure")) {
                o = outcome_find(json_string_value(json_object_get(root, "reason")),
                                 (unsigned) json_integer_value(json_object_get(root, "code")));
                (void) err_set(e, o.code, "%s", message ? message : "the server gave no reason");
        } else {
                (void) err_set(e, o.code, "the server answered with something that is no Status");
        }
        json_decref(root);
        return outcome_set(&o, ret_reason);
}

/* A body without a Status: a proxy, or something that is no API server. */
static int outcome_of_plain(const struct client_answer *a, enum client_reason *ret_reason,
                            struct err *e) {
        struct outcome o = outcome_find(NULL, a->status);
        int len = (int) MIN(a->body ? strcspn(a->body, "\r\n") : 0, 200U);

        if (len > 0)
                (void) err_set(e, o.code, "the server answered %u: %.*s", a->status, len, a->body);
        else
                (void) err_set(e, o.code, "the server answered %u without saying why", a->status);
        return outcome_set(&o, ret_reason);
}

int client_answer_check(const struct client_answer *a, enum client_reason *ret_reason,
                        struct err *e) {
        enum client_reason reason;
        struct err status_err = { 0 };
        int r;

        if (a->error < 0) {
                if (ret_reason)
                        *ret_reason = CLIENT_REASON_NO_ANSWER;
                return err_set(e, a->error, "%s", str_or_empty(a->error_text));
        }
        if (a->status >= 100 && a->status < 400) {
                if (ret_reason)
                        *ret_reason = CLIENT_REASON_NONE;
                return 0;
        }

        r = client_status_parse(str_or_empty(a->body), a->body_len, &reason, &status_err);
        if (r == 0 || (r == -EREMOTEIO && reason == CLIENT_REASON_OTHER))
                return outcome_of_plain(a, ret_reason, e);
        if (ret_reason)
                *ret_reason = reason;
        return err_set(e, r, "%s", status_err.text);
}

const char *client_answer_header(const struct client_answer *a, const char *name, size_t n,
                                 size_t *ret_len) {
        size_t name_len = strlen(name);

        for (const char *line = a->headers; line && *line;) {
                size_t len = strcspn(line, "\r\n");

                if (len > name_len && line[name_len] == ':' &&
                    strncasecmp(line, name, name_len) == 0 && n-- == 0) {
                        const char *value = line + name_len + 1;

                        value += strspn(value, " \t");
                        *ret_len = (size_t) (line + len - value);
                        return value;
                }
                line += len;
                line += strspn(line, "\r\n");
        }
        return NULL;
}
