#include "daemon/registry/admit_priority.h"

#include "api/kinds/classes.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <string.h>

#define POLICY_DEFAULT "PreemptLowerPriority"

/* ---- classes ---- */

/* The class that pods without one have: of several the lowest. The caller's; NULL: none. */
static json_t *default_class(struct call *c) {
        const struct kind *k = &priority_class_kind;
        struct kind_state *classes = registry_kind_named(c->registry, k->group, k->name);
        json_t *found = NULL;

        for (size_t i = 0; classes && i < classes->table.n; i++) {
                const struct record *r = classes->table.items[i];
                json_t *one;

                /* Most say nothing of it: their text tells without being parsed. */
                if (!memmem(r->json, r->json_len, "\"globalDefault\"", strlen("\"globalDefault\"")))
                        continue;
                one = record_tree(r);
                if (json_is_true(json_object_get(one, "globalDefault")) &&
                    (!found || json_integer_value(json_object_get(one, "value")) <
                                       json_integer_value(json_object_get(found, "value")))) {
                        json_decref(found);
                        found = json_incref(one);
                }
                json_decref(one);
        }
        return found;
}

/* The class of a pod. *ret NULL: it has none. False: answered. */
static bool class_find(struct call *c, const char *name, json_t **ret) {
        const struct kind *k = &priority_class_kind;
        AUTO_FREE char *why = NULL;
        struct record *r;

        if (str_is_empty(name)) {
                *ret = default_class(c);
                return true;
        }
        r = registry_find(c->registry, k->group, k->plural, "", name);
        *ret = r ? record_tree(r) : NULL;
        if (*ret)
                return true;
        why = r ? NULL : str_format("no PriorityClass with name %s was found", name);
        if (why)
                call_fail_forbidden(c, why, NULL);
        else
                call_fail_memory(c);
        return false;
}

static bool class_admit(struct call *c, const json_t *tree) {
        json_t *other =
                json_is_true(json_object_get(tree, "globalDefault")) ? default_class(c) : NULL;
        const char *name = tree_text(json_object_get(other, "metadata"), "name");
        AUTO_FREE char *why = NULL;

        if (other && !str_eq(name, c->name)) {
                why = str_format("PriorityClass %s is already marked as default. Only one default "
                                 "can exist",
                                 name);
                call_fail_forbidden(c, str_or_empty(why), NULL);
        }
        json_decref(other);
        return !why;
}

/* ---- pods ---- */

/* What a pod says must be what its class says. False: answered. */
static bool agrees(struct call *c, const json_t *spec, json_int_t priority, const char *policy) {
        const json_t *said = json_object_get(spec, "priority");
        const char *said_policy = tree_text(spec, "preemptionPolicy");
        AUTO_FREE char *why = NULL;

        if (json_is_integer(said) && json_integer_value(said) != priority)
                why = str_format("the integer value of priority (%" JSON_INTEGER_FORMAT
                                 ") must not be provided in pod spec; priority admission "
                                 "controller computed %" JSON_INTEGER_FORMAT
                                 " from the given PriorityClass name",
                                 json_integer_value(said), priority);
        else if (said_policy && !str_eq(said_policy, policy))
                why = str_format("the string value of PreemptionPolicy (%s) must not be provided "
                                 "in pod spec; priority admission controller computed %s from the "
                                 "given PriorityClass name",
                                 said_policy, policy);
        else
                return true;
        call_fail_forbidden(c, str_or_empty(why), NULL);
        return false;
}

static bool pod_admit(struct call *c, json_t *spec) {
        json_t *class_ = NULL;
        const char *policy;
        json_int_t priority;
        bool is_good;

        if (!class_find(c, tree_text(spec, "priorityClassName"), &class_))
                return false;
        priority = json_integer_value(json_object_get(class_, "value"));
        policy = tree_text(class_, "preemptionPolicy");
        if (str_is_empty(policy))
                policy = POLICY_DEFAULT;
        is_good = agrees(c, spec, priority, policy);
        if (is_good &&
            (json_object_set_new(spec, "priority", json_integer(priority)) < 0 ||
             json_object_set_new(spec, "preemptionPolicy", json_string(policy)) < 0 ||
             (class_ &&
              json_object_set(spec, "priorityClassName",
                              json_object_get(json_object_get(class_, "metadata"), "name")) < 0))) {
                call_fail_memory(c);
                is_good = false;
        }
        json_decref(class_);
        return is_good;
}

/* What a changed pod doesn't say stays. */
static bool pod_keep(struct call *c, json_t *spec, const json_t *was) {
        static const char *const KEPT[] = { "priority", "preemptionPolicy" };

        for (size_t i = 0; i < ARRAY_SIZE(KEPT); i++) {
                json_t *old = json_object_get(was, KEPT[i]);

                if (!old || json_object_get(spec, KEPT[i]))
                        continue;
                if (json_object_set(spec, KEPT[i], old) < 0) {
                        call_fail_memory(c);
                        return false;
                }
        }
        return true;
}

bool admit_priority(struct call *c, json_t *tree, const json_t *was) {
        json_t *spec = json_object_get(tree, "spec");

        if (c->kind->resource.kind == &priority_class_kind)
                return class_admit(c, tree);
        if (c->kind->resource.kind != &pod_kind || !spec)
                return true;
        return was ? pod_keep(c, spec, json_object_get(was, "spec")) : pod_admit(c, spec);
}
