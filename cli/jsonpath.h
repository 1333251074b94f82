#pragma once

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>

/* The part of kubectl's jsonpath that people use: text, {.a.b}, {.a['b.c']}, {.list[0]},
 * {.list[-1]},
 * {.list[*].x}, {.list[?(@.type=="Ready")].status}, {.labels.a\.b}, {.map.*}, {"\n"},
 * {range .items[*]}...{end}; results of one expression are separated by a blank. What isn't there
 * prints nothing. Slices and other filters than == aren't understood.
 *
 * Returns 0, -EINVAL (e says where) or -ENOMEM. Pure. */
int jsonpath_print(const char *template, const json_t *tree, struct strbuf *out, struct err *e);

/* Calls each with every value that a path (".spec.replicas", "spec.replicas", "{.spec.replicas}")
 * finds. Returns 0 or -EINVAL. */
int jsonpath_each(const char *path, const json_t *tree,
                  void (*each)(void *data, const json_t *value), void *data, struct err *e);
