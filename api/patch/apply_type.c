#include "api/patch/apply_type.h"

#include "base/str.h"

static const struct apply_ops APPLY_TABLE_OPS, APPLY_FIELD_OPS;

/* A value of a field: the field itself, or an element of its list or map. */
static struct apply_type type_of_value(const struct field *f) {
        if (f->type == FIELD_ANY)
                return apply_type_deduced();
        if (f->schema)
                return apply_type_of(f->schema);
        return (struct apply_type){ .shape = APPLY_ATOMIC };
}

/* A list: keyed, a set, or one thing. */
static struct apply_type type_of_list(const struct field *f) {
        struct apply_type t = { .ops = &APPLY_FIELD_OPS, .node = f, .shape = APPLY_ATOMIC };

        if (f->flags & FIELD_ATOMIC)
                return t;
        if (f->flags & FIELD_SET)
                t.shape = APPLY_SET;
        if (!f->merge_key)
                return t;
        t.shape = APPLY_KEYED;
        t.keys[t.n_keys++] = f->merge_key;
        if (f->merge_key2)
                t.keys[t.n_keys++] = f->merge_key2;
        if (t.n_keys == 2 && strcmp(t.keys[0], t.keys[1]) > 0) {
                t.keys[0] = f->merge_key2;
                t.keys[1] = f->merge_key;
        }
        return t;
}

static struct apply_type type_of_field(const struct field *f) {
        struct apply_type t;

        if (f->shape == FIELD_LIST) {
                t = type_of_list(f);
        } else if (f->flags & FIELD_ATOMIC) {
                t = (struct apply_type){ .shape = APPLY_ATOMIC };
        } else if (f->shape == FIELD_MAP) {
                t = (struct apply_type){
                        .ops = &APPLY_FIELD_OPS,
                        .node = f,
                        .shape = APPLY_OBJECT,
                };
        } else {
                t = type_of_value(f);
        }
        t.is_named = true;
        t.is_embedded = f->shape == FIELD_ONE ? f->type == FIELD_OBJECT
                                              : f->shape == FIELD_LIST && f->flags & FIELD_REQUIRED;
        return t;
}

static struct apply_type table_member(const struct apply_type *of, const char *name) {
        const struct field *f = schema_field(of->node, name);

        if (f)
                return type_of_field(f);
        return (struct apply_type){ .shape = APPLY_DEDUCED, .is_unknown = true };
}

/* An entry of a map. */
static struct apply_type field_member(const struct apply_type *of, const char *name) {
        (void) name;
        return type_of_value(of->node);
}

static struct apply_type field_element(const struct apply_type *of) {
        return type_of_value(of->node);
}

static json_t *field_key_default(const struct apply_type *of, const char *key) {
        const struct field *list = of->node;
        const struct field *f = list->schema ? schema_field(list->schema, key) : NULL;

        return f && f->default_json ? schema_default_value(f) : NULL;
}

static const struct apply_ops APPLY_TABLE_OPS = { .member = table_member };
static const struct apply_ops APPLY_FIELD_OPS = {
        .member = field_member,
        .element = field_element,
        .key_default = field_key_default,
};

struct apply_type apply_type_of(const struct schema *s) {
        return (struct apply_type){
                .ops = &APPLY_TABLE_OPS,
                .node = s,
                .shape = s->is_atomic ? APPLY_ATOMIC : APPLY_OBJECT,
        };
}

struct apply_type apply_type_deduced(void) {
        return (struct apply_type){ .shape = APPLY_DEDUCED };
}

struct apply_type apply_type_member(const struct apply_type *of, const char *name) {
        if (of->shape == APPLY_OBJECT && of->ops && of->ops->member)
                return of->ops->member(of, name);
        return apply_type_deduced();
}

struct apply_type apply_type_element(const struct apply_type *of) {
        if (of->shape == APPLY_KEYED && of->ops && of->ops->element)
                return of->ops->element(of);
        return apply_type_deduced();
}
