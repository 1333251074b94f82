#pragma once

#include "base/macros.h"
#include "daemon/registry/negotiate.h"

#include <stddef.h>
#include <stdint.h>

/* Texts of changes in forms that several watches want: made once, however many read them. */
struct kind;
struct record;
struct renderings;

/* One text, shared. Immutable. */
struct rendering {
        unsigned n_refs;
        size_t len;
        const char *text; /* owned */
};

struct rendering *rendering_ref(struct rendering *r);
void rendering_unref(struct rendering *r);
DEFINE_AUTO(rendering);

/* wall_usec: microseconds since 1970, for ages in Tables. NULL: memory is out. */
struct renderings *renderings_new(uint64_t (*wall_usec)(void));
void renderings_unref(struct renderings *r);
DEFINE_AUTO(renderings);

/* What present_event() makes of a record, from memory where it was asked for lately.
 * is_first: a Table gets its column definitions.
 *
 * Returns 0 or -ENOMEM; *ret is the caller's reference. */
int renderings_get(struct renderings *all, const struct form *f, const struct kind *asked,
                   struct record *r, bool is_first, struct rendering **ret);

/* How often a text had to be made, for tests. */
uint64_t renderings_made(const struct renderings *all);
