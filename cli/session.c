#include "cli/session.h"

#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/diag.h"
#include "cli/connect.h"
#include "cli/discovery.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>

void session_init(struct session *s) {
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        struct winsize size;

        *s = (struct session){ .namespace_ = "default" };
        s->out_is_terminal = isatty(STDOUT_FILENO);
        s->err_is_terminal = isatty(STDERR_FILENO);
        s->has_colour = s->out_is_terminal && str_is_empty(no_colour) && !str_eq(term, "dumb");
        if (s->err_is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
                s->columns = size.ws_col;
}

void session_done(struct session *s) {
        discovery_unref(s->discovery);
        client_unref(s->client);
        connect_free(s->connection);
        sd_event_unref(s->loop);
        free(s->told);
        *s = (struct session){ 0 };
}

int session_usage(struct session *s, struct err *e, const char *fmt, ...) {
        char text[ERR_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        s->exit_code = EXIT_USAGE;
        return err_set(e, -EINVAL, "%s", text);
}

int session_connect(struct session *s, struct err *e) {
        int r;

        if (s->client)
                return 0;
        if (!s->connection)
                s->connection = connect_new(s);
        if (!s->connection)
                return err_errno(e, -ENOMEM, "cannot start");
        r = sd_event_new(&s->loop);
        if (r < 0)
                return err_errno(e, r, "cannot start");
        return connect_open(s->connection, s, e);
}

void reply_done(struct reply *r) {
        free(r->body);
        json_decref(r->json);
        if (r->fd >= 0)
                (void) close(r->fd);
        *r = (struct reply){ .fd = -1 };
}

/* ---- answers ---- */

static const char *reason_name(enum client_reason reason) {
        static const char *const names[] = {
                [CLIENT_REASON_BAD_REQUEST] = "BadRequest",
                [CLIENT_REASON_UNAUTHORIZED] = "Unauthorized",
                [CLIENT_REASON_FORBIDDEN] = "Forbidden",
                [CLIENT_REASON_NOT_FOUND] = "NotFound",
                [CLIENT_REASON_ALREADY_EXISTS] = "AlreadyExists",
                [CLIENT_REASON_CONFLICT] = "Conflict",
                [CLIENT_REASON_EXPIRED] = "Expired",
                [CLIENT_REASON_UNSUPPORTED_MEDIA_TYPE] = "UnsupportedMediaType",
                [CLIENT_REASON_INVALID] = "Invalid",
                [CLIENT_REASON_TOO_MANY_REQUESTS] = "TooManyRequests",
                [CLIENT_REASON_TIMEOUT] = "Timeout",
                [CLIENT_REASON_UNAVAILABLE] = "ServiceUnavailable",
                [CLIENT_REASON_INTERNAL] = "InternalError",
        };

        return (size_t) reason < ARRAY_SIZE(names) ? names[reason] : NULL;
}

void session_note_warning(struct session *s, const struct diag *d) {
        struct diag plain = *d;
        AUTO_FREE char *line = NULL;
        char *all;

        plain.file = NULL;
        line = diag_format(&plain);
        all = line ? str_format("%s\n%s\n", str_or_empty(s->told), line) : NULL;
        if (!all)
                return; /* then it is told twice */
        free(s->told);
        s->told = all;
}

static bool is_told(const struct session *s, const char *text) {
        AUTO_FREE char *line = str_format("\n%s\n", text);

        return line && s->told && strstr(s->told, line);
}

/* Prints the text of "299 - \"text\"" headers. */
static void warnings_print(const struct session *s, const struct client_answer *a) {
        const char *value;
        size_t len;

        for (size_t i = 0; (value = client_answer_header(a, "Warning", i, &len)) && i < 100; i++) {
                const char *open = memchr(value, '"', len);

                if (open && len > 0 && value[len - 1] == '"' && open < value + len - 1) {
                        AUTO_DONE(strbuf) struct strbuf text = { 0 };

                        for (const char *c = open + 1; c < value + len - 1; c++)
                                if (*c != '\\' || c[1] == '\\')
                                        strbuf_add_char(&text, *c);
                        if (!is_told(s, str_or_empty(text.s)))
                                (void) fprintf(stderr, "Warning: %s\n", str_or_empty(text.s));
                }
        }
}

/* Turns an answer that is an error into this run's error. */
static int answer_check(struct session *s, const struct client_answer *a, struct err *e) {
        struct err why = { 0 };
        int r = client_answer_check(a, &s->reason, &why);
        const char *name = reason_name(s->reason);

        if (r == 0)
                return 0;
        if (s->reason == CLIENT_REASON_NO_ANSWER) {
                s->exit_code = r == -ETIMEDOUT ? EXIT_TIMED_OUT : EXIT_NO_SERVER;
                return err_set(e, r, "%s", why.text);
        }
        if (name)
                return err_set(e, r, "Error from server (%s): %s", name, why.text);
        return err_set(e, r, "Error from server: %s", why.text);
}

struct pending {
        struct session *session;
        struct reply *reply; /* NULL: not wanted */
        struct err err;
        int result;
        bool is_done;
};

static void on_done(void *data, const struct client_answer *a) {
        struct pending *p = data;

        p->is_done = true;
        warnings_print(p->session, a);
        p->result = answer_check(p->session, a, &p->err);
        if (!p->reply || p->result < 0)
                return;
        p->reply->status = a->status;
        p->reply->fd = a->fd;
        p->reply->body_len = a->body_len;
        p->reply->body = strndup(a->body, a->body_len);
        if (!p->reply->body)
                p->result = err_errno(&p->err, -ENOMEM, "cannot keep the answer");
        p->reply->json = json_loadb(a->body, a->body_len, 0, NULL);
}

int session_call(struct session *s, const struct client_request *request, struct reply *ret_reply,
                 struct err *e) {
        static const struct client_handlers handlers = { .on_done = on_done };
        AUTO_DONE(reply) struct reply reply = { .fd = -1 };
        struct client_request r = *request;
        struct pending p = { .session = s, .reply = &reply };
        int result = session_connect(s, e);

        if (result < 0)
                return result;
        if (!r.timeout_usec && s->global.request_timeout.is_set)
                r.timeout_usec = s->global.request_timeout.value > 0
                                         ? (uint64_t) s->global.request_timeout.value
                                         : USEC_NEVER;
        result = client_start(s->client, &r, &handlers, &p, NULL, e);
        if (result < 0)
                return result;
        while (!p.is_done && result >= 0)
                result = sd_event_run(s->loop, UINT64_MAX);
        if (s->global.is_verbose)
                (void) fprintf(stderr, "orch: %s -> %u\n", r.path, reply.status);
        if (p.result < 0)
                return err_set(e, p.result, "%s", p.err.text);
        if (ret_reply) {
                *ret_reply = reply;
                reply = (struct reply){ .fd = -1 };
        }
        return 0;
}

struct json_request {
        enum client_method method;
        char *take_path;
        const char *content_type; /* NULL: JSON */
        const json_t *body;       /* NULL: none */
};

static int session_json(struct session *s, const struct json_request *request, json_t **ret_json,
                        struct err *e) {
        AUTO_FREE char *path = request->take_path;
        AUTO_FREE char *text = request->body ? json_dumps(request->body, JSON_COMPACT) : NULL;
        AUTO_DONE(reply) struct reply reply = { .fd = -1 };
        int r;

        if (!path || (request->body && !text))
                return err_errno(e, -ENOMEM, "cannot make the request");
        r = session_call(s,
                         &(struct client_request){ .method = request->method,
                                                   .path = path,
                                                   .content_type = request->content_type,
                                                   .body = text,
                                                   .body_len = text ? strlen(text) : 0 },
                         &reply, e);
        if (r < 0)
                return r;
        if (ret_json && !reply.json)
                return err_set(e, -EBADMSG, "the server's answer to %s is not JSON", path);
        if (ret_json)
                *ret_json = STEAL(reply.json);
        return 0;
}

int session_get(struct session *s, char *take_path, json_t **ret_json, struct err *e) {
        const struct json_request request = { CLIENT_GET, take_path, NULL, NULL };

        return session_json(s, &request, ret_json, e);
}

int session_post(struct session *s, char *take_path, const json_t *body, json_t **ret_json,
                 struct err *e) {
        const struct json_request request = { CLIENT_POST, take_path, NULL, body };

        return session_json(s, &request, ret_json, e);
}

int session_patch(struct session *s, char *take_path, const char *content_type, const json_t *body,
                  json_t **ret_json, struct err *e) {
        const struct json_request request = { CLIENT_PATCH, take_path, content_type, body };

        return session_json(s, &request, ret_json, e);
}

int session_delete(struct session *s, char *take_path, const json_t *body, json_t **ret_json,
                   struct err *e) {
        const struct json_request request = { CLIENT_DELETE, take_path, NULL, body };

        return session_json(s, &request, ret_json, e);
}

/* ---- streams ---- */

#define TICK_USEC (250 * USEC_PER_MSEC)

struct stream {
        struct session *session;
        const struct stream_handlers *handlers;
        void *data;
        struct client_call *call; /* NULL: over */
        struct err err;
        int result;
        bool is_stopped;
};

static void stream_take(struct stream *st, enum stream_verdict verdict) {
        if (verdict == STREAM_GO_ON)
                return;
        st->is_stopped = true;
        client_cancel(STEAL(st->call));
}

static void on_stream_line(void *data, const char *line, size_t len) {
        struct stream *st = data;

        stream_take(st, st->handlers->on_line(st->data, line, len));
}

static void on_stream_data(void *data, const void *piece, size_t len) {
        struct stream *st = data;

        stream_take(st, st->handlers->on_data(st->data, piece, len));
}

static void on_stream_done(void *data, const struct client_answer *a) {
        struct stream *st = data;

        st->call = NULL;
        warnings_print(st->session, a);
        st->result = answer_check(st->session, a, &st->err);
}

int session_stream(struct session *s, const char *path, const struct stream_handlers *h, void *data,
                   uint64_t due_usec, struct err *e) {
        return session_stream_call(s, &(struct client_request){ .path = path }, h, data, due_usec,
                                   e);
}

int session_stream_call(struct session *s, const struct client_request *request,
                        const struct stream_handlers *h, void *data, uint64_t due_usec,
                        struct err *e) {
        struct stream st = { .session = s, .handlers = h, .data = data };
        const struct client_handlers handlers = {
                .on_done = on_stream_done,
                .on_line = h->on_line ? on_stream_line : NULL,
                .on_data = h->on_data ? on_stream_data : NULL,
        };
        int r = session_connect(s, e);

        if (r < 0)
                return r;
        r = client_start(s->client, request, &handlers, &st, &st.call, e);
        if (r < 0)
                return r;
        while (st.call && r >= 0) {
                uint64_t now = clock_now_usec(), wait = h->on_tick ? TICK_USEC : USEC_NEVER;

                if (now >= due_usec) {
                        client_cancel(st.call);
                        s->exit_code = EXIT_TIMED_OUT;
                        return err_set(e, -ETIMEDOUT, "timed out waiting for the condition");
                }
                if (due_usec != USEC_NEVER)
                        wait = MIN(wait, due_usec - now);
                r = sd_event_run(s->loop, wait);
                if (h->on_tick)
                        h->on_tick(data);
        }
        if (st.result < 0)
                return err_set(e, st.result, "%s", st.err.text);
        return st.is_stopped;
}

char *session_path(const struct session *s, const struct kind *k, const char *namespace_,
                   const char *name, const char *subresource) {
        return client_path(&(struct client_target){
                .group = k->group,
                .version = k->version,
                .resource = k->plural,
                .namespace_ = !k->is_namespaced           ? NULL
                              : !str_is_empty(namespace_) ? namespace_
                                                          : s->namespace_,
                .name = name,
                .subresource = subresource,
        });
}
