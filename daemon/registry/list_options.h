#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the query of a list or a watch asks for (metav1 ListOptions), beside its selectors. */
struct call;

enum revision_match { REVISION_ANY, REVISION_EXACT, REVISION_NOT_OLDER };

/* Where a list goes on: behind this object. */
struct position {
        uint64_t revision;             /* of the first page; 0: this is it */
        const char *namespace_, *name; /* "" and "": the start */
        char *memory;                  /* owned */
};

void position_done(struct position *p);
DEFINE_AUTO_DONE(position);

/* A token for clients to hand back. The list goes on behind that object in the state of now, so a
 * token never expires; revision is what all pages tell, so that a watch from there misses nothing
 * (docs/adr/0122). The caller's; NULL: memory is out. */
char *position_write(uint64_t revision, const char *namespace_, const char *name);

/* token NULL or "": the start. Returns 0, -EINVAL or -ENOMEM. Pure. */
int position_read(const char *token, struct position *ret);

struct list_options {
        uint64_t revision; /* 0: none was asked for */
        enum revision_match match;
        size_t limit; /* 0: all */
        struct position position;
        bool has_bookmarks;
        bool sends_initial;   /* a watch begins with what is there */
        bool has_initial_end; /* and tells when that is over */
        uint64_t timeout_usec;
};

void list_options_done(struct list_options *o);
DEFINE_AUTO_DONE(list_options);

/* Reads and checks them as Kubernetes does. False: the call has been answered: 400 for what is no
 * number, 422 for what doesn't go together, 410 for a state that is gone, 504 for one to come. */
bool list_options_read(struct call *c, bool is_watch, struct list_options *ret);

/* The resourceVersion of a GET of one object: whether it can be served. False: answered. */
bool list_options_check_get(struct call *c);
