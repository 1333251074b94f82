#include "daemon/registry/admit_rbac.h"

#include "api/kinds/object.h"
#include "api/patch/tree.h"
#include "base/str.h"
#include "daemon/plan/rbac.h"
#include "daemon/plan/rbac_rule.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/call.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"

#include <jansson.h>
#include <stdlib.h>

/* What the garbage collector and the server themselves change. */
static const char *const HOUSEKEEPING[] = {
        "ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation",
};

/* Everything else of an object, the caller's; NULL: memory is out. */
static json_t *substance(const json_t *tree) {
        json_t *copy = tree_copy_members(tree), *meta;

        meta = tree_copy_members(json_object_get(tree, "metadata"));
        for (size_t i = 0; meta && i < ARRAY_SIZE(HOUSEKEEPING); i++)
                (void) json_object_del(meta, HOUSEKEEPING[i]);
        if (copy && json_object_set_new(copy, "metadata", meta) == 0)
                return copy;
        json_decref(copy);
        return NULL;
}

/* Labels count: they choose the parts of other roles. */
static bool is_housekeeping(const json_t *tree, const json_t *was) {
        json_t *fresh = was ? substance(tree) : NULL, *old = was ? substance(was) : NULL;
        bool is_equal = fresh && old && json_equal(fresh, old);

        json_decref(fresh);
        json_decref(old);
        return is_equal;
}

static bool may(struct call *c, const char *verb, const char *resource, const char *name) {
        const struct access a = {
                .verb = verb,
                .group = RBAC_GROUP,
                .resource = resource,
                .subresource = "",
                .namespace_ = c->path.namespace_,
                .name = str_or_empty(name),
        };

        return authorize_decide(c->registry, c->user, &a, NULL);
}

static void refuse(struct call *c, const struct policy_rule *missing) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_addf(&b, "user \"%s\" (groups=[", c->user->name);
        for (size_t i = 0; i < c->user->n_groups; i++)
                strbuf_addf(&b, "%s\"%s\"", i > 0 ? " " : "", c->user->groups[i]);
        strbuf_add(&b, "]) is attempting to grant RBAC permissions not currently held:\n");
        rbac_rule_format(missing, &b);
        if (b.has_failed)
                call_fail_memory(c);
        else
                call_fail_forbidden(c, b.s, NULL);
}

/* Whether the user has all of these rules where the object would hold. False: answered. */
static bool rules_are_held(struct call *c, const struct policy_rules *wanted) {
        const struct access_user who =
                authorize_user(c->user->name, c->user->groups, c->user->n_groups);
        const struct policy_rule *missing = NULL;
        struct policy_rules owned = { 0 };
        int r;

        r = rbac_rules_of(c->registry->rbac, &who, c->path.namespace_, &owned);
        if (r == 0)
                r = rbac_rules_cover(&owned, wanted, &missing);
        free(owned.items);
        if (r == -ENOMEM)
                call_fail_memory(c);
        else if (r == -E2BIG)
                call_fail_forbidden(c,
                                    "the rules have too many parts to be compared with those of "
                                    "the user: write them as several roles",
                                    NULL);
        else if (r < 0)
                refuse(c, missing);
        return r == 0;
}

/* Selectors may choose any role, now or later: that is for those who may do everything. */
static bool aggregation_is_held(struct call *c, const struct object *o) {
        static const char *const ALL[] = { "*" };
        const struct strings all = { .items = (const char **) (void *) ALL, .n = 1 };
        struct policy_rule rules[] = {
                { .verbs = all, .api_groups = all, .resources = all },
                { .verbs = all, .non_resource_urls = all },
        };
        const struct policy_rules full = { .items = rules, .n = ARRAY_SIZE(rules) };

        return o->kind != &cluster_role_kind || !OBJECT_AS(cluster_role, o)->aggregation_rule ||
               rules_are_held(c, &full);
}

static bool role_admit(struct call *c, const struct object *o) {
        const struct role *role = (const struct role *) o->meta;

        if (may(c, "escalate", o->kind->plural, o->meta->name))
                return true;
        return rules_are_held(c, &role->rules) && aggregation_is_held(c, o);
}

static bool binding_admit(struct call *c, const struct object *o) {
        const struct role_ref *ref = &((const struct role_binding *) o->meta)->role_ref;
        const char *plural = str_eq(ref->kind, "Role") ? "roles" : "clusterroles";
        const struct role *role;

        if (may(c, "bind", plural, ref->name))
                return true;
        role = rbac_role(c->registry->rbac, c->path.namespace_, ref);
        if (role)
                return rules_are_held(c, &role->rules);
        call_fail(c, 404, "NotFound", "%s." RBAC_GROUP " \"%s\" not found", plural, ref->name);
        return false;
}

bool admit_rbac(struct call *c, const json_t *tree, const json_t *was) {
        const struct kind *k = c->kind->resource.kind;
        AUTO(object) struct object *o = NULL;

        if (!rbac_has_kind(k) || user_has_group(c->user, USER_GROUP_MASTERS) ||
            is_housekeeping(tree, was))
                return true;
        if (object_new_from_json(k, tree, false, &o, NULL) < 0) {
                call_fail_memory(c);
                return false;
        }
        return k == &role_kind || k == &cluster_role_kind ? role_admit(c, o) : binding_admit(c, o);
}
