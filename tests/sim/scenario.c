#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/control/control.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
/* Informers list anew every 30 min: after that, whatever was lost is found. */
#define RELIST_USEC (45 * 60 * USEC_PER_SEC)
#define QUIET_USEC (65 * 60 * USEC_PER_SEC)

static char *app_path(const struct sim_app *a) {
        return str_format(DEPLOYMENTS "/%s", a->name);
}

static void app_create(struct world *w, struct sim_app *a) {
        AUTO_FREE char *strategy =
                a->is_recreate
                        ? strdup("{\"type\":\"Recreate\"}")
                        : str_format(
                                  "{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":%d,"
                                  "\"maxUnavailable\":%d}}",
                                  a->surge, a->unavailable);
        AUTO_FREE char *body = str_format(
                "{\"apiVersion\":\"apps/"
                "v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"%s\"},"
                "\"spec\":{\"replicas\":%d,\"strategy\":%s,\"selector\":{\"matchLabels\":{\"app\":"
                "\"%s\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{"
                "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]"
                "}]}}}}",
                a->name, a->replicas, strategy, a->name, a->name);
        AUTO_FREE char *service =
                str_format("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"%"
                           "s\"},\"spec\":{"
                           "\"selector\":{\"app\":\"%s\"},\"ports\":[{\"port\":80}]}}",
                           a->name, a->name);

        world_note(w, "user: create %s, %d replicas, +%d -%d", a->name, a->replicas, a->surge,
                   a->unavailable);
        a->exists = true;
        if (world_ask(w, CLIENT_POST, DEPLOYMENTS, body, NULL) != 201)
                world_violated(w, "deployment %s isn't created", a->name);
        (void) world_ask(w, CLIENT_POST, "/api/v1/namespaces/default/services", service, NULL);
}

static void app_patch(struct world *w, const struct sim_app *a, const char *body) {
        AUTO_FREE char *path = app_path(a);

        if (world_ask(w, CLIENT_PATCH, path, body, NULL) != 200)
                world_violated(w, "patch of %s is refused", a->name);
}

/* ---- what a user may do ---- */

static void do_template(struct world *w, struct sim_app *a) {
        unsigned version = (unsigned) world_random(w, 4);
        AUTO_FREE char *body = str_format("{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
                                          "\"version\":\"%u\"}}}}}",
                                          version);

        world_note(w, "user: %s gets template %u", a->name, version);
        app_patch(w, a, body);
}

static void do_pause(struct world *w, struct sim_app *a) {
        world_note(w, "user: %s is paused and resumed", a->name);
        app_patch(w, a, "{\"spec\":{\"paused\":true}}");
        do_template(w, a);
        world_run(w, world_random(w, 20 * USEC_PER_SEC));
        app_patch(w, a, "{\"spec\":{\"paused\":false}}");
}

static void do_scale(struct world *w, struct sim_app *a) {
        AUTO_FREE char *body = NULL;

        a->replicas = (int) world_random(w, 9);
        body = str_format("{\"spec\":{\"replicas\":%d}}", a->replicas);
        world_note(w, "user: %s is scaled to %d", a->name, a->replicas);
        app_patch(w, a, body);
}

static int pick_any(void *data, const char *key, struct object *o) {
        const char **ret = data;

        *ret = o->meta->name;
        return 1;
}

/* NULL: there is none. */
static const char *any_name(const struct informer *i) {
        const char *name = NULL;

        (void) informer_each(i, pick_any, &name);
        return name;
}

static void do_delete_pod(struct world *w, struct sim_app *a) {
        const char *name = any_name(w->pods);
        AUTO_FREE char *path = str_format(PODS "/%s", str_or_empty(name));

        if (!name)
                return;
        world_note(w, "user: delete pod %s", name);
        (void) world_ask(w, CLIENT_DELETE, path, NULL, NULL);
}

static void do_unlabel_pod(struct world *w, struct sim_app *a) {
        const char *name = any_name(w->pods);
        AUTO_FREE char *path = str_format(PODS "/%s", str_or_empty(name));

        if (!name)
                return;
        world_note(w, "user: pod %s loses its label", name);
        (void) world_ask(w, CLIENT_PATCH, path, "{\"metadata\":{\"labels\":{\"app\":\"none\"}}}",
                         NULL);
}

static void do_delete_set(struct world *w, struct sim_app *a) {
        const char *name = any_name(w->sets);
        AUTO_FREE char *path = NULL;

        if (!name)
                return;
        path = str_format("/apis/apps/v1/namespaces/default/replicasets/%s?propagationPolicy=%s",
                          name, world_random(w, 2) ? "Foreground" : "Background");
        world_note(w, "user: delete %s", path);
        (void) world_ask(w, CLIENT_DELETE, path, NULL, NULL);
}

static void do_delete_app(struct world *w, struct sim_app *a) {
        static const char *const policies[] = { "Foreground", "Background" };
        AUTO_FREE char *path = str_format(DEPLOYMENTS "/%s?propagationPolicy=%s", a->name,
                                          policies[world_random(w, 2)]);

        world_note(w, "user: delete %s", path);
        (void) world_ask(w, CLIENT_DELETE, path, NULL, NULL);
        a->exists = false;
}

static void do_silence(struct world *w, struct sim_app *a) {
        struct sim_node *n = &w->nodes[world_random(w, w->n_nodes)];

        world_note(w, "node %s falls silent", n->name);
        n->is_silent = true;
        world_run(w, world_random(w, 600 * USEC_PER_SEC));
        n->is_silent = false;
        world_note(w, "node %s is back", n->name);
}

/* ---- scenarios ---- */

typedef void (*deed)(struct world *w, struct sim_app *a);

static void step(struct world *w, const deed *deeds, size_t n_deeds) {
        struct sim_app *a = &w->apps[world_random(w, w->n_apps)];

        if (a->exists)
                deeds[world_random(w, n_deeds)](w, a);
        if (world_random(w, 5) == 0 && w->control)
                world_kill_control(w);
        world_run(w, world_random(w, 40 * USEC_PER_SEC));
        if (!w->control)
                world_start_control(w);
}

static void faults_choose(struct world *w) {
        unsigned level = (unsigned) world_random(w, 3);

        if (level == 0)
                return;
        w->faults = (struct sim_faults){ .refuse = (unsigned) world_random(w, 30 * level),
                                         .lose = (unsigned) world_random(w, 30 * level),
                                         .conflict = (unsigned) world_random(w, 50 * level),
                                         .error = (unsigned) world_random(w, 30 * level),
                                         .delay = (unsigned) world_random(w, 200 * level),
                                         .drop = (unsigned) world_random(w, 20 * level),
                                         .twice = (unsigned) world_random(w, 100 * level),
                                         .swap = (unsigned) world_random(w, 100 * level),
                                         .cut = (unsigned) world_random(w, 20 * level) };
}

static void app_invent(struct world *w, struct sim_app *a, bool is_calm) {
        (void) snprintf(a->name, sizeof(a->name), "app%zu", (size_t) (a - w->apps));
        a->replicas = 1 + (int) world_random(w, 8);
        a->surge = (int) world_random(w, 4);
        a->unavailable = (int) world_random(w, 4);
        if (a->surge == 0 && a->unavailable == 0)
                a->surge = 1;
        a->is_watched = is_calm;
        a->is_recreate = !is_calm && world_random(w, 4) == 0;
        app_create(w, a);
}

static void finish(struct world *w) {
        uint64_t n_writes;

        world_note(w, "faults end");
        w->faults = (struct sim_faults){ 0 };
        w->pod_fails = 0;
        for (size_t i = 0; i < w->n_nodes; i++)
                w->nodes[i].is_silent = false;
        world_run(w, RELIST_USEC);
        if (w->violation[0])
                return;
        check_end(w);
        n_writes = control_n_writes(w->control);
        world_run(w, QUIET_USEC);
        if (control_n_writes(w->control) != n_writes)
                world_violated(w, "the controllers wrote %llu times though nothing happened",
                               (unsigned long long) (control_n_writes(w->control) - n_writes));
        check_end(w);
}

void scenario_run(struct world *w) {
        static const deed calm[] = { do_template, do_template, do_pause };
        static const deed wild[] = { do_template,   do_pause,      do_scale,
                                     do_scale,      do_delete_pod, do_unlabel_pod,
                                     do_delete_set, do_delete_app, do_silence };
        bool is_calm = world_random(w, 2) == 0;
        size_t n_steps = 4 + world_random(w, 8);
        static const char *const names[] = { "n0", "n1", "n2" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                sim_node_add(w, names[i]);
        faults_choose(w);
        w->pod_fails = is_calm ? 0 : (unsigned) world_random(w, 200);
        world_start_control(w);
        w->n_apps = 1 + world_random(w, WORLD_APPS_MAX);
        for (size_t i = 0; i < w->n_apps; i++)
                app_invent(w, &w->apps[i], is_calm);
        world_run(w, world_random(w, 30 * USEC_PER_SEC));
        for (size_t i = 0; i < n_steps && !w->violation[0]; i++)
                step(w, is_calm ? calm : wild, is_calm ? ARRAY_SIZE(calm) : ARRAY_SIZE(wild));
        if (!w->violation[0])
                finish(w);
}
