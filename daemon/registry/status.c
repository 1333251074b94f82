#include "daemon/registry/status.h"

#include "api/text/text.h"
#include "base/diag.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/rest_message.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void set_text(json_t *object, const char *key, const char *value) {
        if (!str_is_empty(value))
                (void) json_object_set_new(object, key, json_string(value));
}

static json_t *details_of(const struct status_text *s) {
        json_t *details = json_object();

        if (!details)
                return NULL;
        set_text(details, "name", s->name);
        set_text(details, "group", s->group);
        set_text(details, "kind", s->kind);
        set_text(details, "uid", s->uid);
        if (s->causes)
                (void) json_object_set(details, "causes", s->causes);
        if (s->retry_after_s)
                (void) json_object_set_new(details, "retryAfterSeconds",
                                           json_integer(s->retry_after_s));
        return details;
}

char *status_format(const struct status_text *s) {
        json_t *root = json_object(), *details = details_of(s);
        char *text = NULL;

        set_text(root, "kind", "Status");
        set_text(root, "apiVersion", "v1");
        (void) json_object_set_new(root, "metadata", json_object());
        set_text(root, "status", s->reason ? "Failure" : "Success");
        set_text(root, "message", s->message);
        set_text(root, "reason", s->reason);
        if (json_object_size(details) > 0)
                (void) json_object_set(root, "details", details);
        (void) json_object_set_new(root, "code", json_integer(s->code));
        /* Setters that failed leave a key out; code is last, so its presence tells. */
        if (json_object_get(root, "code"))
                text = text_json_dump(root, NULL);
        json_decref(details);
        json_decref(root);
        return text;
}

void status_respond(const struct status_text *s, struct rest_response *ret) {
        char *text = status_format(s);

        *ret = (struct rest_response){
                .status = s->code,
                .content_type = "application/json",
                .body = body_new(),
                .retry_after_s = s->retry_after_s,
        };
        if (ret->body && text) {
                body_add_text(ret->body, text, strlen(text));
                return;
        }
        free(text);
        ret->status = 500;
}

void rest_status(struct rest_response *ret, unsigned status, const char *reason,
                 const char *message) {
        const struct status_text s = { .code = status, .reason = reason, .message = message };

        status_respond(&s, ret);
}

void rest_header_add(struct rest_response *r, const char *name, const char *value) {
        char *copy;

        if (r->n_headers == REST_HEADERS_MAX)
                return;
        copy = strdup(value);
        if (copy)
                r->headers[r->n_headers++] = (struct rest_header){ .name = name, .value = copy };
}

void rest_response_done(struct rest_response *r) {
        for (size_t i = 0; i < r->n_headers; i++)
                free(r->headers[i].value);
        body_unref(r->body);
        for (size_t i = 0; i < r->n_warnings; i++)
                free(r->warnings[i]);
        free(r->warnings);
        *r = (struct rest_response){ 0 };
}

static int cause_add(json_t *causes, struct strbuf *text, const struct diag *d) {
        json_t *cause = json_object();
        const char *field = d->field ? d->field : "";

        set_text(cause, "reason", diag_reason_name(d->reason));
        set_text(cause, "message", d->text);
        set_text(cause, "field", field);
        if (json_array_append_new(causes, cause) < 0)
                return -ENOMEM;
        if (text->len > 0)
                strbuf_add(text, ", ");
        if (*field)
                strbuf_addf(text, "%s: ", field);
        strbuf_add(text, str_or_empty(d->text));
        return 0;
}

int status_causes(const struct diags *d, json_t **ret_causes, char **ret_text) {
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        json_t *causes = json_array();

        for (size_t i = 0; causes && i < d->n; i++) {
                if (d->items[i].severity != DIAG_ERROR)
                        continue;
                if (cause_add(causes, &text, &d->items[i]) < 0) {
                        json_decref(causes);
                        return -ENOMEM;
                }
        }
        *ret_text = json_array_size(causes) > 1 ? str_format("[%s]", str_or_empty(text.s))
                                                : str_format("%s", str_or_empty(text.s));
        if (!causes || !*ret_text || text.has_failed) {
                json_decref(causes);
                free(*ret_text);
                return -ENOMEM;
        }
        *ret_causes = causes;
        return 0;
}

void status_refuse_method(const char *allow, struct rest_response *ret) {
        const struct status_text s = {
                .code = 405,
                .reason = "MethodNotAllowed",
                .message = "the server does not allow this method on the requested resource",
        };

        status_respond(&s, ret);
        rest_header_add(ret, "Allow", allow);
}
