#include "daemon/plan/nodelifecycle_plan.h"

#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/taint.h"

#include <string.h>

/* Marks that this plan leaves, so that it knows its own work again. */
#define REASON_SILENT "NodeStatusUnknown"
#define REASON_POD_SILENT "NodeNotReady"

struct node_view {
        const struct nodelifecycle_facts *f;
        const struct node *n;
        bool is_silent;
        const char *status; /* of condition Ready as it should be */
};

/* Which taint key belongs to a state of Ready, NULL: none. */
static const char *taint_key_of(const char *ready_status) {
        if (str_eq(ready_status, "True"))
                return NULL;
        return str_eq(ready_status, "Unknown") ? TAINT_UNREACHABLE : TAINT_NOT_READY;
}

static bool taint_is_managed(const struct taint *t) {
        return str_eq(t->key, TAINT_UNREACHABLE) || str_eq(t->key, TAINT_NOT_READY);
}

static const struct taint *node_taint(const struct node *n, const char *key, const char *effect) {
        for (size_t i = 0; i < n->spec.taints.n; i++)
                if (str_eq(n->spec.taints.items[i].key, key) &&
                    str_eq(n->spec.taints.items[i].effect, effect))
                        return &n->spec.taints.items[i];
        return NULL;
}

/* ---- conditions ---- */

/* had NULL: the node never said anything about it. Otherwise it did, with a heartbeat's time or
 * without: that field is optional. */
static json_t *condition_unknown(const struct node_condition *had, const char *type, uint64_t now) {
        uint64_t since = had && str_eq(had->status, "Unknown") ? had->last_transition_time : now;

        return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "type", type, "status", "Unknown",
                         "lastHeartbeatTime", tree_time(had ? had->last_heartbeat_time : 0),
                         "lastTransitionTime", tree_time(since), "reason",
                         had ? REASON_SILENT : "NodeStatusNeverUpdated", "message",
                         had ? "Kubelet stopped posting node status."
                             : "Kubelet never posted node status.");
}

/* What the node itself says; the rest is others' and none of ours. */
static bool condition_is_nodes(const char *type) {
        static const char *const types[] = { "Ready", "MemoryPressure", "DiskPressure",
                                             "PIDPressure" };

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eq(type, types[i]))
                        return true;
        return false;
}

/* The node's conditions, Unknown each, the others' as they are; Ready is there in any case. */
static json_t *conditions_unknown(const struct node_view *v) {
        json_t *tree = object_json(v->f->node), *it, *list = json_array();
        bool has_ready = false, ok = tree && list;
        size_t i;

        json_array_foreach(json_object_get(json_object_get(tree, "status"), "conditions"), i, it) {
                const char *type = json_string_value(json_object_get(it, "type"));
                const struct node_condition *had = node_condition_find(&v->n->status, type);

                has_ready |= str_eq(type, "Ready");
                ok = ok &&
                     (had && condition_is_nodes(type)
                              ? json_array_append_new(
                                        list, condition_unknown(had, type, v->f->now_usec)) == 0
                              : json_array_append(list, it) == 0);
        }
        json_decref(tree);
        if (ok && !has_ready)
                ok = json_array_append_new(list,
                                           condition_unknown(NULL, "Ready", v->f->now_usec)) == 0;
        if (!ok) {
                json_decref(list);
                return NULL;
        }
        return list;
}

/* A node that renews its lease works: what was made Unknown for its silence goes back to what a
 * working node says. Conditions that say something else are the node's own. */
static json_t *conditions_restored(const struct node_view *v) {
        json_t *tree = object_json(v->f->node), *list, *it;
        bool ok = tree;
        size_t i;

        list = json_incref(json_object_get(json_object_get(tree, "status"), "conditions"));
        json_decref(tree);
        json_array_foreach(list, i, it) {
                bool is_ready = str_eq(json_string_value(json_object_get(it, "type")), "Ready");

                if (!str_eq(json_string_value(json_object_get(it, "reason")), REASON_SILENT))
                        continue;
                ok = ok && tree_set(it, "status", json_string(is_ready ? "True" : "False")) &&
                     tree_set(it, "lastTransitionTime", tree_time(v->f->now_usec)) &&
                     tree_set(it, "reason", json_string("KubeletReady")) &&
                     tree_set(it, "message", json_string("the node renews its lease again"));
        }
        if (!ok) {
                json_decref(list);
                return NULL;
        }
        return list;
}

static void plan_restore(const struct node_view *v, struct changes *c) {
        const struct node_condition *ready = node_condition_find(&v->n->status, "Ready");
        struct change *it;

        if (!ready || !str_eq(ready->status, "Unknown") || !str_eq(ready->reason, REASON_SILENT))
                return;
        it = changes_patch(c, v->f->node, "status",
                           json_pack("{s:{s:o}}", "status", "conditions", conditions_restored(v)));
        change_on_done(c, it, v->f->node,
                       (struct change_event){ "Normal", "NodeReady",
                                              changes_text(c, "Node %s status is now: NodeReady",
                                                           v->n->metadata.name) });
}

static bool node_is_unknown(const struct node *n) {
        const struct node_condition *ready = node_condition_find(&n->status, "Ready");

        return ready && str_eq(ready->status, "Unknown");
}

static void plan_conditions(const struct node_view *v, struct changes *c) {
        struct change *it;

        if (!v->is_silent || node_is_unknown(v->n))
                return;
        it = changes_patch(c, v->f->node, "status",
                           json_pack("{s:{s:o}}", "status", "conditions", conditions_unknown(v)));
        change_on_done(c, it, v->f->node,
                       (struct change_event){ "Normal", "NodeNotReady",
                                              changes_text(c, "Node %s status is now: NodeNotReady",
                                                           v->n->metadata.name) });
}

/* ---- taints ---- */

static json_t *taint_tree(const char *key, const char *value, const char *effect,
                          uint64_t added_usec) {
        json_t *o = json_pack("{s:s, s:s}", "key", key, "effect", effect);

        if (!tree_set_text(o, "value", value) ||
            (added_usec && !tree_set(o, "timeAdded", tree_time(added_usec)))) {
                json_decref(o);
                return NULL;
        }
        return o;
}

/* tolerationSeconds count from the taint's time, which people don't write. */
static uint64_t taint_time(const struct node_view *v, const struct taint *t) {
        if (t->time_added || !str_eq(t->effect, "NoExecute"))
                return t->time_added;
        return v->f->now_usec;
}

static bool taints_are_right(const struct node_view *v, const char *key) {
        size_t n_managed = 0;

        for (size_t i = 0; i < v->n->spec.taints.n; i++) {
                const struct taint *t = &v->n->spec.taints.items[i];

                if (taint_time(v, t) != t->time_added)
                        return false;
                n_managed += taint_is_managed(t);
        }
        if (!key)
                return n_managed == 0;
        return n_managed == 2 && node_taint(v->n, key, "NoSchedule") &&
               node_taint(v->n, key, "NoExecute");
}

/* Foreign taints stay and get the time that they lack, ours follow the state. True when there was
 * something to change. */
static bool plan_taints(const struct node_view *v, struct changes *c) {
        static const char *const effects[] = { "NoSchedule", "NoExecute" };
        const char *key = taint_key_of(v->status);
        json_t *list;
        bool ok;

        if (taints_are_right(v, key))
                return false;
        list = json_array();
        ok = list;
        for (size_t i = 0; ok && i < v->n->spec.taints.n; i++) {
                const struct taint *t = &v->n->spec.taints.items[i];

                if (!taint_is_managed(t))
                        ok = json_array_append_new(list, taint_tree(t->key, t->value, t->effect,
                                                                    taint_time(v, t))) == 0;
        }
        for (size_t i = 0; ok && key && i < ARRAY_SIZE(effects); i++) {
                const struct taint *had = node_taint(v->n, key, effects[i]);
                uint64_t since = had && had->time_added ? had->time_added : v->f->now_usec;

                ok = json_array_append_new(list, taint_tree(key, NULL, effects[i], since)) == 0;
        }
        if (!ok) {
                json_decref(list);
                list = NULL;
        }
        (void) changes_patch(c, v->f->node, NULL, json_pack("{s:{s:o}}", "spec", "taints", list));
        return true;
}

/* ---- pods ---- */

static bool pod_is_over(const struct pod *p) {
        return p->metadata.deletion_timestamp != 0 || str_eq(p->status.phase, "Succeeded") ||
               str_eq(p->status.phase, "Failed");
}

/* Sets condition Ready; reason NULL: none. */
static void plan_pod_ready(const struct node_view *v, const struct object *o, const char *status,
                           const char *reason, struct changes *c) {
        json_t *encoded = schema_encode(&pod_status_schema, &OBJECT_AS(pod, o)->status), *it;
        json_t *list = json_object_get(encoded, "conditions");
        size_t i;

        json_array_foreach(list, i, it) {
                if (!str_eq(json_string_value(json_object_get(it, "type")), "Ready"))
                        continue;
                (void) json_object_del(it, "reason");
                if (!tree_set(it, "status", json_string(status)) ||
                    !tree_set(it, "lastTransitionTime", tree_time(v->f->now_usec)) ||
                    !tree_set_text(it, "reason", reason))
                        c->has_failed = true;
        }
        (void) changes_patch(c, o, "status", json_pack("{s:{s:O}}", "status", "conditions", list));
        json_decref(encoded);
}

/* While the node is silent nobody can vouch for its pods; when it is back they are what their
 * containers are. */
static void plan_pod_condition(const struct node_view *v, const struct object *o,
                               struct changes *c) {
        const struct pod_status *s = &OBJECT_AS(pod, o)->status;
        const struct pod_condition *ready = pod_condition_find(s, "Ready");
        const struct pod_condition *containers = pod_condition_find(s, "ContainersReady");

        if (v->is_silent && ready && str_eq(ready->status, "True"))
                plan_pod_ready(v, o, "False", REASON_POD_SILENT, c);
        else if (!v->is_silent && v->f->is_heard && ready && containers &&
                 str_eq(ready->status, "False") && str_eq(ready->reason, REASON_POD_SILENT))
                plan_pod_ready(v, o, containers->status, NULL, c);
}

/* When the pod has to leave because of the taint; USEC_NEVER: it may stay. What nobody tolerates
 * evicts at once, but for the taints that silence brings. */
static uint64_t pod_leaves_usec(const struct node_view *v, const struct pod *p,
                                const struct taint *t) {
        const struct toleration *tolerated = taint_toleration(&p->spec, t);
        uint64_t stays_usec = taint_is_managed(t) ? v->f->eviction_usec : 0;

        if (!str_eq(t->effect, "NoExecute") || t->time_added == 0)
                return USEC_NEVER;
        /* When all nodes are silent, it is the network or this server that is at fault. */
        if (taint_is_managed(t) && v->f->n_silent >= v->f->n_nodes)
                return USEC_NEVER;
        if (tolerated && !tolerated->toleration_seconds.is_set)
                return USEC_NEVER;
        if (tolerated)
                stays_usec = (uint64_t) MAX(tolerated->toleration_seconds.value, (int64_t) 0) *
                             USEC_PER_SEC;
        return t->time_added + stays_usec;
}

static void plan_pod_leave(const struct node_view *v, const struct object *o, struct changes *c) {
        uint64_t due = USEC_NEVER;
        struct change *it;

        for (size_t i = 0; i < v->n->spec.taints.n; i++)
                due = MIN(due, pod_leaves_usec(v, OBJECT_AS(pod, o), &v->n->spec.taints.items[i]));
        if (due == USEC_NEVER)
                return;
        if (v->f->now_usec < due) {
                changes_again(c, due);
                return;
        }
        it = changes_delete(c, o, NULL);
        change_on_done(c, it, o,
                       (struct change_event){ "Normal", "TaintManagerEviction",
                                              changes_text(c, "Marking for deletion Pod %s/%s",
                                                           str_or_empty(o->meta->namespace),
                                                           o->meta->name) });
}

static void plan_pods(const struct node_view *v, struct changes *c) {
        for (size_t i = 0; i < v->f->n_pods; i++) {
                const struct object *o = v->f->pods[i];

                if (pod_is_over(OBJECT_AS(pod, o)))
                        continue;
                plan_pod_condition(v, o, c);
                plan_pod_leave(v, o, c);
        }
}

int nodelifecycle_plan(const struct nodelifecycle_facts *f, struct changes *c, struct err *e) {
        struct node_view v = { .f = f, .n = OBJECT_AS(node, f->node) };
        const struct node_condition *ready = node_condition_find(&v.n->status, "Ready");
        uint64_t silent_usec = f->since_usec - MIN(f->heard_usec, f->since_usec);

        if (v.n->metadata.deletion_timestamp != 0)
                return 0;
        v.is_silent = silent_usec >= f->grace_usec;
        if (!v.is_silent)
                changes_again(c, f->now_usec + f->grace_usec - silent_usec);
        v.status = ready ? ready->status : "Unknown";
        if (v.is_silent)
                v.status = "Unknown";
        if (!v.is_silent && !ready)
                return 0; /* it has just been born: give it time to say what it is */
        /* Two writes to one object would meet each other's revision: taints first. */
        if (!plan_taints(&v, c)) {
                plan_conditions(&v, c);
                if (!v.is_silent && f->is_heard)
                        plan_restore(&v, c);
        }
        plan_pods(&v, c);
        return changes_check(c, e);
}
