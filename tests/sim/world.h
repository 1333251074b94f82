#pragma once

#include "api/client/client.h"
#include "api/client/informer.h"
#include "base/map.h"
#include "tests/sim/clock.h"
#include "tests/sim/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole cluster in one process: the real registry over the store in memory, the real controllers
 * behind a client that misbehaves, made-up nodes, a clock that jumps. Everything follows from the
 * seed. */

#define WORLD_NODES_MAX 4
#define WORLD_APPS_MAX 3

struct sim_node {
        char name[16];
        bool is_silent; /* does nothing, renews nothing */
};

/* What the scenario has last asked for. */
struct sim_app {
        char name[16];
        bool exists;
        int replicas, surge, unavailable;
        bool is_watched;  /* pods never fail and sizes never change: the limits hold at any instant
                           */
        bool has_been_up; /* all replicas were available once */
        bool is_recreate;
};

struct world {
        uint64_t seed, random;
        struct sim_clock *clock;
        struct store *store;
        struct registry *registry;
        struct client *direct, *faulty;
        struct sim_faults faults;
        struct control *control;
        struct informer *pods, *sets, *deployments, *slices,
                *kubelets; /* the truth, without faults */
        struct sim_node nodes[WORLD_NODES_MAX];
        size_t n_nodes;
        struct sim_app apps[WORLD_APPS_MAX];
        size_t n_apps;
        struct map kubelet; /* pod uid → struct sim_pod, owned */
        unsigned pod_fails; /* of 1000: a pod turns unready, or dies, when it is looked at */
        bool is_verbose;
        char violation[512]; /* the first broken promise */
};

/* NULL: setting up failed, a word was printed. */
struct world *world_new(uint64_t seed, bool is_verbose);
void world_free(struct world *w);

uint64_t world_random(struct world *w, uint64_t below);

/* Lets so much time pass, as fast as it goes. */
void world_run(struct world *w, uint64_t usec);

/* A request of the user's, answered at once. Returns the HTTP status; ret_body (may be NULL) is the
 * caller's. */
unsigned world_ask(struct world *w, enum client_method method, const char *path, const char *body,
                   char **ret_body);

void world_start_control(struct world *w);
void world_kill_control(struct world *w);

/* Notes what went wrong; the first word counts. */
void world_violated(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void world_note(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* node.c */
void sim_node_add(struct world *w, const char *name);
void sim_node_forget_all(struct world *w);
/* Called for every change of a pod; the node that it is bound to reacts later. */
void sim_node_on_pod(struct world *w, const struct object *after);

/* check.c: at each change of a pod, and at the end. */
void check_pods(struct world *w);
void check_end(struct world *w);

/* scenario.c */
void scenario_run(struct world *w);
