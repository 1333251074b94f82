/* RFC 7386. */
#include "api/patch/patch.h"
#include "api/patch/tree.h"

/* A new object of target's members, shared where the patch doesn't speak of them. target NULL:
 * none. NULL: memory is out. */
static json_t *merge_object(const json_t *target, const json_t *patch) {
        json_t *out = target ? tree_copy_members(target) : json_object();
        json_t *value, *old, *fresh;
        const char *key;

        if (!out)
                return NULL;
        json_object_foreach((json_t *) patch, key, value) {
                if (json_is_null(value)) {
                        (void) json_object_del(out, key);
                        continue;
                }
                old = json_object_get(out, key);
                fresh = json_is_object(value) && json_is_object(old)
                                ? merge_object(old, value)
                                : tree_copy_without_nulls(value);
                if (!fresh || json_object_set_new(out, key, fresh) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

int patch_merge(const json_t *tree, const json_t *patch, json_t **ret, struct err *e) {
        json_t *out;
        int r;

        r = tree_check_depth(patch, "patch", e);
        if (r < 0)
                return r;
        if (json_is_object(patch))
                out = merge_object(json_is_object(tree) ? tree : NULL, patch);
        else
                out = json_deep_copy(patch);
        if (!out)
                return tree_no_memory(e);
        *ret = out;
        return 0;
}
