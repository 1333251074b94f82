#pragma once

#include "daemon/registry/rest.h"

#include <stdbool.h>

/* Answers in YAML, for whoever asks for them before JSON: made of the JSON ones, at the very end.
 */

/* Whether an Accept header names application/yaml before anything that JSON serves. NULL: no. Pure.
 */
bool yaml_is_wanted(const char *accept);

/* A sink that rewrites what it gets and hands it on; it frees itself with the answer. What isn't
 * JSON (a log, a metric) stays as it is. Reading and writing take the loop up to 100 ms a MiB, so
 * answers of more than 2 MiB become a 406; so does a watch, as in Kubernetes. NULL: memory is out.
 */
struct yaml_sink;
struct yaml_sink *yaml_sink_new(const struct rest_sink *sink, void *data);
extern const struct rest_sink YAML_SINK;
