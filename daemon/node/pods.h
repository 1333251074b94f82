#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>

/* All pods of this node: those on disk, those that run, those that the server wants here. */
struct client;
struct context;
struct kind;
struct node_pod;
struct pods;
struct runtime_container_status;
struct timers;

/* ctx is borrowed for life; its members are used from pods_start() on only.
 * on_synced: the server's list is complete. */
int pods_new(struct context *ctx, void (*on_synced)(void *userdata), void *userdata,
             struct pods **ret);
void pods_unref(struct pods *p);
DEFINE_AUTO(pods);

/* Reads STATE_DIR/node/wanted, adopts what the runtime finds, runs every pod's plan. The runtime's
 * userdata must be p. */
int pods_recover(struct pods *p, struct err *e);

/* Begins to watch the server. */
int pods_watch(struct pods *p, struct timers *timers, struct err *e);

/* "ns/name" with that uid ("" or NULL: any), or NULL. Weak. */
struct node_pod *pods_find(const struct pods *p, const char *ns, const char *name, const char *uid);

/* Facts for all pods. */
void pods_source_changed(struct pods *p, const struct kind *kind, const char *ns, const char *name);
/* Of the pod with that uid. */
void pods_token_changed(struct pods *p, const char *uid);
void pods_images_changed(struct pods *p);
void pods_container_exited(struct pods *p, const struct runtime_container_status *status);
void pods_pod_lost(struct pods *p, const char *uid);

/* The rules in force know the pods with these uids (sorted as strcmp does) as terminating. */
void pods_rules_changed(struct pods *p, const char *const *uids, size_t n);

size_t pods_count(const struct pods *p);

/* Calls fn for every pod. */
void pods_each(const struct pods *p, void (*fn)(void *data, struct node_pod *pod), void *data);
