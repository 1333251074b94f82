#pragma once

/* What the files pod*.c share. Nobody else includes this. */

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "daemon/node/context.h"
#include "daemon/node/pod.h"
#include "daemon/plan/pod_plan.h"
#include "daemon/plan/probe.h"
#include "daemon/runtime/runtime.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct ask;
struct client_call;
struct image;
struct image_probe;
struct loop_timer;
struct pod_store_job;
struct probe_target;
struct pull_wish;
struct work_owner;

/* What a container's lives leave behind; strings owned. */
struct pod_exit_texts {
        char *message, *id;
};

struct pod_slot {
        struct node_pod *pod;
        size_t index;
        const struct container *spec; /* of pod->object */
        struct image *image;          /* of the present life, or NULL */
        struct pull_wish *wish;       /* its image is on its way */
        char *pulled_id;              /* what came; until the container starts */
        struct probe_target *probes[PROBE_KIND_MAX_];
        struct image_probe *health;    /* of this life's image; NULL: none, or not looked for yet */
        struct object *pinned;         /* what the probes borrow from */
        struct ask *hook;              /* postStart or preStop under way */
        struct loop_timer *hook_timer; /* lifecycle sleep */
        bool is_pre_stop;              /* which of both the hook is */
        struct object
                *sized; /* a reference: the pod whose resources this life has; NULL: unknown */
        char *fault_reason, *fault_text, *id,
                *image_id; /* behind the observation's borrowed ones */
        unsigned told_restarts,
                told_faults; /* what BackOff events spoke of: restarts + 1, faults */
        struct pod_exit_texts exit, last;
};

enum pod_condition_kind {
        COND_SCHEDULED,
        COND_INITIALIZED,
        COND_CONTAINERS_READY,
        COND_READY,
        COND_MAX_
};

struct pod_condition_time {
        bool is_known, is_true;
        uint64_t since_usec; /* wall */
};

struct pod_status_sender {
        char *sent;   /* the status that the server has, or NULL */
        char *wanted; /* what it should have, or NULL: the same */
        struct client_call *call;
        char *in_flight;
        uint64_t due_usec; /* boot; USEC_NEVER: nothing waits */
        unsigned n_failures;
        struct pod_condition_time conditions[COND_MAX_];
        uint64_t start_wall_usec;
        bool was_ready;
        char *last_words; /* the status a pod ended with: it stays, whatever is forgotten later;
                             NULL: it lives */
};

/* A change of resources: what the node has granted, and what stands against it (pod_resize.c). */
struct pod_resize {
        struct object *granted;         /* a reference: the pod whose resources count; never NULL */
        struct runtime_limits in_force; /* of the pod's own group */
        bool is_known;                  /* in_force is */
        bool is_under_way;              /* granted, not in force yet */
        const char *pending;            /* not granted: Deferred, Infeasible; else NULL */
        char *pending_text, *error_text; /* owned; error_text: why it is not in force; NULL: none */
        uint64_t pending_wall_usec, under_way_wall_usec; /* since when */
        uint64_t ask_due_usec, due_usec; /* boot; when to ask again, to act again; 0: no need */
};

struct node_pod {
        const struct context *ctx;
        struct node_pod_events events;
        struct object *object;
        const struct pod *spec; /* of object */
        char *uid, *key;

        struct runtime_pod *rt; /* NULL: none */
        struct ip_addr ip;
        char ip_text[IP_TEXT_MAX];
        struct work_owner *work;
        struct loop_timer *timer;

        struct pod_wanted wanted;
        struct container_wanted *containers_wanted;
        struct pod_observed seen;
        struct pod_slot **slots; /* as many as wanted.n; they stay where they are */
        char *sandbox_reason, *sandbox_text;

        struct pod_status_sender status;
        struct client_call *delete_call;
        uint64_t delete_due_usec;
        char *checkpoint; /* last written */
        struct pod_resize resize;

        struct pod_store_job *store_job; /* under way; owned by its work thread */
        bool is_running_plan, is_dirty, is_over, must_store;
};

/* pod_wanted.c */
int pod_wanted_fill(const struct pod *spec, struct container_wanted **ret_containers,
                    struct pod_wanted *ret);
const struct container *pod_wanted_container(const struct pod_spec *spec, size_t i);

/* pod_sandbox.c */
void pod_sandbox_create(struct node_pod *p);
void pod_sandbox_tear_down(struct node_pod *p);
void pod_sandbox_fault(struct node_pod *p, const char *reason, const char *text);
struct pod_facts pod_facts_of(const struct node_pod *p);
/* Gives the pod's address back. */
/* orch-pod is dead. Returns whether that is news; node_pod_run() is the caller's. */
bool pod_sandbox_lost(struct node_pod *p);
void pod_sandbox_release_ip(struct node_pod *p);

/* pod_start.c */
void pod_start(struct node_pod *p, const struct pod_action *action);
void pod_slot_running(struct pod_slot *s, uint64_t started_wall_usec);
void pod_slot_exited(struct pod_slot *s, const struct runtime_container_status *status);
void pod_slot_fault(struct pod_slot *s, const char *reason, const char *text);
void pod_slot_clear_fault(struct pod_slot *s);
void pod_slot_done(struct pod_slot *s);
/* "orch://UID/NAME/INSTANCE" into the slot. */
void pod_slot_set_id(struct pod_slot *s, uint64_t instance);

/* pod_resize.c */
/* Grants what was asked for, if it fits, and brings it into force. */
void pod_resize_run(struct node_pod *p, uint64_t now_usec);
void pod_resize_done(struct pod_resize *x);
/* When to run again; USEC_NEVER: when something happens. */
uint64_t pod_resize_wake(const struct node_pod *p);
/* The resources that a container's next life has; those of its present one, NULL: unknown. */
const struct resource_requirements *pod_slot_granted(const struct pod_slot *s);
const struct resource_requirements *pod_slot_sized(const struct pod_slot *s);
/* The pod whose containers have what is granted. */
const struct pod *pod_granted(const struct node_pod *p);
/* A life begins, with what is granted. */
void pod_slot_size(struct pod_slot *s);
/* Conditions of the status: up to 2. Returns how many. */
size_t pod_resize_conditions(const struct node_pod *p, struct pod_condition *items);
/* For checkpoints: resources by container. NULL: there is nothing to keep, or no memory. */
json_t *pod_resize_pack_granted(const struct node_pod *p);
json_t *pod_resize_pack_sized(const struct node_pod *p);
/* Whether the pod's own group has what is granted. */
bool pod_resize_is_whole(const struct node_pod *p);
/* NULL: nothing is known of them. Once, before anything is known. */
void pod_resize_unpack_granted(struct node_pod *p, const json_t *granted);
void pod_resize_unpack_sized(struct node_pod *p, const json_t *sized, bool is_whole);

/* pod_image.c */
/* Sees to the slot's image. Returns 0 (it is there), 1 (it is on its way: node_pod_run() comes), or
 * a negative errno (the fault is told). */
int pod_slot_find_image(struct pod_slot *s);
void pod_slot_drop_image(struct pod_slot *s);

/* pod_stop.c */
void pod_post_start(struct pod_slot *s);
void pod_pre_stop(struct pod_slot *s, const struct pod_action *action);
void pod_term(struct pod_slot *s, const struct pod_action *action);
void pod_kill(struct pod_slot *s);

/* pod_probes.c */
void pod_probes_start(struct pod_slot *s, bool is_adopted);
void pod_probes_stop(struct pod_slot *s);
/* The manifest's, or the image's; that is looked up here. */
bool pod_probes_has_readiness(struct pod_slot *s);

/* pod_status.c */
void pod_status_plan(struct node_pod *p, const struct pod_plan *plan);
void pod_status_send_due(struct node_pod *p, uint64_t now_usec);
void pod_status_done(struct pod_status_sender *s);
void pod_status_seed(struct node_pod *p);
void pod_delete_object(struct node_pod *p);

/* pod_checkpoint.c */
void pod_checkpoint_write(struct node_pod *p);
void pod_checkpoint_read(struct node_pod *p);
void pod_checkpoint_remove(struct node_pod *p);
/* The local address within a prefix that /proc/PID/net/fib_trie shows; family IP_NONE: there is
 * none. Pure. */
struct ip_addr pod_ip_in_trie(const char *text, const struct ip_prefix *within);
/* The pod on disk, for a start without a server. */
void pod_store_write(struct node_pod *p);
void pod_store_remove(struct node_pod *p);
/* In a work thread. */
void pod_logs_remove(struct node_pod *p);

/* pod.c */
/* Replaces an owned string; out of memory leaves NULL. */
void pod_text_set(char **text, const char *value);
