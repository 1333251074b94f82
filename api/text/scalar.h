#pragma once

#include <jansson.h>
#include <stddef.h>

/* What a plain YAML scalar means. Kubernetes' tools read YAML 1.1, so "yes" is true and 0644 octal.
 */
enum scalar_kind {
        SCALAR_STRING,
        SCALAR_NULL,
        SCALAR_BOOL,
        SCALAR_INT,
        SCALAR_FLOAT,
        SCALAR_NOT_JSON,  /* .inf, .nan */
        SCALAR_TIMESTAMP, /* read as a string, but quoted when written */
};

/* Classifies text and fills in the value: *ret_int (bool: 0 or 1; int) or *ret_float. */
enum scalar_kind scalar_resolve(const char *text, json_int_t *ret_int, double *ret_float);
