#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a pod needs next, and what people are told about it. The node gathers facts (pod_observed),
 * calls pod_plan(), carries the actions out, and calls again when a fact has changed or when
 * wake_usec has come. Pure: no clock, no I/O. docs/adr/0080 */

struct arena;

/* No pod has more containers (init containers included); the node refuses one that does. */
#define POD_CONTAINERS_MAX 256

enum pod_restart { POD_RESTART_ALWAYS, POD_RESTART_ON_FAILURE, POD_RESTART_NEVER };

struct container_wanted {
        const char *name;
        bool is_init;    /* runs to success before the next one starts */
        bool is_sidecar; /* an init container that goes on running (restartPolicy: Always) */
        bool is_guest; /* an ephemeral container: behind all others, starts once, counts for nothing
                        */
        bool has_post_start, has_pre_stop;
        bool has_startup, has_readiness;
        bool has_liveness_grace; /* grace of its own for a stop after a failed probe */
        uint64_t liveness_grace_usec;
};

struct pod_wanted {
        const char *name, *ns, *uid; /* for messages */
        enum pod_restart restart;
        uint64_t grace_usec; /* of deletion: the object's deletionGracePeriodSeconds, else the
                                spec's */
        bool is_deleting;    /* the object carries deletionTimestamp, or is gone */
        bool is_gone;        /* nothing is left to report to */
        size_t n;            /* init containers first, in order; guests last */
        const struct container_wanted *containers;
};

enum sandbox_life {
        SANDBOX_NONE,
        SANDBOX_PREPARING, /* volumes, supervisor, network: under way */
        SANDBOX_READY,
        SANDBOX_LOST, /* the supervisor died and took the containers along */
        SANDBOX_REMOVING,
        SANDBOX_REMOVED,
};

enum container_life { CONTAINER_NEW, CONTAINER_STARTING, CONTAINER_RUNNING, CONTAINER_EXITED };

enum hook_life { HOOK_IDLE, HOOK_RUNNING, HOOK_DONE, HOOK_FAILED };

/* How far a stop has got:
 *
 *   NONE -> PRE_STOP -> TERM -> KILL
 *
 * PRE_STOP only with a hook. From each stage the container may exit. */
enum stop_stage { STOP_NONE, STOP_PRE_STOP, STOP_TERM, STOP_KILL };

struct container_exit {
        int code;   /* 128 + signal for a signal */
        int signal; /* 0: exited by itself */
        bool is_oom;
        bool is_start_error; /* it never ran; message says why */
        uint64_t started_wall_usec, finished_wall_usec;
        const char *message; /* termination message, or NULL */
        const char *id;      /* containerID, or NULL */
};

struct container_observed {
        enum container_life life;
        uint64_t started_usec; /* boot clock; valid from RUNNING on */
        uint64_t exited_usec;  /* boot clock; valid when EXITED */
        uint64_t started_wall_usec;
        struct container_exit exit; /* valid when EXITED */
        bool has_last;
        struct container_exit last; /* of the life before this one */
        unsigned restarts;          /* as reported: restartCount */
        unsigned streak; /* restarts without 10 minutes of health between: decides the back-off */
        const char *id, *image_id;

        /* Why it can't be started just now: NULL, or ErrImagePull, CreateContainerConfigError, … */
        const char *fault_reason, *fault_text; /* borrowed */
        unsigned n_faults;                     /* in a row */
        uint64_t fault_usec;                   /* boot clock, of the last one */

        enum hook_life post_start, pre_stop;
        enum stop_stage stop;
        uint64_t stop_began_usec, stop_grace_usec, term_usec; /* boot clock */
        bool is_unhealthy;   /* liveness or startup probe, or postStart failed: stop and restart */
        bool is_resizing;    /* its resources ask for a new life: stop, and start at once whatever
                                the policy and the back-off. docs/adr/0158 */
        bool is_started;     /* startup probe passed, or there is none and it runs */
        bool is_probe_ready; /* readiness probe passes (true without one) */
};

struct pod_observed {
        enum sandbox_life sandbox;
        const char *sandbox_reason,
                *sandbox_text; /* last failure, or NULL: tried again after a back-off */
        unsigned n_sandbox_faults;
        uint64_t sandbox_fault_usec;
        struct container_observed *containers; /* as many as wanted */
        bool is_finished; /* a terminal phase was reported once: it never runs again */
        bool is_failed;   /* which one: Failed, else Succeeded */
        /* Whether service names may lead new connections here, and when they last ceased to: a
         * deleted pod is told to end only after it has left them. Boot clock; 0: never.
         * docs/adr/0098 */
        bool is_listed;
        uint64_t unlisted_usec;
        uint64_t deleting_usec; /* boot clock: the deletion was first seen; 0: it wasn't */
};

enum pod_action_kind {
        POD_CREATE_SANDBOX, /* volumes, supervisor, network, in whatever order is quickest */
        POD_START,          /* container; sets restarts and streak of the new life */
        POD_POST_START,
        POD_PRE_STOP,
        POD_TERM, /* the image's stop signal */
        POD_KILL,
        POD_TEAR_DOWN,
        POD_DELETE_OBJECT, /* DELETE with grace 0 and a uid precondition; then forget */
        POD_FORGET,        /* the object is gone already */
};

struct pod_action {
        enum pod_action_kind kind;
        size_t container;
        bool is_restart;           /* POD_START: a life before it has ended */
        unsigned restarts, streak; /* POD_START: of the new life */
        uint64_t grace_usec;       /* POD_PRE_STOP, POD_TERM: until the kill */
};

enum pod_phase { POD_PENDING, POD_RUNNING, POD_SUCCEEDED, POD_FAILED };

enum container_sight { SIGHT_WAITING, SIGHT_RUNNING, SIGHT_TERMINATED };

struct container_view {
        enum container_sight state;
        const char *reason, *message; /* WAITING: always a reason; TERMINATED: reason */
        bool is_ready, is_started;
        bool is_back_off; /* waits for a restart */
};

struct pod_condition_view {
        bool is_true;
        const char *reason, *message; /* NULL: none */
};

struct pod_plan {
        struct pod_action *actions;
        size_t n;
        uint64_t wake_usec; /* boot clock; UINT64_MAX: nothing is due */

        enum pod_phase phase;
        struct pod_condition_view initialized, containers_ready, ready;
        struct container_view *containers;
};

/* "Pending", … */
const char *pod_phase_name(enum pod_phase phase);

/* Kubernetes' word for how a container ended: Completed, Error, OOMKilled, StartError. */
const char *pod_exit_reason(const struct container_exit *exit);

/* How long after an exit the next life begins: 0, 10 s, 20 s … 5 min, by streak. */
uint64_t pod_restart_delay(unsigned streak);

/* The streak that counts for the next restart of a container that lived this long. */
unsigned pod_streak(unsigned streak, uint64_t lived_usec);

/* Decides. a: holds the plan. now_usec: the boot clock of the observation's times.
 * Returns 0 or -ENOMEM. */
int pod_plan(struct arena *a, const struct pod_wanted *wanted, const struct pod_observed *seen,
             uint64_t now_usec, struct pod_plan **ret_plan);
