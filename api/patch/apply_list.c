#include "api/patch/apply_list.h"

#include <stdlib.h>
#include <string.h>

enum apply_shape apply_shape_of(const struct apply_type *t, const json_t *value) {
        switch (t->shape) {
        case APPLY_OBJECT:
        case APPLY_DEDUCED:
                return json_is_object(value) ? APPLY_OBJECT : APPLY_ATOMIC;
        case APPLY_KEYED:
        case APPLY_SET:
                return json_is_array(value) ? t->shape : APPLY_ATOMIC;
        default:
                return APPLY_ATOMIC;
        }
}

/* The value of a key; a fresh reference, NULL where there is neither value nor default. */
static json_t *key_value(const struct apply_type *t, const json_t *element, const char *key) {
        json_t *value = json_object_get(element, key);

        if (value && !json_is_null(value))
                return json_incref(value);
        return t->ops && t->ops->key_default ? t->ops->key_default(t, key) : NULL;
}

const char *apply_missing_key(const struct apply_type *t, const json_t *element) {
        for (size_t i = 0; t->shape == APPLY_KEYED && i < t->n_keys; i++) {
                json_t *value = key_value(t, element, t->keys[i]);
                bool is_key = value && !json_is_object(value) && !json_is_array(value);

                json_decref(value);
                if (!is_key)
                        return t->keys[i];
        }
        return NULL;
}

/* Appends a scalar as JSON. */
static void add_scalar(struct strbuf *b, const json_t *value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        if (text)
                strbuf_add(b, text);
        else
                b->has_failed = true;
        free(text);
}

static bool add_keys(struct strbuf *b, const struct apply_type *t, const json_t *element) {
        strbuf_add(b, "k:{");
        for (size_t i = 0; i < t->n_keys; i++) {
                json_t *value = key_value(t, element, t->keys[i]);

                if (!value)
                        return false;
                strbuf_addf(b, "%s\"%s\":", i > 0 ? "," : "", t->keys[i]);
                add_scalar(b, value);
                json_decref(value);
        }
        strbuf_add_char(b, '}');
        return true;
}

/* The element's key as text into b. False: it has none. */
static bool element_key(const struct apply_type *t, const json_t *element, struct strbuf *b) {
        strbuf_reset(b);
        if (t->shape == APPLY_KEYED)
                return json_is_object(element) && !apply_missing_key(t, element) &&
                       add_keys(b, t, element);
        if (json_is_object(element) || json_is_array(element) || json_is_null(element))
                return false;
        strbuf_add(b, "v:");
        add_scalar(b, element);
        return true;
}

static int element_compare(const void *a, const void *b) {
        const struct apply_element *x = a, *y = b;
        int order = strcmp(x->key, y->key);

        return order ? order : (x->index > y->index) - (x->index < y->index);
}

struct apply_elements apply_elements_of(struct field_maker *m, const struct apply_type *t,
                                        const json_t *list) {
        size_t n = json_array_size(list);
        struct apply_elements out = {
                .items = n > 0 ? arena_alloc_n(m->arena, n, sizeof(*out.items)) : NULL,
        };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (n > 0 && !out.items)
                m->has_failed = true;
        for (size_t i = 0; i < n && !m->has_failed; i++) {
                struct apply_element *e = &out.items[out.n];

                e->value = json_array_get(list, i);
                e->index = i;
                if (!element_key(t, e->value, &b)) {
                        out.n_nameless++;
                        continue;
                }
                e->key = b.has_failed ? NULL : arena_strdup(m->arena, b.s);
                if (!e->key)
                        m->has_failed = true;
                else
                        out.n++;
        }
        if (m->has_failed)
                return (struct apply_elements){ 0 };
        if (out.n > 1)
                qsort(out.items, out.n, sizeof(*out.items), element_compare);
        return out;
}

const struct apply_element *apply_elements_find(const struct apply_elements *e, const char *key) {
        size_t low = 0, high = e->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(e->items[middle].key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < e->n && strcmp(e->items[low].key, key) == 0 ? &e->items[low] : NULL;
}
