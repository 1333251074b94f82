#include "daemon/registry/fixed.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/metrics.h"
#include "daemon/registry/openapi.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest_message.h"
#include "daemon/registry/state.h"
#include "daemon/registry/status.h"
#include "daemon/registry/token.h"
#include "daemon/store/store.h"

#include <stdlib.h>
#include <string.h>

/* What kubectl takes for the server's age; the minor version of the API that orch follows. */
#define KUBE_MINOR "32"

static const char VERSION[] =
        "{\"major\":\"1\",\"minor\":\"" KUBE_MINOR "\",\"gitVersion\":\"v1." KUBE_MINOR
        ".0+orchd." ORCH_VERSION "\",\"gitCommit\":\"\",\"gitTreeState\":\"clean\",\"buildDate\":"
        "\"1970-01-01T00:00:00Z\",\"goVersion\":\"none\",\"compiler\":\"c\","
        "\"platform\":\"linux\"}";

static void respond(const struct rest_sink *sink, void *data, unsigned status, const char *type,
                    char *take_text) {
        struct rest_response r = { .status = status, .content_type = type, .body = body_new() };

        if (r.body)
                body_add_text(r.body, take_text, take_text ? strlen(take_text) : 0);
        else
                free(take_text);
        if (!r.body || body_has_failed(r.body))
                r.status = 500;
        rest_header_add(&r, "Cache-Control", "no-cache, private");
        sink->respond(data, &r);
        rest_response_done(&r);
}

/* ---- health ---- */

enum { OF_HEALTHZ = 1 << 0, OF_LIVEZ = 1 << 1, OF_READYZ = 1 << 2 };

struct check {
        const char *name, *alias; /* alias: what Kubernetes calls it; NULL: the same */
        unsigned paths;
        const char *(*failure)(const struct registry *r); /* NULL: it is well */
};

static const char *ping_failure(const struct registry *r) {
        return NULL;
}

static const char *store_is_broken(const struct registry *r) {
        return store_failure(r->store);
}

static const char *load_failure(const struct registry *r) {
        return r->is_ready ? NULL : "the server is still starting";
}

static const char *shutdown_failure(const struct registry *r) {
        return r->has_stopped ? "the server is stopping" : NULL;
}

static const struct check CHECKS[] = {
        { "ping", NULL, OF_HEALTHZ | OF_LIVEZ | OF_READYZ, ping_failure },
        { "store", "etcd", OF_HEALTHZ | OF_LIVEZ | OF_READYZ, store_is_broken },
        { "informer-sync", NULL, OF_HEALTHZ | OF_READYZ, load_failure },
        { "shutdown", NULL, OF_READYZ, shutdown_failure },
};

static bool check_is(const struct check *c, const char *name) {
        return str_eq(c->name, name) || (c->alias && str_eq(c->alias, name));
}

static bool check_is_excluded(const struct check *c, const struct query *query) {
        for (size_t i = 0; i < query->n; i++)
                if (str_eq(query->pairs[i].key, "exclude") && check_is(c, query->pairs[i].value))
                        return true;
        return false;
}

/* Which checks are asked for, by the path behind the first part ("" or "/NAME"). 0: none such. */
static unsigned checks_chosen(unsigned path, const char *rest, const struct query *query) {
        unsigned chosen = 0;

        for (unsigned i = 0; i < ARRAY_SIZE(CHECKS); i++) {
                if (!(CHECKS[i].paths & path) || check_is_excluded(&CHECKS[i], query))
                        continue;
                if (str_is_empty(rest) || check_is(&CHECKS[i], rest))
                        chosen |= 1U << i;
        }
        return chosen;
}

static char *health_format(const struct registry *r, const char *name, unsigned chosen,
                           bool is_verbose, bool *ret_well) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        *ret_well = true;
        for (unsigned i = 0; i < ARRAY_SIZE(CHECKS); i++) {
                const char *why = chosen & (1U << i) ? CHECKS[i].failure(r) : NULL;

                if (!(chosen & (1U << i)))
                        continue;
                *ret_well = *ret_well && !why;
                if (why)
                        strbuf_addf(&b, "[-]%s failed: %s\n", CHECKS[i].name, why);
                else
                        strbuf_addf(&b, "[+]%s ok\n", CHECKS[i].name);
        }
        strbuf_addf(&b, "%s check %s\n", name, *ret_well ? "passed" : "failed");
        return *ret_well && !is_verbose ? strdup("ok") : strbuf_steal(&b);
}

static bool health_handle(const struct registry *r, const struct query *query,
                          const struct rest_request *q, const struct rest_sink *sink, void *data) {
        static const struct {
                const char *name;
                unsigned path;
        } NAMES[] = { { "healthz", OF_HEALTHZ }, { "livez", OF_LIVEZ }, { "readyz", OF_READYZ } };

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                const char *rest = q->path + 1 + strlen(NAMES[i].name);
                bool is_well;
                unsigned chosen;
                char *text;

                if (!str_starts_with(q->path + 1, NAMES[i].name) || (*rest != '\0' && *rest != '/'))
                        continue;
                rest += *rest == '/';
                chosen = checks_chosen(NAMES[i].path, rest, query);
                if (chosen == 0 && *rest)
                        return false;
                text = health_format(r, NAMES[i].name, chosen, query_bool(query, "verbose"),
                                     &is_well);
                respond(sink, data, is_well ? 200 : 503, "text/plain", text);
                return true;
        }
        return false;
}

/* ---- the list of paths ---- */

/* Texts in any order, each owned. */
struct paths {
        char **items;
        size_t n, cap;
        bool has_failed;
};

static void paths_done(struct paths *p) {
        for (size_t i = 0; i < p->n; i++)
                free(p->items[i]);
        free(p->items);
}
DEFINE_AUTO_DONE(paths);

/* take_path NULL: memory is out. */
static void paths_add(struct paths *p, char *take_path) {
        if (!take_path || array_reserve(&p->items, &p->cap, p->n, sizeof(*p->items)) < 0) {
                free(take_path);
                p->has_failed = true;
                return;
        }
        p->items[p->n++] = take_path;
}

static void paths_gather(struct paths *p, const struct registry *r) {
        static const char *const FIXED[] = { "/api",        "/api/v1",  "/apis",   "/healthz",
                                             "/livez",      "/metrics", "/readyz", "/openapi/v2",
                                             "/openapi/v3", "/version" };
        struct catalog_cursor at = { 0 };
        const struct kind *k;

        for (size_t i = 0; i < ARRAY_SIZE(FIXED); i++)
                paths_add(p, strdup(FIXED[i]));
        for (size_t i = 0; i < ARRAY_SIZE(CHECKS); i++) {
                if (CHECKS[i].paths & OF_HEALTHZ)
                        paths_add(p, str_format("/healthz/%s", CHECKS[i].name));
                if (CHECKS[i].paths & OF_LIVEZ)
                        paths_add(p, str_format("/livez/%s", CHECKS[i].name));
                paths_add(p, str_format("/readyz/%s", CHECKS[i].name));
        }
        while ((k = catalog_next(r, &at))) {
                if (str_is_empty(k->group))
                        continue;
                paths_add(p, str_format("/apis/%s", k->group));
                paths_add(p, str_format("/apis/%s", k->api_version));
        }
}

static int path_compare(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Names of kinds and groups are DNS names, so nothing needs escapes. */
static char *paths_format(const struct registry *r) {
        AUTO_DONE(paths) struct paths p = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        paths_gather(&p, r);
        if (p.has_failed)
                return NULL;
        qsort(p.items, p.n, sizeof(*p.items), path_compare);
        strbuf_add(&b, "{\"paths\":[");
        for (size_t i = 0; i < p.n; i++)
                if (i == 0 || !str_eq(p.items[i], p.items[i - 1]))
                        strbuf_addf(&b, "%s\"%s\"", i > 0 ? "," : "", p.items[i]);
        strbuf_add(&b, "]}");
        return strbuf_steal(&b);
}

/* ---- how others check the tokens of service accounts by themselves ---- */

static bool tokens_handle(const struct registry *r, const struct rest_request *q,
                          const struct rest_sink *sink, void *data) {
        if (!r->token_key)
                return false;
        if (str_eq(q->path, "/openid/v1/jwks"))
                respond(sink, data, 200, "application/jwk-set+json", token_key_set(r));
        else if (str_eq(q->path, "/.well-known/openid-configuration"))
                respond(sink, data, 200, "application/json", token_configuration(r));
        else
                return false;
        return true;
}

/* ---- all ---- */

/* Whether only reading is possible there. */
static bool path_is_fixed(const struct registry *r, const char *path) {
        static const char *const PATHS[] = { "/", "/version", "/version/", "/metrics",
                                             "/openapi/v2" };
        static const char *const ROOTS[] = { "/healthz", "/livez", "/readyz", "/openapi/v3" };

        for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++)
                if (str_eq(path, PATHS[i]))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(ROOTS); i++) {
                size_t len = strlen(ROOTS[i]);

                if (str_starts_with(path, ROOTS[i]) && (path[len] == '\0' || path[len] == '/'))
                        return true;
        }
        return r->token_key && (str_eq(path, "/openid/v1/jwks") ||
                                str_eq(path, "/.well-known/openid-configuration"));
}

static bool method_refuse(const struct registry *r, const struct rest_request *q,
                          const struct rest_sink *sink, void *data) {
        struct rest_response refusal;

        if (!path_is_fixed(r, q->path))
                return false;
        status_refuse_method("GET", &refusal);
        sink->respond(data, &refusal);
        rest_response_done(&refusal);
        return true;
}

bool fixed_handle(struct registry *r, const struct query *query, const struct rest_request *q,
                  const struct rest_sink *sink, void *data) {
        if (!str_eq(q->method, "GET"))
                return method_refuse(r, q, sink, data);
        if (str_eq(q->path, "/")) {
                respond(sink, data, 200, "application/json", paths_format(r));
                return true;
        }
        if (str_eq(q->path, "/version") || str_eq(q->path, "/version/")) {
                respond(sink, data, 200, "application/json", strdup(VERSION));
                return true;
        }
        if (tokens_handle(r, q, sink, data))
                return true;
        if (str_starts_with(q->path, "/openapi/")) {
                if (!r->openapi)
                        r->openapi = openapi_new();
                return r->openapi && openapi_handle(r->openapi, r, q, sink, data);
        }
        if (str_eq(q->path, "/metrics") && r->is_ready) {
                respond(sink, data, 200, METRICS_TYPE, metrics_text(r));
                return true;
        }
        return health_handle(r, query, q, sink, data);
}
