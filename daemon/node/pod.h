#pragma once

#include "base/err.h"
#include "base/ip.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Drives one pod: observes, asks pod_plan() what is next, does it. Known by its uid; a pod of the
 * same name that was made anew is another one. */
struct context;
struct kind;
struct node_pod;
struct object;
struct object_meta;
struct runtime_container_status;
struct runtime_pod;

struct node_pod_events {
        /* The pod's end: object and sandbox are gone. Free it, but not from in here. */
        void (*on_over)(void *userdata, struct node_pod *p);
        /* Adds what all pods but p hold of the node (node_pod_held()). NULL: there are none. */
        void (*others)(void *userdata, const struct node_pod *p, int64_t *cpu_milli,
                       int64_t *memory_bytes);
        /* The pod may hold less than it did. node_pod_room_changed() of the others is due, but not
         * from in here. NULL: nobody waits. */
        void (*on_room)(void *userdata);
        void *userdata;
};

/* o: the Pod, a reference is taken. Does nothing before node_pod_run(). */
int node_pod_new(const struct context *ctx, struct object *o, const struct node_pod_events *events,
                 struct node_pod **ret, struct err *e);
/* Forgets it; what runs, runs on. */
void node_pod_unref(struct node_pod *p);
DEFINE_AUTO(node_pod);

const char *node_pod_uid(const struct node_pod *p);
const char *node_pod_key(const struct node_pod *p); /* "ns/name" */
struct object *node_pod_object(const struct node_pod *p);
struct runtime_pod *node_pod_runtime(const struct node_pod *p); /* NULL: there is none */
/* The pod's address; family IP_NONE: none yet. */
const struct ip_addr *node_pod_ip(const struct node_pod *p);

const struct object_meta *node_pod_meta(const struct node_pod *p);

/* Which life's log to read. name: NULL or "": the only container, else -EINVAL with Kubernetes'
 * words; so are a container that has not started, and a previous life that there isn't. *ret_name:
 * borrowed. */
int node_pod_log_life(const struct node_pod *p, const char *name, bool is_previous,
                      const char **ret_name, uint64_t *ret_instance, struct err *e);
/* Whether that life goes on, so that more may be logged. */
bool node_pod_is_running(const struct node_pod *p, const char *container, uint64_t instance);
/* The container to run a program in, by the same rule; -EINVAL unless it runs. */
int node_pod_exec_target(const struct node_pod *p, const char *name, const char **ret_name,
                         struct err *e);
/* Adds what the pod was granted of the node's processors and memory (requests). */
void node_pod_held(const struct node_pod *p, int64_t *cpu_milli, int64_t *memory_bytes);
/* The image of the i-th container ("" none yet); false past the last. */
bool node_pod_image_id(const struct node_pod *p, size_t i, const char **ret_id);
/* What its spec names. */
bool node_pod_image_name(const struct node_pod *p, size_t i, const char **ret_name);

/* The i-th container, init containers first; false past the last. *ret_name: borrowed. */
bool node_pod_container(const struct node_pod *p, size_t i, const char **ret_name,
                        bool *ret_is_running);

/* ---- what happened; each of these runs the plan ---- */

/* The object changed (same uid). */
void node_pod_update(struct node_pod *p, struct object *o);
/* The object is gone from the server. */
void node_pod_gone(struct node_pod *p);
/* Look again: at start, when a source or an image came. */
void node_pod_run(struct node_pod *p);
/* A ConfigMap or Secret changed. */
void node_pod_source_changed(struct node_pod *p);
/* An image came: what waits for one is tried at once. */
void node_pod_image_changed(struct node_pod *p);
/* A container ended. */
void node_pod_exited(struct node_pod *p, const struct runtime_container_status *status);
/* Another pod has left, or shrunk: a resize that waits for room is tried again. */
void node_pod_room_changed(struct node_pod *p);
/* New service rules are in force on this node; whether they know the pod as terminating. */
void node_pod_rules_changed(struct node_pod *p, bool is_terminating);
/* orch-pod died. */
void node_pod_lost(struct node_pod *p);

/* ---- recovery, before the first node_pod_run() ---- */
void node_pod_adopt(struct node_pod *p, struct runtime_pod *rt);
/* What the pod was granted, as its file says: {"container": resources}; NULL: all it asks for. */
void node_pod_seed_granted(struct node_pod *p, const json_t *granted);
/* Writes the pod's file for a start without a server; for one whose file was lost while it ran. */
void node_pod_remember(struct node_pod *p);
void node_pod_adopt_container(struct node_pod *p, const struct runtime_container_status *status);
