#pragma once

/* A counted life for what is mostly constant: "struct refs *refs" is NULL in a constant table and
 * counts in the same struct made at run time. One thread. */
struct refs {
        unsigned n;
        void (*free)(struct refs *r); /* the last one is gone */
};

static inline void refs_get(struct refs *r) {
        if (r)
                r->n++;
}

static inline void refs_put(struct refs *r) {
        if (r && --r->n == 0)
                r->free(r);
}
