#include "daemon/registry/call.h"

#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/addresses.h"
#include "daemon/registry/body.h"
#include "daemon/registry/managed.h"
#include "daemon/registry/metrics.h"
#include "daemon/registry/node_ports.h"
#include "daemon/registry/present.h"
#include "daemon/registry/quotas.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/status.h"
#include "daemon/registry/user.h"
#include "daemon/registry/view.h"
#include "daemon/registry/watch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATCH_SHOWN_MAX_BYTES 1000U

static const char TYPE_JSON[] = "application/json";

/* Memory of a string that may be absent. */
static bool copy_text(const char *text, char **ret) {
        if (!text)
                return true;
        *ret = strdup(text);
        return *ret;
}

static void call_free(struct call *c) {
        free(c->method);
        free(c->content_type);
        free(c->accept);
        user_unref(c->user);
        free(c->body);
        free(c->agent);
        free(c->managed_said);
        free(c->duplicates);
        free(c->managed);
        free(c->name);
        free(c->namespace_);
        free(c->address);
        node_ports_end(c);
        free(c->turn.key);
        json_decref(c->tree);
        path_done(&c->path);
        kind_unref(c->asked);
        if (c->kind)
                refs_put(&c->kind->refs);
        query_done(&c->query);
        for (size_t i = 0; i < c->n_warnings; i++)
                free(c->warnings[i]);
        free(c->warnings);
        free(c);
}

struct call *call_new(struct registry *r, const struct rest_request *request,
                      const struct rest_sink *sink, void *data) {
        struct call *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->registry = r;
        c->sink = *sink;
        c->data = data;
        c->status = 200;
        c->began_usec = clock_now_usec();
        c->body_len = request->body_len;
        if (request->body_len > 0) {
                c->body = malloc(request->body_len + 1);
                if (c->body) {
                        memcpy(c->body, request->body, request->body_len);
                        c->body[request->body_len] = '\0';
                }
        }
        c->user = user_copy(request->user);
        c->agent = managed_agent(request->user_agent);
        if (!c->user || (request->body_len > 0 && !c->body) ||
            !copy_text(request->method, &c->method) ||
            !copy_text(request->content_type, &c->content_type) ||
            !copy_text(request->accept, &c->accept)) {
                call_free(c);
                return NULL;
        }
        return c;
}

void call_set_kind(struct call *c, struct kind_state *kind, const struct kind *asked) {
        refs_get(&kind->refs);
        c->kind = kind;
        c->asked = kind_ref(asked);
}

/* "resource" for an object or what is being made, "namespace" or "cluster" for many. */
static const char *scope_of(const struct call *c) {
        if (*c->path.name || str_eq(c->method, "POST"))
                return "resource";
        return *c->path.namespace_ ? "namespace" : "cluster";
}

static void count(const struct call *c, unsigned code, bool is_long) {
        const char *type = str_or_empty(c->content_type);
        const struct metrics_request m = {
                .verb = metrics_verb(c->method, *c->path.name, is_long,
                                     str_starts_with(type, "application/apply-patch")),
                .asked = c->asked,
                .subresource = code == 404 ? "" : c->path.subresource,
                .scope = scope_of(c),
                .code = code,
                .usec = clock_now_usec() - c->began_usec,
                .is_long = is_long,
        };

        metrics_observe(c->registry->metrics, &m);
}

/* Answers, lets the next writer of the object go on, and is gone. */
static void call_end(struct call *c, struct rest_response *take_response) {
        struct registry *r = c->registry;
        struct turn turn = { .registry = r, .key = STEAL(c->turn.key) };

        count(c, take_response->status, false);
        quota_hold_release(STEAL(c->quota)); /* counted by now, or not made */
        if (c->address && take_response->status >= 300)
                addresses_release(r->addresses, c->address);
        take_response->warnings = STEAL(c->warnings);
        take_response->n_warnings = c->n_warnings;
        c->n_warnings = 0;
        c->sink.respond(c->data, take_response);
        rest_response_done(take_response);
        call_free(c);
        turn_end(&turn);
}

char *call_resource(const struct call *c, char *buf) {
        const struct kind *k = c->asked;

        if (!k)
                (void) snprintf(buf, CALL_RESOURCE_MAX, "%s", c->path.resource);
        else
                (void) snprintf(buf, CALL_RESOURCE_MAX, "%s%s%s", k->plural, *k->group ? "." : "",
                                k->group);
        return buf;
}

static void call_fail_causes(struct call *c, unsigned code, const char *reason, const char *message,
                             json_t *causes) {
        const struct kind *k = c->asked;
        const struct status_text s = {
                .code = code,
                .reason = reason,
                .message = message,
                .name = c->name ? c->name : c->path.name,
                .group = k ? k->group : c->path.group,
                .kind = !k            ? c->path.resource
                        : code == 422 ? k->name
                                      : k->plural,
                .causes = causes,
        };
        const struct status_text bare = { .code = code, .reason = reason, .message = message };
        struct rest_response response;

        /* As in Kubernetes: a body that can't be read is about no object. */
        status_respond(code == 400 || code == 415 ? &bare : &s, &response);
        call_end(c, &response);
}

void call_fail(struct call *c, unsigned code, const char *reason, const char *fmt, ...) {
        AUTO_FREE char *message = NULL;
        va_list args;
        int n;

        va_start(args, fmt);
        n = vasprintf(&message, fmt, args);
        va_end(args);
        if (n < 0)
                message = NULL;
        call_fail_causes(c, code, reason, message, NULL);
}

void call_refuse_method(struct call *c, const char *allow) {
        struct rest_response response;

        status_refuse_method(allow, &response);
        call_end(c, &response);
}

void call_fail_budget(struct call *c, const char *cause) {
        json_t *causes = json_pack("[{s:s,s:s}]", "reason", "DisruptionBudget", "message", cause);

        call_fail_causes(c, 429, "TooManyRequests",
                         "Cannot evict pod as it would violate the pod's disruption budget.",
                         causes);
        json_decref(causes);
}

void call_fail_memory(struct call *c) {
        call_fail(c, 500, "InternalError", "Internal error occurred: memory is out");
}

void call_fail_not_found(struct call *c) {
        char resource[CALL_RESOURCE_MAX];

        call_fail(c, 404, "NotFound", "%s \"%s\" not found", call_resource(c, resource),
                  c->name ? c->name : c->path.name);
}

void call_fail_no_namespace(struct call *c) {
        AUTO_FREE char *message = str_format("namespaces \"%s\" not found", c->namespace_);
        const struct status_text s = {
                .code = 404,
                .reason = "NotFound",
                .message = message,
                .name = c->namespace_,
                .kind = "namespaces",
        };
        struct rest_response response;

        status_respond(&s, &response);
        call_end(c, &response);
}

void call_fail_conflict(struct call *c, const char *why) {
        char resource[CALL_RESOURCE_MAX];

        call_fail(c, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
                  call_resource(c, resource), c->name ? c->name : c->path.name, why);
}

void call_respond(struct call *c, struct rest_response *take_response) {
        call_end(c, take_response);
}

void call_fail_invalid(struct call *c, const struct diags *d) {
        const struct kind *k = c->asked;
        AUTO_FREE char *text = NULL, *message = NULL;
        json_t *causes = NULL;

        if (d->has_failed || status_causes(d, &causes, &text) < 0) {
                call_fail_memory(c);
                return;
        }
        message = str_format("%s%s%s \"%s\" is invalid: %s", k->name, *k->group ? "." : "",
                             k->group, str_or_empty(c->name), text);
        call_fail_causes(c, 422, "Invalid", message, causes);
        json_decref(causes);
}

void call_fail_field(struct call *c, enum diag_reason reason, const char *field, const char *fmt,
                     ...) {
        struct diags d = { 0 };
        char text[ERR_TEXT_MAX];
        va_list args;

        va_start(args, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        (void) diag_add(&d, DIAG_ERROR, reason, field, "%s", text);
        call_fail_invalid(c, &d);
        diags_done(&d);
}

static void call_fail_status(struct call *c, const struct status_text *s) {
        struct rest_response response;

        status_respond(s, &response);
        call_end(c, &response);
}

void call_fail_apply(struct call *c, const char *message, json_t *causes) {
        const struct status_text s = {
                .code = 409,
                .reason = "Conflict",
                .message = message,
                .causes = causes,
        };

        call_fail_status(c, &s);
}

void call_fail_options(struct call *c, const char *kind, enum diag_reason reason, const char *field,
                       const char *text) {
        AUTO_FREE char *message =
                str_format("%s.meta.k8s.io \"\" is invalid: %s: %s", kind, field, text);
        json_t *causes = json_pack("[{s:s,s:s,s:s}]", "reason", diag_reason_name(reason), "message",
                                   text, "field", field);
        const struct status_text s = {
                .code = 422,
                .reason = "Invalid",
                .message = message,
                .group = "meta.k8s.io",
                .kind = kind,
                .causes = causes,
        };

        call_fail_status(c, &s);
        json_decref(causes);
}

/* A patch as failures show it: quoted, and cut when it is long. */
static char *patch_shown(const struct call *c) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const char *body = str_or_empty(c->body);
        size_t len = strnlen(body, PATCH_SHOWN_MAX_BYTES);
        AUTO_FREE char *part = NULL;

        while (len > 0 && ((unsigned char) body[len] & 0xc0) == 0x80)
                len--; /* not in the middle of a letter */
        part = str_format("%.*s%s", (int) len, body, body[len] ? "..." : "");
        if (!part)
                return NULL;
        text_json_add_text(&b, part);
        return strbuf_steal(&b);
}

void call_fail_patched(struct call *c, const char *text) {
        AUTO_FREE char *shown = patch_shown(c);
        AUTO_FREE char *why = str_format("Invalid value: %s: %s", str_or_empty(shown), text);
        AUTO_FREE char *message = str_format(" \"\" is invalid: patch: %s", str_or_empty(why));
        json_t *causes = json_pack("[{s:s,s:s,s:s}]", "reason", diag_reason_name(DIAG_INVALID),
                                   "message", str_or_empty(why), "field", "patch");
        const struct status_text s = {
                .code = 422,
                .reason = "Invalid",
                .message = message,
                .causes = causes,
        };

        call_fail_status(c, &s);
        json_decref(causes);
}

void call_fail_too_large(struct call *c, uint64_t revision, uint64_t now) {
        AUTO_FREE char *message = str_format(
                "Too large resource version: %" PRIu64 ", current: %" PRIu64, revision, now);
        json_t *causes = json_pack("[{s:s,s:s}]", "reason", "ResourceVersionTooLarge", "message",
                                   "Too large resource version");
        const struct status_text s = {
                .code = 504,
                .reason = "Timeout",
                .message = message,
                .causes = causes,
                .retry_after_s = 1,
        };

        call_fail_status(c, &s);
        json_decref(causes);
}

void call_fail_forbidden(struct call *c, const char *why, const char *cause) {
        char resource[CALL_RESOURCE_MAX];
        AUTO_FREE char *message = NULL;
        json_t *causes = NULL;

        message = str_format("%s \"%s\" is forbidden: %s", call_resource(c, resource),
                             c->name ? c->name : c->path.name, why);
        if (cause)
                causes = json_pack("[{s:s,s:s,s:s}]", "reason", cause, "message", why, "field",
                                   "metadata.namespace");
        call_fail_causes(c, 403, "Forbidden", message, causes);
        json_decref(causes);
}

void call_respond_body(struct call *c, struct body *take_body) {
        struct rest_response response = {
                .status = c->status,
                .content_type = TYPE_JSON,
                .body = take_body,
        };

        if (!take_body || body_has_failed(take_body)) {
                body_unref(take_body);
                call_fail_memory(c);
                return;
        }
        call_end(c, &response);
}

void call_respond_text(struct call *c, char *take_text) {
        struct body *b = body_new();

        if (!b) {
                free(take_text);
                call_fail_memory(c);
                return;
        }
        body_add_text(b, take_text, take_text ? strlen(take_text) : 0);
        call_respond_body(c, b);
}

/* A view of the object that is no object itself: a Scale. */
static void respond_view(struct call *c, const json_t *tree) {
        json_t *view = tree ? c->answer_of(c->asked, tree) : NULL;

        if (view)
                call_respond_text(c, text_json_dump(view, NULL));
        else
                call_fail_memory(c);
        json_decref(view);
}

void call_respond_record(struct call *c, struct record *record) {
        struct body *b;
        json_t *tree;

        if (c->tells_status) {
                call_respond_success(c, record->uid);
                return;
        }
        if (c->answer_of) {
                tree = view_tree(record, c->asked);
                respond_view(c, tree);
                json_decref(tree);
                return;
        }
        b = body_new();
        if (b)
                present_record(&c->form, c->asked, record, c->registry->wall_usec(), b);
        call_respond_body(c, b);
}

void call_respond_tree(struct call *c, const json_t *tree) {
        struct body *b;

        if (c->answer_of) {
                respond_view(c, tree);
                return;
        }
        b = body_new();
        if (b)
                present_text(&c->form, c->asked, text_json_dump(tree, NULL),
                             c->registry->wall_usec(), b);
        call_respond_body(c, b);
}

void call_respond_success(struct call *c, const char *uid) {
        const struct kind *k = c->asked;
        const struct status_text s = {
                .code = c->status,
                .name = c->name,
                .group = k->group,
                .kind = k->plural,
                .uid = uid,
        };

        call_respond_text(c, status_format(&s));
}

void call_respond_watch(struct call *c, struct watch *take_watch) {
        count(c, 200, true);
        c->sink.stream(c->data, take_watch);
        call_free(c);
}

void call_warn(struct call *c, const char *text) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char **grown;

        if (c->n_warnings >= REST_WARNINGS_MAX)
                return;
        strbuf_add(&b, "299 - \"");
        for (const char *at = text; *at && b.len < 1000; at++) {
                if (*at == '"' || *at == '\\')
                        strbuf_add_char(&b, '\\');
                strbuf_add_char(&b, (unsigned char) *at < 0x20 || *at == 0x7f ? ' ' : *at);
        }
        strbuf_add_char(&b, '"');
        if (b.has_failed)
                return;
        grown = realloc(c->warnings, (c->n_warnings + 1) * sizeof(*grown));
        if (!grown)
                return;
        c->warnings = grown;
        grown[c->n_warnings++] = strbuf_steal(&b);
}
