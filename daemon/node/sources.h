#pragma once

#include "base/err.h"
#include "base/macros.h"

/* The ConfigMaps and Secrets that this node's pods speak of: watched one by one, as long as a pod
 * wants them, so that the node never sees a secret that it doesn't need. */
struct client;
struct kind;
struct object;
struct pod;
struct sources;
struct timers;

/* on_change: an object came, changed or went; or became known to be absent. */
typedef void (*sources_change_fn)(void *userdata, const struct kind *kind, const char *ns,
                                  const char *name);

int sources_new(struct client *client, struct timers *timers, sources_change_fn on_change,
                void *userdata, struct sources **ret);
void sources_unref(struct sources *s);
DEFINE_AUTO(sources);

/* Begins to watch what the pod refers to; sources_unwant() with an equal pod ends it. Returns 0 or
 * -ENOMEM (then nothing more is wanted than before, or less: call unwant all the same). */
int sources_want(struct sources *s, const struct pod *pod, struct err *e);
void sources_unwant(struct sources *s, const struct pod *pod);

/* A copy from the disk, to serve until the server has answered. A reference is taken. For what is
 * wanted only; otherwise ignored. */
void sources_seed(struct sources *s, struct object *o);

/* 0 and the object (borrowed until the loop turns), -ENOENT: there is none, -EAGAIN: not known yet.
 */
int sources_get(const struct sources *s, const struct kind *kind, const char *ns, const char *name,
                struct object **ret);
