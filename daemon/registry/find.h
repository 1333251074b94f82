#pragma once

#include <stdint.h>

/* What is published, for whoever has the registry: its own files and its users. */
struct record;
struct registry;

/* The newest published version of an object, borrowed until the loop turns, or NULL.
 * plural: "pods"; group: "" for core. */
struct record *registry_find(struct registry *r, const char *group, const char *plural,
                             const char *namespace_, const char *name);

/* The newest revision that readers can see. */
uint64_t registry_revision(const struct registry *r);
