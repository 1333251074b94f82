#include "api/schema/base64.h"
#include "api/schema/member.h"
#include "api/schema/quantity.h"
#include "api/schema/schema.h"
#include "base/clock.h"

#include <string.h>

/* Decoded quantities have lost their style. Whole amounts that are multiples of 1024 are memory. */
static json_t *encode_quantity(const struct quantity *q) {
        char buf[QUANTITY_TEXT_MAX];
        int64_t whole = q->milli / 1000;

        if (q->milli % 1000 == 0 && whole >= 1024 && whole % 1024 == 0)
                return json_string(quantity_format_bytes(whole, buf));
        return json_string(quantity_format_milli(q->milli, buf));
}

static json_t *encode_int_or_string(const struct int_or_string *v) {
        if (v->kind == INT_OR_STRING_INT)
                return json_integer(v->number);
        return v->kind == INT_OR_STRING_STRING ? json_string(v->text) : json_null();
}

static json_t *encode_time(const struct field *f, uint64_t usec) {
        char buf[CLOCK_TEXT_MAX];

        if (usec == 0)
                return json_null();
        return json_string(f->type == FIELD_TIME ? clock_format(usec, buf)
                                                 : clock_format_micro(usec, buf));
}

/* A fresh value, or NULL when memory is out. */
static json_t *encode_one(const struct field *f, const void *in) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING: {
                const char *s = *(const char *const *) in;

                return json_string(s ? s : "");
        }
        case FIELD_BOOL:
                return json_boolean(*(const bool *) in);
        case FIELD_OPT_BOOL:
                return json_boolean(((const struct opt_bool *) in)->value);
        case FIELD_INT:
                return json_integer(*(const int64_t *) in);
        case FIELD_OPT_INT:
                return json_integer(((const struct opt_int *) in)->value);
        case FIELD_QUANTITY:
                return encode_quantity(in);
        case FIELD_INT_OR_STRING:
                return encode_int_or_string(in);
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return encode_time(f, *(const uint64_t *) in);
        case FIELD_OBJECT:
                return schema_encode(f->schema, in);
        case FIELD_OBJECT_PTR:
                return schema_encode(f->schema, *(const void *const *) in);
        case FIELD_BYTES:
        case FIELD_ANY:
                break;
        }
        return json_null();
}

static json_t *encode_list(const struct field *f, const struct member_list *list) {
        size_t size = member_element_size(f);
        json_t *out = json_array();

        for (size_t i = 0; out && i < list->n; i++) {
                json_t *item = encode_one(f, (const char *) list->items + i * size);

                if (!item || json_array_append_new(out, item) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

static json_t *encode_bytes(const struct bytes_pair *pair) {
        char *text;
        json_t *out;

        if (pair->len > SIZE_MAX / 2)
                return NULL;
        text = malloc(base64_encoded_len(pair->len) + 1);
        if (!text)
                return NULL;
        base64_encode(pair->data, pair->len, text);
        out = json_string(text);
        free(text);
        return out;
}

static json_t *encode_pair(const struct field *f, const void *pair) {
        if (f->type == FIELD_STRING)
                return json_string(((const struct string_pair *) pair)->value);
        if (f->type == FIELD_QUANTITY)
                return encode_quantity(&((const struct quantity_pair *) pair)->value);
        return encode_bytes(pair);
}

static json_t *encode_map(const struct field *f, const struct member_list *map) {
        size_t size = member_element_size(f);
        json_t *out = json_object();

        for (size_t i = 0; out && i < map->n; i++) {
                const char *pair = (const char *) map->items + i * size;
                json_t *value = encode_pair(f, pair);

                if (!value || json_object_set_new(out, *(const char *const *) (const void *) pair,
                                                  value) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

json_t *schema_encode(const struct schema *s, const void *in) {
        json_t *out = json_object();

        for (size_t i = 0; out && i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];
                const void *member;
                json_t *value;

                if (f->offset == FIELD_NO_MEMBER)
                        continue;
                member = member_const_at(f, in);
                if (!(f->flags & FIELD_ALWAYS) && member_is_empty(f, member))
                        continue;
                if (f->shape == FIELD_LIST)
                        value = encode_list(f, member);
                else if (f->shape == FIELD_MAP)
                        value = encode_map(f, member);
                else
                        value = encode_one(f, member);
                if (!value || json_object_set_new(out, f->name, value) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}
