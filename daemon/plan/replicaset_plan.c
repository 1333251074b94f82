#include "daemon/plan/replicaset_plan.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/workload.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/plan/adopt.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/replicaset_rank.h"
#include "daemon/plan/template.h"

#include <string.h>

#define POD_SUFFIX_LEN 5
#define POD_BASE_MAX 58 /* with the suffix a name is at most a DNS label */

struct replicaset_view {
        const struct replicaset_facts *f;
        const struct replica_set *rs;
        const struct object **active; /* owned; own, neither finished nor going */
        size_t n;
        bool is_adopting;
};

static void view_done(struct replicaset_view *v) {
        free(v->active);
}

bool replicaset_pod_is_active(const struct pod *p) {
        return p->metadata.deletion_timestamp == 0 && !str_eq(p->status.phase, "Succeeded") &&
               !str_eq(p->status.phase, "Failed");
}

bool replicaset_pod_is_available(const struct pod *p, int64_t min_ready_s, uint64_t now_usec,
                                 uint64_t *ret_due_usec) {
        const struct pod_condition *ready = pod_condition_find(&p->status, "Ready");
        uint64_t due;

        if (ret_due_usec)
                *ret_due_usec = 0;
        if (!ready || !str_eq(ready->status, "True"))
                return false;
        if (min_ready_s <= 0)
                return true;
        due = ready->last_transition_time + (uint64_t) min_ready_s * USEC_PER_SEC;
        if (now_usec >= due)
                return true;
        if (ret_due_usec)
                *ret_due_usec = due;
        return false;
}

static int view_load(struct replicaset_view *v, struct changes *c) {
        const struct replicaset_facts *f = v->f;

        v->active = calloc(f->n_pods ? f->n_pods : 1, sizeof(*v->active));
        if (!v->active)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_pods; i++) {
                const struct object *o = f->pods[i];

                enum adopt_claim claim;

                if (!replicaset_pod_is_active(OBJECT_AS(pod, o)))
                        continue;
                claim = adopt_claim(f->replica_set, &v->rs->spec.selector, o, c);
                v->is_adopting |= claim == ADOPT_TAKING;
                if (claim == ADOPT_OWN)
                        v->active[v->n++] = o;
        }
        return 0;
}

/* SplitMix64: spreads a seed and a counter over all bits. */
static uint64_t name_mix(uint64_t x) {
        x += 0x9e3779b97f4a7c15ULL;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
}

static const char *plan_pod_name(const struct replicaset_view *v, uint64_t i, struct changes *c) {
        char suffix[POD_SUFFIX_LEN + 1];

        (void) uid_encode(name_mix(v->f->name_seed + i), suffix, POD_SUFFIX_LEN);
        return changes_text(c, "%.*s-%s", POD_BASE_MAX - 1, v->rs->metadata.name, suffix);
}

static int plan_create(const struct replicaset_view *v, size_t n, struct changes *c,
                       struct err *e) {
        json_t *template = NULL;
        int r = template_load(v->f->replica_set, &template, e);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n && !c->has_failed; i++) {
                const char *name = plan_pod_name(v, i, c);
                struct change *it = changes_create(c, &pod_kind,
                                                   template_pod(template, v->f->replica_set, name));

                change_on_done(c, it, v->f->replica_set,
                               (struct change_event){ "Normal", "SuccessfulCreate",
                                                      changes_text(c, "Created pod: %s", name) });
                change_on_failed(
                        c, it, v->f->replica_set,
                        (struct change_event){ "Warning", "FailedCreate", "Error creating" });
                if (it)
                        it->is_failure_counted = true;
        }
        json_decref(template);
        return 0;
}

static int plan_delete(const struct replicaset_view *v, size_t n, struct changes *c) {
        if (replicaset_rank(v->active, v->n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct object *o = v->active[i];
                struct change *it = changes_delete(c, o, NULL);

                change_on_done(
                        c, it, v->f->replica_set,
                        (struct change_event){ "Normal", "SuccessfulDelete",
                                               changes_text(c, "Deleted pod: %s", o->meta->name) });
                change_on_failed(
                        c, it, v->f->replica_set,
                        (struct change_event){ "Warning", "FailedDelete", "Error deleting" });
        }
        return 0;
}

/* ---- status ---- */

static void status_count(const struct replicaset_view *v, struct replica_set_status *s,
                         struct changes *c) {
        const struct replica_set_spec *spec = &v->rs->spec;

        *s = (struct replica_set_status){ .replicas = (int64_t) v->n,
                                          .observed_generation = v->rs->metadata.generation };
        for (size_t i = 0; i < v->n; i++) {
                const struct pod *p = OBJECT_AS(pod, v->active[i]);
                uint64_t due;

                s->fully_labeled_replicas +=
                        string_map_is_subset(&spec->template.metadata.labels, &p->metadata.labels);
                s->ready_replicas += pod_is_ready(p);
                s->available_replicas += replicaset_pod_is_available(p, spec->min_ready_seconds,
                                                                     v->f->now_usec, &due);
                if (due)
                        changes_again(c, due);
        }
}

static const struct replica_set_condition *status_failure(const struct replica_set_status *s) {
        for (size_t i = 0; i < s->conditions.n; i++)
                if (str_eq(s->conditions.items[i].type, "ReplicaFailure"))
                        return &s->conditions.items[i];
        return NULL;
}

/* The list of conditions: there is one, while pods are refused. */
static json_t *status_conditions(const struct replicaset_view *v) {
        if (!v->f->failure)
                return json_null();
        return json_pack("[{s:s, s:s, s:o, s:s, s:s}]", "type", "ReplicaFailure", "status", "True",
                         "lastTransitionTime", tree_time(v->f->now_usec), "reason", "FailedCreate",
                         "message", v->f->failure);
}

static json_t *status_count_tree(int64_t n) {
        return n == 0 ? json_null() : json_integer(n);
}

static void plan_status(const struct replicaset_view *v, struct changes *c) {
        const struct replica_set_status *b = &v->rs->status;
        const struct replica_set_condition *failure = status_failure(b);
        struct replica_set_status s;
        bool has_turned = !failure != !v->f->failure;
        json_t *o;

        status_count(v, &s, c);
        if (s.replicas == b->replicas && s.ready_replicas == b->ready_replicas &&
            s.available_replicas == b->available_replicas &&
            s.fully_labeled_replicas == b->fully_labeled_replicas &&
            s.observed_generation == b->observed_generation && !has_turned)
                return;
        o = json_pack("{s:I, s:o, s:o, s:o, s:o}", "replicas", (json_int_t) s.replicas,
                      "readyReplicas", status_count_tree(s.ready_replicas), "availableReplicas",
                      status_count_tree(s.available_replicas), "fullyLabeledReplicas",
                      status_count_tree(s.fully_labeled_replicas), "observedGeneration",
                      status_count_tree(s.observed_generation));
        if (o && has_turned && !tree_set(o, "conditions", status_conditions(v))) {
                json_decref(o);
                o = NULL;
        }
        (void) changes_patch(c, v->f->replica_set, "status", json_pack("{s:o}", "status", o));
}

int replicaset_plan(const struct replicaset_facts *f, struct changes *c, struct err *e) {
        __attribute__((cleanup(view_done))) struct replicaset_view v = {
                .f = f, .rs = OBJECT_AS(replica_set, f->replica_set)
        };
        size_t want = v.rs->spec.replicas.is_set
                              ? (size_t) MAX(v.rs->spec.replicas.value, (int64_t) 0)
                              : 1;
        int r = 0;

        if (view_load(&v, c) < 0)
                return err_set(e, -ENOMEM, "out of memory while planning");
        if (v.is_adopting)
                return changes_check(c, e);
        if (v.rs->metadata.deletion_timestamp == 0) {
                if (v.n < want)
                        r = plan_create(&v, MIN(want - v.n, (size_t) REPLICASET_BURST), c, e);
                else if (v.n > want &&
                         plan_delete(&v, MIN(v.n - want, (size_t) REPLICASET_BURST), c) < 0)
                        r = err_set(e, -ENOMEM, "out of memory while planning");
        }
        if (r < 0)
                return r;
        plan_status(&v, c);
        return changes_check(c, e);
}
