#pragma once

#include "daemon/registry/kinds.h"

#include <stdbool.h>
#include <stddef.h>

/* What the API serves, for documents about it: discovery and OpenAPI. */
struct call;
struct kind;
struct registry;

/* Walks every served version of every kind, those with objects first: "struct catalog_cursor at =
 * {0}; while ((k = catalog_next(registry, &at)))". Kinds are borrowed until the loop turns. */
struct catalog_cursor {
        struct kind_cursor stored;
        size_t review, measured;
};
const struct kind *catalog_next(const struct registry *r, struct catalog_cursor *at);

/* The verbs on a kind, NULL-terminated: all; where nothing is stored, create
 * alone, or get and list of what is measured. */
const char *const *catalog_verbs(const struct kind *k);

/* A sub-resource, of the object itself (status) or a kind of its own (scale, eviction). */
struct sub {
        const char *name;
        unsigned flags; /* the kind must have one of these; 0: any kind that has() */
        bool (*has)(const struct kind *k);
        const char *methods[4];
        void (*handle)(struct call *c); /* NULL: not the registry but who asks it (daemon/server) */
        const char *kind;               /* of bodies and answers; NULL: the object's */
        const char *group, *version;    /* of that kind; NULL: the object's */
};

/* The table of all; rest.c has it. */
const struct sub *rest_subs(size_t *ret_n);

/* Whether objects of this kind have the sub-resource. */
bool sub_fits(const struct sub *s, const struct kind *k);

/* The verb of an HTTP method, or NULL. */
const char *catalog_verb(const char *method);

/* As Kubernetes orders versions: v2 before v1 before v2beta1 before v1alpha1, then others by name.
 * As strcmp(). */
int catalog_version_compare(const char *a, const char *b);

/* Versions of a group, the preferred one first. */
#define CATALOG_VERSIONS_MAX 16
size_t catalog_versions(const struct registry *r, const char *group,
                        const char *versions[CATALOG_VERSIONS_MAX]);
