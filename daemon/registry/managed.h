#pragma once

#include <stdbool.h>
#include <stddef.h>

/* metadata.managedFields of objects that are written. In the trees of a write it is absent: it
 * would be parsed, compared, copied and checked for nothing. Where it must be known it is text
 * (docs/adr/0130). Functions that return false have answered the call. */
struct call;
struct kind;
struct record;
struct err;
struct apply_author;
struct managers;
typedef struct json_t json_t;

/* The object as version asked shows it, without managedFields. The caller's; NULL when memory is
 * out. */
json_t *managed_tree(const struct record *r, const struct kind *asked);

/* Takes what the client says of managers out of a tree, to be the start of managed_update(). What
 * doesn't read as managedFields counts as not said, as in Kubernetes. */
bool managed_take(struct call *c, json_t *tree);

/* A new object: c->tree belongs to the author. Before the server adds what it decides itself. */
bool managed_create(struct call *c);

/* A changed one: from was to c->tree. Sets c->managed. */
bool managed_update(struct call *c, const struct record *old, const json_t *was);

/* Keeps them as they are: heartbeats, bindings. */
bool managed_keep(struct call *c, const struct record *old);

/* Whether c->managed says something else than the old version's, times aside. */
bool managed_differs(const struct call *c, const struct record *old);

/* Puts c->managed into c->tree: is_text as record_new() wants it, else as JSON, for an answer. */
bool managed_put(struct call *c, bool is_text);

/* Who writes; time is the caller's buffer (CLOCK_TEXT_MAX). */
struct apply_author managed_author(const struct call *c, char *time);

/* The managers of a version; r may be NULL. m needs managers_done(), also on failure. */
bool managed_read(struct call *c, const struct record *r, struct managers *m);

/* Whether fieldManager is a name. */
bool managed_check_name(struct call *c);

/* "PatchOptions": what Kubernetes calls the options of the method. */
const char *managed_options_kind(const struct call *c);

/* The first word of a user agent, the caller's; NULL: there is none. */
char *managed_agent(const char *user_agent);
