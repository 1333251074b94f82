#pragma once

#include <stdbool.h>

/* What the server adds to objects and what it refuses beyond their tables. Functions that return
 * false have answered the call: it is gone. */
struct call;
struct record;
typedef struct json_t json_t;

/* A new object: name, namespace, uid, times, initial status. Sets c->name and c->namespace_. */
bool admit_identity(struct call *c, json_t *tree);

/* A new, checked object: its namespace, its address. */
bool admit_new(struct call *c, json_t *tree);

/* A changed object takes over what a client can't change. was: the old tree. */
bool admit_changed(struct call *c, json_t *tree, const json_t *was);

/* After checks: generation, addresses, finalizers. */
bool admit_update(struct call *c, json_t *tree, const json_t *was);

/* An object that is gone gives its address back. */
void admit_removed(struct call *c, const json_t *tree);
