#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* One file each: what it watches, how it gathers facts for its plan. Inside of daemon/control. All
 * constructors return 0 or -ENOMEM; caches must not have started. */

struct core;

/* What control.c does with any of them. */
struct part {
        void *data;
        void (*begin)(void *data); /* caches are complete */
        bool (*is_idle)(const void *data);
        void (*free)(void *data);
};

int deployment_controller_new(struct core *core, struct part *ret, struct err *e);
int replicaset_controller_new(struct core *core, struct part *ret, struct err *e);
int endpoints_controller_new(struct core *core, struct part *ret, struct err *e);
int endpointslice_controller_new(struct core *core, struct part *ret, struct err *e);
int scheduler_new(struct core *core, struct part *ret, struct err *e);
int namespace_controller_new(struct core *core, struct part *ret, struct err *e);
int gc_controller_new(struct core *core, struct part *ret, struct err *e);
int podgc_controller_new(struct core *core, struct part *ret, struct err *e);
int disruption_controller_new(struct core *core, struct part *ret, struct err *e);
/* ca_pem: copied; NULL: there is no authority. */
int account_controller_new(struct core *core, const char *ca_pem, struct part *ret, struct err *e);
/* node_name: of the server's own machine, copied; NULL: it is no node. port: of TLS, 0: none. */
int apiserver_controller_new(struct core *core, const char *node_name, int64_t port,
                             struct part *ret, struct err *e);
int custom_controller_new(struct core *core, struct part *ret, struct err *e);
int rbac_controller_new(struct core *core, struct part *ret, struct err *e);

struct nodelifecycle_config {
        uint64_t grace_usec;
        uint64_t eviction_usec;
};
int nodelifecycle_controller_new(struct core *core, const struct nodelifecycle_config *config,
                                 struct part *ret, struct err *e);
