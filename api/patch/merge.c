/* RFC 7386. */
#include "api/patch/patch.h"
#include "api/patch/tree.h"

/* Merges the members of patch into target, both objects. Returns 0 or -ENOMEM. */
static int merge_into(json_t *target, const json_t *patch) {
        const char *key;
        json_t *value, *old, *fresh;
        int r;

        json_object_foreach((json_t *) patch, key, value) {
                if (json_is_null(value)) {
                        (void) json_object_del(target, key);
                        continue;
                }
                old = json_object_get(target, key);
                if (json_is_object(value) && json_is_object(old)) {
                        r = merge_into(old, value);
                        if (r < 0)
                                return r;
                        continue;
                }
                fresh = tree_copy_without_nulls(value);
                if (!fresh || json_object_set_new(target, key, fresh) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int patch_merge(const json_t *tree, const json_t *patch, json_t **ret, struct err *e) {
        json_t *out;
        int r;

        r = tree_check_depth(patch, "patch", e);
        if (r < 0)
                return r;
        if (!json_is_object(patch)) {
                out = json_deep_copy(patch);
        } else {
                out = json_is_object(tree) ? json_deep_copy(tree) : json_object();
                if (out && merge_into(out, patch) < 0) {
                        json_decref(out);
                        out = NULL;
                }
        }
        if (!out)
                return tree_no_memory(e);
        *ret = out;
        return 0;
}
