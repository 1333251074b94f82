#pragma once

#include "api/kinds/meta.h"
#include "api/kinds/pod.h"

/* v1 ReplicationController, of which there are none: only its name and its empty list exist. */

struct replication_controller_spec {
        struct opt_int replicas;
};

struct replication_controller_status {
        int64_t replicas;
        int64_t ready_replicas;
};

struct replication_controller {
        struct object_meta metadata;
        struct replication_controller_spec spec;
        struct replication_controller_status status;
};

extern const struct kind replication_controller_kind;
