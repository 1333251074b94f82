#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/network/network.h"

#include <stdbool.h>
#include <stddef.h>

/* The agent of one machine: runs the pods bound to it and tells the server how they are. Lives on
 * one loop; a second node_new() on the same directories, after a crash too, finds every pod
 * running. */
struct node;
struct client;
struct loop;

struct node_config {
        const char *name;             /* of the Node object: a DNS subdomain */
        const char *state_dir;        /* "/var/lib/orch" */
        const char *run_dir;          /* "/run/orch" */
        const char *socket_path;      /* the server's, for streams; NULL: RUN_DIR/orch.sock */
        const char *libexec_dir;      /* where orch-pod and orch-image are */
        const char *cgroup_name;      /* NULL: the runtime's default */
        const char *dns_address;      /* NULL: the gateway of the pods' network */
        const char *cluster_domain;   /* "cluster.local" */
        const char *host_resolv_conf; /* path; NULL: /etc/resolv.conf */
        struct network_config network;

        /* Called once, when the Node object is registered and the pods' list is known; may be
         * NULL. */
        void (*on_ready)(void *userdata);
        void *userdata;
};

/* Adopts what runs, sets up the network, and starts to watch the server through client.
 *
 * config     strings are borrowed for the node's life.
 * client     a reference is taken.
 *
 * Returns 0 or a negative errno; each says what to do. Blocks for some milliseconds. */
int node_new(struct loop *loop, struct client *client, const struct node_config *config,
             struct node **ret, struct err *e);

/* Ends the agent. Pods go on running. */
void node_unref(struct node *n);
DEFINE_AUTO(node);
