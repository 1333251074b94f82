#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What a session has learnt of kinds without a table (discover.h). */
struct kind;

struct discovery {
        const struct kind **kinds; /* counted */
        size_t n, cap;
        bool was_asked; /* the server, for all of them */
};

void discovery_unref(struct discovery *d);

/* take_kind: kept and returned; let go, and NULL, when memory is out. */
const struct kind *discovery_keep(struct discovery *d, const struct kind *take_kind);
