#include "daemon/plan/disruption_plan.h"

#include "api/kinds/disruption.h"
#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/replication_controller.h"
#include "api/kinds/stateful_set.h"
#include "api/kinds/workload.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

#include <string.h>

#define CONDITION "DisruptionAllowed"

struct counts {
        int64_t expected, healthy, desired, allowed;
        const char *failure; /* why they can't be told, NULL: they can; the list's memory */
};

/* ---- pods ---- */

bool disruption_counts(const struct pod_disruption_budget *b, const struct pod *p) {
        return b->spec.selector && str_eq(b->metadata.namespace, p->metadata.namespace) &&
               label_selector_matches(b->spec.selector, &p->metadata.labels);
}

bool disruption_is_healthy(const struct pod *p) {
        return p->metadata.deletion_timestamp == 0 && pod_is_ready(p);
}

/* ---- how many there should be ---- */

static const struct owner_reference *controller_of(const struct object *o) {
        for (size_t i = 0; i < o->meta->owner_references.n; i++)
                if (o->meta->owner_references.items[i].controller.value)
                        return &o->meta->owner_references.items[i];
        return NULL;
}

static const struct object *owner_of(const struct disruption_facts *f, const struct object *o) {
        const struct owner_reference *r = controller_of(o);

        for (size_t i = 0; r && i < f->n_owners; i++)
                if (str_eq(f->owners[i]->meta->uid, r->uid))
                        return f->owners[i];
        return NULL;
}

/* What scales a pod: its controller, or the Deployment above that. */
static const struct object *scaler_of(const struct disruption_facts *f, const struct object *pod) {
        const struct object *owner = owner_of(f, pod);
        const struct object *above = owner ? owner_of(f, owner) : NULL;

        return above ? above : owner;
}

static int64_t replicas_of(const struct object *o) {
        const struct opt_int *n = NULL;

        if (o->kind == &deployment_kind)
                n = &OBJECT_AS(deployment, o)->spec.replicas;
        else if (o->kind == &replica_set_kind)
                n = &OBJECT_AS(replica_set, o)->spec.replicas;
        else if (o->kind == &stateful_set_kind)
                n = &OBJECT_AS(stateful_set, o)->spec.replicas;
        else if (o->kind == &replication_controller_kind)
                n = &OBJECT_AS(replication_controller, o)->spec.replicas;
        return n && n->is_set ? n->value : 1;
}

/* The sum of what the pods' controllers want; each counts once. Pods without one count nothing. */
static int64_t scale_sum(const struct disruption_facts *f, struct changes *c,
                         const char **ret_failure) {
        const struct pod_disruption_budget *b = OBJECT_AS(pod_disruption_budget, f->budget);
        int64_t sum = 0;

        for (size_t i = 0; i < f->n_pods; i++) {
                const struct owner_reference *r = controller_of(f->pods[i]);
                const struct object *scaler;
                bool is_counted = false;

                if (!r || !disruption_counts(b, OBJECT_AS(pod, f->pods[i])))
                        continue;
                scaler = scaler_of(f, f->pods[i]);
                if (!scaler) {
                        *ret_failure = changes_text(c, "%s %s of pod %s has no scale",
                                                    str_or_empty(r->kind), str_or_empty(r->name),
                                                    f->pods[i]->meta->name);
                        return 0;
                }
                for (size_t j = 0; j < i && !is_counted; j++)
                        is_counted = disruption_counts(b, OBJECT_AS(pod, f->pods[j])) &&
                                     scaler_of(f, f->pods[j]) == scaler;
                sum += is_counted ? 0 : replicas_of(scaler);
        }
        return sum;
}

static void desired_fill(const struct disruption_facts *f, struct changes *c,
                         struct counts *counts) {
        const struct pod_disruption_budget_spec *spec =
                &OBJECT_AS(pod_disruption_budget, f->budget)->spec;
        const struct int_or_string *least = &spec->min_available, *most = &spec->max_unavailable;

        if (least->kind == INT_OR_STRING_INT) {
                counts->desired = least->number;
                return;
        }
        if (least->kind == INT_OR_STRING_ABSENT && most->kind == INT_OR_STRING_ABSENT) {
                counts->expected = 0;
                return;
        }
        counts->expected = scale_sum(f, c, &counts->failure);
        if (most->kind != INT_OR_STRING_ABSENT)
                counts->desired =
                        counts->expected - int_or_string_resolve(most, counts->expected, true, 0);
        else
                counts->desired = int_or_string_resolve(least, counts->expected, true, 0);
        counts->desired = MAX(counts->desired, 0);
}

static struct counts counts_of(const struct disruption_facts *f, struct changes *c) {
        const struct pod_disruption_budget *b = OBJECT_AS(pod_disruption_budget, f->budget);
        struct counts counts = { 0 };

        for (size_t i = 0; i < f->n_pods; i++) {
                const struct pod *p = OBJECT_AS(pod, f->pods[i]);

                if (!disruption_counts(b, p))
                        continue;
                counts.expected++;
                counts.healthy += disruption_is_healthy(p);
        }
        desired_fill(f, c, &counts);
        if (counts.expected > 0 && !counts.failure)
                counts.allowed = MAX(counts.healthy - counts.desired, 0);
        return counts;
}

/* ---- status ---- */

static const struct condition *condition_now(const struct pod_disruption_budget *b) {
        for (size_t i = 0; i < b->status.conditions.n; i++)
                if (str_eq(b->status.conditions.items[i].type, CONDITION))
                        return &b->status.conditions.items[i];
        return NULL;
}

static struct condition condition_make(const struct disruption_facts *f,
                                       const struct counts *counts) {
        const struct pod_disruption_budget *b = OBJECT_AS(pod_disruption_budget, f->budget);
        const struct condition *now = condition_now(b);
        struct condition made = {
                .type = CONDITION,
                .status = counts->allowed > 0 ? "True" : "False",
                .observed_generation = b->metadata.generation,
                .last_transition_time = f->now_usec,
                .reason = counts->failure       ? "SyncFailed"
                          : counts->allowed > 0 ? "SufficientPods"
                                                : "InsufficientPods",
                .message = counts->failure,
        };

        if (now && str_eq(now->status, made.status))
                made.last_transition_time = now->last_transition_time;
        return made;
}

static bool is_same(const struct pod_disruption_budget *b, const struct counts *counts,
                    const struct condition *made) {
        const struct pod_disruption_budget_status *st = &b->status;
        const struct condition *now = condition_now(b);

        return now && st->observed_generation == b->metadata.generation &&
               st->expected_pods == counts->expected && st->current_healthy == counts->healthy &&
               st->desired_healthy == counts->desired &&
               st->disruptions_allowed == counts->allowed && str_eq(now->status, made->status) &&
               str_eq(now->reason, made->reason) &&
               str_eq(str_or_empty(now->message), str_or_empty(made->message)) &&
               now->observed_generation == made->observed_generation;
}

/* Other people's conditions stay. */
static json_t *conditions_json(const struct pod_disruption_budget *b,
                               const struct condition *made) {
        json_t *list = json_array(), *one;

        for (size_t i = 0; list && i < b->status.conditions.n; i++) {
                const struct condition *it = &b->status.conditions.items[i];

                if (!str_eq(it->type, CONDITION) &&
                    json_array_append_new(list, schema_encode(&condition_schema, it)) < 0)
                        json_decref(STEAL(list));
        }
        one = schema_encode(&condition_schema, made);
        /* Both are required of a condition, and empty texts aren't written. */
        if (one && !json_object_get(one, "message"))
                (void) json_object_set_new(one, "message", json_string(""));
        if (!list || json_array_append_new(list, one) < 0)
                json_decref(STEAL(list));
        return list;
}

int disruption_plan(const struct disruption_facts *f, struct changes *c, struct err *e) {
        const struct pod_disruption_budget *b = OBJECT_AS(pod_disruption_budget, f->budget);
        const struct counts counts = counts_of(f, c);
        const struct condition made = condition_make(f, &counts);

        if (b->metadata.deletion_timestamp != 0 || is_same(b, &counts, &made))
                return changes_check(c, e);
        (void) changes_patch(c, f->budget, "status",
                             json_pack("{s:{s:I,s:I,s:I,s:I,s:I,s:o}}", "status",
                                       "observedGeneration", (json_int_t) b->metadata.generation,
                                       "expectedPods", (json_int_t) counts.expected,
                                       "currentHealthy", (json_int_t) counts.healthy,
                                       "desiredHealthy", (json_int_t) counts.desired,
                                       "disruptionsAllowed", (json_int_t) counts.allowed,
                                       "conditions", conditions_json(b, &made)));
        return changes_check(c, e);
}

/* ---- one eviction ---- */

bool disruption_is_moot(const struct pod *pod) {
        const char *phase = str_or_empty(pod->status.phase);

        return pod->metadata.deletion_timestamp != 0 || str_eq(phase, "Succeeded") ||
               str_eq(phase, "Failed") || str_eq(phase, "Pending") || str_eq(phase, "");
}

enum eviction disruption_evict(const struct pod_disruption_budget *budget, const struct pod *pod,
                               int64_t n_healthy) {
        const struct pod_disruption_budget_status *st = budget ? &budget->status : NULL;

        if (!budget || disruption_is_moot(pod))
                return EVICTION_FREE;
        if (!pod_is_ready(pod) && str_eq(budget->spec.unhealthy_pod_eviction_policy, "AlwaysAllow"))
                return EVICTION_FREE;
        if (st->observed_generation < budget->metadata.generation)
                return EVICTION_UNSEEN;
        /* A pod that isn't ready takes nothing from a budget that is kept. */
        if (!pod_is_ready(pod) && n_healthy >= st->desired_healthy && st->desired_healthy > 0)
                return EVICTION_FREE;
        return st->expected_pods > 0 && st->disruptions_allowed > 0 &&
                               n_healthy > st->desired_healthy
                       ? EVICTION_ALLOWED
                       : EVICTION_REFUSED;
}
