#pragma once

#include "daemon/network/network.h"

#include <stdint.h>

/* How an agent is set up: what orchd-node is told, seen by all its parts. */
/* Read anew by each orch-image. */
#define NODE_REGISTRIES_FILE "/etc/orch/registries.yaml"

struct node_config {
        const char *name;             /* of the Node object: a DNS subdomain */
        const char *state_dir;        /* "/var/lib/orch" */
        const char *run_dir;          /* "/run/orch" */
        const char *socket_path;      /* the server's, for streams; NULL: RUN_DIR/orch.sock */
        const char *libexec_dir;      /* where orch-pod and orch-image are */
        const char *cgroup_name;      /* NULL: the runtime's default */
        const char *dns_address;      /* NULL: the gateway of the pods' network */
        const char *cluster_domain;   /* "cluster.local" */
        const char *build_webhook;    /* URL that is told of failed builds; NULL: none */
        const char *registries_file;  /* how registries are reached; NULL: the default, if there */
        const char *host_resolv_conf; /* path; NULL: /etc/resolv.conf */
        struct network_config network;

        /* When images go by themselves (orchd_image_limits.h). */
        unsigned image_gc_high_pct, image_gc_low_pct;
        uint64_t image_gc_min_age_sec;

        /* Called once, when the Node object is registered and the pods' list is known; may be
         * NULL. */
        void (*on_ready)(void *userdata);
        void *userdata;
};
