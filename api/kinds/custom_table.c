/* A custom kind's schema as a table, for whatever walks tables: explain, server-side apply,
 * patches. Its fields have no members; what the table can't say stays with the nodes. */
#include "api/kinds/custom_node.h"
#include "api/kinds/meta.h"
#include "base/str.h"

struct object_only {
        struct object_meta metadata;
};

static const struct schema *table_of(const struct custom_node *n, const char *name, const char *doc,
                                     struct arena *a);

static uint8_t scalar_type(const struct custom_node *n) {
        if (n->is_int_or_string)
                return FIELD_INT_OR_STRING;
        switch (n->type) {
        case CUSTOM_STRING:
                return FIELD_STRING;
        case CUSTOM_INTEGER:
                return FIELD_INT;
        case CUSTOM_BOOLEAN:
                return FIELD_BOOL;
        case CUSTOM_ANY:
        case CUSTOM_OBJECT:
        case CUSTOM_ARRAY:
        case CUSTOM_NUMBER:
                break;
        }
        return FIELD_ANY;
}

/* Whether the fields of an object are known one by one. */
static bool has_fields(const struct custom_node *n) {
        return n->type == CUSTOM_OBJECT && n->n_properties > 0;
}

/* What one value, element or map value is. False: memory is out. */
static bool type_set(struct field *f, const struct custom_node *n, struct arena *a) {
        f->type = scalar_type(n);
        if (!has_fields(n) || n->keeps_unknown || n->is_embedded)
                return true;
        f->type = FIELD_OBJECT;
        f->schema = table_of(n, f->name, n->doc, a);
        return f->schema;
}

static bool list_set(struct field *f, const struct custom_node *n, struct arena *a) {
        f->shape = FIELD_LIST;
        f->type = FIELD_ANY;
        if (n->list == CUSTOM_LIST_MAP && n->n_map_keys > 0 && n->n_map_keys < 3) {
                f->patch = FIELD_PATCH_MERGE;
                f->merge_key = n->map_keys[0];
                f->merge_key2 = n->n_map_keys > 1 ? n->map_keys[1] : NULL;
        } else if (n->list == CUSTOM_LIST_SET) {
                f->patch = FIELD_PATCH_MERGE;
                f->flags |= FIELD_SET;
        } else {
                f->flags |= FIELD_ATOMIC;
        }
        return !n->items || n->items->type == CUSTOM_ARRAY || type_set(f, n->items, a);
}

static bool field_set(struct field *f, const char *name, const struct custom_node *n,
                      struct arena *a) {
        *f = (struct field){ .name = name, .doc = n->doc, .offset = FIELD_NO_MEMBER };
        if (n->is_map_atomic)
                f->flags |= FIELD_ATOMIC;
        if (n->type == CUSTOM_ARRAY)
                return list_set(f, n, a);
        if (n->type == CUSTOM_OBJECT && n->additional) {
                f->shape = FIELD_MAP;
                f->type = FIELD_ANY;
                return n->additional->type == CUSTOM_ARRAY ||
                       (n->additional->type == CUSTOM_OBJECT && !has_fields(n->additional)) ||
                       type_set(f, n->additional, a);
        }
        return type_set(f, n, a);
}

static void required_mark(struct field *f, const struct custom_node *n) {
        for (size_t i = 0; i < n->n_required; i++)
                if (str_eq(n->required[i], f->name))
                        f->flags |= FIELD_REQUIRED;
}

static const struct schema *table_of(const struct custom_node *n, const char *name, const char *doc,
                                     struct arena *a) {
        struct field *fields = arena_alloc_n(a, n->n_properties, sizeof(*fields));
        struct schema *s = arena_alloc(a, sizeof(*s));

        if (!fields || !s)
                return NULL;
        for (size_t i = 0; i < n->n_properties; i++) {
                if (!field_set(&fields[i], n->properties[i].name, n->properties[i].node, a))
                        return NULL;
                required_mark(&fields[i], n);
        }
        *s = (struct schema){
                .name = name, .doc = doc, .fields = fields, .n_fields = n->n_properties
        };
        return s;
}

static bool name_is_meta(const char *name) {
        return str_eq(name, "apiVersion") || str_eq(name, "kind") || str_eq(name, "metadata");
}

const struct schema *custom_table(const struct custom_node *root, const char *name, const char *doc,
                                  struct arena *a) {
        static const struct field OWN[] = {
                { .name = "apiVersion",
                  .doc = "Version of the schema that this object follows.",
                  .type = FIELD_STRING,
                  .offset = FIELD_NO_MEMBER },
                { .name = "kind",
                  .doc = "Kind of object that this is.",
                  .type = FIELD_STRING,
                  .offset = FIELD_NO_MEMBER },
                { .name = "metadata",
                  .doc = "Name, labels and the like.",
                  .type = FIELD_OBJECT,
                  .schema = &object_meta_schema,
                  .offset = offsetof(struct object_only, metadata) },
        };
        size_t n_more = root ? root->n_properties : 0, n = ARRAY_SIZE(OWN);
        struct field *fields = arena_alloc_n(a, n + n_more, sizeof(*fields));
        struct schema *s = arena_alloc(a, sizeof(*s));

        if (!fields || !s)
                return NULL;
        for (size_t i = 0; i < n; i++)
                fields[i] = OWN[i];
        for (size_t i = 0; i < n_more; i++) {
                const struct custom_property *p = &root->properties[i];

                if (name_is_meta(p->name))
                        continue;
                if (!field_set(&fields[n], p->name, p->node, a))
                        return NULL;
                required_mark(&fields[n++], root);
        }
        *s = (struct schema){ .name = name,
                              .doc = doc,
                              .fields = fields,
                              .n_fields = n,
                              .size = sizeof(struct object_only) };
        return s;
}
