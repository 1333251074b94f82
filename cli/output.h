#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

struct kind;
struct session;

/* How objects are printed: -o. */
enum output_format {
        OUTPUT_TABLE,
        OUTPUT_WIDE,
        OUTPUT_JSON,
        OUTPUT_YAML,
        OUTPUT_NAME,
        OUTPUT_JSONPATH,
};

struct output {
        enum output_format format;
        const char *template; /* of jsonpath; borrowed */
        bool shows_managers;  /* metadata.managedFields in JSON and YAML */
};

/* text NULL: OUTPUT_TABLE. Returns 0 or -EINVAL (a usage error). */
int output_parse(struct session *s, const char *text, struct output *ret, struct err *e);

/* Prints a tree as JSON, YAML, name or by template. Not for tables. Returns 0, -EINVAL (template)
 * or -ENOMEM. */
int output_print(const struct output *o, const json_t *tree, struct err *e);

/* Prints "deployment.apps/web created". */
int output_verdict(const struct kind *k, const char *name, const char *verdict, struct err *e);

/* Fills apiVersion and kind into an item of a list, which has none. */
int output_stamp(json_t *tree, const struct kind *k);
