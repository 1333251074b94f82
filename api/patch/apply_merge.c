/* Server-side apply on trees: laying a config over an object, and taking fields out. */
#include "api/patch/apply_list.h"
#include "api/patch/apply_walk.h"

#include <string.h>

/* ---- merge ---- */

static json_t *merge_object(struct field_maker *m, const struct apply_type *t, const json_t *live,
                            const json_t *config) {
        json_t *out = json_object(), *one, *other, *merged;
        struct apply_type part;
        const char *name;

        json_object_foreach((json_t *) live, name, one) {
                other = json_object_get(config, name);
                part = apply_type_member(t, name);
                merged = other && !json_is_null(other) ? apply_merge(m, &part, one, other)
                                                       : json_deep_copy(one);
                if (json_object_set_new(out, name, merged) < 0)
                        m->has_failed = true;
        }
        json_object_foreach((json_t *) config, name, one) {
                if (json_is_null(one) || json_object_get(live, name))
                        continue;
                if (json_object_set_new(out, name, json_deep_copy(one)) < 0)
                        m->has_failed = true;
        }
        return out;
}

/* The key of each element by its place; NULL for nameless ones. */
static const char **keys_by_index(struct field_maker *m, const struct apply_elements *e, size_t n) {
        const char **keys = arena_alloc_n(m->arena, n + 1, sizeof(*keys));

        if (!keys)
                m->has_failed = true;
        for (size_t i = 0; keys && i < e->n; i++)
                keys[e->items[i].index] = e->items[i].key;
        return keys;
}

static void append(struct field_maker *m, json_t *list, json_t *take_value) {
        if (json_array_append_new(list, take_value) < 0)
                m->has_failed = true;
}

/* Elements of config come in its order; those that only live has stay behind the ones that they
 * stood behind. */
static json_t *merge_list(struct field_maker *m, const struct apply_type *t, const json_t *live,
                          const json_t *config) {
        struct apply_elements a = apply_elements_of(m, t, live);
        struct apply_elements b = apply_elements_of(m, t, config);
        size_t n = json_array_size(live), k = json_array_size(config), i = 0, j = 0;
        const char **live_keys = keys_by_index(m, &a, n), **keys = keys_by_index(m, &b, k);
        struct apply_type part = apply_type_element(t);
        const struct apply_element *old;
        json_t *out = json_array();

        while (!m->has_failed && (i < n || j < k)) {
                bool is_common = i < n && live_keys[i] && apply_elements_find(&b, live_keys[i]);

                if (i < n && !is_common) {
                        append(m, out, json_deep_copy(json_array_get(live, i++)));
                        continue;
                }
                if (j >= k) {
                        i++; /* it stood in config, and is there already */
                        continue;
                }
                old = keys[j] ? apply_elements_find(&a, keys[j]) : NULL;
                append(m, out,
                       apply_merge(m, &part, old ? old->value : NULL, json_array_get(config, j)));
                if (is_common && old && strcmp(live_keys[i], keys[j]) == 0)
                        i++;
                j++;
        }
        return out;
}

json_t *apply_merge(struct field_maker *m, const struct apply_type *t, const json_t *live,
                    const json_t *config) {
        enum apply_shape shape = apply_shape_of(t, config);

        if (!live || shape == APPLY_ATOMIC || shape != apply_shape_of(t, live))
                return json_deep_copy(config);
        return shape == APPLY_OBJECT ? merge_object(m, t, live, config)
                                     : merge_list(m, t, live, config);
}

/* ---- removal ---- */

static bool is_empty(const json_t *value) {
        return (json_is_object(value) && json_object_size(value) == 0) ||
               (json_is_array(value) && json_array_size(value) == 0);
}

/* Whether a part goes altogether. */
static bool remove_part(struct field_maker *m, const struct apply_type *t, json_t *value,
                        const struct field_set *set) {
        if (set->is_member)
                return true;
        apply_remove(m, t, value, set);
        return is_empty(value);
}

static void remove_members(struct field_maker *m, const struct apply_type *t, json_t *tree,
                           const struct field_set *list) {
        for (; list; list = list->next) {
                const char *name = list->key + 2;
                json_t *value = list->key[0] == 'f' ? json_object_get(tree, name) : NULL;
                struct apply_type part;

                if (!value)
                        continue;
                part = apply_type_member(t, name);
                if (remove_part(m, &part, value, list))
                        (void) json_object_del(tree, name);
        }
}

static void remove_elements(struct field_maker *m, const struct apply_type *t, json_t *tree,
                            const struct field_set *list) {
        struct apply_elements e = apply_elements_of(m, t, tree);
        struct apply_type part = apply_type_element(t);
        size_t n = json_array_size(tree), kept = 0;
        bool *is_gone = arena_alloc_n(m->arena, n + 1, sizeof(*is_gone));

        if (!is_gone) {
                m->has_failed = true;
                return;
        }
        for (size_t i = 0; i < e.n && list;) {
                int order = strcmp(e.items[i].key, list->key);

                if (order == 0)
                        is_gone[e.items[i].index] = remove_part(m, &part, e.items[i].value, list);
                if (order <= 0)
                        i++;
                else
                        list = list->next;
        }
        for (size_t i = 0; i < n; i++) {
                if (is_gone[i])
                        continue;
                if (kept != i)
                        (void) json_array_set(tree, kept, json_array_get(tree, i));
                kept++;
        }
        while (json_array_size(tree) > kept)
                (void) json_array_remove(tree, json_array_size(tree) - 1);
}

void apply_remove(struct field_maker *m, const struct apply_type *t, json_t *tree,
                  const struct field_set *set) {
        enum apply_shape shape = apply_shape_of(t, tree);

        if (!set->first)
                return;
        if (shape == APPLY_OBJECT)
                remove_members(m, t, tree, set->first);
        else if (shape != APPLY_ATOMIC)
                remove_elements(m, t, tree, set->first);
}
