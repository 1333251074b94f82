#pragma once

#include "api/kinds/meta.h"

/* v1 ConfigMap and Secret. */

struct config_map {
        struct object_meta metadata;
        struct string_map data;
        struct bytes_map binary_data;
        struct opt_bool immutable;
};

/* stringData is merged into data by the defaults, so it has no member. */
struct secret {
        struct object_meta metadata;
        struct bytes_map data;
        const char *type; /* Opaque by default */
        struct opt_bool immutable;
};

extern const struct kind config_map_kind;
extern const struct kind secret_kind;
