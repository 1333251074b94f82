#include "daemon/plan/rbac_plan.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/rbac.h"
#include "base/str.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/rbac_defaults.h"

#define AUTOUPDATE "rbac.authorization.kubernetes.io/autoupdate"

/* ---- lists of trees ---- */

static bool list_has(const json_t *list, const json_t *item) {
        json_t *one;
        size_t i;

        json_array_foreach((json_t *) list, i, one) {
                if (json_equal(one, item))
                        return true;
        }
        return false;
}

/* has and what it lacks of wanted; NULL when it lacks nothing or memory is out (*ok is false). */
static json_t *list_complete(const json_t *has, const json_t *wanted, bool *ok) {
        json_t *list = has ? json_copy((json_t *) has) : json_array(), *one;
        bool is_complete = true;
        size_t i;

        json_array_foreach((json_t *) wanted, i, one) {
                if (list_has(list, one))
                        continue;
                is_complete = false;
                *ok = *ok && json_array_append(list, one) == 0;
        }
        *ok = *ok && list;
        if (*ok && !is_complete)
                return list;
        json_decref(list);
        return NULL;
}

/* ---- defaults ---- */

static bool add_list(json_t *patch, const char *key, const json_t *now, const json_t *wanted) {
        bool ok = true;
        json_t *list = list_complete(json_object_get(now, key), json_object_get(wanted, key), &ok);

        return ok && (!list || tree_set(patch, key, list));
}

/* Pairs of metadata.KEY that are missing. */
static bool add_pairs(json_t *patch, const char *key, const json_t *now, const json_t *wanted) {
        const json_t *has = json_object_get(json_object_get(now, "metadata"), key);
        json_t *missing = json_object(), *meta, *value;
        const char *name;
        bool ok = missing;

        json_object_foreach(json_object_get(json_object_get(wanted, "metadata"), key), name,
                            value) {
                if (!json_object_get(has, name))
                        ok = ok && json_object_set(missing, name, value) == 0;
        }
        if (!ok || json_object_size(missing) == 0) {
                json_decref(missing);
                return ok;
        }
        meta = json_object_get(patch, "metadata");
        if (!meta) {
                meta = json_object();
                if (!tree_set(patch, "metadata", meta)) {
                        json_decref(missing);
                        return false;
                }
        }
        return tree_set(meta, key, missing);
}

/* A role made of others lacks selectors, never rules: those follow. */
static bool add_body(json_t *patch, const json_t *now, const json_t *wanted) {
        const json_t *rule = json_object_get(wanted, "aggregationRule");
        json_t *inner;

        if (!rule)
                return add_list(patch, "rules", now, wanted) &&
                       add_list(patch, "subjects", now, wanted);
        inner = json_object();
        if (!add_list(inner, "clusterRoleSelectors", json_object_get(now, "aggregationRule"),
                      rule)) {
                json_decref(inner);
                return false;
        }
        if (json_object_size(inner) > 0)
                return tree_set(patch, "aggregationRule", inner);
        json_decref(inner);
        return true;
}

static void default_mend(const struct object *now, const json_t *tree, const json_t *wanted,
                         struct changes *c) {
        json_t *patch = json_object();

        if (!patch || !add_pairs(patch, "labels", tree, wanted) ||
            !add_pairs(patch, "annotations", tree, wanted) || !add_body(patch, tree, wanted))
                c->has_failed = true;
        if (c->has_failed || json_object_size(patch) == 0)
                json_decref(patch);
        else
                (void) changes_patch(c, now, NULL, patch);
}

/* The role of a binding can't change. */
static void default_remake(const struct object *now, json_t *wanted, struct changes *c) {
        (void) changes_delete(c, now, NULL);
        (void) changes_create(c, now->kind, json_incref(wanted));
}

int rbac_default_plan(size_t index, const struct object *now, struct changes *c, struct err *e) {
        json_t *wanted = rbac_default_tree(index), *tree;

        if (!now || !wanted) {
                (void) changes_create(c, rbac_default_kind(index), wanted);
                return changes_check(c, e);
        }
        tree = object_json(now);
        if (!tree)
                c->has_failed = true;
        else if (str_eq(string_map_get(&now->meta->annotations, AUTOUPDATE), "false"))
                ; /* as people want it */
        else if (now->kind == &cluster_role_binding_kind &&
                 !json_equal(json_object_get(tree, "roleRef"), json_object_get(wanted, "roleRef")))
                default_remake(now, wanted, c);
        else
                default_mend(now, tree, wanted, c);
        json_decref(tree);
        json_decref(wanted);
        return changes_check(c, e);
}

/* ---- aggregation ---- */

static bool is_chosen(const struct cluster_role *by, const struct object *role) {
        for (size_t i = 0; i < by->aggregation_rule->cluster_role_selectors.n; i++)
                if (label_selector_matches(&by->aggregation_rule->cluster_role_selectors.items[i],
                                           &role->meta->labels))
                        return true;
        return false;
}

/* False: memory is out. */
static bool rules_append(json_t *rules, const struct object *role) {
        json_t *tree = object_json(role), *one;
        bool ok = tree;
        size_t i;

        json_array_foreach(json_object_get(tree, "rules"), i, one) {
                if (!list_has(rules, one))
                        ok = ok && json_array_append(rules, one) == 0;
        }
        json_decref(tree);
        return ok;
}

int rbac_aggregate_plan(const struct object *role, const struct object *const *all, size_t n,
                        struct changes *c, struct err *e) {
        const struct cluster_role *decoded = OBJECT_AS(cluster_role, role);
        json_t *rules, *tree;

        if (!decoded->aggregation_rule || role->meta->deletion_timestamp != 0)
                return 0;
        rules = json_array();
        c->has_failed |= !rules;
        for (size_t i = 0; i < n; i++)
                if (all[i] != role && is_chosen(decoded, all[i]))
                        c->has_failed |= !rules_append(rules, all[i]);
        tree = object_json(role);
        c->has_failed |= !tree;
        if (c->has_failed || json_equal(rules, json_object_get(tree, "rules")) ||
            (json_array_size(rules) == 0 && decoded->rules.n == 0))
                json_decref(rules);
        else
                (void) changes_patch(c, role, NULL, json_pack("{s:o}", "rules", rules));
        json_decref(tree);
        return changes_check(c, e);
}
