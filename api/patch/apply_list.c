#include "api/patch/apply_list.h"

#include "api/text/text.h"

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

static bool is_scalar(const json_t *value) {
        return value && !json_is_object(value) && !json_is_array(value);
}

const char *apply_missing_key(const struct apply_type *t, const json_t *element) {
        for (size_t i = 0; t->shape == APPLY_KEYED && i < t->n_keys; i++) {
                json_t *value = key_value(t, element, t->keys[i]);
                bool is_key = is_scalar(value);

                json_decref(value);
                if (!is_key)
                        return t->keys[i];
        }
        return NULL;
}

static bool add_keys(struct strbuf *b, const struct apply_type *t, const json_t *element) {
        strbuf_add_len(b, "k:{", 3);
        for (size_t i = 0; i < t->n_keys; i++) {
                json_t *value = key_value(t, element, t->keys[i]);
                bool is_key = is_scalar(value);

                if (is_key) {
                        strbuf_add(b, i > 0 ? ",\"" : "\"");
                        strbuf_add(b, t->keys[i]);
                        strbuf_add_len(b, "\":", 2);
                        text_json_add(b, value);
                }
                json_decref(value);
                if (!is_key)
                        return false;
        }
        strbuf_add_char(b, '}');
        return true;
}

bool apply_element_key(const struct apply_type *t, const json_t *element, struct strbuf *b) {
        if (t->shape == APPLY_KEYED)
                return json_is_object(element) && add_keys(b, t, element);
        if (!is_scalar(element) || json_is_null(element))
                return false;
        strbuf_add_len(b, "v:", 2);
        text_json_add(b, element);
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
                strbuf_reset(&b);
                if (!apply_element_key(t, e->value, &b)) {
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
