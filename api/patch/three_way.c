/* The patch that kubectl apply sends: what wanted says differently from live, and what last_applied
 * had and wanted has no more. */
#include "api/patch/patch.h"
#include "api/patch/tree.h"
#include "base/str.h"

#include <string.h>

/* Puts value under a name made of two parts; takes it. Returns 0 or -ENOMEM. */
static int three_way_set(json_t *out, const char *prefix, const char *name, json_t *take_value) {
        AUTO_FREE char *key = str_format("%s%s", prefix, name);

        if (!key) {
                json_decref(take_value);
                return -ENOMEM;
        }
        return !take_value || json_object_set_new(out, key, take_value) < 0 ? -ENOMEM : 0;
}

static bool three_way_has(const json_t *object, const char *key) {
        const json_t *value = json_object_get(object, key);

        return value && !json_is_null(value);
}

static json_t *three_way_find(const json_t *list, const char *merge_key, const json_t *like) {
        const json_t *key = merge_key ? json_object_get(like, merge_key) : like;
        json_t *item;
        size_t i;

        json_array_foreach(list, i, item) {
                const json_t *its = merge_key ? json_object_get(item, merge_key) : item;

                if (key && its && json_equal(key, its))
                        return item;
        }
        return NULL;
}

static int three_way_map(const struct schema *s, const json_t *last, const json_t *wanted,
                         const json_t *live, json_t *out, struct err *e);

/* Whether the elements of wanted stand in live in another order. */
static bool three_way_is_reordered(const char *merge_key, const json_t *wanted,
                                   const json_t *live) {
        size_t at = 0, i, j;
        json_t *item, *other;

        json_array_foreach(wanted, i, item) {
                other = three_way_find(live, merge_key, item);
                if (!other)
                        continue;
                for (j = 0; j < json_array_size(live); j++)
                        if (json_array_get(live, j) == other)
                                break;
                if (j < at)
                        return true;
                at = j;
        }
        return false;
}

/* $setElementOrder: wanted's elements, or their keys. */
static int three_way_order(const struct field *f, const json_t *wanted, json_t *out) {
        json_t *order = json_array(), *item;
        size_t i;
        int r = order ? 0 : -ENOMEM;

        json_array_foreach(wanted, i, item) {
                if (r == 0 && f->merge_key)
                        r = json_array_append_new(order,
                                                  json_pack("{s:O}", f->merge_key,
                                                            json_object_get(item, f->merge_key)));
                else if (r == 0)
                        r = json_array_append_new(order, json_deep_copy(item));
        }
        if (r < 0) {
                json_decref(order);
                return -ENOMEM;
        }
        return three_way_set(out, "$setElementOrder/", f->name, order);
}

/* $retainKeys, so that a member which wanted doesn't have leaves live. */
static int three_way_retain(const json_t *wanted, json_t *diff) {
        json_t *names = json_array(), *value;
        const char *name;
        int r = names ? 0 : -ENOMEM;

        json_object_foreach((json_t *) wanted, name, value) {
                if (r == 0 && !json_is_null(value) &&
                    json_array_append_new(names, json_string(name)) < 0)
                        r = -ENOMEM;
        }
        if (r < 0) {
                json_decref(names);
                return r;
        }
        return json_object_set_new(diff, "$retainKeys", names) < 0 ? -ENOMEM : 0;
}

/* Adds the patch of one element that both have, or the element. */
static int three_way_element(const struct field *f, const json_t *last, const json_t *wanted,
                             const json_t *live, json_t *patch, struct err *e) {
        json_t *diff;
        int r;

        if (!live)
                return json_array_append_new(patch, tree_copy_without_nulls(wanted)) < 0 ? -ENOMEM
                                                                                         : 0;
        diff = json_object();
        r = diff ? three_way_map(f->schema, last, wanted, live, diff, e) : -ENOMEM;
        if (r == 0 && json_object_size(diff) > 0) {
                r = json_object_set(diff, f->merge_key, json_object_get(wanted, f->merge_key));
                if (r == 0 && f->flags & FIELD_RETAIN_KEYS)
                        r = three_way_retain(wanted, diff);
                if (r == 0)
                        r = json_array_append(patch, diff);
                if (r < 0)
                        r = -ENOMEM;
        }
        json_decref(diff);
        return r;
}

/* Fills patch with the differences of a keyed list. */
static int three_way_elements(const struct field *f, const json_t *const lists[3], json_t *patch,
                              struct err *e) {
        const json_t *last = lists[0], *wanted = lists[1], *live = lists[2];
        json_t *item, *gone;
        size_t i;
        int r;

        json_array_foreach(wanted, i, item) {
                if (!json_object_get(item, f->merge_key))
                        return err_set(e, -EINVAL, "an element of %s lacks its key \"%s\"", f->name,
                                       f->merge_key);
                r = three_way_element(f, three_way_find(last, f->merge_key, item), item,
                                      three_way_find(live, f->merge_key, item), patch, e);
                if (r < 0)
                        return r;
        }
        json_array_foreach(last, i, item) {
                if (three_way_find(wanted, f->merge_key, item) ||
                    !three_way_find(live, f->merge_key, item))
                        continue;
                gone = json_pack("{s:s, s:O}", "$patch", "delete", f->merge_key,
                                 json_object_get(item, f->merge_key));
                if (!gone || json_array_append_new(patch, gone) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int three_way_keyed_list(const struct field *f, const json_t *const lists[3], json_t *out,
                                struct err *e) {
        json_t *patch = json_array();
        bool is_changed;
        int r;

        r = patch ? three_way_elements(f, lists, patch, e) : -ENOMEM;
        is_changed = json_array_size(patch) > 0;
        if (r == 0 && (is_changed || three_way_is_reordered(f->merge_key, lists[1], lists[2])))
                r = three_way_order(f, lists[1], out);
        if (r == 0 && is_changed)
                return json_object_set_new(out, f->name, patch) < 0 ? -ENOMEM : 0;
        json_decref(patch);
        return r;
}

/* Values that left the set, and those that joined it. */
static int three_way_set_list(const struct field *f, const json_t *const lists[3], json_t *out) {
        const json_t *last = lists[0], *wanted = lists[1], *live = lists[2];
        json_t *gone = json_array(), *fresh = json_array(), *item;
        size_t i;
        int r = gone && fresh ? 0 : -ENOMEM;

        json_array_foreach(last, i, item) {
                if (r == 0 && !three_way_find(wanted, NULL, item) &&
                    three_way_find(live, NULL, item))
                        r = json_array_append_new(gone, json_deep_copy(item));
        }
        json_array_foreach(wanted, i, item) {
                if (r == 0 && !three_way_find(live, NULL, item))
                        r = json_array_append_new(fresh, json_deep_copy(item));
        }
        if (r == 0 && (json_array_size(gone) > 0 || json_array_size(fresh) > 0))
                r = three_way_order(f, wanted, out);
        if (r == 0 && json_array_size(gone) > 0)
                r = three_way_set(out, "$deleteFromPrimitiveList/", f->name, json_incref(gone));
        if (r == 0 && json_array_size(fresh) > 0)
                r = json_object_set(out, f->name, fresh);
        json_decref(gone);
        json_decref(fresh);
        return r < 0 ? -ENOMEM : 0;
}

/* The patch of an object that both have. */
static int three_way_object(const struct field *f, const char *key, const json_t *const objects[3],
                            json_t *out, struct err *e) {
        const struct schema *s = f && f->shape == FIELD_ONE ? f->schema : NULL;
        json_t *diff = json_object();
        int r;

        r = diff ? three_way_map(s, objects[0], objects[1], objects[2], diff, e) : -ENOMEM;
        if (r < 0 || json_object_size(diff) == 0) {
                json_decref(diff);
                return r;
        }
        if (f && f->flags & FIELD_RETAIN_KEYS)
                r = three_way_retain(objects[1], diff);
        if (r < 0) {
                json_decref(diff);
                return r;
        }
        return json_object_set_new(out, key, diff) < 0 ? -ENOMEM : 0;
}

static int three_way_value(const struct field *f, const char *key, const json_t *const values[3],
                           json_t *out, struct err *e) {
        const json_t *wanted = values[1], *live = values[2];
        bool is_merged_list = f && f->shape == FIELD_LIST && f->patch == FIELD_PATCH_MERGE;
        json_t *copy;

        if (json_is_object(wanted) && json_is_object(live) &&
            !(f && f->patch == FIELD_PATCH_REPLACE))
                return three_way_object(f, key, values, out, e);
        if (is_merged_list &&
            (json_array_size(wanted) > PATCH_LIST_MAX || json_array_size(live) > PATCH_LIST_MAX))
                return err_set(e, -EINVAL, "list %s is too long to be merged: at most %d elements",
                               key, PATCH_LIST_MAX);
        if (json_is_array(wanted) && json_is_array(live) && is_merged_list)
                return f->merge_key ? three_way_keyed_list(f, values, out, e)
                                    : three_way_set_list(f, values, out);
        if (live && json_equal(wanted, live))
                return 0;
        copy = tree_copy_without_nulls(wanted);
        return !copy || json_object_set_new(out, key, copy) < 0 ? -ENOMEM : 0;
}

static int three_way_map(const struct schema *s, const json_t *last, const json_t *wanted,
                         const json_t *live, json_t *out, struct err *e) {
        const char *key;
        json_t *value;
        int r;

        json_object_foreach((json_t *) wanted, key, value) {
                const json_t *const values[3] = { json_object_get(last, key), value,
                                                  json_object_get(live, key) };

                if (json_is_null(value))
                        continue;
                r = three_way_value(s ? schema_field(s, key) : NULL, key, values, out, e);
                if (r < 0)
                        return r;
        }
        json_object_foreach((json_t *) last, key, value) {
                if (json_is_null(value) || three_way_has(wanted, key) || !three_way_has(live, key))
                        continue;
                if (json_object_set_new(out, key, json_null()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int patch_three_way(const struct schema *s, const json_t *last_applied, const json_t *wanted,
                    const json_t *live, json_t **ret, struct err *e) {
        json_t *out;
        int r;

        if (!json_is_object(wanted) || !json_is_object(live))
                return err_set(e, -EINVAL, "objects to compare must be maps of fields");
        r = tree_check_depth(wanted, "object", e);
        if (r == 0 && last_applied)
                r = tree_check_depth(last_applied, "last applied object", e);
        if (r < 0)
                return r;
        out = json_object();
        r = out ? three_way_map(s, last_applied, wanted, live, out, e) : -ENOMEM;
        if (r < 0) {
                json_decref(out);
                return r == -ENOMEM ? tree_no_memory(e) : r;
        }
        *ret = out;
        return 0;
}
