#include "api/patch/field_set.h"

#include <string.h>

static const struct field_set FIELD_SET_EMPTY = { .key = "" };

const struct field_set *field_set_empty(void) {
        return &FIELD_SET_EMPTY;
}

bool field_set_is_empty(const struct field_set *s) {
        return !s->first && !s->is_member;
}

/* ---- building ---- */

struct field_set *field_set_node(struct field_maker *m, const char *prefix, const char *key,
                                 const struct field_set *children, bool is_member) {
        size_t prefix_len = strlen(prefix), len = strlen(key);
        struct field_set *node = arena_alloc(m->arena, sizeof(*node) + prefix_len + len + 1);
        char *text;

        if (!node) {
                m->has_failed = true;
                return NULL;
        }
        text = (char *) (node + 1);
        memcpy(text, prefix, prefix_len);
        memcpy(text + prefix_len, key, len + 1);
        *node = (struct field_set){ .key = text, .first = children, .is_member = is_member };
        return node;
}

/* Another head for the same children. */
static struct field_set *node_copy(struct field_maker *m, const struct field_set *of,
                                   const struct field_set *children, bool is_member) {
        struct field_set *node = arena_alloc(m->arena, sizeof(*node));

        if (!node) {
                m->has_failed = true;
                return NULL;
        }
        *node = (struct field_set){ .key = of->key, .first = children, .is_member = is_member };
        return node;
}

const struct field_set *field_set_root(struct field_maker *m, const struct field_set *children) {
        return children ? node_copy(m, &FIELD_SET_EMPTY, children, false) : &FIELD_SET_EMPTY;
}

static bool list_is_sorted(const struct field_set *list) {
        for (; list && list->next; list = list->next)
                if (strcmp(list->key, list->next->key) >= 0)
                        return false;
        return true;
}

/* Takes the lesser of two heads off its list. Equal keys: a's first. */
static struct field_set *take_lesser(struct field_set **a, struct field_set **b) {
        struct field_set **from = !*b || (*a && strcmp((*a)->key, (*b)->key) <= 0) ? a : b;
        struct field_set *node = *from;

        *from = (struct field_set *) node->next;
        return node;
}

static struct field_set *list_merge(struct field_set *a, struct field_set *b) {
        struct field_set *out = NULL, **tail = &out;

        while (a || b) {
                *tail = take_lesser(&a, &b);
                tail = (struct field_set **) &(*tail)->next;
        }
        *tail = NULL;
        return out;
}

static struct field_set *list_sort(struct field_set *list) {
        struct field_set *slow = list, *half;

        if (!list || !list->next)
                return list;
        for (const struct field_set *fast = list->next; fast && fast->next; fast = fast->next->next)
                slow = (struct field_set *) slow->next;
        half = (struct field_set *) slow->next;
        slow->next = NULL;
        return list_merge(list_sort(list), list_sort(half));
}

static const struct field_set *list_union(struct field_maker *m, const struct field_set *a,
                                          const struct field_set *b);

const struct field_set *field_set_sort(struct field_maker *m, struct field_set *list) {
        if (list_is_sorted(list))
                return list;
        list = list_sort(list);
        for (struct field_set *at = list; at && at->next;) {
                const struct field_set *next = at->next;

                if (strcmp(at->key, next->key) != 0) {
                        at = (struct field_set *) next;
                        continue;
                }
                at->is_member |= next->is_member;
                at->first = list_union(m, at->first, next->first);
                at->next = next->next;
        }
        return list;
}

/* ---- algebra ---- */

/* Where a result grows: nodes are linked behind one another. */
struct grower {
        const struct field_set *first;
        struct field_set *last;
};

static void grow(struct grower *g, struct field_set *node) {
        if (!node)
                return;
        if (g->last)
                g->last->next = node;
        else
                g->first = node;
        g->last = node;
}

/* The rest of a list that stays as it is. */
static void grow_rest(struct grower *g, const struct field_set *rest) {
        if (g->last)
                g->last->next = rest;
        else
                g->first = rest;
}

static const struct field_set *list_union(struct field_maker *m, const struct field_set *a,
                                          const struct field_set *b) {
        struct grower g = { 0 };

        if (a == b)
                return a;
        while (a && b) {
                int order = strcmp(a->key, b->key);

                if (order < 0)
                        grow(&g, node_copy(m, a, a->first, a->is_member));
                else if (order > 0)
                        grow(&g, node_copy(m, b, b->first, b->is_member));
                else
                        grow(&g, node_copy(m, a, list_union(m, a->first, b->first),
                                           a->is_member || b->is_member));
                a = order <= 0 ? a->next : a;
                b = order >= 0 ? b->next : b;
        }
        grow_rest(&g, a ? a : b);
        return g.first;
}

/* A node of a result, unless nothing is left of it. */
static void grow_some(struct field_maker *m, struct grower *g, const struct field_set *of,
                      const struct field_set *children, bool is_member) {
        if (children || is_member)
                grow(g, node_copy(m, of, children, is_member));
}

static const struct field_set *list_difference(struct field_maker *m, const struct field_set *a,
                                               const struct field_set *b) {
        struct grower g = { 0 };

        while (a && b) {
                int order = strcmp(a->key, b->key);

                if (order < 0)
                        grow(&g, node_copy(m, a, a->first, a->is_member));
                else if (order == 0)
                        grow_some(m, &g, a, list_difference(m, a->first, b->first),
                                  a->is_member && !b->is_member);
                a = order <= 0 ? a->next : a;
                b = order >= 0 ? b->next : b;
        }
        grow_rest(&g, a);
        return g.first;
}

static const struct field_set *list_intersection(struct field_maker *m, const struct field_set *a,
                                                 const struct field_set *b) {
        struct grower g = { 0 };

        while (a && b) {
                int order = strcmp(a->key, b->key);

                if (order == 0)
                        grow_some(m, &g, a, list_intersection(m, a->first, b->first),
                                  a->is_member && b->is_member);
                a = order <= 0 ? a->next : a;
                b = order >= 0 ? b->next : b;
        }
        return g.first;
}

static const struct field_set *list_cut(struct field_maker *m, const struct field_set *a,
                                        const struct field_set *b) {
        struct grower g = { 0 };

        while (a && b) {
                int order = strcmp(a->key, b->key);

                if (order < 0)
                        grow(&g, node_copy(m, a, a->first, a->is_member));
                else if (order == 0 && !b->is_member)
                        grow_some(m, &g, a, list_cut(m, a->first, b->first), a->is_member);
                a = order <= 0 ? a->next : a;
                b = order >= 0 ? b->next : b;
        }
        grow_rest(&g, a);
        return g.first;
}

/* Results after a failure are empty, not half. */
static const struct field_set *root_of(struct field_maker *m, const struct field_set *children) {
        const struct field_set *root = field_set_root(m, children);

        return m->has_failed ? &FIELD_SET_EMPTY : root;
}

const struct field_set *field_set_union(struct field_maker *m, const struct field_set *a,
                                        const struct field_set *b) {
        if (!b->first || a == b)
                return a;
        return a->first ? root_of(m, list_union(m, a->first, b->first)) : b;
}

const struct field_set *field_set_difference(struct field_maker *m, const struct field_set *a,
                                             const struct field_set *b) {
        if (!a->first || !b->first)
                return a;
        return root_of(m, list_difference(m, a->first, b->first));
}

const struct field_set *field_set_intersection(struct field_maker *m, const struct field_set *a,
                                               const struct field_set *b) {
        return root_of(m, list_intersection(m, a->first, b->first));
}

const struct field_set *field_set_cut(struct field_maker *m, const struct field_set *a,
                                      const struct field_set *b) {
        return root_of(m, list_cut(m, a->first, b->first));
}

static bool list_is_subset(const struct field_set *a, const struct field_set *b) {
        for (; a; a = a->next) {
                while (b && strcmp(b->key, a->key) < 0)
                        b = b->next;
                if (!b || strcmp(b->key, a->key) != 0 || (a->is_member && !b->is_member) ||
                    !list_is_subset(a->first, b->first))
                        return false;
        }
        return true;
}

bool field_set_is_subset(const struct field_set *a, const struct field_set *b) {
        return list_is_subset(a->first, b->first);
}

static bool list_equal(const struct field_set *a, const struct field_set *b) {
        for (; a && b; a = a->next, b = b->next) {
                if (a == b)
                        return true;
                if (a->is_member != b->is_member || strcmp(a->key, b->key) != 0 ||
                    !list_equal(a->first, b->first))
                        return false;
        }
        return a == b;
}

bool field_set_equal(const struct field_set *a, const struct field_set *b) {
        return list_equal(a->first, b->first);
}
