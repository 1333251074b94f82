#pragma once

#include "base/err.h"
#include "base/list.h"
#include "daemon/registry/negotiate.h"
#include "daemon/registry/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ring of recent changes, and the watches that read it. One ring for all kinds: an event is a
 * reference to a version that is serialised already. */
struct hub;
struct kind;
struct selector;
struct table;
struct timers;
struct watch;

enum change {
        CHANGE_ADDED,
        CHANGE_MODIFIED,
        CHANGE_DELETED,
};

/* What selects objects. Both selectors owned by the filter; NULL: everything. */
struct filter {
        const struct resource *resource;
        char *namespace_; /* owned; NULL: all */
        char *name;       /* owned; NULL: all */
        struct selector *labels;
        struct selector *fields;
};

void filter_done(struct filter *f);
bool filter_matches(const struct filter *f, const struct record *r);

struct hub_options {
        struct timers *timers; /* borrowed for the hub's life */
        unsigned n_resources;
        unsigned max_events; /* bounds of the ring */
        size_t max_bytes;
        uint64_t revision;           /* the newest at start; nothing older can be watched from */
        uint64_t (*wall_usec)(void); /* for ages in tables */
};

/* Returns 0 or -ENOMEM. */
int hub_new(const struct hub_options *options, struct hub **ret_hub);

/* All watches must be gone. */
void hub_unref(struct hub *h);
DEFINE_AUTO(hub);

/* Tells a change. now: the new version; for a deletion the last state under its new revision.
 * old: NULL for an addition. Both borrowed. Revisions grow. Readers are woken. */
void hub_publish(struct hub *h, enum change change, struct record *now, struct record *old);

/* A change that nobody sees (a failed write's number): only moves bookmarks forward. */
void hub_advance(struct hub *h, uint64_t revision);

/* Watches that are open. */
size_t hub_n_watches(const struct hub *h);

/* The newest revision told. */
uint64_t hub_revision(const struct hub *h);

/* A resource that came at run time, before it has objects. Returns 0 or -ENOMEM. */
int hub_add_resource(struct hub *h, const struct resource *r);

/* Ends the watches of a resource that goes. */
void hub_end_resource(struct hub *h, const struct resource *r);

/* Ends every watch. */
void hub_stop(struct hub *h);

struct watch_options {
        struct filter filter;      /* taken over, on failure too */
        const struct kind *asked;  /* the version to tell; NULL: the stored one */
        uint64_t from_revision;    /* changes after it; ignored with a table */
        const struct table *table; /* its present content comes first as ADDED; NULL: none */
        bool has_bookmarks;
        bool has_initial_end;  /* a bookmark that says so follows the table's content */
        uint64_t timeout_usec; /* 0: none */
        struct form form;      /* of the objects told */
};

struct renderings;

/* Texts that watches of one form share. Borrowed. */
const struct renderings *hub_renderings(const struct hub *h);

/* Begins a watch. A revision that the ring has no longer gives a watch that says 410 and ends.
 * Returns 0 or -ENOMEM. */
int watch_new(struct hub *h, struct watch_options *take_options, struct watch **ret_watch);
