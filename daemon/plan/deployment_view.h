#pragma once

/* Inside of deployment_plan.c and deployment_status.c only. */

#include "api/kinds/object.h"
#include "api/kinds/workload.h"
#include "daemon/plan/changes.h"
#include "daemon/plan/deployment_plan.h"
#include "daemon/plan/rollout.h"
#include "daemon/plan/template.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct deployment_set {
        const struct object *o;
        const struct replica_set *rs;
        int64_t revision; /* of its annotation, 0: none */
        int64_t want;     /* replicas after this step */
};

/* The facts, looked at once. */
struct deployment_view {
        const struct deployment_facts *f;
        const struct deployment *d;
        json_t *template;  /* owned */
        json_t *canonical; /* owned */
        char hash[TEMPLATE_HASH_MAX];
        struct rollout_limits limits;
        struct deployment_set *sets; /* owned; own ReplicaSets, oldest first */
        size_t n;
        const struct deployment_set *fresh; /* among sets; NULL: not created yet */
        const char *fresh_name;             /* its name, also before it exists */
        bool is_adopting;                   /* this step adopts and does nothing else */
        bool is_creating;                   /* this step creates it */
        bool is_waiting;                    /* to grow, until others have shrunk */
        int64_t collisions;
};

/* Adds a patch of status when it differs from what it should be. Complete and timed-out rollouts
 * are judged here. */
void deployment_status_plan(const struct deployment_view *v, struct changes *c);

/* Whether all pods are of the new template and available, by the status that is written already. */
bool deployment_status_is_complete(const struct deployment_view *v);
