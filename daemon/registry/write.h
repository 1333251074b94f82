#pragma once

#include <stdbool.h>

/* POST, PUT and PATCH of objects. Each answers the call. */
struct call;
struct record;
typedef struct json_t json_t;

void write_create(struct call *c);
void write_replace(struct call *c);
void write_patch(struct call *c);

/* Waits for the turn of the object that the path names, then run(c). */
void write_wait(struct call *c, void (*run)(struct call *c));

/* The changed object: checks it against the present one and stores it. In its turn. c->tree is the
 * new state, whole. */
void write_update(struct call *c, struct record *old, json_t *was);

/* The new object c->tree, in its turn: checked, with its owners; it may not be there yet. */
void write_create_run(struct call *c);

/* Whether a body speaks of the object of the path, and of its present version. False: answered. */
bool write_names_match(struct call *c, json_t *fresh);
bool write_versions_match(struct call *c, const json_t *fresh, const struct record *old);

/* Whether a PATCH is a server-side apply. */
bool write_is_apply(const struct call *c);

/* Applies the body as the content type says. False: answered. *ret is the caller's. */
bool write_apply_patch(struct call *c, const json_t *tree, json_t **ret);
