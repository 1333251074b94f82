#include "daemon/registry/fixed.h"

#include "api/kinds/object.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/metrics.h"
#include "daemon/registry/openapi.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"
#include "daemon/registry/token.h"
#include "daemon/store/store.h"

#include <jansson.h>
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

static void add_path(json_t *list, char *take_path) {
        AUTO_FREE char *path = take_path;

        (void) json_array_append_new(list, json_string(str_or_empty(path)));
}

static int path_compare(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void sort_texts(json_t *list) {
        size_t n = json_array_size(list);
        AUTO_FREE const char **texts = calloc(n + 1, sizeof(*texts));
        json_t *sorted = json_array();

        for (size_t i = 0; texts && i < n; i++)
                texts[i] = json_string_value(json_array_get(list, i));
        if (texts)
                qsort(texts, n, sizeof(*texts), path_compare);
        for (size_t i = 0; texts && i < n; i++)
                if (i == 0 || !str_eq(texts[i], texts[i - 1]))
                        (void) json_array_append_new(sorted, json_string(texts[i]));
        (void) json_array_clear(list);
        (void) json_array_extend(list, sorted);
        json_decref(sorted);
}

static char *paths_format(const struct registry *r) {
        static const char *const FIXED[] = { "/api",        "/api/v1",  "/apis",   "/healthz",
                                             "/livez",      "/metrics", "/readyz", "/openapi/v2",
                                             "/openapi/v3", "/version" };
        struct catalog_cursor at = { 0 };
        json_t *list = json_array(), *root = json_pack("{s:O}", "paths", list);
        const struct kind *k;
        char *text;

        for (size_t i = 0; i < ARRAY_SIZE(FIXED); i++)
                add_path(list, strdup(FIXED[i]));
        for (size_t i = 0; i < ARRAY_SIZE(CHECKS); i++) {
                add_path(list, str_format("/healthz/%s", CHECKS[i].name));
                add_path(list, str_format("/readyz/%s", CHECKS[i].name));
        }
        while ((k = catalog_next(r, &at))) {
                if (str_is_empty(k->group))
                        continue;
                add_path(list, str_format("/apis/%s", k->group));
                add_path(list, str_format("/apis/%s", k->api_version));
        }
        sort_texts(list);
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(list);
        json_decref(root);
        return text;
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

bool fixed_handle(struct registry *r, const struct query *query, const struct rest_request *q,
                  const struct rest_sink *sink, void *data) {
        if (!str_eq(q->method, "GET"))
                return false;
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
