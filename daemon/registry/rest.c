#include "daemon/registry/rest.h"

#include "api/kinds/custom.h"
#include "api/kinds/object.h"
#include "api/kinds/service_account.h"
#include "api/schema/schema.h"
#include "base/str.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/body.h"
#include "daemon/registry/call.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/discovery.h"
#include "daemon/registry/document.h"
#include "daemon/registry/eviction.h"
#include "daemon/registry/fixed.h"
#include "daemon/registry/managed.h"
#include "daemon/registry/metrics.h"
#include "daemon/registry/read.h"
#include "daemon/registry/remove.h"
#include "daemon/registry/review.h"
#include "daemon/registry/state.h"
#include "daemon/registry/status.h"
#include "daemon/registry/sub.h"
#include "daemon/registry/token.h"
#include "daemon/registry/write.h"
#include "daemon/registry/yaml_answer.h"

#include <stdlib.h>
#include <string.h>

/* ---- answers without an object ---- */

/* Answers that are no call's are counted without a kind. */
static void count(const struct registry *r, const struct rest_request *q, unsigned code) {
        const struct metrics_request m = {
                .verb = metrics_verb(q->method, false, false, false),
                .code = code,
                .is_long = true,
        };

        metrics_observe(r->metrics, &m);
}

static void respond_fault(const struct rest_sink *sink, void *data, unsigned code,
                          const char *reason, const char *message) {
        struct rest_response r;

        rest_status(&r, code, reason, message);
        if (code == 503)
                r.retry_after_s = 1;
        sink->respond(data, &r);
        rest_response_done(&r);
}

static void respond_unknown(const struct rest_sink *sink, void *data) {
        respond_fault(sink, data, 404, "NotFound",
                      "the server could not find the requested resource");
}

static void respond_refuse_method(const struct rest_sink *sink, void *data, const char *allow) {
        struct rest_response r;

        status_refuse_method(allow, &r);
        sink->respond(data, &r);
        rest_response_done(&r);
}

static void handle_discovery(struct registry *registry, const struct path *p,
                             const struct rest_request *q, const struct rest_sink *sink,
                             void *data) {
        enum discovery_form form;
        bool is_found;
        char *text;

        if (!str_eq(q->method, "GET")) {
                respond_refuse_method(sink, data, "GET");
                return;
        }
        if (discovery_negotiate(q->accept, p, &form) < 0) {
                respond_fault(sink, data, 406, "NotAcceptable",
                              "only the following media types are accepted: application/json");
                return;
        }
        text = discovery_document(registry, p, form, &is_found);
        if (is_found) {
                document_respond(q, sink, data, discovery_type(form), text);
                return;
        }
        free(text);
        respond_unknown(sink, data);
}

/* ---- objects ---- */

static void handle_collection(struct call *c) {
        bool is_namespaced = c->asked->is_namespaced;

        if (str_eq(c->method, "GET") && query_bool(&c->query, "watch"))
                read_watch(c);
        else if (str_eq(c->method, "GET"))
                read_list(c);
        else if (str_eq(c->method, "POST") && (!is_namespaced || *c->path.namespace_))
                write_create(c);
        else if (str_eq(c->method, "DELETE") && (!is_namespaced || *c->path.namespace_))
                remove_collection(c);
        else
                call_refuse_method(c, is_namespaced && !*c->path.namespace_ ? "GET"
                                                                            : "DELETE, GET, POST");
}

static void handle_object(struct call *c) {
        if (str_eq(c->method, "GET") && query_bool(&c->query, "watch") && !*c->path.subresource)
                read_watch(c);
        else if (str_eq(c->method, "GET"))
                read_get(c);
        else if (str_eq(c->method, "PUT"))
                write_replace(c);
        else if (str_eq(c->method, "PATCH"))
                write_patch(c);
        else if (str_eq(c->method, "DELETE") && !*c->path.subresource)
                remove_object(c);
        else
                call_refuse_method(c, "DELETE, GET, PATCH, PUT");
}

static bool kind_has_status(const struct kind *k) {
        return k->has_status;
}

static bool kind_has_tokens(const struct kind *k) {
        return k == &service_account_kind;
}

static bool kind_has_scale(const struct kind *k) {
        return k->has_scale;
}

/* All of them; those without a handler are answered before the registry is asked. */
static const struct sub SUBS[] = {
        { "status", 0, kind_has_status, { "GET", "PATCH", "PUT" }, handle_object },
        { "scale",
          0,
          kind_has_scale,
          { "GET", "PATCH", "PUT" },
          sub_scale,
          .kind = "Scale",
          .group = "autoscaling",
          .version = "v1" },
        { "finalize", RESOURCE_NAMESPACE, NULL, { "PUT" }, handle_object },
        { "ephemeralcontainers",
          RESOURCE_GRACEFUL,
          NULL,
          { "GET", "PATCH", "PUT" },
          handle_object },
        { "resize", RESOURCE_GRACEFUL, NULL, { "GET", "PATCH", "PUT" }, handle_object },
        { "binding", RESOURCE_GRACEFUL, NULL, { "POST" }, sub_binding, .kind = "Binding" },
        { "eviction",
          RESOURCE_GRACEFUL,
          NULL,
          { "POST" },
          eviction_handle,
          .kind = "Eviction",
          .group = "policy",
          .version = "v1" },
        { "token",
          0,
          kind_has_tokens,
          { "POST" },
          token_request,
          .kind = "TokenRequest",
          .group = "authentication.k8s.io",
          .version = "v1" },
        { "log", RESOURCE_GRACEFUL, NULL, { "GET" }, NULL },
        { "exec", RESOURCE_GRACEFUL, NULL, { "POST", "GET" }, NULL, .kind = "PodExecOptions" },
        { "attach", RESOURCE_GRACEFUL, NULL, { "POST", "GET" }, NULL, .kind = "PodAttachOptions" },
        { "portforward",
          RESOURCE_GRACEFUL,
          NULL,
          { "POST", "GET" },
          NULL,
          .kind = "PodPortForwardOptions" },
};

const struct sub *rest_subs(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(SUBS);
        return SUBS;
}

/* "GET, PATCH, PUT" of a list of methods. */
static void sub_refuse_method(struct call *c, const struct sub *s) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(s->methods) && s->methods[i]; i++)
                strbuf_addf(&b, "%s%s", i > 0 ? ", " : "", s->methods[i]);
        call_refuse_method(c, b.has_failed ? "" : str_or_empty(b.s));
}

static void handle_sub(struct call *c) {
        for (size_t i = 0; i < ARRAY_SIZE(SUBS); i++) {
                const struct sub *s = &SUBS[i];

                if (!str_eq(s->name, c->path.subresource))
                        continue;
                if (!sub_fits(s, c->asked))
                        break;
                /* What isn't the object itself has no columns. */
                if (s->handle != handle_object)
                        c->form = (struct form){ 0 };
                if (s->handle && str_is_any(c->method, s->methods))
                        s->handle(c);
                else
                        sub_refuse_method(c, s);
                return;
        }
        call_fail(c, 404, "NotFound", "the server could not find the requested resource");
}

/* Metadata of a list and of an object are two media types. False: answered. */
static bool form_fits(struct call *c) {
        bool is_list =
                str_eq(c->method, "GET") && !*c->path.name && !query_bool(&c->query, "watch");

        if (c->form.as != FORM_PARTIAL || c->form.is_list == is_list)
                return true;
        call_fail(c, 406, "NotAcceptable",
                  is_list ? "you requested PartialObjectMetadata, but the requested object is a "
                            "list"
                          : "you requested PartialObjectMetadataList, but the requested object is "
                            "not a list");
        return false;
}

/* The form that the client wants its answer in. False: answered. */
static bool form_read(struct call *c) {
        struct err e = { 0 };
        int r;

        r = form_negotiate(c->accept, query_get(&c->query, "includeObject"), &c->form, &e);
        if (r == -ENOTSUP)
                call_fail(c, 406, "NotAcceptable", "%s", err_text(&e));
        else if (r < 0)
                call_fail(c, 400, "BadRequest", "%s", err_text(&e));
        return r == 0 && form_fits(c);
}

/* What a write's query may say; reads have no use for it. False: answered. */
static bool options_read(struct call *c) {
        const char *validation = query_get(&c->query, "fieldValidation");
        const char *dry_run = query_get(&c->query, "dryRun"), *kind = managed_options_kind(c);
        AUTO_FREE char *text = NULL;

        if (str_eq(c->method, "GET"))
                return true;
        if (!str_is_empty(dry_run) && !str_eq(dry_run, "All")) {
                text = str_format("Unsupported value: \"%s\": supported values: \"All\"", dry_run);
                call_fail_options(c, kind, DIAG_NOT_SUPPORTED, "dryRun", str_or_empty(text));
                return false;
        }
        c->is_dry_run = !str_is_empty(dry_run);
        if (str_eq(validation, "Strict"))
                c->field_validation = FIELDS_STRICT;
        else if (str_eq(validation, "Ignore"))
                c->field_validation = FIELDS_IGNORE;
        else if (!str_is_empty(validation) && !str_eq(validation, "Warn")) {
                text = str_format("Unsupported value: \"%s\": supported values: \"\", \"Ignore\", "
                                  "\"Strict\", \"Warn\"",
                                  validation);
                call_fail_options(c, kind, DIAG_NOT_SUPPORTED, "fieldValidation",
                                  str_or_empty(text));
                return false;
        }
        return managed_check_name(c);
}

static void warn_deprecation(struct call *c) {
        AUTO_FREE char *text = custom_deprecation(c->asked);

        if (text)
                call_warn(c, text);
}

static void handle_resource(struct call *c) {
        const struct kind *k = c->asked;
        bool has_namespace = *c->path.namespace_;

        if (!form_read(c) || !options_read(c))
                return;
        warn_deprecation(c);
        /* A namespaced object has no path without its namespace, a cluster-scoped one none with. */
        if ((has_namespace && !k->is_namespaced) ||
            (*c->path.name && k->is_namespaced && !has_namespace))
                call_fail(c, 404, "NotFound", "the server could not find the requested resource");
        else if (c->kind->review)
                review_handle(c);
        else if (*c->path.subresource)
                handle_sub(c);
        else if (*c->path.name)
                handle_object(c);
        else
                handle_collection(c);
}

static unsigned parse_code(int r) {
        return r == -ENOMEM ? 500 : r == -E2BIG ? 414 : 400;
}

/* Rules count once they are known; before, there is nothing to see. False: answered. */
static bool is_let_in(struct registry *registry, const struct rest_request *q,
                      const struct path *path, const struct query *query,
                      const struct rest_sink *sink, void *data) {
        struct rest_response refusal;

        if (!registry->is_ready || authorize_parsed(registry, q, path, query, &refusal))
                return true;
        count(registry, q, refusal.status);
        sink->respond(data, &refusal);
        rest_response_done(&refusal);
        return false;
}

/* What nodes measure is read by the server's face before the registry is asked; nothing else can be
 * done with it. */
static bool is_measured(const struct path *p) {
        for (const struct kind *const *k = kind_all_measured(); *k; k++)
                if (str_eq((*k)->group, p->group) && str_eq((*k)->version, p->version) &&
                    str_eq((*k)->plural, p->resource) && !*p->subresource)
                        return true;
        return false;
}

static void handle(struct registry *registry, const struct rest_request *request,
                   const struct rest_sink *sink, void *data) {
        AUTO_DONE(query) struct query query = { 0 };
        AUTO_DONE(path) struct path path = { 0 };
        const struct kind *asked = NULL;
        struct kind_state *kind;
        struct err e = { 0 };
        struct call *c;
        int r;

        r = path_parse(request->path, &path, &e);
        if (r == 0)
                r = query_parse(request->query, &query, &e);
        if (r == 0 && path.is_watch)
                r = query_add(&query, "watch", "1");
        if (r < 0) {
                count(registry, request, parse_code(r));
                respond_fault(sink, data, parse_code(r),
                              r == -ENOMEM ? "InternalError" : "BadRequest", err_text(&e));
                return;
        }
        if (!is_let_in(registry, request, &path, &query, sink, data) ||
            fixed_handle(registry, &query, request, sink, data))
                return;
        if (path.kind != PATH_RESOURCE && path.kind != PATH_OTHER) {
                handle_discovery(registry, &path, request, sink, data);
                return;
        }
        kind = registry_kind_asked(registry, path.group, path.version, path.resource, &asked);
        if (!kind)
                kind = registry_review(registry, path.group, path.version, path.resource, &asked);
        if (!kind && is_measured(&path)) {
                count(registry, request, 405);
                respond_refuse_method(sink, data, "GET");
                return;
        }
        if (!kind) {
                count(registry, request, 404);
                respond_unknown(sink, data);
                return;
        }
        if (registry->has_stopped || (!registry->is_ready && request->user != &REGISTRY_USER)) {
                count(registry, request, 503);
                respond_fault(sink, data, 503, "ServiceUnavailable",
                              registry->has_stopped ? "the server is stopping"
                                                    : "the server is still starting");
                return;
        }
        c = call_new(registry, request, sink, data);
        if (!c) {
                respond_fault(sink, data, 500, "InternalError", "memory is out");
                return;
        }
        c->path = path;
        c->query = query;
        call_set_kind(c, kind, asked);
        path = (struct path){ 0 };
        query = (struct query){ 0 };
        handle_resource(c);
}

void rest_handle(struct registry *registry, const struct rest_request *request,
                 const struct rest_sink *sink, void *data) {
        struct yaml_sink *yaml;

        if (!yaml_is_wanted(request->accept)) {
                handle(registry, request, sink, data);
                return;
        }
        yaml = yaml_sink_new(sink, data);
        if (yaml)
                handle(registry, request, &YAML_SINK, yaml);
        else
                respond_fault(sink, data, 500, "InternalError", "memory is out");
}
