#include "api/patch/tree.h"

#include "api/patch/patch.h"

#include <string.h>

size_t tree_depth(const json_t *tree) {
        size_t deepest = 0, i;
        const char *key;
        json_t *item;

        if (!json_is_array(tree) && !json_is_object(tree))
                return 0;
        json_array_foreach(tree, i, item)
                deepest = MAX(deepest, tree_depth(item));
        json_object_foreach((json_t *) tree, key, item)
                deepest = MAX(deepest, tree_depth(item));
        return deepest + 1;
}

size_t tree_cost(const json_t *tree, size_t most) {
        size_t cost = 32 + json_string_length(tree), i;
        const char *key;
        json_t *item;

        json_array_foreach(tree, i, item) {
                if (cost > most)
                        return cost;
                cost += tree_cost(item, most - cost);
        }
        json_object_foreach((json_t *) tree, key, item) {
                cost += 32 + strlen(key);
                if (cost > most)
                        return cost;
                cost += tree_cost(item, most - cost);
        }
        return cost;
}

int tree_check_depth(const json_t *tree, const char *what, struct err *e) {
        if (tree_depth(tree) > PATCH_DEPTH_MAX)
                return err_set(e, -EINVAL, "the %s is nested deeper than %d levels", what,
                               PATCH_DEPTH_MAX);
        return 0;
}

json_t *tree_copy_members(const json_t *object) {
        json_t *out = json_copy((json_t *) object);

        /* jansson leaves members out in silence when memory is out. */
        if (json_object_size(out) == json_object_size(object))
                return out;
        json_decref(out);
        return NULL;
}

json_t *tree_copy_without_nulls(const json_t *tree) {
        json_t *out, *item, *copy;
        const char *key;

        if (!json_is_object(tree))
                return json_deep_copy(tree);
        out = json_object();
        json_object_foreach((json_t *) tree, key, item) {
                if (json_is_null(item))
                        continue;
                copy = tree_copy_without_nulls(item);
                if (!out || json_object_set_new(out, key, copy) < 0) {
                        if (!out)
                                json_decref(copy);
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

int tree_no_memory(struct err *e) {
        return err_set(e, -ENOMEM, "out of memory");
}
