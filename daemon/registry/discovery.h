#pragma once

#include <stdbool.h>

/* /api, /apis and what is below them down to a group's version: the legacy documents. Pure. */
struct path;

/* The document that a path of kind PATH_API to PATH_GROUP_VERSION asks for.
 *
 * Returns the caller's text; NULL with *ret_found false when there is no such group or version,
 * with true when memory is out. */
char *discovery_document(const struct path *p, bool *ret_found);
