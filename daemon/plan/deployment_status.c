#include "base/clock.h"
#include "base/str.h"
#include "daemon/plan/deployment_view.h"

#include <string.h>

#define CONDITIONS_MAX 16

/* A condition list under construction. Strings are borrowed from the facts or the changes. */
struct conditions {
        struct deployment_condition items[CONDITIONS_MAX];
        size_t n;
        uint64_t now_usec; /* whole seconds, as it will be read back */
};

static struct deployment_condition *conditions_find(struct conditions *l, const char *type) {
        for (size_t i = 0; i < l->n; i++)
                if (str_eq(l->items[i].type, type))
                        return &l->items[i];
        return NULL;
}

static void conditions_remove(struct conditions *l, const char *type) {
        struct deployment_condition *it = conditions_find(l, type);

        if (it)
                memmove(it, it + 1, (size_t) (&l->items[--l->n] - it) * sizeof(*it));
}

/* Sets a condition. Same status and reason: nothing changes, unless is_renewed says that the time
 * of the last update counts (progress was made). */
static void conditions_set(struct conditions *l, const char *type, const char *status,
                           const char *reason, const char *message, bool is_renewed) {
        struct deployment_condition *it = conditions_find(l, type);
        bool is_same = it && str_eq(it->status, status);

        if (is_same && str_eq(it->reason, reason) && !is_renewed)
                return;
        if (!it && l->n == CONDITIONS_MAX)
                return; /* a person filled status with foreign conditions */
        if (!it)
                it = &l->items[l->n++];
        *it = (struct deployment_condition){
                .type = type,
                .status = status,
                .reason = reason,
                .message = message,
                .last_update_time = l->now_usec,
                .last_transition_time = is_same ? it->last_transition_time : l->now_usec,
        };
}

static void conditions_load(struct conditions *l, const struct deployment_view *v) {
        const struct deployment_status *s = &v->d->status;

        l->now_usec = v->f->now_usec - v->f->now_usec % USEC_PER_SEC;
        l->n = MIN(s->conditions.n, (size_t) CONDITIONS_MAX);
        if (l->n > 0)
                memcpy(l->items, s->conditions.items, l->n * sizeof(*l->items));
}

static bool conditions_differ(const struct conditions *l, const struct deployment_status *old) {
        if (l->n != old->conditions.n)
                return true;
        for (size_t i = 0; i < l->n; i++) {
                const struct deployment_condition *a = &l->items[i], *b = &old->conditions.items[i];

                if (!str_eq(a->type, b->type) || !str_eq(a->status, b->status) ||
                    !str_eq(a->reason, b->reason) || !str_eq(a->message, b->message) ||
                    a->last_update_time != b->last_update_time ||
                    a->last_transition_time != b->last_transition_time)
                        return true;
        }
        return false;
}

static json_t *conditions_tree(const struct conditions *l) {
        json_t *list = json_array();
        bool ok = true;

        for (size_t i = 0; i < l->n; i++) {
                const struct deployment_condition *c = &l->items[i];
                json_t *o = json_object();

                ok &= tree_set_text(o, "type", c->type);
                ok &= tree_set_text(o, "status", c->status);
                ok &= tree_set(o, "lastUpdateTime", tree_time(c->last_update_time));
                ok &= tree_set(o, "lastTransitionTime", tree_time(c->last_transition_time));
                ok &= tree_set_text(o, "reason", c->reason);
                ok &= tree_set_text(o, "message", c->message);
                ok &= json_array_append_new(list, o) == 0;
        }
        if (!ok) {
                json_decref(list);
                return NULL;
        }
        return list;
}

/* Whether status says that the rollout is over: all pods new, all there, all available. */
static bool status_is_complete(const struct deployment_view *v, const struct deployment_status *s) {
        return s->updated_replicas == v->limits.replicas && s->replicas == v->limits.replicas &&
               s->available_replicas == v->limits.replicas &&
               s->observed_generation >= v->d->metadata.generation;
}

bool deployment_status_is_complete(const struct deployment_view *v) {
        return status_is_complete(v, &v->d->status);
}

static bool status_is_progressing(const struct deployment_status *now,
                                  const struct deployment_status *before) {
        return now->updated_replicas > before->updated_replicas ||
               now->replicas - now->updated_replicas <
                       before->replicas - before->updated_replicas ||
               now->ready_replicas > before->ready_replicas ||
               now->available_replicas > before->available_replicas;
}

static void status_count(const struct deployment_view *v, struct deployment_status *s) {
        *s = (struct deployment_status){ .observed_generation = v->d->metadata.generation };
        for (size_t i = 0; i < v->n; i++) {
                const struct replica_set_status *rs = &v->sets[i].rs->status;

                s->replicas += rs->replicas;
                s->ready_replicas += rs->ready_replicas;
                s->available_replicas += rs->available_replicas;
                if (&v->sets[i] == v->fresh)
                        s->updated_replicas = rs->replicas;
        }
        s->unavailable_replicas = MAX(s->replicas - s->available_replicas, (int64_t) 0);
        s->collision_count = v->d->status.collision_count;
        if (v->collisions > s->collision_count.value)
                s->collision_count = (struct opt_int){ true, v->collisions };
}

static void status_set_available(const struct deployment_view *v, const struct deployment_status *s,
                                 struct conditions *l) {
        if (s->available_replicas >= v->limits.replicas - v->limits.max_unavailable)
                conditions_set(l, "Available", "True", "MinimumReplicasAvailable",
                               "Deployment has minimum availability.", false);
        else
                conditions_set(l, "Available", "False", "MinimumReplicasUnavailable",
                               "Deployment does not have minimum availability.", false);
}

/* A ReplicaSet that is refused its pods makes the Deployment say so; the new one speaks first. */
static void status_set_failure(const struct deployment_view *v, struct conditions *l) {
        const struct replica_set_condition *found = NULL;

        for (size_t i = 0; i < v->n; i++) {
                const struct replica_set_status *s = &v->sets[i].rs->status;

                for (size_t k = 0; k < s->conditions.n; k++)
                        if (str_eq(s->conditions.items[k].type, "ReplicaFailure") &&
                            (!found || &v->sets[i] == v->fresh))
                                found = &s->conditions.items[k];
        }
        if (!found) {
                conditions_remove(l, "ReplicaFailure");
                return;
        }
        conditions_set(l, "ReplicaFailure", found->status, found->reason, found->message, false);
}

static uint64_t status_deadline(const struct deployment_view *v,
                                const struct deployment_condition *c) {
        return c->last_update_time +
               (uint64_t) v->d->spec.progress_deadline_seconds.value * USEC_PER_SEC;
}

/* Has the rollout begun, moved, ended, or stood still too long? */
static void status_set_progress(const struct deployment_view *v, const struct deployment_status *s,
                                struct conditions *l, struct changes *c) {
        struct deployment_condition *now = conditions_find(l, "Progressing");
        const char *name = v->fresh_name;

        if (now && s->replicas == s->updated_replicas &&
            str_eq(now->reason, "NewReplicaSetAvailable"))
                return;
        if (status_is_complete(v, s)) {
                conditions_set(
                        l, "Progressing", "True", "NewReplicaSetAvailable",
                        changes_text(c, "ReplicaSet \"%s\" has successfully progressed.", name),
                        false);
                return;
        }
        if (status_is_progressing(s, &v->d->status)) {
                conditions_set(l, "Progressing", "True", "ReplicaSetUpdated",
                               changes_text(c, "ReplicaSet \"%s\" is progressing.", name), true);
                return;
        }
        if (!now || str_eq(now->reason, "NewReplicaSetAvailable") ||
            str_eq(now->reason, "ProgressDeadlineExceeded"))
                return;
        if (v->f->now_usec >= status_deadline(v, now))
                conditions_set(
                        l, "Progressing", "False", "ProgressDeadlineExceeded",
                        changes_text(c, "ReplicaSet \"%s\" has timed out progressing.", name),
                        false);
}

/* Pausing stops the deadline's clock, resuming starts it anew. True when this decided. */
static bool status_set_pause(const struct deployment_view *v, struct conditions *l) {
        const struct deployment_condition *now = conditions_find(l, "Progressing");
        bool says_paused = now && str_eq(now->reason, "DeploymentPaused");

        if (now && str_eq(now->reason, "ProgressDeadlineExceeded"))
                return false;
        if (v->d->spec.paused && !says_paused)
                conditions_set(l, "Progressing", "Unknown", "DeploymentPaused",
                               "Deployment is paused", false);
        else if (!v->d->spec.paused && says_paused)
                conditions_set(l, "Progressing", "Unknown", "DeploymentResumed",
                               "Deployment is resumed", false);
        else
                return v->d->spec.paused;
        return true;
}

/* The new ReplicaSet comes into being, is refused, or was there before. True when this decided. */
static bool status_set_created(const struct deployment_view *v, struct conditions *l,
                               struct changes *c) {
        if (v->is_creating && v->f->failure) {
                conditions_set(l, "Progressing", "False", "ReplicaSetCreateError",
                               changes_text(c, "%s", v->f->failure), false);
                return true;
        }
        if (v->is_creating) {
                conditions_set(l, "Progressing", "True", "NewReplicaSetCreated",
                               changes_text(c, "Created new replica set \"%s\"", v->fresh_name),
                               false);
                return true;
        }
        if (v->fresh && !conditions_find(l, "Progressing"))
                conditions_set(l, "Progressing", "True", "FoundNewReplicaSet",
                               changes_text(c, "Found new replica set \"%s\"", v->fresh_name),
                               false);
        return false;
}

static bool status_counts_differ(const struct deployment_status *a,
                                 const struct deployment_status *b) {
        return a->observed_generation != b->observed_generation || a->replicas != b->replicas ||
               a->updated_replicas != b->updated_replicas ||
               a->ready_replicas != b->ready_replicas ||
               a->available_replicas != b->available_replicas ||
               a->unavailable_replicas != b->unavailable_replicas ||
               a->collision_count.value != b->collision_count.value;
}

/* Absent where 0, as Kubernetes writes it; null removes it in a merge patch. */
static json_t *status_count_tree(int64_t n) {
        return n == 0 ? json_null() : json_integer(n);
}

static json_t *status_tree(const struct deployment_status *s, const struct conditions *l) {
        json_t *o = json_object();
        bool ok = true;

        ok &= tree_set(o, "observedGeneration", status_count_tree(s->observed_generation));
        ok &= tree_set(o, "replicas", status_count_tree(s->replicas));
        ok &= tree_set(o, "updatedReplicas", status_count_tree(s->updated_replicas));
        ok &= tree_set(o, "readyReplicas", status_count_tree(s->ready_replicas));
        ok &= tree_set(o, "availableReplicas", status_count_tree(s->available_replicas));
        ok &= tree_set(o, "unavailableReplicas", status_count_tree(s->unavailable_replicas));
        ok &= tree_set(o, "conditions", conditions_tree(l));
        if (s->collision_count.is_set)
                ok &= tree_set(o, "collisionCount", json_integer(s->collision_count.value));
        if (!ok) {
                json_decref(o);
                return NULL;
        }
        return json_pack("{s:o}", "status", o);
}

void deployment_status_plan(const struct deployment_view *v, struct changes *c) {
        const struct deployment_status *before = &v->d->status;
        bool has_deadline = v->d->spec.progress_deadline_seconds.is_set &&
                            v->d->metadata.deletion_timestamp == 0;
        const struct deployment_condition *progress;
        struct conditions l = { 0 };
        struct deployment_status s;

        conditions_load(&l, v);
        status_count(v, &s);
        status_set_available(v, &s, &l);
        status_set_failure(v, &l);
        if (has_deadline && !status_set_pause(v, &l) && !status_set_created(v, &l, c))
                status_set_progress(v, &s, &l, c);

        progress = conditions_find(&l, "Progressing");
        if (has_deadline && progress && !v->d->spec.paused &&
            status_deadline(v, progress) > v->f->now_usec &&
            !str_eq(progress->reason, "NewReplicaSetAvailable") &&
            !str_eq(progress->reason, "ProgressDeadlineExceeded"))
                changes_again(c, status_deadline(v, progress));
        if (status_counts_differ(&s, before) || conditions_differ(&l, before))
                (void) changes_patch(c, v->f->deployment, "status", status_tree(&s, &l));
}
