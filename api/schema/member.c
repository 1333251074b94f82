#include "api/schema/member.h"

static size_t member_scalar_size(const struct field *f) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return sizeof(const char *);
        case FIELD_BOOL:
                return sizeof(bool);
        case FIELD_INT:
                return sizeof(int64_t);
        case FIELD_OBJECT:
                return f->schema->size;
        default:
                return 0;
        }
}

size_t member_element_size(const struct field *f) {
        if (f->shape != FIELD_MAP)
                return member_scalar_size(f);
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return sizeof(struct string_pair);
        case FIELD_QUANTITY:
                return sizeof(struct quantity_pair);
        case FIELD_BYTES:
                return sizeof(struct bytes_pair);
        default:
                return 0;
        }
}

static bool member_object_is_empty(const struct schema *s, const void *object) {
        for (size_t i = 0; i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];

                if (f->offset == FIELD_NO_MEMBER)
                        continue;
                if (f->flags & FIELD_ALWAYS || !member_is_empty(f, member_const_at(f, object)))
                        return false;
        }
        return true;
}

bool member_is_empty(const struct field *f, const void *member) {
        if (f->shape != FIELD_ONE)
                return ((const struct member_list *) member)->n == 0;
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
        case FIELD_OBJECT_PTR:
                return *(const void *const *) member == NULL;
        case FIELD_BOOL:
                return !*(const bool *) member;
        case FIELD_OPT_BOOL:
                return !((const struct opt_bool *) member)->is_set;
        case FIELD_INT:
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return *(const uint64_t *) member == 0;
        case FIELD_OPT_INT:
                return !((const struct opt_int *) member)->is_set;
        case FIELD_QUANTITY:
                return !((const struct quantity *) member)->is_set;
        case FIELD_INT_OR_STRING:
                return ((const struct int_or_string *) member)->kind == INT_OR_STRING_ABSENT;
        case FIELD_OBJECT:
                return member_object_is_empty(f->schema, member);
        case FIELD_BYTES:
        case FIELD_ANY:
                return true;
        }
        return true;
}
