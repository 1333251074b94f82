#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a node does with a change of a pod's resources (pods/P/resize): whether it grants it, and
 * how it brings what it has granted into force. Pure; words as the kubelet's. docs/adr/0158 */

struct arena;

/* 0 everywhere: none. */
struct resize_size {
        int64_t cpu_request_milli, cpu_limit_milli;
        int64_t memory_request_bytes, memory_limit_bytes;
};

/* ---- granting ---- */

struct resize_wish {
        int64_t cpu_milli, memory_bytes;                 /* what the whole pod asks for */
        int64_t granted_cpu_milli, granted_memory_bytes; /* what it was granted before */
        int64_t node_cpu_milli, node_memory_bytes;       /* allocatable; 0: unknown, no bound */
        int64_t others_cpu_milli, others_memory_bytes;   /* granted to other pods of the node */
};

enum resize_verdict {
        RESIZE_GRANTED,
        RESIZE_DEFERRED,   /* when other pods leave or shrink */
        RESIZE_INFEASIBLE, /* never, on this node */
};

/* ret_why: not touched when it is granted. */
enum resize_verdict resize_judge(const struct resize_wish *w, char ret_why[256]);

/* ---- bringing into force ---- */

struct resize_container {
        const char *name;
        struct resize_size granted, in_force;
        bool is_known; /* what is in force; else it is written anew, without a restart */
        bool is_running;
        bool cpu_restarts, memory_restarts; /* resizePolicy: RestartContainer */
        uint64_t used_bytes;                /* memory in use that can't be given back at once */
};

enum resize_step {
        RESIZE_KEEP,     /* in force already, or the next life has it */
        RESIZE_WRITE,    /* to its control groups */
        RESIZE_RESTART,  /* the next life has it, and is due now */
        RESIZE_TOO_FULL, /* more memory is in use than the new limit allows */
};

enum resize_step resize_step(const struct resize_container *c);

/* What stands against writing: "cannot decrease memory limits: …", of the pod as a whole
 * (pod_limit_bytes; 0: none) and of its containers. *ret_text: NULL when nothing does.
 * Returns 0 or -ENOMEM. */
int resize_obstacle(struct arena *a, const struct resize_container *containers, size_t n,
                    int64_t pod_limit_bytes, const char **ret_text);
