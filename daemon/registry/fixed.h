#pragma once

#include <stdbool.h>

/* What a server answers beside its objects: /, /version, /healthz, /livez, /readyz, /metrics,
 * /openapi. */
struct query;
struct registry;
struct rest_request;
struct rest_sink;

/* Answers. False: the path is none of these, or the method isn't GET; no answer was given. */
bool fixed_handle(struct registry *r, const struct query *query, const struct rest_request *q,
                  const struct rest_sink *sink, void *data);
