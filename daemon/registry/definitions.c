#include "daemon/registry/definitions.h"

#include "api/kinds/bodies.h"
#include "api/kinds/custom.h"
#include "api/kinds/meta.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/macros.h"
#include "daemon/registry/catalog.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* "stable.example.com" → "com.example.stable" */
static void add_backwards(struct strbuf *b, const char *group) {
        const char *end = group + strlen(group);

        while (end > group) {
                const char *dot = end;

                while (dot > group && dot[-1] != '.')
                        dot--;
                if (b->len > 0)
                        strbuf_add_char(b, '.');
                strbuf_add_len(b, dot, (size_t) (end - dot));
                end = dot > group ? dot - 1 : group;
        }
}

char *definitions_package(const char *group, const char *version, bool is_custom) {
        static const char *const ELSEWHERE[][2] = {
                { "metrics.k8s.io", "io.k8s.metrics.pkg.apis.metrics" },
                { "apiextensions.k8s.io", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions" },
                { "meta.k8s.io", "io.k8s.apimachinery.pkg.apis.meta" },
        };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(ELSEWHERE); i++)
                if (!is_custom && str_eq(group, ELSEWHERE[i][0]))
                        return str_format("%s.%s", ELSEWHERE[i][1], version);
        if (is_custom || (strchr(group, '.') && !str_ends_with(group, ".k8s.io")))
                add_backwards(&b, group);
        else
                strbuf_addf(&b, "io.k8s.api.%.*s", *group ? (int) strcspn(group, ".") : 4,
                            *group ? group : "core");
        strbuf_addf(&b, ".%s", version);
        return strbuf_steal(&b);
}

/* Tables of apimachinery and of core that other groups have, too: nothing in them says so. */
static const char *shared_package(const char *name) {
        static const char *const META[] = {
                "ObjectMeta",
                "ListMeta",
                "OwnerReference",
                "ManagedFieldsEntry",
                "LabelSelector",
                "LabelSelectorRequirement",
                "Status",
                "StatusDetails",
                "StatusCause",
                "DeleteOptions",
                "Preconditions",
                "Condition",
                "FieldSelectorRequirement",
        };
        static const char *const CORE[] = { "TopologySelectorTerm",
                                            "TopologySelectorLabelRequirement", "PodTemplateSpec" };

        for (size_t i = 0; i < ARRAY_SIZE(META); i++)
                if (str_eq(META[i], name))
                        return "io.k8s.apimachinery.pkg.apis.meta.v1";
        for (size_t i = 0; i < ARRAY_SIZE(CORE); i++)
                if (str_eq(CORE[i], name))
                        return "io.k8s.api.core.v1";
        return NULL;
}

/* ---- who a table belongs to: the first kind that it is met in, core's before all others ---- */

struct owner {
        const struct schema *schema;
        const struct kind *kind;
};

enum wanted_what { WANTED_TABLE, WANTED_KIND, WANTED_LIST };

/* A schema of the document. */
struct wanted {
        enum wanted_what what;
        const struct schema *schema;
        const struct kind *kind; /* NULL: a table without a kind */
        char *name;              /* owned */
};

struct definitions {
        struct owner *owners;
        size_t n_owners, cap_owners;
        struct wanted *wanted;
        size_t n_wanted, cap_wanted;
        bool has_failed;
};

static const struct kind *owner_of(const struct definitions *d, const struct schema *s) {
        for (size_t i = 0; i < d->n_owners; i++)
                if (d->owners[i].schema == s)
                        return d->owners[i].kind;
        return NULL;
}

/* Tables can contain themselves, but each is entered once. */
static int owners_walk(struct definitions *d, const struct schema *s, const struct kind *k) {
        if (owner_of(d, s))
                return 0;
        if (array_reserve(&d->owners, &d->cap_owners, d->n_owners, sizeof(*d->owners)) < 0)
                return -ENOMEM;
        d->owners[d->n_owners++] = (struct owner){ .schema = s, .kind = k };
        for (size_t i = 0; i < s->n_fields; i++)
                if (s->fields[i].schema && owners_walk(d, s->fields[i].schema, k) < 0)
                        return -ENOMEM;
        return 0;
}

static int owners_find(struct definitions *d, const struct registry *r) {
        for (unsigned pass = 0; pass < 2; pass++) {
                struct catalog_cursor at = { 0 };
                const struct kind *k;

                while ((k = catalog_next(r, &at)))
                        if (!k->custom && str_is_empty(k->group) == (pass == 0) &&
                            owners_walk(d, k->schema, k) < 0)
                                return -ENOMEM;
        }
        return 0;
}

struct definitions *definitions_new(const struct registry *r) {
        AUTO(definitions) struct definitions *d = calloc(1, sizeof(*d));

        if (!d || owners_find(d, r) < 0)
                return NULL;
        return STEAL(d);
}

static void wanted_clear(struct definitions *d) {
        for (size_t i = 0; i < d->n_wanted; i++)
                free(d->wanted[i].name);
        d->n_wanted = 0;
}

void definitions_unref(struct definitions *d) {
        if (!d)
                return;
        wanted_clear(d);
        free(d->wanted);
        free(d->owners);
        free(d);
}

/* ---- what is wanted ---- */

static const char *wanted_find(const struct definitions *d, enum wanted_what what,
                               const struct kind *k, const struct schema *s) {
        for (size_t i = 0; i < d->n_wanted; i++)
                if (d->wanted[i].what == what && d->wanted[i].kind == k && d->wanted[i].schema == s)
                        return d->wanted[i].name;
        return NULL;
}

static const char *wanted_add(struct definitions *d, struct wanted w) {
        if (!w.name ||
            array_reserve(&d->wanted, &d->cap_wanted, d->n_wanted, sizeof(*d->wanted)) < 0) {
                free(w.name);
                d->has_failed = true;
                return NULL;
        }
        d->wanted[d->n_wanted++] = w;
        return w.name;
}

static char *kind_name(const struct kind *k, const char *name) {
        AUTO_FREE char *package = NULL;

        if (shared_package(name))
                return str_format("%s.%s", shared_package(name), name);
        package = definitions_package(k->group, k->version, k->custom);
        return package ? str_format("%s.%s", package, name) : NULL;
}

const char *definitions_kind(struct definitions *d, const struct kind *k) {
        const char *name = wanted_find(d, WANTED_KIND, k, k->schema);

        if (name)
                return name;
        return wanted_add(d, (struct wanted){ .what = WANTED_KIND,
                                              .schema = k->schema,
                                              .kind = k,
                                              .name = kind_name(k, k->name) });
}

const char *definitions_list(struct definitions *d, const struct kind *k) {
        const char *name = wanted_find(d, WANTED_LIST, k, k->schema);

        if (name)
                return name;
        return wanted_add(d, (struct wanted){ .what = WANTED_LIST,
                                              .schema = k->schema,
                                              .kind = k,
                                              .name = kind_name(k, k->list_name) });
}

/* A table that is a kind's own goes by the kind; one that no kind of tables has is written where it
 * is used. */
static const char *table_name(void *data, const struct schema *s) {
        struct definitions *d = data;
        const struct kind *owner = owner_of(d, s);
        const char *package = shared_package(s->name), *name;

        if (!owner && !package)
                return NULL;
        for (size_t i = 0; i < d->n_wanted; i++)
                if (d->wanted[i].what == WANTED_KIND && d->wanted[i].schema == s)
                        return d->wanted[i].name;
        if (owner && owner->schema == s)
                return definitions_kind(d, owner);
        name = wanted_find(d, WANTED_TABLE, NULL, s);
        if (name)
                return name;
        return wanted_add(d,
                          (struct wanted){ .what = WANTED_TABLE,
                                           .schema = s,
                                           .name = package ? str_format("%s.%s", package, s->name)
                                                           : kind_name(owner, s->name) });
}

/* ---- writing ---- */

static json_t *group_version_kind(const struct kind *k, const char *name) {
        return json_pack("[{s:s,s:s,s:s}]", "group", k->group, "kind", name, "version", k->version);
}

static json_t *list_schema(struct definitions *d, const struct kind *k) {
        const char *item = definitions_kind(d, k);
        const char *meta = OPENAPI_META "ListMeta";

        if (!item)
                return NULL;
        return json_pack("{s:s,s:s,s:{s:{s:s,s:s},s:{s:s,s:s},s:{s:s,s:[{s:s+}]},s:{s:s,s:s,s:{s:[{"
                         "s:s+}]}}},"
                         "s:[s]}",
                         "description", "A list of objects.", "type", "object", "properties",
                         "apiVersion", "description",
                         "Version of the schema that this list follows.", "type", "string", "kind",
                         "description", "Kind of list that this is.", "type", "string", "metadata",
                         "description", "Version of the list, and where it goes on.", "allOf",
                         "$ref", OPENAPI_REF, meta, "items", "description", "The objects.", "type",
                         "array", "items", "allOf", "$ref", OPENAPI_REF, item, "required", "items");
}

/* A custom kind as its definition says it, with what every object has. */
static json_t *custom_schema(struct definitions *d, const struct kind *k) {
        const json_t *written = custom_schema_json(k);
        json_t *schema = written ? json_deep_copy(written)
                                 : json_pack("{s:s,s:b}", "type", "object",
                                             "x-kubernetes-preserve-unknown-fields", 1);
        json_t *properties = json_object_get(schema, "properties"), *fixed;
        const char *meta = table_name(d, &object_meta_schema);

        if (!schema || !meta)
                return NULL;
        if (!properties) {
                properties = json_object();
                (void) json_object_set_new(schema, "properties", properties);
        }
        fixed = json_pack("{s:{s:s,s:s},s:{s:s,s:s},s:{s:s,s:[{s:s+}]}}", "apiVersion",
                          "description", "Version of the schema that this object follows.", "type",
                          "string", "kind", "description", "Kind of object that this is.", "type",
                          "string", "metadata", "description",
                          "Name, labels and what else every object has.", "allOf", "$ref",
                          OPENAPI_REF, meta);
        if (fixed && json_object_update(properties, fixed) == 0) {
                json_decref(fixed);
                return schema;
        }
        json_decref(fixed);
        json_decref(schema);
        return NULL;
}

static json_t *kind_schema(struct definitions *d, const struct wanted *w) {
        const struct openapi_names names = { .name_of = table_name, .data = d };

        if (w->what == WANTED_LIST)
                return list_schema(d, w->kind);
        if (w->kind && w->kind->custom)
                return custom_schema(d, w->kind);
        return schema_to_openapi(w->schema, &names);
}

static json_t *wanted_schema(struct definitions *d, const struct wanted *w) {
        json_t *s = kind_schema(d, w);

        if (s && w->kind &&
            json_object_set_new(s, "x-kubernetes-group-version-kind",
                                group_version_kind(w->kind, w->what == WANTED_LIST
                                                                    ? w->kind->list_name
                                                                    : w->kind->name)) < 0) {
                json_decref(s);
                return NULL;
        }
        return s;
}

typedef void (*definition_fn)(void *data, const char *name, json_t *schema);

/* Types that are in every document. */
static int fixed_each(definition_fn fn, void *data) {
        json_t *scalars = openapi_scalars(), *value;
        json_t *patch =
                json_pack("{s:s,s:s}", "description",
                          "A change, in the form that its Content-Type says.", "type", "object");
        int r = scalars && patch ? 0 : -ENOMEM;
        const char *name;

        if (r == 0) {
                json_object_foreach(scalars, name, value)
                        fn(data, name, value);
                fn(data, OPENAPI_META "Patch", patch);
        }
        json_decref(scalars);
        json_decref(patch);
        return r;
}

int definitions_each(struct definitions *d, definition_fn fn, void *data) {
        static const char *const ALWAYS[][2] = { { "v1", "Status" }, { "v1", "DeleteOptions" } };

        for (size_t i = 0; i < ARRAY_SIZE(ALWAYS); i++) {
                const struct kind *k = kind_find(ALWAYS[i][0], ALWAYS[i][1]);

                if (k)
                        (void) definitions_kind(d, k);
        }
        (void) table_name(d, &list_meta_schema);
        /* What is written may ask for more. */
        for (size_t i = 0; i < d->n_wanted && !d->has_failed; i++) {
                const struct wanted w = d->wanted[i];
                json_t *schema = wanted_schema(d, &w);

                if (schema)
                        fn(data, w.name, schema);
                else
                        d->has_failed = true;
                json_decref(schema);
        }
        wanted_clear(d);
        return d->has_failed ? -ENOMEM : fixed_each(fn, data);
}

static void add_member(void *data, const char *name, json_t *schema) {
        struct strbuf *b = data;

        strbuf_addf(b, "\"%s\":", name);
        text_json_add(b, schema);
        strbuf_add_char(b, ',');
}

void definitions_write(struct definitions *d, struct strbuf *b) {
        if (definitions_each(d, add_member, b) < 0)
                b->has_failed = true;
        if (!b->has_failed)
                b->s[--b->len] = '\0'; /* the last comma */
}
