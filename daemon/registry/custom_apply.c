#include "daemon/registry/custom_apply.h"

#include "api/kinds/custom_node.h"
#include "api/kinds/meta.h"
#include "base/str.h"

#include <string.h>

static const struct apply_ops NODE_OPS, ROOT_OPS;

static struct apply_type type_of(const struct custom_node *n);

static int by_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* More keys than the type has room for: then the list is one thing. */
static struct apply_type type_of_list(const struct custom_node *n) {
        struct apply_type t = { .ops = &NODE_OPS, .node = n, .shape = APPLY_ATOMIC };

        if (n->list == CUSTOM_LIST_SET)
                t.shape = APPLY_SET;
        if (n->list != CUSTOM_LIST_MAP || n->n_map_keys == 0 || n->n_map_keys > ARRAY_SIZE(t.keys))
                return t;
        t.shape = APPLY_KEYED;
        t.n_keys = n->n_map_keys;
        for (size_t i = 0; i < t.n_keys; i++)
                t.keys[i] = n->map_keys[i];
        qsort(t.keys, t.n_keys, sizeof(t.keys[0]), by_text);
        return t;
}

static struct apply_type type_of(const struct custom_node *n) {
        struct apply_type t = { .ops = &NODE_OPS, .node = n, .shape = APPLY_ATOMIC };

        if (n->type == CUSTOM_ARRAY)
                return type_of_list(n);
        if (n->type == CUSTOM_ANY && !n->is_int_or_string)
                return apply_type_deduced();
        if (n->type == CUSTOM_OBJECT && !n->is_map_atomic)
                t.shape = APPLY_OBJECT;
        return t;
}

static struct apply_type node_member(const struct apply_type *of, const char *name) {
        const struct custom_node *n = of->node, *below = custom_property(n, name);
        bool is_open = n->keeps_unknown || n->has_any_additional || n->is_embedded;
        struct apply_type t;

        if (below) {
                t = type_of(below);
                t.is_named = true;
                return t;
        }
        if (n->additional)
                return type_of(n->additional);
        t = apply_type_deduced();
        t.is_unknown = !is_open;
        return t;
}

static struct apply_type node_element(const struct apply_type *of) {
        const struct custom_node *n = of->node;

        return n->items ? type_of(n->items) : apply_type_deduced();
}

static json_t *node_key_default(const struct apply_type *of, const char *key) {
        const struct custom_node *list = of->node;
        const struct custom_node *n = list->items ? custom_property(list->items, key) : NULL;

        return n && n->initial ? json_deep_copy(n->initial) : NULL;
}

/* The object itself: apiVersion, kind and metadata are those of all objects. */
static struct apply_type root_member(const struct apply_type *of, const char *name) {
        struct apply_type t = { .shape = APPLY_ATOMIC, .is_named = true };
        const struct custom_node *root = of->node;

        if (str_eq(name, "apiVersion") || str_eq(name, "kind"))
                return t;
        if (str_eq(name, "metadata")) {
                t = apply_type_of(&object_meta_schema);
                t.is_named = true;
                t.is_embedded = true;
                return t;
        }
        return root ? node_member(of, name) : apply_type_deduced();
}

static const struct apply_ops NODE_OPS = {
        .member = node_member,
        .element = node_element,
        .key_default = node_key_default,
};
static const struct apply_ops ROOT_OPS = { .member = root_member };

struct apply_type kind_apply_type(const struct kind *k) {
        if (!k->custom)
                return apply_type_of(k->schema);
        return (struct apply_type){
                .ops = &ROOT_OPS,
                .node = k->custom->compiled.root,
                .shape = APPLY_OBJECT,
        };
}
