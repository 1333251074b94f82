#include "api/patch/apply_walk.h"

#include "api/patch/apply_list.h"

#include <string.h>

static json_t *member_of(const json_t *object, const char *name) {
        json_t *value = json_object_get(object, name);

        return json_is_null(value) ? NULL : value;
}

static void list_push(struct field_set **list, struct field_set *node) {
        if (!node)
                return;
        node->next = *list;
        *list = node;
}

/* ---- fields of a value ---- */

static void fields_inside(struct field_maker *m, const struct apply_type *t, const json_t *value,
                          struct field_set **ret_list);

/* One part of a value, whose key is prefix and name. */
static void fields_part(struct field_maker *m, const struct apply_type *t, const char *prefix,
                        const char *name, const json_t *value, struct field_set **list) {
        enum apply_shape shape = apply_shape_of(t, value);
        bool is_member = !t->is_named || shape == APPLY_ATOMIC ||
                         (shape == APPLY_OBJECT && json_object_size(value) == 0);
        struct field_set *below = NULL;

        fields_inside(m, t, value, &below);
        if (below || is_member)
                list_push(list,
                          field_set_node(m, prefix, name, field_set_sort(m, below), is_member));
}

static void fields_inside(struct field_maker *m, const struct apply_type *t, const json_t *value,
                          struct field_set **ret_list) {
        enum apply_shape shape = apply_shape_of(t, value);
        struct apply_elements elements;
        struct apply_type part;
        const char *name;
        json_t *one;

        if (shape == APPLY_OBJECT) {
                json_object_foreach((json_t *) value, name, one) {
                        part = apply_type_member(t, name);
                        if (!json_is_null(one))
                                fields_part(m, &part, "f:", name, one, ret_list);
                }
                return;
        }
        if (shape == APPLY_ATOMIC)
                return;
        elements = apply_elements_of(m, t, value);
        part = apply_type_element(t);
        part.is_named = false;
        for (size_t i = 0; i < elements.n; i++)
                fields_part(m, &part, "", elements.items[i].key, elements.items[i].value, ret_list);
}

const struct field_set *apply_fields(struct field_maker *m, const struct apply_type *t,
                                     const json_t *value) {
        struct field_set *list = NULL;

        fields_inside(m, t, value, &list);
        return field_set_root(m, field_set_sort(m, list));
}

/* ---- comparison ---- */

struct delta {
        struct field_maker *maker;
        struct field_set *changed, *removed;
};

static void delta_inside(const struct apply_type *t, const json_t *was, const json_t *now,
                         struct delta *d);

static bool is_leaf(const struct apply_type *t, const json_t *was, const json_t *now) {
        enum apply_shape shape = apply_shape_of(t, now ? now : was);
        bool has_members = json_object_size(was) + json_object_size(now) + json_array_size(was) +
                                   json_array_size(now) >
                           0;

        return shape == APPLY_ATOMIC || !has_members;
}

static void delta_part(const struct apply_type *t, const char *prefix, const char *name,
                       const json_t *was, const json_t *now, struct delta *d) {
        bool is_removed = was && !now, is_changed, is_other;
        const struct field_set *children;
        struct delta below = { .maker = d->maker };

        if (was && now && json_equal(was, now))
                return;
        is_other = was && now && apply_shape_of(t, was) != apply_shape_of(t, now);
        is_changed = now && (is_other || is_leaf(t, was, now) || (!was && !t->is_embedded));
        if (is_other)
                delta_inside(t, was, NULL, &below);
        if (is_other || !is_leaf(t, was, now))
                delta_inside(t, is_other ? NULL : was, now, &below);
        children = field_set_sort(d->maker, below.changed);
        if (children || is_changed)
                list_push(&d->changed,
                          field_set_node(d->maker, prefix, name, children, is_changed));
        children = field_set_sort(d->maker, below.removed);
        if (children || is_removed)
                list_push(&d->removed,
                          field_set_node(d->maker, prefix, name, children, is_removed));
}

static void delta_object(const struct apply_type *t, const json_t *was, const json_t *now,
                         struct delta *d) {
        struct apply_type part;
        const char *name;
        json_t *one;

        json_object_foreach((json_t *) was, name, one) {
                part = apply_type_member(t, name);
                if (!json_is_null(one))
                        delta_part(&part, "f:", name, one, member_of(now, name), d);
        }
        json_object_foreach((json_t *) now, name, one) {
                if (json_is_null(one) || member_of(was, name))
                        continue;
                part = apply_type_member(t, name);
                delta_part(&part, "f:", name, NULL, one, d);
        }
}

/* How many elements from at on have the same key; 0 when that isn't key. */
static size_t group_size(const struct apply_elements *e, size_t at, const char *key) {
        size_t n = 0;

        while (at + n < e->n && strcmp(e->items[at + n].key, key) == 0)
                n++;
        return n;
}

static bool groups_equal(const struct apply_element *a, const struct apply_element *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!json_equal(a[i].value, b[i].value))
                        return false;
        return true;
}

static void delta_list(const struct apply_type *t, const json_t *was, const json_t *now,
                       struct delta *d) {
        struct apply_elements a = apply_elements_of(d->maker, t, was),
                              b = apply_elements_of(d->maker, t, now);
        struct apply_type part = apply_type_element(t);
        size_t i = 0, j = 0, n, k;
        bool is_known;

        part.is_named = part.is_embedded = false;
        while (i < a.n || j < b.n) {
                bool is_first = j >= b.n || (i < a.n && strcmp(a.items[i].key, b.items[j].key) < 0);
                const char *key = is_first ? a.items[i].key : b.items[j].key;

                n = group_size(&a, i, key);
                k = group_size(&b, j, key);
                /* Equal keys more than once: nobody can say which is which. */
                is_known = n == 1 || (n > 0 && k == 0);
                if (n != k || !groups_equal(&a.items[i], &b.items[j], n))
                        delta_part(&part, "", key, is_known ? a.items[i].value : NULL,
                                   k > 0 ? b.items[j].value : NULL, d);
                i += n;
                j += k;
        }
}

static void delta_inside(const struct apply_type *t, const json_t *was, const json_t *now,
                         struct delta *d) {
        enum apply_shape shape = apply_shape_of(t, now ? now : was);

        if (shape == APPLY_OBJECT)
                delta_object(t, was, now, d);
        else if (shape != APPLY_ATOMIC)
                delta_list(t, was, now, d);
}

struct apply_delta apply_compare(struct field_maker *m, const struct apply_type *t,
                                 const json_t *was, const json_t *now) {
        struct delta d = { .maker = m };

        delta_inside(t, was, now, &d);
        return (struct apply_delta){
                .changed = field_set_root(m, field_set_sort(m, d.changed)),
                .removed = field_set_root(m, field_set_sort(m, d.removed)),
        };
}

/* ---- named fields ---- */

static const struct field_set *named_below(struct field_maker *m, const struct apply_type *t,
                                           const struct field_set *list) {
        struct field_set *out = NULL, **tail = &out;

        for (; list; list = list->next) {
                bool is_field = list->key[0] == 'f';
                struct apply_type part =
                        is_field ? apply_type_member(t, list->key + 2) : apply_type_element(t);
                struct field_set *node =
                        field_set_node(m, "", list->key, named_below(m, &part, list->first),
                                       list->is_member || (is_field && part.is_named));

                if (!node)
                        return NULL;
                *tail = node;
                tail = (struct field_set **) &node->next;
        }
        return out;
}

const struct field_set *apply_named(struct field_maker *m, const struct apply_type *t,
                                    const struct field_set *set) {
        return field_set_root(m, named_below(m, t, set->first));
}
