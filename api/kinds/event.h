#pragma once

#include "api/kinds/meta.h"

struct event_source {
        const char *component;
        const char *host;
};

struct event_series {
        int64_t count;
        uint64_t last_observed_time;
};

/* v1 Event. */
struct event {
        struct object_meta metadata;
        struct object_reference involved_object;
        const char *reason;
        const char *message;
        struct event_source source;
        uint64_t first_timestamp;
        uint64_t last_timestamp;
        int64_t count;
        const char *type; /* Normal, Warning */
        uint64_t event_time;
        struct event_series *series;
        const char *action;
        struct object_reference *related;
        const char *reporting_component;
        const char *reporting_instance;
};

extern const struct kind event_kind;

/* events.k8s.io/v1 Event: a view on what is stored as v1 Event. Another spelling of the same struct
 * (regarding, note, deprecatedSource). */
extern const struct kind event_v1_kind;
