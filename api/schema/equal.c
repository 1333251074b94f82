#include "api/schema/member.h"
#include "api/schema/path.h"
#include "api/schema/schema.h"
#include "base/str.h"

#include <string.h>

static bool equal_int_or_string(const struct int_or_string *a, const struct int_or_string *b) {
        return a->kind == b->kind && a->number == b->number && str_eq(a->text, b->text);
}

static bool equal_pointed(const struct field *f, const void *a, const void *b) {
        if (!a || !b)
                return a == b;
        return schema_equal(f->schema, a, b);
}

static bool equal_one(const struct field *f, const void *a, const void *b) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING: /* empty is absent, as in Kubernetes */
                return str_eq(str_or_empty(*(const char *const *) a),
                              str_or_empty(*(const char *const *) b));
        case FIELD_BOOL:
                return *(const bool *) a == *(const bool *) b;
        case FIELD_OPT_BOOL: {
                const struct opt_bool *x = a, *y = b;

                return x->is_set == y->is_set && x->value == y->value;
        }
        case FIELD_INT:
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case FIELD_OPT_INT: {
                const struct opt_int *x = a, *y = b;

                return x->is_set == y->is_set && x->value == y->value;
        }
        case FIELD_QUANTITY: {
                const struct quantity *x = a, *y = b;

                return x->is_set == y->is_set && x->milli == y->milli;
        }
        case FIELD_INT_OR_STRING:
                return equal_int_or_string(a, b);
        case FIELD_OBJECT:
                return schema_equal(f->schema, a, b);
        case FIELD_OBJECT_PTR:
                return equal_pointed(f, *(const void *const *) a, *(const void *const *) b);
        case FIELD_BYTES:
        case FIELD_ANY:
                break;
        }
        return true;
}

static bool equal_list(const struct field *f, const struct member_list *a,
                       const struct member_list *b) {
        size_t size = member_element_size(f);

        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!equal_one(f, (const char *) a->items + i * size,
                               (const char *) b->items + i * size))
                        return false;
        return true;
}

static bool equal_pair(const struct field *f, const void *a, const void *b) {
        if (f->type == FIELD_STRING)
                return str_eq(((const struct string_pair *) a)->value,
                              ((const struct string_pair *) b)->value);
        if (f->type == FIELD_QUANTITY)
                return ((const struct quantity_pair *) a)->value.milli ==
                       ((const struct quantity_pair *) b)->value.milli;
        {
                const struct bytes_pair *x = a, *y = b;

                return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
        }
}

/* Maps have no order, but most often the same one. */
static bool equal_map(const struct field *f, const struct member_list *a,
                      const struct member_list *b) {
        size_t size = member_element_size(f);

        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++) {
                const char *x = (const char *) a->items + i * size;
                const char *key = *(const char *const *) (const void *) x;
                bool is_found = false;

                for (size_t j = 0; j < b->n && !is_found; j++) {
                        const char *y = (const char *) b->items + (i + j) % b->n * size;

                        if (strcmp(key, *(const char *const *) (const void *) y) != 0)
                                continue;
                        is_found = true;
                        if (!equal_pair(f, x, y))
                                return false;
                }
                if (!is_found)
                        return false;
        }
        return true;
}

static bool equal_member(const struct field *f, const void *a, const void *b) {
        if (f->shape == FIELD_LIST)
                return equal_list(f, a, b);
        return f->shape == FIELD_MAP ? equal_map(f, a, b) : equal_one(f, a, b);
}

bool schema_equal(const struct schema *s, const void *a, const void *b) {
        for (size_t i = 0; i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];

                if (f->offset != FIELD_NO_MEMBER &&
                    !equal_member(f, member_const_at(f, a), member_const_at(f, b)))
                        return false;
        }
        return true;
}

static void equal_check_immutable(const struct schema *s, const void *old, const void *fresh,
                                  const struct path *at, struct diags *d) {
        for (size_t i = 0; i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];
                struct path here = path_field(at, f->name);
                char field[PATH_TEXT_MAX];

                if (f->offset == FIELD_NO_MEMBER)
                        continue;
                if (f->type == FIELD_OBJECT && f->shape == FIELD_ONE &&
                    !(f->flags & FIELD_IMMUTABLE))
                        equal_check_immutable(f->schema, member_const_at(f, old),
                                              member_const_at(f, fresh), &here, d);
                if (!(f->flags & FIELD_IMMUTABLE) ||
                    equal_member(f, member_const_at(f, old), member_const_at(f, fresh)))
                        continue;
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, path_format(&here, field),
                                "Invalid value: field is immutable");
        }
}

void schema_check_immutable(const struct schema *s, const void *old, const void *fresh,
                            const char *prefix, struct diags *d) {
        struct path root = path_field(NULL, prefix);

        equal_check_immutable(s, old, fresh, &root, d);
}
