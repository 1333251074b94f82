#pragma once

#include <stdbool.h>

/* /api, /apis and what is below them down to a group's version: what this server can be asked. The
 * legacy documents (metav1 APIGroupList, APIResourceList) and the aggregated one
 * (apidiscovery.k8s.io). */
struct path;
struct registry;

enum discovery_form { DISCOVERY_LEGACY, DISCOVERY_V2, DISCOVERY_V2_BETA1 };

/* The form that an Accept header asks for; only /api and /apis have the aggregated ones. NULL or
 * "": the legacy one. Returns 0 or -ENOTSUP. */
int discovery_negotiate(const char *accept, const struct path *p, enum discovery_form *ret_form);

/* The Content-Type of a form. */
const char *discovery_type(enum discovery_form form);

/* The document that a path of kind PATH_API to PATH_GROUP_VERSION asks for.
 *
 * Returns the caller's text; NULL with *ret_found false when there is no such group or version,
 * with true when memory is out. */
char *discovery_document(const struct registry *r, const struct path *p, enum discovery_form form,
                         bool *ret_found);
