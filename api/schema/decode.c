#include "api/schema/base64.h"
#include "api/schema/member.h"
#include "api/schema/quantity.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static int decode_wrong(const struct field *f, struct err *e) {
        return err_set(e, -EINVAL, "field %s has a value of the wrong type", f->name);
}

struct decoder {
        struct arena *arena;
        unsigned skip_flags; /* fields with one of these are left out */
};

static int decode_object(const struct schema *s, const json_t *tree, const struct decoder *d,
                         void *out, struct err *e);

static int decode_string(const struct field *f, const json_t *value, const struct decoder *d,
                         const char **ret, struct err *e) {
        if (!json_is_string(value))
                return decode_wrong(f, e);
        *ret = arena_strndup(d->arena, json_string_value(value), json_string_length(value));
        return *ret ? 0 : -ENOMEM;
}

static int decode_int_or_string(const struct field *f, const json_t *value, const struct decoder *d,
                                struct int_or_string *out, struct err *e) {
        if (json_is_integer(value)) {
                out->kind = INT_OR_STRING_INT;
                out->number = json_integer_value(value);
                return 0;
        }
        out->kind = INT_OR_STRING_STRING;
        return decode_string(f, value, d, &out->text, e);
}

static int decode_quantity(const struct field *f, const json_t *value, struct quantity *out,
                           struct err *e) {
        char number[64];

        if (json_is_integer(value))
                (void) snprintf(number, sizeof(number), "%lld",
                                (long long) json_integer_value(value));
        else if (json_is_real(value))
                (void) snprintf(number, sizeof(number), "%.15g", json_real_value(value));
        if (quantity_parse(json_is_number(value) ? number : json_string_value(value), out) < 0)
                return decode_wrong(f, e);
        return 0;
}

static int decode_bytes(const struct field *f, const json_t *value, const struct decoder *d,
                        struct bytes_pair *out, struct err *e) {
        size_t len = json_string_length(value);
        uint8_t *data;

        if (!json_is_string(value))
                return decode_wrong(f, e);
        data = arena_alloc(d->arena, base64_decoded_max(len) + 1);
        if (!data)
                return -ENOMEM;
        if (base64_decode(json_string_value(value), len, data, &out->len) < 0)
                return err_set(e, -EINVAL, "field %s is not base64", f->name);
        data[out->len] = '\0';
        out->data = data;
        return 0;
}

static int decode_time(const struct field *f, const json_t *value, uint64_t *out, struct err *e) {
        if (!json_is_string(value) || clock_parse(json_string_value(value), out) < 0)
                return decode_wrong(f, e);
        return 0;
}

static int decode_pointer(const struct field *f, const json_t *value, const struct decoder *d,
                          void **out, struct err *e) {
        *out = arena_alloc(d->arena, f->schema->size);
        if (!*out)
                return -ENOMEM;
        return decode_object(f->schema, value, d, *out, e);
}

/* One value into one member or list element. */
static int decode_one(const struct field *f, const json_t *value, const struct decoder *d,
                      void *out, struct err *e) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return decode_string(f, value, d, out, e);
        case FIELD_BOOL:
                if (!json_is_boolean(value))
                        return decode_wrong(f, e);
                *(bool *) out = json_is_true(value);
                return 0;
        case FIELD_OPT_BOOL:
                if (!json_is_boolean(value))
                        return decode_wrong(f, e);
                *(struct opt_bool *) out =
                        (struct opt_bool){ .is_set = true, .value = json_is_true(value) };
                return 0;
        case FIELD_INT:
                if (!json_is_integer(value))
                        return decode_wrong(f, e);
                *(int64_t *) out = json_integer_value(value);
                return 0;
        case FIELD_OPT_INT:
                if (!json_is_integer(value))
                        return decode_wrong(f, e);
                *(struct opt_int *) out =
                        (struct opt_int){ .is_set = true, .value = json_integer_value(value) };
                return 0;
        case FIELD_QUANTITY:
                return decode_quantity(f, value, out, e);
        case FIELD_INT_OR_STRING:
                return decode_int_or_string(f, value, d, out, e);
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return decode_time(f, value, out, e);
        case FIELD_OBJECT:
                return decode_object(f->schema, value, d, out, e);
        case FIELD_OBJECT_PTR:
                return decode_pointer(f, value, d, out, e);
        case FIELD_BYTES:
        case FIELD_ANY:
                break;
        }
        return decode_wrong(f, e);
}

static int decode_list(const struct field *f, const json_t *value, const struct decoder *d,
                       struct member_list *out, struct err *e) {
        size_t size = member_element_size(f), n = json_array_size(value);
        int r;

        if (!json_is_array(value))
                return decode_wrong(f, e);
        if (n == 0)
                return 0;
        out->items = arena_alloc_n(d->arena, n, size);
        if (!out->items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = decode_one(f, json_array_get(value, i), d, (char *) out->items + i * size, e);
                if (r < 0)
                        return r;
        }
        out->n = n;
        return 0;
}

static int decode_pair(const struct field *f, const json_t *value, const struct decoder *d,
                       void *pair, struct err *e) {
        if (f->type == FIELD_STRING)
                return decode_string(f, value, d, &((struct string_pair *) pair)->value, e);
        if (f->type == FIELD_QUANTITY)
                return decode_quantity(f, value, &((struct quantity_pair *) pair)->value, e);
        return decode_bytes(f, value, d, pair, e);
}

static int decode_map(const struct field *f, const json_t *value, const struct decoder *d,
                      struct member_list *out, struct err *e) {
        size_t size = member_element_size(f), n = 0;
        const char *key;
        json_t *item;

        if (!json_is_object(value))
                return decode_wrong(f, e);
        if (json_object_size(value) == 0)
                return 0;
        out->items = arena_alloc_n(d->arena, json_object_size(value), size);
        if (!out->items)
                return -ENOMEM;
        json_object_foreach((json_t *) value, key, item) {
                char *pair = (char *) out->items + n * size;
                const char *copy;
                int r;

                if (json_is_null(item))
                        continue;
                copy = arena_strdup(d->arena, key);
                if (!copy)
                        return -ENOMEM;
                memcpy(pair, &copy, sizeof(copy)); /* key comes first in every kind of pair */
                r = decode_pair(f, item, d, pair, e);
                if (r < 0)
                        return r;
                n++;
        }
        out->n = n;
        return 0;
}

static int decode_object(const struct schema *s, const json_t *tree, const struct decoder *d,
                         void *out, struct err *e) {
        const char *key;
        json_t *value;
        int r;

        memset(out, 0, s->size);
        if (!json_is_object(tree))
                return err_set(e, -EINVAL, "%s must be a map of fields", s->name);
        json_object_foreach((json_t *) tree, key, value) {
                const struct field *f = schema_field(s, key);
                void *member;

                if (!f || f->offset == FIELD_NO_MEMBER || json_is_null(value) ||
                    (f->flags & d->skip_flags))
                        continue;
                member = member_at(f, out);
                if (f->shape == FIELD_LIST)
                        r = decode_list(f, value, d, member, e);
                else if (f->shape == FIELD_MAP)
                        r = decode_map(f, value, d, member, e);
                else
                        r = decode_one(f, value, d, member, e);
                if (r == -ENOMEM)
                        return err_set(e, -ENOMEM, "out of memory");
                if (r < 0)
                        return f->type == FIELD_OBJECT || f->type == FIELD_OBJECT_PTR
                                       ? err_wrap(e, r, "%s", f->name)
                                       : r;
        }
        return 0;
}

int schema_decode(const struct schema *s, const json_t *tree, struct arena *a, void *out,
                  struct err *e) {
        return decode_object(s, tree, &(struct decoder){ .arena = a }, out, e);
}

int schema_decode_outline(const struct schema *s, const json_t *tree, struct arena *a, void *out,
                          struct err *e) {
        const struct decoder d = { .arena = a, .skip_flags = FIELD_NODE_ONLY };

        return decode_object(s, tree, &d, out, e);
}
