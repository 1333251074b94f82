#include "daemon/registry/openapi_v2.h"

#include "api/kinds/openapi_v2.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/definitions.h"
#include "daemon/registry/document.h"
#include "daemon/registry/rest.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static const char TITLE[] = "orch", VERSION[] = "v" ORCH_VERSION;
static const char *const PATCH_PARAMETERS[] = { "dryRun", "fieldManager", "fieldValidation",
                                                "force", NULL };

/* ---- paths ---- */

struct paths {
        struct openapi_v2_path *items;
        size_t n, cap;
};

static void paths_done(struct paths *p) {
        for (size_t i = 0; i < p->n; i++)
                free((char *) (void *) p->items[i].path);
        free(p->items);
}
DEFINE_AUTO_DONE(paths);

static int path_add(struct paths *p, const struct kind *k) {
        char *path = str_format("%s/%s/%s%s/{name}", *k->group ? "/apis" : "/api", k->api_version,
                                k->is_namespaced ? "namespaces/{namespace}/" : "", k->plural);

        if (!path || array_reserve(&p->items, &p->cap, p->n, sizeof(*p->items)) < 0) {
                free(path);
                return -ENOMEM;
        }
        p->items[p->n++] =
                (struct openapi_v2_path){ path, k->group, k->version, k->name, PATCH_PARAMETERS };
        return 0;
}

/* Asks for every kind's schema and, where something can be changed, its path. */
static int kinds_gather(const struct registry *r, struct definitions *d, struct paths *p) {
        struct catalog_cursor at = { 0 };
        const struct kind *k;

        while ((k = catalog_next(r, &at)))
                if (!definitions_kind(d, k) || (k->is_stored && path_add(p, k) < 0))
                        return -ENOMEM;
        return 0;
}

/* ---- the two forms ---- */

static void put_definition(void *data, const char *name, json_t *schema) {
        struct strbuf *b = data;
        json_t *v2 = openapi_v2_schema(json_incref(schema));

        if (v2)
                openapi_v2_put_definition(b, name, v2);
        else
                b->has_failed = true;
        json_decref(v2);
}

static void write_protobuf(struct definitions *d, const struct paths *p, struct strbuf *b) {
        size_t mark;

        openapi_v2_put_head(b, TITLE, VERSION);
        openapi_v2_put_paths(b, p->items, p->n);
        mark = openapi_v2_definitions_begin(b);
        if (definitions_each(d, put_definition, b) < 0)
                b->has_failed = true;
        openapi_v2_definitions_end(b, mark);
}

static void add_definition(void *data, const char *name, json_t *schema) {
        struct strbuf *b = data;
        json_t *v2 = openapi_v2_schema(json_incref(schema));

        strbuf_addf(b, "%s\"%s\":", b->s[b->len - 1] == '{' ? "" : ",", name);
        if (v2)
                text_json_add(b, v2);
        else
                b->has_failed = true;
        json_decref(v2);
}

static void add_path(struct strbuf *b, const struct openapi_v2_path *p) {
        strbuf_addf(b, "\"%s\":{\"patch\":{\"parameters\":[", p->path);
        for (size_t i = 0; p->parameters[i]; i++)
                strbuf_addf(b, "%s{\"in\":\"query\",\"name\":\"%s\",\"type\":\"string\"}",
                            i > 0 ? "," : "", p->parameters[i]);
        strbuf_addf(b,
                    "],\"responses\":{\"200\":{\"description\":\"Success\"}},"
                    "\"x-kubernetes-group-version-kind\":{\"group\":\"%s\",\"kind\":\"%s\","
                    "\"version\":\"%s\"}}}",
                    p->group, p->kind, p->version);
}

static void write_json(struct definitions *d, const struct paths *p, struct strbuf *b) {
        strbuf_addf(
                b,
                "{\"swagger\":\"2.0\",\"info\":{\"title\":\"%s\",\"version\":\"%s\"},\"paths\":{",
                TITLE, VERSION);
        for (size_t i = 0; i < p->n; i++) {
                if (i > 0)
                        strbuf_add_char(b, ',');
                add_path(b, &p->items[i]);
        }
        strbuf_add(b, "},\"definitions\":{");
        if (!b->has_failed && definitions_each(d, add_definition, b) < 0)
                b->has_failed = true;
        strbuf_add(b, "}}");
}

/* ---- the answer ---- */

/* "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" and its later spelling. Named so in
 * the answer, kubectl before 1.27 can't parse the type: it contains an "@". */
static bool wants_protobuf(const char *accept) {
        return accept && strstr(accept, "protobuf");
}

void openapi_v2_respond(const struct registry *r, const struct rest_request *q,
                        const struct rest_sink *sink, void *data) {
        AUTO(definitions) struct definitions *d = definitions_new(r);
        AUTO_DONE(paths) struct paths paths = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        bool is_protobuf = wants_protobuf(q->accept);
        size_t len;

        if (!d || kinds_gather(r, d, &paths) < 0)
                b.has_failed = true;
        else if (is_protobuf)
                write_protobuf(d, &paths, &b);
        else
                write_json(d, &paths, &b);
        len = b.len;
        document_respond_bytes(q, sink, data,
                               is_protobuf ? "application/octet-stream" : "application/json",
                               strbuf_steal(&b), len);
}
