/* Strategic merge: what a merge patch can't say about lists is said by the tables and by
 * directives.
 *
 *      "$patch": "replace" | "delete" | "merge"       in an object or a list's element
 *      "$retainKeys": [...]                           keys that stay; others of the object go
 *      "$setElementOrder/F": [...]                    order of list F afterwards
 *      "$deleteFromPrimitiveList/F": [...]            values that leave list F
 */
#include "api/patch/patch.h"
#include "api/patch/tree.h"
#include "base/str.h"

#include <string.h>

#define DIRECTIVE_PATCH "$patch"
#define DIRECTIVE_RETAIN "$retainKeys"
#define DIRECTIVE_ORDER "$setElementOrder/"
#define DIRECTIVE_DELETE "$deleteFromPrimitiveList/"

static int strategic_map(const struct schema *s, json_t *target, const json_t *patch,
                         struct err *e);

static bool strategic_is_directive(const char *key) {
        return str_eq(key, DIRECTIVE_PATCH) || str_eq(key, DIRECTIVE_RETAIN) ||
               str_starts_with(key, DIRECTIVE_ORDER) || str_starts_with(key, DIRECTIVE_DELETE);
}

static const char *strategic_directive(const json_t *patch) {
        return json_string_value(json_object_get(patch, DIRECTIVE_PATCH));
}

static int strategic_find(const json_t *list, const char *merge_key, const json_t *value) {
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *item = json_array_get(list, i);

                if (merge_key)
                        item = json_object_get(item, merge_key);
                if (item && json_equal(item, value))
                        return (int) i;
        }
        return -1;
}

/* take_tree with the patch in it. NULL: memory is out. */
static int strategic_into(const struct schema *s, json_t *take_tree, const json_t *patch,
                          json_t **ret, struct err *e) {
        int r;

        if (!take_tree)
                return tree_no_memory(e);
        r = strategic_map(s, take_tree, patch, e);
        if (r < 0) {
                json_decref(take_tree);
                return r;
        }
        *ret = take_tree;
        return 0;
}

/* What a patch's value becomes where there is nothing to merge it with: itself, without directives.
 */
static int strategic_fresh(const struct schema *s, const json_t *patch, json_t **ret,
                           struct err *e) {
        return strategic_into(s, json_object(), patch, ret, e);
}

/* One element of a keyed list's patch. */
static int strategic_element(const struct field *f, json_t *list, const json_t *patch,
                             struct err *e) {
        const json_t *key = json_object_get(patch, f->merge_key);
        const char *directive = strategic_directive(patch);
        json_t *fresh = NULL;
        int at, r;

        if (!key)
                return err_set(e, -EINVAL, "an element of %s in the patch lacks its key \"%s\"",
                               f->name, f->merge_key);
        at = strategic_find(list, f->merge_key, key);
        if (str_eq(directive, "delete")) {
                for (; at >= 0; at = strategic_find(list, f->merge_key, key))
                        (void) json_array_remove(list, (size_t) at);
                return 0;
        }
        if (at >= 0)
                return strategic_map(f->schema, json_array_get(list, (size_t) at), patch, e);
        r = strategic_fresh(f->schema, patch, &fresh, e);
        if (r < 0)
                return r;
        return json_array_append_new(list, fresh) < 0 ? tree_no_memory(e) : 0;
}

static bool strategic_replaces_list(const json_t *patch) {
        for (size_t i = 0; i < json_array_size(patch); i++)
                if (str_eq(strategic_directive(json_array_get(patch, i)), "replace"))
                        return true;
        return false;
}

static int strategic_keyed_list(const struct field *f, json_t *list, const json_t *patch,
                                struct err *e) {
        bool is_replaced = strategic_replaces_list(patch);
        json_t *item;
        size_t i;
        int r;

        if (is_replaced)
                (void) json_array_clear(list);
        json_array_foreach(patch, i, item) {
                if (is_replaced && strategic_directive(item))
                        continue;
                if (!json_is_object(item))
                        return err_set(e, -EINVAL, "elements of %s must be maps of fields",
                                       f->name);
                r = strategic_element(f, list, item, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int strategic_set(json_t *list, const json_t *patch, struct err *e) {
        json_t *item;
        size_t i;

        json_array_foreach(patch, i, item) {
                if (strategic_find(list, NULL, item) >= 0)
                        continue;
                if (json_array_append_new(list, json_deep_copy(item)) < 0)
                        return tree_no_memory(e);
        }
        return 0;
}

static int strategic_list(const struct field *f, json_t *target, const json_t *patch,
                          struct err *e) {
        json_t *list = json_object_get(target, f->name);

        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(target, f->name, list) < 0)
                        return tree_no_memory(e);
        }
        if (json_array_size(list) > PATCH_LIST_MAX || json_array_size(patch) > PATCH_LIST_MAX)
                return err_set(e, -EINVAL, "list %s is too long to be merged: at most %d elements",
                               f->name, PATCH_LIST_MAX);
        return f->merge_key ? strategic_keyed_list(f, list, patch, e)
                            : strategic_set(list, patch, e);
}

static int strategic_value(const struct field *f, json_t *target, const char *key,
                           const json_t *value, struct err *e) {
        const struct schema *s = f && f->shape == FIELD_ONE ? f->schema : NULL;
        json_t *old = json_object_get(target, key), *fresh = NULL;
        int r;

        if (json_is_null(value)) {
                (void) json_object_del(target, key);
                return 0;
        }
        if (json_is_array(value) && f && f->shape == FIELD_LIST && f->patch == FIELD_PATCH_MERGE)
                return strategic_list(f, target, value, e);
        if (!json_is_object(value)) {
                fresh = json_deep_copy(value);
        } else if (json_is_object(old) && !(f && f->patch == FIELD_PATCH_REPLACE)) {
                return strategic_map(s, old, value, e);
        } else {
                r = strategic_fresh(s, value, &fresh, e);
                if (r < 0)
                        return r;
        }
        return !fresh || json_object_set_new(target, key, fresh) < 0 ? tree_no_memory(e) : 0;
}

static int strategic_retain(json_t *target, const json_t *patch, struct err *e) {
        const json_t *keys = json_object_get(patch, DIRECTIVE_RETAIN);
        const char *key;
        json_t *value;
        void *next;

        if (!keys)
                return 0;
        if (!json_is_array(keys))
                return err_set(e, -EINVAL, "$retainKeys must be a list of names");
        json_object_foreach_safe(target, next, key, value) {
                json_t *name = json_string(key);

                if (!name)
                        return tree_no_memory(e);
                if (strategic_find(keys, NULL, name) < 0)
                        (void) json_object_del(target, key);
                json_decref(name);
        }
        return 0;
}

static int strategic_delete_values(json_t *target, const char *key, const json_t *values,
                                   struct err *e) {
        json_t *list = json_object_get(target, key + strlen(DIRECTIVE_DELETE)), *item;
        size_t i;

        if (json_array_size(list) > PATCH_LIST_MAX || json_array_size(values) > PATCH_LIST_MAX)
                return err_set(e, -EINVAL, "%.100s is too long: at most %d elements", key,
                               PATCH_LIST_MAX);
        json_array_foreach(values, i, item) {
                for (int at = strategic_find(list, NULL, item); at >= 0;
                     at = strategic_find(list, NULL, item))
                        (void) json_array_remove(list, (size_t) at);
        }
        return 0;
}

/* Where an element stands in a list of elements (or of their keys); -1: nowhere. */
static int strategic_rank(const json_t *order, const char *merge_key, const json_t *item) {
        return strategic_find(order, merge_key,
                              merge_key ? json_object_get(item, merge_key) : item);
}

/* Whether the element that only the server has goes before the one that the patch names. */
static bool strategic_goes_first(const json_t *before, const char *merge_key, const json_t *ours,
                                 const json_t *named) {
        int a = strategic_rank(before, merge_key, ours),
            b = strategic_rank(before, merge_key, named);

        return a >= 0 && b >= 0 && a < b;
}

/* Puts a list into the order that the patch names. Elements that it doesn't name keep their place
 * relative to the others as far as that was known before. */
static int strategic_order(json_t *list, const char *merge_key, const json_t *order,
                           const json_t *before, struct err *e) {
        json_t *ours = json_array(), *named = json_array(), *item, *out = json_array();
        size_t i, a = 0, b = 0;
        int r = ours && named && out ? 0 : -ENOMEM;

        json_array_foreach(order, i, item) {
                int at = strategic_rank(list, merge_key, item);

                if (r == 0 && at >= 0 && strategic_rank(named, merge_key, item) < 0)
                        r = json_array_append(named, json_array_get(list, (size_t) at));
        }
        json_array_foreach(list, i, item) {
                if (r == 0 && strategic_rank(named, merge_key, item) < 0)
                        r = json_array_append(ours, item);
        }
        while (r == 0 && (a < json_array_size(ours) || b < json_array_size(named))) {
                json_t *x = json_array_get(ours, a), *y = json_array_get(named, b);

                if (x && (!y || strategic_goes_first(before, merge_key, x, y))) {
                        r = json_array_append(out, x);
                        a++;
                } else {
                        r = json_array_append(out, y);
                        b++;
                }
        }
        if (r == 0) {
                (void) json_array_clear(list);
                r = json_array_extend(list, out);
        }
        json_decref(ours);
        json_decref(named);
        json_decref(out);
        return r < 0 ? tree_no_memory(e) : 0;
}

/* before: the object as it was, for the lists' old order. */
static int strategic_orders(const struct schema *s, json_t *target, const json_t *patch,
                            const json_t *before, struct err *e) {
        const char *key;
        json_t *order;
        int r;

        json_object_foreach((json_t *) patch, key, order) {
                const char *name = key + strlen(DIRECTIVE_ORDER);
                const struct field *f;
                json_t *list;

                if (!str_starts_with(key, DIRECTIVE_ORDER))
                        continue;
                f = s ? schema_field(s, name) : NULL;
                list = json_object_get(target, name);
                if (!json_is_array(order))
                        return err_set(e, -EINVAL, "%.100s must be a list", key);
                if (!json_is_array(list))
                        continue;
                if (json_array_size(list) > PATCH_LIST_MAX ||
                    json_array_size(order) > PATCH_LIST_MAX)
                        return err_set(e, -EINVAL, "%.100s is too long: at most %d elements", key,
                                       PATCH_LIST_MAX);
                r = strategic_order(list, f ? f->merge_key : NULL, order,
                                    json_object_get(before, name), e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool strategic_has_order(const json_t *patch) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) patch, key, value) {
                if (str_starts_with(key, DIRECTIVE_ORDER))
                        return true;
        }
        return false;
}

static int strategic_members(const struct schema *s, json_t *target, const json_t *patch,
                             struct err *e) {
        const char *key;
        json_t *value;
        int r;

        r = strategic_retain(target, patch, e);
        if (r < 0)
                return r;
        json_object_foreach((json_t *) patch, key, value) {
                r = str_starts_with(key, DIRECTIVE_DELETE)
                            ? strategic_delete_values(target, key, value, e)
                            : 0;
                if (r < 0)
                        return r;
        }
        json_object_foreach((json_t *) patch, key, value) {
                if (strategic_is_directive(key))
                        continue;
                r = strategic_value(s ? schema_field(s, key) : NULL, target, key, value, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Merges patch into target, both objects. s NULL: nothing is known about the fields. */
static int strategic_map(const struct schema *s, json_t *target, const json_t *patch,
                         struct err *e) {
        const char *directive = strategic_directive(patch);
        json_t *before = NULL;
        int r;

        if (json_object_get(patch, DIRECTIVE_PATCH) && !str_eq(directive, "merge") &&
            !str_eq(directive, "replace") && !str_eq(directive, "delete"))
                return err_set(e, -EINVAL, "$patch must be merge, replace or delete, not \"%.64s\"",
                               str_or_empty(directive));
        if (str_eq(directive, "replace") || str_eq(directive, "delete"))
                (void) json_object_clear(target);
        if (str_eq(directive, "delete"))
                return 0;
        if (strategic_has_order(patch)) {
                before = json_deep_copy(target);
                if (!before)
                        return tree_no_memory(e);
        }
        r = strategic_members(s, target, patch, e);
        if (r == 0 && before)
                r = strategic_orders(s, target, patch, before, e);
        json_decref(before);
        return r;
}

/* The member of an object that a patch's key speaks of: "$setElementOrder/ports" of ports. */
static const char *strategic_subject(const char *key) {
        const char *slash = key[0] == '$' ? strchr(key, '/') : NULL;

        return slash ? slash + 1 : key;
}

/* The tree with own copies of the members that a patch speaks of. NULL: memory is out. */
static json_t *strategic_start(const json_t *tree, const json_t *patch) {
        json_t *out = tree_copy_members(tree), *value, *old;
        const char *key;

        if (!out)
                return NULL;
        json_object_foreach((json_t *) patch, key, value) {
                const char *name = strategic_subject(key);

                old = json_object_get(tree, name);
                if (!old || json_object_get(out, name) != old)
                        continue;
                if (json_object_set_new(out, name, json_deep_copy(old)) < 0) {
                        json_decref(out);
                        return NULL;
                }
        }
        return out;
}

int patch_strategic(const struct schema *s, const json_t *tree, const json_t *patch, json_t **ret,
                    struct err *e) {
        int r;

        if (!json_is_object(patch) || !json_is_object(tree))
                return err_set(e, -EINVAL, "a strategic merge patch must be a map of fields");
        r = tree_check_depth(patch, "patch", e);
        if (r < 0)
                return r;
        return strategic_into(s, strategic_start(tree, patch), patch, ret, e);
}
