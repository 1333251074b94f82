#include "daemon/registry/openapi.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/definitions.h"
#include "daemon/registry/document.h"
#include "daemon/registry/kinds.h"
#include "daemon/registry/openapi_paths.h"
#include "daemon/registry/openapi_v2.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest_message.h"

#include <stdlib.h>
#include <string.h>

static const char TYPE_JSON[] = "application/json";

/* ---- documents ---- */

static char *document_format(struct definitions *d, const struct registry *r, const char *group,
                             const char *version, bool *ret_found) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct catalog_cursor at = { 0 };
        const struct kind *k;

        *ret_found = false;
        strbuf_add(&b, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"orch\",\"version\":"
                       "\"v" ORCH_VERSION "\"},\"paths\":{");
        while ((k = catalog_next(r, &at))) {
                if (!str_eq(k->group, group) || !str_eq(k->version, version))
                        continue;
                *ret_found = true;
                openapi_add_paths(&b, d, k);
        }
        if (!*ret_found)
                return NULL;
        /* The last path's comma. */
        if (!b.has_failed)
                b.s[--b.len] = '\0';
        strbuf_add(&b, "},\"components\":{\"schemas\":{");
        definitions_write(d, &b);
        strbuf_add(&b, "},\"securitySchemes\":{\"BearerToken\":{\"type\":\"http\",\"scheme\":"
                       "\"bearer\"}}}}");
        return strbuf_steal(&b);
}

char *openapi_document(const struct registry *r, const char *group, const char *version,
                       bool *ret_found) {
        AUTO(definitions) struct definitions *d = definitions_new(r);

        *ret_found = true;
        return d ? document_format(d, r, group, version, ret_found) : NULL;
}

/* ---- the index ---- */

struct hashed {
        char *group, *version; /* owned */
        char hash[DOCUMENT_HASH_MAX];
};

struct openapi {
        struct hashed *items;
        size_t n, cap;
        uint64_t generation; /* of the registry's kinds that the hashes are of */
        bool is_filled;
};

struct openapi *openapi_new(void) {
        return calloc(1, sizeof(struct openapi));
}

static void hashes_clear(struct openapi *o) {
        for (size_t i = 0; i < o->n; i++) {
                free(o->items[i].group);
                free(o->items[i].version);
        }
        o->n = 0;
        o->is_filled = false;
}

void openapi_unref(struct openapi *o) {
        if (!o)
                return;
        hashes_clear(o);
        free(o->items);
        free(o);
}

static const struct hashed *hashed_find(const struct openapi *o, const char *group,
                                        const char *version) {
        for (size_t i = 0; i < o->n; i++)
                if (str_eq(o->items[i].group, group) && str_eq(o->items[i].version, version))
                        return &o->items[i];
        return NULL;
}

static int hashed_add(struct openapi *o, struct definitions *d, const struct registry *r,
                      const struct kind *k) {
        AUTO_FREE char *text = NULL;
        struct hashed *h;
        bool is_found;

        text = document_format(d, r, k->group, k->version, &is_found);
        if (!text || array_reserve(&o->items, &o->cap, o->n, sizeof(*o->items)) < 0)
                return -ENOMEM;
        h = &o->items[o->n];
        h->group = strdup(k->group);
        h->version = strdup(k->version);
        (void) document_hash(text, h->hash);
        if (h->group && h->version) {
                o->n++;
                return 0;
        }
        free(h->group);
        free(h->version);
        return -ENOMEM;
}

/* Made once for each set of kinds: only the hashes are kept. */
static int hashes_fill(struct openapi *o, const struct registry *r) {
        AUTO(definitions) struct definitions *d = NULL;
        struct catalog_cursor at = { 0 };
        const struct kind *k;

        if (o->is_filled && o->generation == registry_kinds_generation(r))
                return 0;
        hashes_clear(o);
        d = definitions_new(r);
        if (!d)
                return -ENOMEM;
        while ((k = catalog_next(r, &at)))
                if (!hashed_find(o, k->group, k->version) && hashed_add(o, d, r, k) < 0)
                        return -ENOMEM;
        o->generation = registry_kinds_generation(r);
        o->is_filled = true;
        return 0;
}

static char *index_format(const struct openapi *o) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "{\"paths\":{");
        for (size_t i = 0; i < o->n; i++) {
                const struct hashed *h = &o->items[i];
                const char *root = *h->group ? "apis/" : "api", *slash = "/";

                strbuf_addf(&b,
                            "%s\"%s%s%s%s\":{\"serverRelativeURL\":\"/openapi/v3/%s%s%s%s?hash="
                            "%s\"}",
                            i > 0 ? "," : "", root, h->group, slash, h->version, root, h->group,
                            slash, h->version, h->hash);
        }
        strbuf_add(&b, "}}");
        return strbuf_steal(&b);
}

/* ---- answers ---- */

/* "api/v1", "apis/apps/v1" → group and version. Returns 0, -EINVAL or -ENOMEM. */
static int group_version_parse(const char *text, struct path *ret) {
        AUTO_FREE char *path = str_format("/%s", text);
        int r = path ? path_parse(path, ret, NULL) : -ENOMEM;

        return r == 0 && ret->kind != PATH_GROUP_VERSION ? -EINVAL : r;
}

bool openapi_handle(struct openapi *o, const struct registry *r, const struct rest_request *q,
                    const struct rest_sink *sink, void *data) {
        static const char V3[] = "/openapi/v3";
        AUTO_DONE(path) struct path p = { 0 };
        const char *rest;
        bool is_found;
        char *text;
        int result;

        if (str_eq(q->path, "/openapi/v2")) {
                openapi_v2_respond(r, q, sink, data);
                return true;
        }
        if (!str_starts_with(q->path, V3))
                return false;
        rest = q->path + strlen(V3);
        if (str_eq(rest, "") || str_eq(rest, "/")) {
                document_respond(q, sink, data, TYPE_JSON,
                                 hashes_fill(o, r) == 0 ? index_format(o) : NULL);
                return true;
        }
        result = *rest == '/' ? group_version_parse(rest + 1, &p) : -EINVAL;
        if (result == -ENOMEM)
                document_respond(q, sink, data, TYPE_JSON, NULL);
        if (result < 0)
                return result == -ENOMEM;
        text = openapi_document(r, p.group, p.version, &is_found);
        if (!is_found)
                return false;
        document_respond(q, sink, data, TYPE_JSON, text);
        return true;
}
