#include "daemon/plan/deployment_plan.h"

#include "api/kinds/labels.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "daemon/plan/adopt.h"
#include "daemon/plan/deployment_view.h"

#include <string.h>

#define REVISION_MAX INT64_MAX

static void view_done(struct deployment_view *v) {
        json_decref(v->template);
        json_decref(v->canonical);
        free(v->sets);
}

static int64_t annotation_number(const struct object_meta *m, const char *key) {
        const char *text = string_map_get(&m->annotations, key);
        int64_t v;

        return text && str_to_int64(text, 0, REVISION_MAX, &v) == 0 ? v : 0;
}

static int view_cmp_age(const void *a, const void *b) {
        const struct object_meta *x = ((const struct deployment_set *) a)->o->meta;
        const struct object_meta *y = ((const struct deployment_set *) b)->o->meta;

        if (x->creation_timestamp != y->creation_timestamp)
                return x->creation_timestamp < y->creation_timestamp ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* Own ReplicaSets, oldest first. Adopts orphans that the selector matches and lets go what it no
 * longer matches; both show up as changes and count from the next step on. */
static int view_load_sets(struct deployment_view *v, struct changes *c) {
        const struct deployment_facts *f = v->f;

        v->sets = calloc(f->n_replica_sets ? f->n_replica_sets : 1, sizeof(*v->sets));
        if (!v->sets)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_replica_sets; i++) {
                const struct object *o = f->replica_sets[i];
                const struct replica_set *rs = OBJECT_AS(replica_set, o);
                enum adopt_claim claim = adopt_claim(f->deployment, &v->d->spec.selector, o, c);

                v->is_adopting |= claim == ADOPT_TAKING;
                if (claim != ADOPT_OWN)
                        continue;
                v->sets[v->n++] = (struct deployment_set){
                        .o = o,
                        .rs = rs,
                        .revision = annotation_number(o->meta, DEPLOYMENT_REVISION),
                        .want = rs->spec.replicas.value,
                };
        }
        qsort(v->sets, v->n, sizeof(*v->sets), view_cmp_age);
        return 0;
}

/* Whether a ReplicaSet has the Deployment's template: 1, 0 or a negative errno. */
static int view_is_equal(const struct deployment_view *v, const struct deployment_set *s,
                         struct err *e) {
        json_t *template = NULL, *canonical;
        int r;

        r = template_load(s->o, &template, e);
        if (r < 0)
                return r;
        canonical = template_canonical(template);
        r = canonical ? json_equal(canonical, v->canonical) : -ENOMEM;
        json_decref(template);
        json_decref(canonical);
        return r;
}

/* Finds the oldest own ReplicaSet with the Deployment's template. Most often the label names it, so
 * those that carry the hash are looked into first and the others only when that leads nowhere. */
static int view_find_fresh(struct deployment_view *v, struct err *e) {
        if (template_hash(v->canonical, v->d->status.collision_count.value, v->hash) < 0)
                return -ENOMEM;
        for (int with_hash = 1; with_hash >= 0 && !v->fresh; with_hash--) {
                for (size_t i = 0; i < v->n && !v->fresh; i++) {
                        const struct object_meta *m = v->sets[i].o->meta;
                        int r;

                        if (m->deletion_timestamp != 0 ||
                            str_eq(string_map_get(&m->labels, TEMPLATE_HASH_LABEL), v->hash) !=
                                    with_hash)
                                continue;
                        r = view_is_equal(v, &v->sets[i], e);
                        if (r < 0)
                                return r;
                        if (r > 0)
                                v->fresh = &v->sets[i];
                }
        }
        if (v->fresh)
                v->fresh_name = v->fresh->o->meta->name;
        return 0;
}

static bool view_is_name_taken(const struct deployment_view *v, const char *name) {
        for (size_t i = 0; i < v->f->n_replica_sets; i++)
                if (str_eq(v->f->replica_sets[i]->meta->name, name))
                        return true;
        return false;
}

/* Chooses the name for a ReplicaSet to be created; one that is taken already belongs to another
 * template, so the collision count makes another. */
static int view_choose_name(struct deployment_view *v, struct changes *c) {
        const char *name;

        v->collisions = v->d->status.collision_count.value;
        for (size_t tries = 0; tries <= v->f->n_replica_sets; tries++) {
                if (template_hash(v->canonical, v->collisions, v->hash) < 0)
                        return -ENOMEM;
                name = changes_text(c, "%s-%s", v->d->metadata.name, v->hash);
                v->fresh_name = name;
                if (!view_is_name_taken(v, name))
                        return 0;
                v->collisions++;
        }
        return 0;
}

static void view_load_limits(struct deployment_view *v) {
        const struct deployment_spec *s = &v->d->spec;
        const struct rolling_update_deployment *u = s->strategy.rolling_update;
        struct rollout_limits *l = &v->limits;

        l->replicas = s->replicas.is_set ? s->replicas.value : 1;
        if (str_eq(s->strategy.type, "Recreate"))
                return; /* neither more nor fewer than asked for */
        if (u) {
                l->max_surge = int_or_string_resolve(&u->max_surge, l->replicas, true, 0);
                l->max_unavailable =
                        int_or_string_resolve(&u->max_unavailable, l->replicas, false, 0);
        } else {
                l->max_surge = rollout_percent(25, l->replicas, true);
                l->max_unavailable = rollout_percent(25, l->replicas, false);
        }
        rollout_limits_settle(l);
}

static int view_load(struct deployment_view *v, struct changes *c, struct err *e) {
        int r;

        view_load_limits(v);
        r = template_load(v->f->deployment, &v->template, e);
        if (r < 0)
                return r;
        v->canonical = template_canonical(v->template);
        if (!v->canonical || view_load_sets(v, c) < 0)
                return err_set(e, -ENOMEM, "out of memory while planning");
        r = view_find_fresh(v, e);
        if (r < 0 || v->fresh)
                return r;
        return view_choose_name(v, c);
}

/* ---- what the new ReplicaSet carries ---- */

/* Annotations that describe the Deployment itself or are the controller's own. */
static bool annotation_is_copied(const char *key) {
        static const char *const own[] = {
                "kubectl.kubernetes.io/last-applied-configuration",
                DEPLOYMENT_REVISION,
                DEPLOYMENT_REVISION_HISTORY,
                DEPLOYMENT_DESIRED,
                DEPLOYMENT_MAX,
                "deprecated.deployment.rollback.to",
        };

        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (str_eq(key, own[i]))
                        return false;
        return true;
}

/* Sets key in patch unless the ReplicaSet (NULL: none yet) has it already. */
static bool annotation_want(json_t *patch, const struct object *o, const char *key,
                            const char *value) {
        if (o && str_eq(string_map_get(&o->meta->annotations, key), value))
                return true;
        return tree_set(patch, key, json_string(value));
}

static bool annotation_want_number(json_t *patch, const struct object *o, const char *key,
                                   int64_t value) {
        char text[24];

        (void) snprintf(text, sizeof(text), "%lld", (long long) value);
        return annotation_want(patch, o, key, text);
}

/* The revision that the new ReplicaSet has or gets: higher than all old ones. */
static int64_t view_revision(const struct deployment_view *v) {
        int64_t most = 0;

        for (size_t i = 0; i < v->n; i++)
                if (&v->sets[i] != v->fresh)
                        most = MAX(most, v->sets[i].revision);
        if (v->fresh && v->fresh->revision > most)
                return v->fresh->revision;
        return most == REVISION_MAX ? most : most + 1;
}

/* A ReplicaSet that is used again remembers the numbers that it had. */
static bool annotate_revision(const struct deployment_view *v, json_t *patch) {
        const struct object *o = v->fresh ? v->fresh->o : NULL;
        int64_t revision = view_revision(v), had = v->fresh ? v->fresh->revision : 0;
        const char *history;
        bool ok;

        if (o && had >= revision)
                return true;
        ok = annotation_want_number(patch, o, DEPLOYMENT_REVISION, revision);
        if (had == 0)
                return ok;
        history = string_map_get(&o->meta->annotations, DEPLOYMENT_REVISION_HISTORY);
        return ok && tree_set(patch, DEPLOYMENT_REVISION_HISTORY,
                              history ? json_sprintf("%s,%lld", history, (long long) had)
                                      : json_sprintf("%lld", (long long) had));
}

static bool annotate_size(const struct deployment_view *v, const struct object *o, json_t *patch) {
        int64_t most = v->limits.replicas + v->limits.max_surge;

        return annotation_want_number(patch, o, DEPLOYMENT_DESIRED, v->limits.replicas) &&
               annotation_want_number(patch, o, DEPLOYMENT_MAX, most);
}

static bool annotate_fresh(const struct deployment_view *v, json_t *patch) {
        const struct string_map *from = &v->d->metadata.annotations;
        const struct object *o = v->fresh ? v->fresh->o : NULL;
        bool ok = annotate_revision(v, patch);

        for (size_t i = 0; i < from->n; i++)
                if (annotation_is_copied(from->items[i].key))
                        ok &= annotation_want(patch, o, from->items[i].key, from->items[i].value);
        return ok;
}

/* The template with the hash label, and the selector that goes with it. */
static bool fresh_spec_fill(const struct deployment_view *v, json_t *spec) {
        json_t *selector = schema_encode(&label_selector_schema, &v->d->spec.selector);
        json_t *template = json_deep_copy(v->template), *meta, *labels, *match;
        bool ok = true;

        if (template && !json_object_get(template, "metadata"))
                ok &= tree_set(template, "metadata", json_object());
        meta = json_object_get(template, "metadata");
        if (meta && !json_object_get(meta, "labels"))
                ok &= tree_set(meta, "labels", json_object());
        labels = json_object_get(meta, "labels");
        ok &= tree_set(labels, TEMPLATE_HASH_LABEL, json_string(v->hash));
        if (selector && !json_object_get(selector, "matchLabels"))
                ok &= tree_set(selector, "matchLabels", json_object());
        match = json_object_get(selector, "matchLabels");
        ok &= tree_set(match, TEMPLATE_HASH_LABEL, json_string(v->hash));
        ok &= tree_set(spec, "selector", selector);
        return tree_set(spec, "template", template) && ok;
}

static json_t *fresh_meta(const struct deployment_view *v) {
        json_t *meta = json_object(), *annotations = json_object();
        json_t *labels = json_object_get(json_object_get(v->template, "metadata"), "labels");
        bool ok = annotate_fresh(v, annotations) && annotate_size(v, NULL, annotations);

        labels = labels ? json_copy(labels) : json_object();
        ok &= tree_set(labels, TEMPLATE_HASH_LABEL, json_string(v->hash));
        ok &= tree_set_text(meta, "namespace", v->d->metadata.namespace);
        ok &= tree_set(meta, "name", json_string(v->fresh_name));
        ok &= tree_set(meta, "labels", labels);
        ok &= tree_set(meta, "annotations", annotations);
        ok &= tree_set(meta, "ownerReferences", json_pack("[o]", tree_owner(v->f->deployment)));
        if (!ok) {
                json_decref(meta);
                return NULL;
        }
        return meta;
}

static void plan_create(const struct deployment_view *v, int64_t replicas, struct changes *c) {
        json_t *spec = json_pack("{s:I, s:I}", "replicas", (json_int_t) replicas, "minReadySeconds",
                                 (json_int_t) v->d->spec.min_ready_seconds);
        struct change *it;

        if (!spec || !fresh_spec_fill(v, spec)) {
                json_decref(spec);
                c->has_failed = true;
                return;
        }
        it = changes_create(c, &replica_set_kind,
                            json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "apps/v1", "kind",
                                      "ReplicaSet", "metadata", fresh_meta(v), "spec", spec));
        if (replicas > 0)
                change_on_done(c, it, v->f->deployment,
                               (struct change_event){
                                       "Normal", "ScalingReplicaSet",
                                       changes_text(c, "Scaled up replica set %s from 0 to %lld",
                                                    v->fresh_name, (long long) replicas) });
        change_on_failed(
                c, it, v->f->deployment,
                (struct change_event){ "Warning", "ReplicaSetCreateError",
                                       changes_text(c, "Failed to create new replica set \"%s\"",
                                                    v->fresh_name) });
        if (it)
                it->is_failure_counted = true;
}

/* ---- changes to existing ReplicaSets ---- */

static void plan_patch_event(const struct deployment_view *v, const struct deployment_set *s,
                             struct change *it, struct changes *c) {
        int64_t had = s->rs->spec.replicas.value;

        if (s->want == had)
                return;
        change_on_done(
                c, it, v->f->deployment,
                (struct change_event){ "Normal", "ScalingReplicaSet",
                                       changes_text(c, "Scaled %s replica set %s from %lld to %lld",
                                                    s->want > had ? "up" : "down", s->o->meta->name,
                                                    (long long) had, (long long) s->want) });
}

/* One patch for each ReplicaSet that isn't as it should be. Annotations of size are kept only on
 * sets that have or get pods: proportions are taken from them, so they stay while growth waits. */
static void plan_patch_set(const struct deployment_view *v, const struct deployment_set *s,
                           struct changes *c) {
        json_t *annotations = json_object(), *spec = json_object(), *body;
        bool ok = annotations && spec;

        if (s == v->fresh)
                ok = ok && annotate_fresh(v, annotations);
        if (!v->is_waiting && (s->want > 0 || s->rs->spec.replicas.value > 0))
                ok = ok && annotate_size(v, s->o, annotations);
        if (s->want != s->rs->spec.replicas.value)
                ok = ok && tree_set(spec, "replicas", json_integer(s->want));
        if (s == v->fresh && s->rs->spec.min_ready_seconds != v->d->spec.min_ready_seconds)
                ok = ok &&
                     tree_set(spec, "minReadySeconds", json_integer(v->d->spec.min_ready_seconds));
        if (ok && json_object_size(annotations) == 0 && json_object_size(spec) == 0) {
                json_decref(annotations);
                json_decref(spec);
                return;
        }
        body = json_object();
        ok = ok && body;
        if (json_object_size(spec) > 0)
                ok = ok && tree_set(body, "spec", json_incref(spec));
        ok = ok && tree_set(body, "metadata", json_pack("{s:O}", "annotations", annotations));
        json_decref(annotations);
        json_decref(spec);
        if (!ok) {
                json_decref(body);
                body = NULL;
        }
        plan_patch_event(v, s, changes_patch(c, s->o, NULL, body), c);
}

/* The Deployment's own annotation follows its new ReplicaSet. True when a patch was added; status
 * then waits for the next step, since both are writes to one object. */
static bool plan_revision(const struct deployment_view *v, struct changes *c) {
        char text[24];

        if (!v->fresh)
                return false;
        (void) snprintf(text, sizeof(text), "%lld", (long long) view_revision(v));
        if (str_eq(string_map_get(&v->d->metadata.annotations, DEPLOYMENT_REVISION), text))
                return false;
        (void) changes_patch(
                c, v->f->deployment, NULL,
                json_pack("{s:{s:{s:s}}}", "metadata", "annotations", DEPLOYMENT_REVISION, text));
        return true;
}

static int cleanup_cmp_revision(const void *a, const void *b) {
        const struct deployment_set *x = a, *y = b;

        if (x->revision != y->revision)
                return x->revision < y->revision ? -1 : 1;
        return view_cmp_age(a, b);
}

/* Deletes old ReplicaSets beyond revisionHistoryLimit, lowest revisions first. */
static int plan_cleanup(const struct deployment_view *v, struct changes *c) {
        AUTO_FREE struct deployment_set *old = calloc(v->n ? v->n : 1, sizeof(*old));
        size_t n = 0, excess;

        if (!old)
                return -ENOMEM;
        if (!v->d->spec.revision_history_limit.is_set)
                return 0;
        for (size_t i = 0; i < v->n; i++)
                if (&v->sets[i] != v->fresh && v->sets[i].o->meta->deletion_timestamp == 0)
                        old[n++] = v->sets[i];
        if ((int64_t) n <= v->d->spec.revision_history_limit.value)
                return 0;
        excess = n - (size_t) v->d->spec.revision_history_limit.value;
        qsort(old, n, sizeof(*old), cleanup_cmp_revision);
        for (size_t i = 0; i < excess; i++) {
                const struct replica_set *rs = old[i].rs;

                if (rs->status.replicas == 0 && rs->spec.replicas.value == 0 &&
                    rs->metadata.generation <= rs->status.observed_generation)
                        (void) changes_delete(c, old[i].o, "Background");
        }
        return 0;
}

/* ---- the strategies ---- */

static bool pod_is_finished(const struct pod *p) {
        return str_eq(p->status.phase, "Succeeded") || str_eq(p->status.phase, "Failed");
}

/* Whether pods of old templates still run, terminating ones included: Recreate waits for them. */
static bool view_has_old_pods(const struct deployment_view *v) {
        for (size_t i = 0; i < v->f->n_pods; i++) {
                const struct object *o = v->f->pods[i];
                const struct owner_reference *owner = meta_controller(o->meta);

                if (!owner || pod_is_finished(OBJECT_AS(pod, o)))
                        continue;
                for (size_t k = 0; k < v->n; k++)
                        if (&v->sets[k] != v->fresh && str_eq(v->sets[k].o->meta->uid, owner->uid))
                                return true;
        }
        return false;
}

static bool view_is_scaling(const struct deployment_view *v) {
        for (size_t i = 0; i < v->n; i++) {
                const struct deployment_set *s = &v->sets[i];

                if (s->rs->spec.replicas.value > 0 &&
                    string_map_get(&s->o->meta->annotations, DEPLOYMENT_DESIRED) &&
                    annotation_number(s->o->meta, DEPLOYMENT_DESIRED) != v->limits.replicas)
                        return true;
        }
        return false;
}

/* What the arithmetic says for this step; *ret_create: replicas of a new ReplicaSet, -1: none. */
static void plan_numbers(struct deployment_view *v, struct rollout_set *sets, int64_t *ret_create) {
        int64_t fresh_replicas = 0;
        bool has_stopped;

        *ret_create = -1;
        if (v->d->spec.paused || view_is_scaling(v)) {
                v->is_waiting = !rollout_scale(&v->limits, sets, v->n, v->d->status.replicas);
                return;
        }
        if (!str_eq(v->d->spec.strategy.type, "Recreate")) {
                rollout_step(&v->limits, sets, v->n, &fresh_replicas);
                if (!v->fresh)
                        *ret_create = fresh_replicas;
                return;
        }
        has_stopped = rollout_stop_old(sets, v->n);
        if (!has_stopped || view_has_old_pods(v))
                return;
        if (!v->fresh)
                *ret_create = v->limits.replicas;
        for (size_t i = 0; i < v->n; i++)
                if (sets[i].is_new)
                        sets[i].want = v->limits.replicas;
}

/* Runs the arithmetic over the sets and takes its result back into them by name. */
static int plan_sizes(struct deployment_view *v, int64_t *ret_create) {
        AUTO_FREE struct rollout_set *sets = calloc(v->n ? v->n : 1, sizeof(*sets));

        if (!sets)
                return -ENOMEM;
        for (size_t i = 0; i < v->n; i++) {
                const struct deployment_set *s = &v->sets[i];

                sets[i] = (struct rollout_set){
                        .spec = s->rs->spec.replicas.value,
                        .running = s->rs->status.replicas,
                        .available = s->rs->status.available_replicas,
                        .annotated_max = annotation_number(s->o->meta, DEPLOYMENT_MAX),
                        .created_usec = s->o->meta->creation_timestamp,
                        .name = s->o->meta->name,
                        .is_new = s == v->fresh,
                        .is_settled =
                                s->rs->status.observed_generation >= s->rs->metadata.generation,
                };
        }
        plan_numbers(v, sets, ret_create);
        for (size_t i = 0; i < v->n; i++)
                for (size_t k = 0; k < v->n; k++)
                        if (str_eq(sets[k].name, v->sets[i].o->meta->name))
                                v->sets[i].want = sets[k].want;
        return 0;
}

int deployment_plan(const struct deployment_facts *f, struct changes *c, struct err *e) {
        __attribute__((cleanup(view_done))) struct deployment_view v = {
                .f = f, .d = OBJECT_AS(deployment, f->deployment)
        };
        int64_t create = -1;
        int r;

        r = view_load(&v, c, e);
        if (r < 0)
                return r;
        if (v.is_adopting)
                return changes_check(c, e);
        if (v.d->metadata.deletion_timestamp == 0) {
                if (plan_sizes(&v, &create) < 0)
                        return err_set(e, -ENOMEM, "out of memory while planning");
                if (create >= 0) {
                        v.is_creating = true;
                        plan_create(&v, create, c);
                }
                for (size_t i = 0; i < v.n; i++)
                        if (v.sets[i].o->meta->deletion_timestamp == 0)
                                plan_patch_set(&v, &v.sets[i], c);
                if ((v.d->spec.paused || deployment_status_is_complete(&v)) &&
                    plan_cleanup(&v, c) < 0)
                        return err_set(e, -ENOMEM, "out of memory while planning");
                if (plan_revision(&v, c))
                        return changes_check(c, e);
        }
        deployment_status_plan(&v, c);
        return changes_check(c, e);
}
