#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a node has left, as the scheduler sees it. Inside of schedule_plan.c and schedule_node.c. */

struct node;
struct pod;
struct resource_requirements;

/* Kinds of resources that are counted: cpu, memory, ephemeral-storage, and extended ones by name.
 */
struct schedule_amount {
        const char *name; /* borrowed */
        int64_t milli;
};

#define SCHEDULE_AMOUNTS_MAX 16

/* What a pod asks for: the sum over its containers, or the largest init container. */
struct schedule_request {
        struct schedule_amount items[SCHEDULE_AMOUNTS_MAX];
        size_t n;
};

struct schedule_port {
        const char *protocol, *ip; /* borrowed */
        int64_t port;
};

struct schedule_node {
        const struct node *node;
        struct schedule_request used;
        int64_t n_pods;
        struct schedule_port *ports; /* owned */
        size_t n_ports, cap_ports;
        int64_t n_siblings; /* pods of the owner that is being served */
};

/* Room for a reason: "node(s) had untolerated taint {key: value}". */
#define SCHEDULE_REASON_MAX 640

void schedule_node_done(struct schedule_node *n);

void schedule_request_of(const struct pod *p, struct schedule_request *ret);

/* Counts a pod in. Returns 0 or -ENOMEM. */
int schedule_node_add(struct schedule_node *n, const struct pod *p);

/* Who is told why a pod doesn't fit. */
struct schedule_why {
        void (*say)(void *data, const char *reason);
        void *data;
};

/* Whether p fits. When not, says why in Kubernetes' words: the first thing that stands against it,
 * but every resource that there is too little of. */
bool schedule_node_fits(const struct schedule_node *n, const struct pod *p,
                        const struct schedule_request *request, const struct schedule_why *why);

/* 0 to 100: the more is left after p, the better. */
int64_t schedule_node_score(const struct schedule_node *n, const struct schedule_request *request);
