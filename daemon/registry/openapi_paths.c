#include "daemon/registry/openapi_paths.h"

#include "api/kinds/object.h"
#include "api/schema/openapi.h"
#include "base/macros.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/definitions.h"

/* ---- parameters ---- */

enum {
        PARAMS_WRITE = 1 << 0,
        PARAMS_FORCE = 1 << 1,
        PARAMS_SELECT = 1 << 2,
        PARAMS_LIST = 1 << 3,
        PARAMS_DELETE = 1 << 4,
};

struct parameter {
        unsigned set; /* PARAMS_… that it belongs to */
        const char *name, *type, *text;
};

static const struct parameter PARAMETERS[] = {
        { PARAMS_WRITE | PARAMS_DELETE, "dryRun", "string",
          "All: say what would happen, and change nothing." },
        { PARAMS_WRITE, "fieldManager", "string", "Who the changed fields belong to." },
        { PARAMS_WRITE, "fieldValidation", "string",
          "What unknown and repeated fields are: an error (Strict), a warning (Warn) or nothing "
          "(Ignore)." },
        { PARAMS_FORCE, "force", "boolean", "Take over fields of other managers." },
        { PARAMS_SELECT, "labelSelector", "string", "Labels that objects must have." },
        { PARAMS_SELECT, "fieldSelector", "string", "Fields that objects must have." },
        { PARAMS_SELECT, "limit", "integer", "How many objects to tell at once." },
        { PARAMS_SELECT, "continue", "string", "Where the last answer stopped." },
        { PARAMS_SELECT, "resourceVersion", "string", "How old the answer may be." },
        { PARAMS_SELECT, "resourceVersionMatch", "string", "How resourceVersion is meant." },
        { PARAMS_SELECT, "timeoutSeconds", "integer", "When a watch ends." },
        { PARAMS_SELECT, "sendInitialEvents", "boolean", "A watch begins with what is there." },
        { PARAMS_LIST, "watch", "boolean", "Tell changes as they happen." },
        { PARAMS_LIST, "allowWatchBookmarks", "boolean", "Tell versions without a change, too." },
        { PARAMS_DELETE, "gracePeriodSeconds", "integer", "How long the object has to end." },
        { PARAMS_DELETE, "propagationPolicy", "string", "What becomes of what the object owns." },
};

static void add_parameters(struct strbuf *b, unsigned set) {
        bool is_first = true;

        strbuf_add(b, "\"parameters\":[");
        for (size_t i = 0; i < ARRAY_SIZE(PARAMETERS); i++) {
                const struct parameter *p = &PARAMETERS[i];

                if (!(p->set & set))
                        continue;
                strbuf_addf(b,
                            "%s{\"in\":\"query\",\"name\":\"%s\",\"description\":\"%s\",\"schema\":"
                            "{\"type\":\"%s\"}}",
                            is_first ? "" : ",", p->name, p->text, p->type);
                is_first = false;
        }
        strbuf_add(b, "],");
}

static void add_path_parameter(struct strbuf *b, const char *name, const char *text) {
        strbuf_addf(b,
                    "{\"in\":\"path\",\"name\":\"%s\",\"description\":\"%s\",\"required\":true,"
                    "\"schema\":{\"type\":\"string\"}}",
                    name, text);
}

/* ---- operations ---- */

struct operation {
        const char *method, *action;
        unsigned params;
        const char *body;         /* definition; NULL: none */
        const char *const *media; /* of the body */
        const char *answer;       /* definition; NULL: text */
        const char *group, *version, *kind;
        unsigned codes[3]; /* of success */
};

static const char *const JSON[] = { "application/json", NULL };
static const char *const PATCHES[] = { "application/json-patch+json",
                                       "application/merge-patch+json",
                                       "application/apply-patch+yaml",
                                       "application/strategic-merge-patch+json", NULL };
/* Custom kinds have no merge keys. */
static const char *const PATCHES_OF_CUSTOM[] = { "application/json-patch+json",
                                                 "application/merge-patch+json",
                                                 "application/apply-patch+yaml", NULL };
#define PATCH_BODY OPENAPI_META "Patch"
#define STATUS OPENAPI_META "Status"
#define DELETE_OPTIONS OPENAPI_META "DeleteOptions"

static void add_content(struct strbuf *b, const char *const *media, const char *definition) {
        strbuf_add(b, "\"content\":{");
        for (size_t i = 0; media[i]; i++)
                strbuf_addf(b, "%s\"%s\":{\"schema\":{\"$ref\":\"" OPENAPI_REF "%s\"}}",
                            i > 0 ? "," : "", media[i], definition);
        strbuf_add(b, "}");
}

static void add_answers(struct strbuf *b, const struct operation *o) {
        strbuf_add(b, "\"responses\":{");
        for (size_t i = 0; i < ARRAY_SIZE(o->codes) && o->codes[i]; i++) {
                strbuf_addf(b, "\"%u\":{\"description\":\"Success\",", o->codes[i]);
                if (o->answer)
                        add_content(b, JSON, o->answer);
                else
                        strbuf_add(b, "\"content\":{\"text/plain\":{\"schema\":{\"type\":"
                                      "\"string\"}}}");
                strbuf_add(b, "},");
        }
        strbuf_add(b, "\"default\":{\"description\":\"Failure\",");
        add_content(b, JSON, STATUS);
        strbuf_add(b, "}},");
}

static void add_operation(struct strbuf *b, const struct operation *o) {
        strbuf_addf(b, "\"%s\":{", o->method);
        add_parameters(b, o->params);
        if (o->body) {
                strbuf_add(b, "\"requestBody\":{");
                add_content(b, o->media, o->body);
                strbuf_add(b, "},");
        }
        add_answers(b, o);
        strbuf_addf(b,
                    "\"x-kubernetes-action\":\"%s\",\"x-kubernetes-group-version-kind\":{\"group\":"
                    "\"%s\",\"kind\":\"%s\",\"version\":\"%s\"}},",
                    o->action, o->group, o->kind, o->version);
}

/* ---- paths ---- */

static void begin_path(struct strbuf *b, const struct kind *k, bool is_namespaced,
                       const char *tail) {
        strbuf_addf(b, "\"%s/%s/%s%s%s\":{", *k->group ? "/apis" : "/api", k->api_version,
                    is_namespaced ? "namespaces/{namespace}/" : "", k->plural, tail);
}

/* Comes last, so that operations may end with a comma. */
static void end_path(struct strbuf *b, bool is_namespaced, bool is_named) {
        strbuf_add(b, "\"parameters\":[");
        if (is_named)
                add_path_parameter(b, "name", "Name of the object.");
        if (is_named && is_namespaced)
                strbuf_add(b, ",");
        if (is_namespaced)
                add_path_parameter(b, "namespace", "Namespace of the object.");
        strbuf_add(b, "]},");
}

static struct operation operation_of(const struct kind *k, const char *method, const char *action) {
        return (struct operation){ .method = method,
                                   .action = action,
                                   .group = k->group,
                                   .version = k->version,
                                   .kind = k->name,
                                   .media = JSON,
                                   .codes = { 200 } };
}

static void add_list(struct strbuf *b, struct definitions *d, const struct kind *k) {
        struct operation o = operation_of(k, "get", "list");

        o.params = PARAMS_SELECT | PARAMS_LIST;
        o.answer = str_or_empty(definitions_list(d, k));
        add_operation(b, &o);
}

static void add_create(struct strbuf *b, struct definitions *d, const struct kind *k) {
        struct operation o = operation_of(k, "post", "post");

        o.params = PARAMS_WRITE;
        o.body = o.answer = str_or_empty(definitions_kind(d, k));
        o.codes[0] = 201;
        add_operation(b, &o);
}

static void add_delete(struct strbuf *b, const struct kind *k, const char *action,
                       unsigned params) {
        struct operation o = operation_of(k, "delete", action);

        o.params = PARAMS_DELETE | params;
        o.body = DELETE_OPTIONS;
        /* A Status, or the object while it waits for its end. */
        o.answer = STATUS;
        add_operation(b, &o);
}

/* GET, PUT and PATCH of what a path names. body: definition of what is read and written. */
static void add_change(struct strbuf *b, const struct kind *k, struct operation o,
                       const char *body) {
        o.answer = body;
        o.params = PARAMS_WRITE;
        if (str_eq(o.method, "patch")) {
                o.params |= PARAMS_FORCE;
                o.body = PATCH_BODY;
                o.media = k->custom ? PATCHES_OF_CUSTOM : PATCHES;
                o.codes[1] = 201;
        } else if (str_eq(o.method, "put")) {
                o.body = body;
                o.codes[1] = 201;
        } else if (str_eq(o.method, "post")) {
                o.body = body;
                o.codes[0] = 201;
        } else {
                o.params = 0;
        }
        add_operation(b, &o);
}

static void add_object_path(struct strbuf *b, struct definitions *d, const struct kind *k) {
        const char *body = str_or_empty(definitions_kind(d, k));

        begin_path(b, k, k->is_namespaced, "/{name}");
        add_change(b, k, operation_of(k, "get", "get"), body);
        add_change(b, k, operation_of(k, "put", "put"), body);
        add_change(b, k, operation_of(k, "patch", "patch"), body);
        add_delete(b, k, "delete", 0);
        end_path(b, k->is_namespaced, true);
}

static const char *method_lower(const char *method) {
        static const char *const METHODS[][2] = {
                { "GET", "get" },
                { "POST", "post" },
                { "PUT", "put" },
                { "PATCH", "patch" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(METHODS); i++)
                if (str_eq(METHODS[i][0], method))
                        return METHODS[i][1];
        return "delete";
}

/* What a sub-resource's bodies are, where a table says; else NULL. */
static const struct kind *sub_kind(struct strbuf *b, const struct sub *s, const struct kind *k) {
        AUTO_FREE char *version = NULL;

        if (!s->kind)
                return k;
        if (!s->group)
                return kind_find(k->api_version, s->kind);
        version = str_format("%s/%s", s->group, s->version);
        if (!version)
                b->has_failed = true;
        return version ? kind_find(version, s->kind) : NULL;
}

static void add_sub_path(struct strbuf *b, struct definitions *d, const struct kind *k,
                         const struct sub *s) {
        AUTO_FREE char *tail = str_format("/{name}/%s", s->name);
        const struct kind *body = s->handle ? sub_kind(b, s, k) : NULL;

        if (!tail) {
                b->has_failed = true;
                return;
        }
        begin_path(b, k, k->is_namespaced, tail);
        for (size_t i = 0; i < ARRAY_SIZE(s->methods) && s->methods[i]; i++) {
                struct operation o = operation_of(body ? body : k, method_lower(s->methods[i]),
                                                  method_lower(s->methods[i]));

                if (!body && s->kind)
                        o.kind = s->kind;
                if (body)
                        add_change(b, k, o, str_or_empty(definitions_kind(d, body)));
                else
                        add_operation(b, &o);
        }
        end_path(b, k->is_namespaced, true);
}

/* Lists and objects that are only read. */
static void add_measured(struct strbuf *b, struct definitions *d, const struct kind *k) {
        struct operation get = operation_of(k, "get", "get");

        for (int all = 0; all <= k->is_namespaced; all++) {
                begin_path(b, k, k->is_namespaced && !all, "");
                add_list(b, d, k);
                end_path(b, k->is_namespaced && !all, false);
        }
        get.answer = str_or_empty(definitions_kind(d, k));
        begin_path(b, k, k->is_namespaced, "/{name}");
        add_operation(b, &get);
        end_path(b, k->is_namespaced, true);
}

void openapi_add_paths(struct strbuf *b, struct definitions *d, const struct kind *k) {
        const struct sub *subs;
        size_t n;

        if (k->is_measured) {
                add_measured(b, d, k);
                return;
        }
        begin_path(b, k, k->is_namespaced, "");
        if (k->is_stored) {
                add_list(b, d, k);
                add_delete(b, k, "deletecollection", PARAMS_SELECT);
        }
        add_create(b, d, k);
        end_path(b, k->is_namespaced, false);
        if (!k->is_stored)
                return;
        if (k->is_namespaced) {
                begin_path(b, k, false, "");
                add_list(b, d, k);
                end_path(b, false, false);
        }
        add_object_path(b, d, k);
        subs = rest_subs(&n);
        for (size_t i = 0; i < n; i++)
                if (sub_fits(&subs[i], k))
                        add_sub_path(b, d, k, &subs[i]);
}
