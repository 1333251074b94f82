#include "tests/sim/world.h"

#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/control/control.h"
#include "daemon/registry/registry.h"
#include "daemon/registry/user.h"
#include "daemon/store/store.h"
#include "daemon/store/store_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WORLD_WALL_USEC (1800000000ULL * USEC_PER_SEC)
#define WORLD_TURNS_MAX 100000U /* at one instant: a loop that never rests */

/* The registry asks for the wall clock without saying whose: one world runs at a time. */
static struct world *world_now;

static uint64_t world_wall_usec(void) {
        return sim_clock_wall(world_now->clock);
}

static uint64_t world_control_wall(void *data) {
        return sim_clock_wall(((struct world *) data)->clock);
}

static uint64_t world_store_clock(void *data) {
        return sim_clock_now(((struct world *) data)->clock);
}

/* Uids and hash keys of the code under test follow from the seed, too: this replaces libc's. Keys
 * of hash tables (16 bytes, non-blocking) are drawn once a process, so they are always the same. */
ssize_t getrandom(void *buf, size_t len, unsigned flags) {
        static const uint64_t fixed = 42;
        uint64_t first = fixed, *state = world_now && flags == 0 ? &world_now->random : &first;

        for (size_t i = 0; i < len; i++)
                ((unsigned char *) buf)[i] = (unsigned char) (backoff_random(state) >> 32);
        return (ssize_t) len;
}

uint64_t world_random(struct world *w, uint64_t below) {
        return backoff_random(&w->random) % below;
}

void world_violated(struct world *w, const char *fmt, ...) {
        va_list ap;

        if (w->violation[0])
                return;
        va_start(ap, fmt);
        (void) vsnprintf(w->violation, sizeof(w->violation), fmt, ap);
        va_end(ap);
        world_note(w, "VIOLATION %s", w->violation);
}

void world_note(struct world *w, const char *fmt, ...) {
        va_list ap;

        if (!w->is_verbose)
                return;
        (void) printf("%12.6f ", (double) sim_clock_now(w->clock) / USEC_PER_SEC);
        va_start(ap, fmt);
        (void) vprintf(fmt, ap);
        va_end(ap);
        (void) printf("\n");
}

/* ---- time ---- */

/* Some of what could happen at this instant; 0: nothing can. */
static unsigned world_turn(struct world *w) {
        unsigned n = (unsigned) store_memory_step(w->store, 1 + world_random(w, 8));

        return n + sim_clock_fire(w->clock);
}

static void world_settle(struct world *w) {
        unsigned n = 0;

        while (world_turn(w) > 0) {
                if (++n > WORLD_TURNS_MAX) {
                        world_violated(w, "the world never comes to rest");
                        return;
                }
        }
}

void world_run(struct world *w, uint64_t usec) {
        uint64_t until = sim_clock_now(w->clock) + usec;

        world_settle(w);
        while (sim_clock_now(w->clock) < until && !w->violation[0]) {
                sim_clock_advance(w->clock, until);
                world_settle(w);
        }
}

/* ---- the user ---- */

struct asked {
        bool is_done;
        unsigned status;
        char *body;
};

static void asked_on_done(void *data, const struct client_answer *a) {
        struct asked *q = data;

        q->is_done = true;
        q->status = a->status;
        q->body = strdup(a->body);
}

unsigned world_ask(struct world *w, enum client_method method, const char *path, const char *body,
                   char **ret_body) {
        static const struct client_handlers handlers = { .on_done = asked_on_done };
        struct client_request r = { .method = method, .path = path, .body = body };
        struct asked q = { 0 };

        r.body_len = body ? strlen(body) : 0;
        if (method == CLIENT_PATCH)
                r.content_type = CLIENT_TYPE_MERGE_PATCH;
        if (client_start(w->direct, &r, &handlers, &q, NULL, NULL) < 0)
                abort();
        while (!q.is_done) {
                if (world_turn(w) == 0) {
                        world_violated(w, "%s is never answered", path);
                        return 0;
                }
        }
        if (q.status >= 300)
                world_note(w, "user: %s answered %u %s", path, q.status, q.body);
        if (ret_body)
                *ret_body = STEAL(q.body);
        free(q.body);
        return q.status;
}

/* ---- the controllers ---- */

void world_start_control(struct world *w) {
        const struct control_options options = { .client = w->faulty,
                                                 .timers = sim_clock_timers(w->clock),
                                                 .wall_usec = world_control_wall,
                                                 .wall_data = w,
                                                 .seed = backoff_random(&w->random) | 1 };
        struct err e = { 0 };

        if (control_start(&options, &w->control, &e) < 0)
                world_violated(w, "controllers don't start: %s", e.text);
}

void world_kill_control(struct world *w) {
        world_note(w, "controllers killed");
        control_unref(STEAL(w->control));
}

/* ---- setting up ---- */

static void world_on_ready(void *data, int result, const char *text) {
        struct world *w = data;

        if (result < 0)
                world_violated(w, "the registry doesn't load: %s", text);
}

static void world_on_pod(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        struct world *w = data;

        if (after)
                world_note(w, "pod %s@%s: %s %s%s", key, after->meta->resource_version,
                           str_or_empty(OBJECT_AS(pod, after)->status.phase),
                           pod_is_ready(OBJECT_AS(pod, after)) ? "ready" : "",
                           after->meta->deletion_timestamp ? " going" : "");
        else
                world_note(w, "pod %s: gone", key);
        sim_node_on_pod(w, after);
        check_pods(w);
}

static void world_on_set(void *data, const char *key, const struct object *before,
                         const struct object *after) {
        const struct replica_set *rs = after ? OBJECT_AS(replica_set, after) : NULL;

        if (rs)
                world_note(data, "set %s@%s: wants %d has %d available %d", key,
                           after->meta->resource_version, (int) rs->spec.replicas.value,
                           (int) rs->status.replicas, (int) rs->status.available_replicas);
}

static int world_observe(struct world *w, const struct kind *k, struct informer **ret) {
        const struct informer_options options = { .kind = k, .seed = 1, .relist_usec = USEC_NEVER };
        struct err e = { 0 };
        int r = informer_new(w->direct, sim_clock_timers(w->clock), &options, ret, &e);

        if (r == 0 && k == &pod_kind)
                r = informer_add_handler(*ret, world_on_pod, w);
        if (r == 0 && k == &replica_set_kind)
                r = informer_add_handler(*ret, world_on_set, w);
        return r == 0 ? informer_start(*ret, &e) : r;
}

static int world_build(struct world *w, struct err *e) {
        static const struct user ADMIN = USER_MASTER("system:admin");
        const struct store_memory_options store_options = { .now_usec = world_store_clock,
                                                            .clock = w };
        struct registry_options options = { .wall_usec = world_wall_usec };
        int r;

        w->clock = sim_clock_new(WORLD_WALL_USEC);
        if (!w->clock)
                return -ENOMEM;
        r = store_open_memory(NULL, &store_options, &w->store, e);
        options.store = w->store;
        options.timers = sim_clock_timers(w->clock);
        if (r == 0)
                r = registry_new(&options, world_on_ready, w, &w->registry, e);
        if (r == 0)
                world_run(w, USEC_PER_SEC);
        if (r == 0)
                r = registry_client_new(w->registry, &ADMIN, &w->direct, e);
        if (r == 0)
                r = sim_faults_client_new(w->direct, sim_clock_timers(w->clock), &w->faults,
                                          &w->random, &w->faulty);
        if (r == 0)
                r = world_observe(w, &pod_kind, &w->pods);
        if (r == 0)
                r = world_observe(w, &replica_set_kind, &w->sets);
        if (r == 0)
                r = world_observe(w, &deployment_kind, &w->deployments);
        if (r == 0)
                r = world_observe(w, &endpoint_slice_kind, &w->slices);
        if (r == 0)
                r = world_observe(w, &node_kind, &w->kubelets);
        return r;
}

struct world *world_new(uint64_t seed, bool is_verbose) {
        struct world *w = calloc(1, sizeof(*w));
        struct err e = { 0 };

        if (!w)
                return NULL;
        w->seed = seed;
        w->random = seed * 0x9e3779b97f4a7c15ULL + 1;
        w->is_verbose = is_verbose;
        world_now = w;
        if (world_build(w, &e) < 0) {
                (void) fprintf(stderr, "seed %llu: no world: %s\n", (unsigned long long) seed,
                               err_text(&e));
                world_free(w);
                return NULL;
        }
        return w;
}

void world_free(struct world *w) {
        if (!w)
                return;
        control_unref(w->control);
        sim_node_forget_all(w);
        informer_unref(w->pods);
        informer_unref(w->sets);
        informer_unref(w->deployments);
        informer_unref(w->slices);
        informer_unref(w->kubelets);
        if (w->clock)
                world_settle(w); /* answers that are still owed */
        client_unref(w->faulty);
        client_unref(w->direct);
        store_unref(w->store);
        registry_unref(w->registry);
        sim_clock_free(w->clock);
        free(w);
        world_now = NULL;
}
