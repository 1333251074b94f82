#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/control/caches.h"
#include "daemon/control/controller.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/schedule_plan.h"

/* All waiting pods are served together: one look at the nodes for all of them. */
#define SCHEDULER_KEY "waiting"
#define SCHEDULER_NAME "default-scheduler"

struct assumed {
        struct object *pod; /* referenced */
        char *node;         /* owned */
};

struct scheduler {
        struct core *core;
        struct controller *driver;
        struct map
                assumed; /* uid → struct assumed, owned: bound, but the cache doesn't show it yet */
};

static void assumed_free(void *p) {
        struct assumed *a = p;

        if (!a)
                return;
        object_unref(a->pod);
        free(a->node);
        free(a);
}

static void assumed_forget(struct scheduler *s, const struct object *pod) {
        assumed_free(map_remove(&s->assumed, str_or_empty(pod->meta->uid)));
}

static int assumed_add(struct scheduler *s, const struct object *pod, const char *node) {
        struct assumed *a = calloc(1, sizeof(*a));
        void *old = NULL;

        if (!a)
                return -ENOMEM;
        a->pod = object_ref((struct object *) pod);
        a->node = strdup(node);
        if (!a->node || map_put(&s->assumed, str_or_empty(pod->meta->uid), a, &old) < 0) {
                assumed_free(a);
                return -ENOMEM;
        }
        assumed_free(old);
        return 0;
}

/* ---- what is worth a look ---- */

static bool pod_is_waiting(const struct object *o) {
        const struct pod *p = OBJECT_AS(pod, o);

        return str_is_empty(p->spec.node_name) && p->metadata.deletion_timestamp == 0 &&
               !str_eq(p->status.phase, "Succeeded") && !str_eq(p->status.phase, "Failed") &&
               (str_is_empty(p->spec.scheduler_name) ||
                str_eq(p->spec.scheduler_name, SCHEDULER_NAME));
}

/* A pod that waits, or one that leaves room where others may wait. */
static void on_pod(void *data, const char *key, const struct object *before,
                   const struct object *after) {
        struct scheduler *s = data;

        if (before && (!after || !str_eq(before->meta->uid, after->meta->uid)))
                assumed_forget(s, before);
        if (after && !pod_is_waiting(after))
                assumed_forget(s, after);
        if (!after || pod_is_waiting(after) ||
            str_eq(OBJECT_AS(pod, after)->status.phase, "Succeeded") ||
            str_eq(OBJECT_AS(pod, after)->status.phase, "Failed"))
                controller_enqueue(s->driver, SCHEDULER_KEY);
}

static void on_node(void *data, const char *key, const struct object *before,
                    const struct object *after) {
        struct scheduler *s = data;

        controller_enqueue(s->driver, SCHEDULER_KEY);
}

/* ---- planning ---- */

struct gathered {
        struct objects nodes, pods, waiting;
        struct schedule_assumed *assumed; /* owned */
        size_t n_assumed;
        struct schedule_choice *choices; /* owned */
};

static void gathered_done(struct gathered *g) {
        objects_done(&g->nodes);
        objects_done(&g->pods);
        objects_done(&g->waiting);
        free(g->assumed);
        free(g->choices);
}

static int gather_waiting(struct scheduler *s, struct gathered *g) {
        int r = caches_list(s->core->caches, &pod_kind, CACHE_NODE, "", &g->waiting);

        for (size_t i = g->waiting.n; i-- > 0;)
                if (!pod_is_waiting(g->waiting.items[i]) ||
                    map_has(&s->assumed, str_or_empty(g->waiting.items[i]->meta->uid)))
                        g->waiting.items[i] = g->waiting.items[--g->waiting.n];
        return r;
}

/* Pods with a node are all but those without: one walk. */
static int gather_pods(struct scheduler *s, struct gathered *g) {
        int r = 0;

        for (size_t i = 0; i < g->nodes.n && r == 0; i++)
                r = caches_list(s->core->caches, &pod_kind, CACHE_NODE,
                                g->nodes.items[i]->meta->name, &g->pods);
        return r;
}

static int gather(struct scheduler *s, struct gathered *g) {
        int r = gather_waiting(s, g);

        if (r < 0 || g->waiting.n == 0)
                return r;
        r = caches_list(s->core->caches, &node_kind, NULL, NULL, &g->nodes);
        if (r == 0)
                r = gather_pods(s, g);
        g->choices = calloc(g->waiting.n, sizeof(*g->choices));
        g->assumed = calloc(s->assumed.n + 1, sizeof(*g->assumed));
        if (r < 0 || !g->choices || !g->assumed)
                return -ENOMEM;
        MAP_FOREACH(i, &s->assumed) {
                const struct assumed *a = i->value;

                g->assumed[g->n_assumed++] = (struct schedule_assumed){ a->pod, a->node };
        }
        return 0;
}

static int on_plan(void *data, struct run *run, const char *key, struct changes *changes,
                   struct err *e) {
        __attribute__((cleanup(gathered_done))) struct gathered g = { 0 };
        struct scheduler *s = data;
        struct schedule_facts f = { .now_usec = core_wall_usec(s->core) };
        int n;

        if (gather(s, &g) < 0)
                return err_set(e, -ENOMEM, "out of memory gathering nodes");
        if (g.waiting.n == 0)
                return 0;
        f.nodes = g.nodes.items;
        f.n_nodes = g.nodes.n;
        f.pods = g.pods.items;
        f.n_pods = g.pods.n;
        f.assumed = g.assumed;
        f.n_assumed = g.n_assumed;
        f.waiting = g.waiting.items;
        f.n_waiting = g.waiting.n;
        n = schedule_plan(&f, g.choices, changes, e);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++)
                if (g.choices[i].node && assumed_add(s, g.choices[i].pod, g.choices[i].node) < 0)
                        return err_set(e, -ENOMEM, "out of memory remembering bindings");
        return 0;
}

static void on_change(void *data, const struct object *about, int result) {
        struct scheduler *s = data;

        if (result < 0 && about)
                assumed_forget(s, about);
}

/* ---- life ---- */

static void on_begin(void *data) {
        struct scheduler *s = data;

        controller_begin(s->driver);
}

static bool is_idle(const void *data) {
        return controller_is_idle(((const struct scheduler *) data)->driver);
}

static void on_free(void *data) {
        struct scheduler *s = data;

        controller_unref(s->driver);
        map_done(&s->assumed, assumed_free);
        free(s);
}

int scheduler_new(struct core *core, struct part *ret, struct err *e) {
        static const struct controller_type type = {
                .name = SCHEDULER_NAME, .plan = on_plan, .on_change = on_change, .keeps_going = true
        };
        struct scheduler *s = calloc(1, sizeof(*s));
        int r = -ENOMEM;

        if (!s)
                return err_set(e, r, "out of memory for the scheduler");
        *ret = (struct part){ s, on_begin, is_idle, on_free };
        s->core = core;
        r = controller_new(core, &type, s, &s->driver, e);
        if (r == 0)
                r = caches_watch(core->caches, &pod_kind, on_pod, s);
        if (r == 0)
                r = caches_watch(core->caches, &node_kind, on_node, s);
        return r;
}
