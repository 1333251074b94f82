#pragma once

#include "daemon/node/downward.h"
#include "daemon/node/env.h"
#include "daemon/node/node_config.h"

#include <stdint.h>

/* What every part of the agent may use. Filled by node_new(), constant afterwards; members outlive
 * all parts that are handed it. */
struct client;
struct events;
struct image_store;
struct ipam;
struct loop;
struct network;
struct prober;
struct puller;
struct runtime;
struct sources;
struct tokens;

struct context {
        const struct node_config *config;
        struct loop *loop;
        struct client *client;
        struct runtime *runtime;
        struct network *network;
        struct ipam *ipam;
        struct image_store *images;
        struct events *events;
        struct prober *prober;
        struct puller *puller; /* NULL: nothing is pulled (tests) */
        struct sources *sources;
        struct tokens *tokens;          /* NULL: none (tests) */
        struct pod_sources pod_sources; /* sources behind env.h's interface */
        const char *host_ip;            /* of this machine, for status.hostIP */
        const char *dns_address;
        int64_t cpu_milli, memory_bytes; /* allocatable */
};
