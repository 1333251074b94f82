/* What a schema doesn't know goes, what it has defaults for comes. */
#include "api/kinds/custom_node.h"
#include "base/array.h"
#include "base/str.h"

#include <stdlib.h>

static bool key_is_meta(const char *key) {
        return str_eq(key, "apiVersion") || str_eq(key, "kind") || str_eq(key, "metadata");
}

/* ---- pruning ---- */

static int object_prune(const struct custom_node *n, json_t *value, bool has_meta) {
        json_t *member;
        const char *key;
        void *next;
        int r = 0;

        json_object_foreach_safe(value, next, key, member) {
                const struct custom_node *below = custom_property(n, key);

                if (has_meta && key_is_meta(key))
                        continue;
                if (!below)
                        below = n->additional;
                if (below)
                        r = custom_prune_node(below, member, false);
                else if (!n->keeps_unknown && !n->has_any_additional)
                        (void) json_object_del(value, key);
                if (r < 0)
                        return r;
        }
        return 0;
}

int custom_prune_node(const struct custom_node *n, json_t *value, bool is_root) {
        json_t *one;
        size_t i;
        int r = 0;

        if (json_is_object(value))
                return object_prune(n, value, is_root || n->is_embedded);
        if (!n->items)
                return 0;
        json_array_foreach(value, i, one) {
                r = custom_prune_node(n->items, one, false);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- defaults ---- */

/* A null where null isn't a value counts as absent, when there is a default. */
static int property_default(const struct custom_property *p, json_t *object) {
        const json_t *now = json_object_get(object, p->name);

        if (!p->node->initial || (now && (!json_is_null(now) || p->node->is_nullable)))
                return 0;
        return json_object_set_new(object, p->name, json_deep_copy(p->node->initial)) < 0 ? -ENOMEM
                                                                                          : 0;
}

static int object_default(const struct custom_node *n, json_t *value) {
        json_t *member;
        const char *key;
        int r = 0;

        for (size_t i = 0; i < n->n_properties && r == 0; i++)
                r = property_default(&n->properties[i], value);
        json_object_foreach(value, key, member) {
                const struct custom_node *below = custom_property(n, key);

                if (!below)
                        below = n->additional;
                if (r == 0 && below)
                        r = custom_default_node(below, member);
        }
        return r;
}

int custom_default_node(const struct custom_node *n, json_t *value) {
        json_t *one;
        size_t i;
        int r = 0;

        if (json_is_object(value))
                return object_default(n, value);
        if (!n->items)
                return 0;
        json_array_foreach(value, i, one) {
                if (r == 0)
                        r = custom_default_node(n->items, one);
        }
        return r;
}
