#pragma once

#include "base/err.h"
#include "daemon/registry/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All objects of one kind in the order of lists. A sorted array: at tens of thousands of objects a
 * binary search and a memmove are cheaper than any tree, and a list is a walk over memory. */
struct table {
        struct record **items; /* each owned by a reference */
        size_t n, cap;
        size_t n_reserved; /* places promised to changes under way */
        size_t bytes;      /* of all records */
};

void table_done(struct table *t);

/* The first position whose key is not before (namespace_, name). */
size_t table_find(const struct table *t, const char *namespace_, const char *name);

struct record *table_get(const struct table *t, const char *namespace_, const char *name);

/* Promises a place, so that a later table_put() of a new key can't fail; table_release() goes
 * before it. Returns 0 or -ENOMEM. */
int table_reserve(struct table *t);
void table_release(struct table *t);

/* Puts a version in place of the one with its key, or adds it (a place was promised).
 * take_record: the table's. */
void table_put(struct table *t, struct record *take_record);

void table_remove(struct table *t, const char *namespace_, const char *name);
