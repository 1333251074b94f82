#include "daemon/plan/schedule_plan.h"

#include "api/kinds/labels.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/replicaset_plan.h"
#include "daemon/plan/schedule_node.h"

#include <string.h>

/* Each pod of the same owner on a node weighs as much as this many percent of free resources. */
#define SPREAD_WEIGHT 10
#define REASONS_MAX 16

struct schedule_view {
        const struct schedule_facts *f;
        struct schedule_node *nodes; /* owned */
        struct map by_name;          /* name → struct schedule_node */
};

static void view_done(struct schedule_view *v) {
        for (size_t i = 0; v->nodes && i < v->f->n_nodes; i++)
                schedule_node_done(&v->nodes[i]);
        free(v->nodes);
        map_done(&v->by_name, NULL);
}

static int view_count(struct schedule_view *v, const struct pod *p, const char *node) {
        struct schedule_node *n = map_get(&v->by_name, node);

        if (!n || str_eq(p->status.phase, "Succeeded") || str_eq(p->status.phase, "Failed"))
                return 0;
        return schedule_node_add(n, p);
}

static int view_load(struct schedule_view *v) {
        const struct schedule_facts *f = v->f;
        int r = 0;

        v->nodes = calloc(f->n_nodes ? f->n_nodes : 1, sizeof(*v->nodes));
        if (!v->nodes)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_nodes && r == 0; i++) {
                v->nodes[i].node = OBJECT_AS(node, f->nodes[i]);
                r = map_put(&v->by_name, f->nodes[i]->meta->name, &v->nodes[i], NULL);
        }
        for (size_t i = 0; i < f->n_pods && r == 0; i++) {
                const struct pod *p = OBJECT_AS(pod, f->pods[i]);

                r = view_count(v, p, str_or_empty(p->spec.node_name));
        }
        for (size_t i = 0; i < f->n_assumed && r == 0; i++)
                r = view_count(v, OBJECT_AS(pod, f->assumed[i].pod), f->assumed[i].node);
        return r;
}

static int waiting_cmp(const void *a, const void *b) {
        const struct object *x = *(const struct object *const *) a;
        const struct object *y = *(const struct object *const *) b;
        int64_t px = OBJECT_AS(pod, x)->spec.priority.value;
        int64_t py = OBJECT_AS(pod, y)->spec.priority.value;

        if (px != py)
                return px > py ? -1 : 1;
        if (x->meta->creation_timestamp != y->meta->creation_timestamp)
                return x->meta->creation_timestamp < y->meta->creation_timestamp ? -1 : 1;
        return strcmp(x->meta->name, y->meta->name);
}

/* ---- spread: pods of one owner rather go to different nodes ---- */

static void sibling_count(struct schedule_view *v, const char *owner_uid, const struct object *o,
                          const char *node) {
        const struct owner_reference *r = meta_controller(o->meta);
        struct schedule_node *n;

        if (!r || !str_eq(r->uid, owner_uid))
                return;
        n = map_get(&v->by_name, node);
        if (n)
                n->n_siblings++;
}

/* Counted anew whenever another owner's pods come; n_siblings then goes along with the choices. */
static void siblings_load(struct schedule_view *v, const char *owner_uid) {
        const struct schedule_facts *f = v->f;

        for (size_t i = 0; i < f->n_nodes; i++)
                v->nodes[i].n_siblings = 0;
        if (!owner_uid || f->n_nodes < 2)
                return;
        for (size_t i = 0; i < f->n_pods; i++)
                if (replicaset_pod_is_active(OBJECT_AS(pod, f->pods[i])))
                        sibling_count(v, owner_uid, f->pods[i],
                                      str_or_empty(OBJECT_AS(pod, f->pods[i])->spec.node_name));
        for (size_t i = 0; i < f->n_assumed; i++)
                sibling_count(v, owner_uid, f->assumed[i].pod, f->assumed[i].node);
}

/* ---- why not ---- */

struct reasons {
        struct {
                char text[SCHEDULE_REASON_MAX];
                size_t n;
        } items[REASONS_MAX];
        size_t n;
};

static void reasons_add(void *data, const char *text) {
        struct reasons *r = data;

        for (size_t i = 0; i < r->n; i++) {
                if (str_eq(r->items[i].text, text)) {
                        r->items[i].n++;
                        return;
                }
        }
        if (r->n == REASONS_MAX)
                return;
        (void) snprintf(r->items[r->n].text, SCHEDULE_REASON_MAX, "%s", text);
        r->items[r->n++].n = 1;
}

static int reasons_cmp(const void *a, const void *b) {
        const struct strbuf *x = a, *y = b;

        return strcmp(str_or_empty(x->s), str_or_empty(y->s));
}

/* "0/3 nodes are available: 1 Insufficient memory, 2 node(s) were unschedulable." */
static const char *reasons_text(const struct reasons *r, size_t n_nodes, struct changes *c) {
        struct strbuf parts[REASONS_MAX] = { 0 }, all = { 0 };
        const char *text;

        if (n_nodes == 0)
                return "no nodes available to schedule pods";
        for (size_t i = 0; i < r->n; i++)
                strbuf_addf(&parts[i], "%zu %s", r->items[i].n, r->items[i].text);
        qsort(parts, r->n, sizeof(*parts), reasons_cmp);
        strbuf_addf(&all, "0/%zu nodes are available:", n_nodes);
        for (size_t i = 0; i < r->n; i++) {
                strbuf_addf(&all, "%s %s", i ? "," : "", str_or_empty(parts[i].s));
                strbuf_done(&parts[i]);
        }
        strbuf_add_char(&all, '.');
        c->has_failed |= all.has_failed;
        text = changes_text(c, "%s", str_or_empty(all.s));
        strbuf_done(&all);
        return text;
}

/* ---- results ---- */

static void plan_bind(const struct object *o, const char *node, struct changes *c) {
        json_t *body =
                json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}", "apiVersion", "v1",
                          "kind", "Binding", "metadata", "name", o->meta->name, "namespace",
                          str_or_empty(o->meta->namespace), "uid", str_or_empty(o->meta->uid),
                          "target", "apiVersion", "v1", "kind", "Node", "name", node);
        struct change *it = changes_sub(c, CHANGE_POST, o, "binding", body);

        change_on_done(c, it, o,
                       (struct change_event){ "Normal", "Scheduled",
                                              changes_text(c, "Successfully assigned %s/%s to %s",
                                                           str_or_empty(o->meta->namespace),
                                                           o->meta->name, node) });
}

/* All conditions but PodScheduled as they are, and that one with the reason. */
static json_t *unschedulable_conditions(const struct object *o, const char *text, uint64_t now) {
        const struct pod *p = OBJECT_AS(pod, o);
        const struct pod_condition *had = pod_condition_find(&p->status, "PodScheduled");
        uint64_t since = had && str_eq(had->status, "False") ? had->last_transition_time : now;
        json_t *encoded = schema_encode(&pod_status_schema, &p->status), *list = json_array(), *it;
        size_t i;
        bool ok = encoded && list;

        json_array_foreach(json_object_get(encoded, "conditions"), i, it)
                if (!str_eq(json_string_value(json_object_get(it, "type")), "PodScheduled"))
                        ok = json_array_append(list, it) == 0 && ok;
        ok = ok &&
             json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s, s:s}", "type",
                                                   "PodScheduled", "status", "False",
                                                   "lastTransitionTime", tree_time(since), "reason",
                                                   "Unschedulable", "message", text)) == 0;
        json_decref(encoded);
        if (!ok) {
                json_decref(list);
                return NULL;
        }
        return list;
}

static void plan_refuse(const struct object *o, const char *text, uint64_t now, struct changes *c) {
        const struct pod_condition *had =
                pod_condition_find(&OBJECT_AS(pod, o)->status, "PodScheduled");
        struct change *it;

        if (had && str_eq(had->status, "False") && str_eq(had->message, text))
                return; /* said already */
        it = changes_patch(c, o, "status",
                           json_pack("{s:{s:o}}", "status", "conditions",
                                     unschedulable_conditions(o, text, now)));
        change_on_done(c, it, o, (struct change_event){ "Warning", "FailedScheduling", text });
}

static struct schedule_node *choose(struct schedule_view *v, const struct pod *p,
                                    const struct schedule_request *request,
                                    struct reasons *reasons) {
        struct schedule_node *best = NULL;
        const struct schedule_why why = { .say = reasons_add, .data = reasons };
        int64_t best_score = 0;

        for (size_t i = 0; i < v->f->n_nodes; i++) {
                struct schedule_node *n = &v->nodes[i];
                int64_t score;

                if (n->node->metadata.deletion_timestamp != 0)
                        continue;
                if (!schedule_node_fits(n, p, request, &why))
                        continue;
                score = schedule_node_score(n, request) - SPREAD_WEIGHT * n->n_siblings;
                if (!best || score > best_score ||
                    (score == best_score &&
                     strcmp(n->node->metadata.name, best->node->metadata.name) < 0)) {
                        best = n;
                        best_score = score;
                }
        }
        return best;
}

static bool volume_is_provided(const struct volume *v) {
        return v->empty_dir || v->host_path || v->config_map || v->secret || v->downward_api ||
               v->projected;
}

/* What no node has: storage that orch doesn't provide. NULL: nothing. */
static const char *missing_text(const struct pod *p, size_t n_nodes, struct changes *c) {
        for (size_t i = 0; i < p->spec.volumes.n; i++) {
                const struct volume *v = &p->spec.volumes.items[i];
                const char *claim = v->persistent_volume_claim
                                            ? str_or_empty(v->persistent_volume_claim->claim_name)
                                            : NULL;

                if (claim)
                        return changes_text(c,
                                            "0/%zu nodes are available: volume \"%s\" asks for "
                                            "persistentvolumeclaim \"%s\", and orch binds no "
                                            "claims; use a hostPath or an emptyDir volume.",
                                            n_nodes, str_or_empty(v->name), claim);
                if (!volume_is_provided(v))
                        return changes_text(c,
                                            "0/%zu nodes are available: orch has no volumes of the "
                                            "kind that volume \"%s\" asks for; use a hostPath or "
                                            "an emptyDir volume.",
                                            n_nodes, str_or_empty(v->name));
        }
        return NULL;
}

static int plan_one(struct schedule_view *v, const struct object *o, struct schedule_choice *ret,
                    struct changes *c) {
        const struct pod *p = OBJECT_AS(pod, o);
        struct schedule_request request;
        struct reasons reasons = { 0 };
        const char *missing;
        struct schedule_node *n;

        *ret = (struct schedule_choice){ .pod = o };
        missing = missing_text(p, v->f->n_nodes, c);
        if (missing) {
                plan_refuse(o, missing, v->f->now_usec, c);
                return 0;
        }
        schedule_request_of(p, &request);
        n = choose(v, p, &request, &reasons);
        if (!n) {
                plan_refuse(o, reasons_text(&reasons, v->f->n_nodes, c), v->f->now_usec, c);
                return 0;
        }
        ret->node = n->node->metadata.name;
        n->n_siblings++;
        plan_bind(o, ret->node, c);
        return schedule_node_add(n, p);
}

int schedule_plan(const struct schedule_facts *f, struct schedule_choice *ret_choices,
                  struct changes *c, struct err *e) {
        __attribute__((cleanup(view_done))) struct schedule_view v = { .f = f };
        AUTO_FREE const struct object **waiting =
                calloc(f->n_waiting ? f->n_waiting : 1, sizeof(*waiting));
        const char *owner = "";
        int n = 0;

        if (!waiting || view_load(&v) < 0)
                return err_set(e, -ENOMEM, "out of memory while scheduling");
        if (f->n_waiting > 0)
                memcpy(waiting, f->waiting, f->n_waiting * sizeof(*waiting));
        qsort(waiting, f->n_waiting, sizeof(*waiting), waiting_cmp);
        for (size_t i = 0; i < f->n_waiting; i++) {
                const struct owner_reference *r = meta_controller(waiting[i]->meta);
                const char *uid = r ? r->uid : NULL;

                if (waiting[i]->meta->deletion_timestamp != 0)
                        continue;
                if (!str_eq(uid, owner))
                        siblings_load(&v, uid);
                owner = uid;
                if (plan_one(&v, waiting[i], &ret_choices[n++], c) < 0)
                        return err_set(e, -ENOMEM, "out of memory while scheduling");
        }
        return changes_check(c, e) < 0 ? -ENOMEM : n;
}
