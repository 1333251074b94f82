#pragma once

#include "api/schema/schema.h"

#include <stdbool.h>
#include <stddef.h>

/* What the registry knows about a kind beyond its table: which fields select, what is worth a write
 * to the disk. */
enum {
        RESOURCE_VOLATILE = 1 << 0, /* never written to the store, forgotten after a while: Event */
        RESOURCE_GRACEFUL = 1 << 1, /* deletion waits for the node: Pod */
        RESOURCE_HAS_GENERATION = 1 << 2, /* metadata.generation counts changes of the spec */
        RESOURCE_SERVICE = 1 << 3,        /* has a clusterIP */
        RESOURCE_NAMESPACE = 1 << 4,      /* goes when it is empty: finalizer in spec */
        RESOURCE_DEFINITION = 1 << 5,     /* makes other kinds: CustomResourceDefinition */
        RESOURCE_CUSTOM = 1 << 6,         /* made by a definition; all its fields count as spec */
};

struct refs;

/* A field that selectors may name and whose value records don't keep: it is read from their text.
 */
struct resource_rare {
        const char *name;      /* as selectors name it */
        const char *path;      /* where it is */
        const char *else_path; /* where it is when nothing is at path; NULL: nowhere */
        const char *absent;    /* what it is then; NULL: "" */
};

struct resource {
        const struct kind *kind; /* the version that is stored */
        struct refs *refs; /* a kind that may go again: records and watches count on it; NULL: no */
        unsigned index;    /* no other resource of the registry has it while somebody counts */
        unsigned flags;
        const char *const *fields; /* paths that field selectors may name, kept in each record */
        size_t n_fields;
        const struct resource_rare *rare; /* further ones */
        size_t n_rare;
        /* Changes below these paths alone stay in memory: they are heartbeats. "[]" walks a list.
         */
        const char *const *heartbeats;
        size_t n_heartbeats;
};

/* The policy of a kind. */
struct resource resource_of(const struct kind *kind);

/* The index of a field that records keep, or -1. */
int resource_field(const struct resource *r, const char *path);

/* A field that they don't keep, or NULL. Those of a custom kind's version are
 * custom_is_selectable()'s.
 */
const struct resource_rare *resource_rare(const struct resource *r, const char *name);
