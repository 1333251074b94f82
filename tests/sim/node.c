#include "api/kinds/node.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_USEC (35 * USEC_PER_SEC)

/* Made-up kubelets: they look at a pod some time after it has changed and do the next thing. */
struct sim_pod {
        struct world *w;
        char key[OBJECT_KEY_MAX];
        char *uid; /* owned */
        struct timer *timer;
        struct client_call *call;
        unsigned address;
        bool has_said_ready; /* a node says what has changed, once */
};

static void pod_free(void *p) {
        struct sim_pod *s = p;

        if (!s)
                return;
        client_cancel(s->call);
        sim_clock_timers(s->w->clock)->vtable->cancel(sim_clock_timers(s->w->clock), s->timer);
        free(s->uid);
        free(s);
}

void sim_node_forget_all(struct world *w) {
        map_done(&w->kubelet, pod_free);
        w->kubelet = (struct map){ 0 };
}

static struct sim_node *node_of(struct world *w, const char *name) {
        for (size_t i = 0; i < w->n_nodes; i++)
                if (str_eq(w->nodes[i].name, name))
                        return &w->nodes[i];
        return NULL;
}

/* ---- doing ---- */

static void pod_look(void *data);

static void pod_look_later(struct sim_pod *s, uint64_t most_usec) {
        struct timers *t = sim_clock_timers(s->w->clock);

        if (s->timer || s->call)
                return;
        if (t->vtable->add(t, sim_clock_now(s->w->clock) + world_random(s->w, most_usec), pod_look,
                           s, &s->timer) < 0)
                abort();
}

static void pod_on_done(void *data, const struct client_answer *a) {
        struct sim_pod *s = data;

        s->call = NULL;
        if (informer_get(s->w->pods, s->key))
                pod_look_later(s, 20 * USEC_PER_SEC);
}

static void pod_send(struct sim_pod *s, enum client_method method, const char *sub,
                     const char *body) {
        static const struct client_handlers handlers = { .on_done = pod_on_done };
        AUTO_FREE char *path =
                str_format("/api/v1/namespaces/default/pods/%s%s", strchr(s->key, '/') + 1, sub);
        const struct client_request r = { .method = method,
                                          .path = path,
                                          .content_type = method == CLIENT_PATCH
                                                                  ? CLIENT_TYPE_STRATEGIC_PATCH
                                                                  : NULL,
                                          .body = body,
                                          .body_len = strlen(body) };

        if (client_start(s->w->direct, &r, &handlers, s, &s->call, NULL) < 0)
                abort();
}

static void pod_report(struct sim_pod *s, const char *phase, bool is_ready) {
        const char *word = is_ready ? "True" : "False";
        char now[CLOCK_TEXT_MAX];
        AUTO_FREE char *body = str_format("{\"metadata\":{\"uid\":\"%s\"},\"status\":{\"phase\":\"%"
                                          "s\",\"podIP\":\"10.1.%u.%u\","
                                          "\"podIPs\":[{\"ip\":\"10.1.%u.%u\"}],\"conditions\":["
                                          "{\"type\":\"ContainersReady\",\"status\":\"%s\"},"
                                          "{\"type\":\"Ready\",\"status\":\"%s\",\"reason\":null,"
                                          "\"lastTransitionTime\":\"%s\"}]}}",
                                          s->uid, phase, s->address >> 8 & 255, s->address & 255,
                                          s->address >> 8 & 255, s->address & 255, word, word,
                                          clock_format(sim_clock_wall(s->w->clock), now));

        s->has_said_ready = is_ready;
        pod_send(s, CLIENT_PATCH, "/status", body);
}

static void pod_stop(struct sim_pod *s) {
        AUTO_FREE char *body =
                str_format("{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                           "\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"%s\"}}",
                           s->uid);

        pod_send(s, CLIENT_DELETE, "", body);
}

/* The next thing that this pod's node does about it. */
static void pod_look(void *data) {
        struct sim_pod *s = data;
        const struct object *o = informer_get(s->w->pods, s->key);
        const struct pod *p = o && str_eq(o->meta->uid, s->uid) ? OBJECT_AS(pod, o) : NULL;
        const struct sim_node *n = p ? node_of(s->w, p->spec.node_name) : NULL;

        s->timer = NULL;
        if (!p || !n)
                return;
        if (n->is_silent) {
                pod_look_later(s, 20 * USEC_PER_SEC);
                return;
        }
        if (p->metadata.deletion_timestamp != 0) {
                pod_stop(s);
                return;
        }
        if (str_eq(p->status.phase, "Failed"))
                return;
        if (s->w->pod_fails && world_random(s->w, 1000) < s->w->pod_fails) {
                if (world_random(s->w, 4) == 0)
                        pod_report(s, "Failed", false);
                else
                        pod_report(s, "Running", false);
                return;
        }
        if (!s->has_said_ready)
                pod_report(s, "Running", true);
        else if (s->w->pod_fails)
                pod_look_later(s, 60 * USEC_PER_SEC);
}

void sim_node_on_pod(struct world *w, const struct object *after) {
        struct sim_pod *s;

        if (!after || str_is_empty(OBJECT_AS(pod, after)->spec.node_name))
                return;
        s = map_get(&w->kubelet, after->meta->uid);
        if (!s) {
                s = calloc(1, sizeof(*s));
                if (!s || map_put(&w->kubelet, after->meta->uid, s, NULL) < 0)
                        abort();
                s->w = w;
                s->uid = strdup(after->meta->uid);
                s->address = (unsigned) w->kubelet.n;
                (void) object_key(after, s->key);
        }
        if (!pod_is_ready(OBJECT_AS(pod, after)) || after->meta->deletion_timestamp != 0)
                pod_look_later(s, 5 * USEC_PER_SEC);
}

/* ---- nodes ---- */

static void heartbeat_on_done(void *data, const struct client_answer *a) {
}

/* Each node says that it lives; its status it has written once, at the start. */
static void heartbeat(void *data) {
        static const struct client_handlers handlers = { .on_done = heartbeat_on_done };
        struct world *w = data;
        struct timers *t = sim_clock_timers(w->clock);
        struct timer *timer;
        char now[CLOCK_TEXT_MAX];

        for (size_t i = 0; i < w->n_nodes; i++) {
                AUTO_FREE char *lease = str_format(
                        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/%s",
                        w->nodes[i].name);
                AUTO_FREE char *body =
                        str_format("{\"spec\":{\"renewTime\":\"%s\"}}",
                                   clock_format_micro(sim_clock_wall(w->clock), now));
                struct client_request r = { .method = CLIENT_PATCH,
                                            .path = lease,
                                            .content_type = CLIENT_TYPE_STRATEGIC_PATCH,
                                            .body = body,
                                            .body_len = strlen(body) };

                if (w->nodes[i].is_silent)
                        continue;
                (void) client_start(w->direct, &r, &handlers, w, NULL, NULL);
        }
        (void) t->vtable->add(t, sim_clock_now(w->clock) + HEARTBEAT_USEC, heartbeat, w, &timer);
}

void sim_node_add(struct world *w, const char *name) {
        struct sim_node *n = &w->nodes[w->n_nodes];
        AUTO_FREE char *body = str_format(
                "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"}}", name);
        AUTO_FREE char *path = str_format("/api/v1/nodes/%s/status", name);
        AUTO_FREE char *lease = str_format(
                "{\"apiVersion\":\"coordination.k8s.io/"
                "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
                "\"%s\",\"namespace\":\"kube-node-lease\"},\"spec\":{\"holderIdentity\":\"%s\"}}",
                name, name);

        (void) snprintf(n->name, sizeof(n->name), "%s", name);
        if (world_ask(w, CLIENT_POST, "/api/v1/nodes", body, NULL) != 201)
                world_violated(w, "node %s isn't created", name);
        (void) world_ask(w, CLIENT_PATCH, path,
                         "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
                         "\"allocatable\":{\"cpu\":\"8\",\"memory\":\"8Gi\",\"pods\":\"110\"}}}",
                         NULL);
        if (world_ask(w, CLIENT_POST,
                      "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease,
                      NULL) != 201)
                world_violated(w, "node %s has no lease", name);
        if (w->n_nodes++ == 0)
                heartbeat(w);
}
