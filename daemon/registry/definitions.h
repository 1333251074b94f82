#pragma once

#include "api/schema/openapi.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* The schemas of one OpenAPI document: those asked for and all that they refer to, under
 * Kubernetes' names ("io.k8s.api.apps.v1.Deployment"). */
struct definitions;
struct kind;
struct registry;

/* Which group each shared table belongs to is worked out once. Borrows the registry's kinds, so it
 * must not outlive this turn of the loop. NULL when memory is out. */
struct definitions *definitions_new(const struct registry *r);
void definitions_unref(struct definitions *d);
DEFINE_AUTO(definitions);

/* Asks for a kind, its list, a table. The name, borrowed until definitions_unref(); NULL when
 * memory is out. */
const char *definitions_kind(struct definitions *d, const struct kind *k);
const char *definitions_list(struct definitions *d, const struct kind *k);

/* Gives each schema to fn, which may change it, and forgets what was asked for; schemas are
 * borrowed. Returns 0 or
 * -ENOMEM. */
int definitions_each(struct definitions *d,
                     void (*fn)(void *data, const char *name, json_t *schema), void *data);

/* Writes them as members of components.schemas. Failures stick in b. */
void definitions_write(struct definitions *d, struct strbuf *b);

/* "io.k8s.api.apps.v1" of "apps" and "v1": the Go package that Kubernetes has it in; other groups
 * have theirs backwards. is_custom: of a CustomResourceDefinition. The caller's; NULL: memory is
 * out. */
char *definitions_package(const char *group, const char *version, bool is_custom);
