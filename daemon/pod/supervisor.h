#pragma once

#include "base/err.h"
#include "daemon/pod/log.h"
#include "daemon/runtime/cgroup.h"
#include "daemon/runtime/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* orch-pod's state: one block of zeroed pages, of which only those that are used cost memory. There
 * is no heap: what needs one (parsing, mounting) happens in the cloned child, and dies with it at
 * exec. */
#define POD_CONTAINERS_MAX 64
#define POD_SESSIONS_MAX 64
#define POD_CLIENTS_MAX 4
#define POD_ATTACH_MAX 16
#define POD_CONF_MAX 8192

enum pod_flag {
        POD_HOST_NETWORK = 1 << 0,
        POD_HOST_IPC = 1 << 1,
        POD_HOST_PID = 1 << 2,
        POD_SHARED_PID = 1 << 3,
};

/* pod.conf; strings point into text. */
struct pod_config {
        const char *uid, *namespace_, *name, *hostname;
        const char *state_dir; /* of this pod */
        const char *log_dir;   /* of all pods */
        unsigned flags;
        uint64_t log_max_bytes;
        unsigned log_max_files;
        struct cgroup_limits limits;
        struct cgroup_host cgroups;
        char cgroup_name[WIRE_NAME_MAX + 8]; /* podUID */
        char text[POD_CONF_MAX];             /* cut up by kv_next() */
};

enum container_state { CONTAINER_FREE, CONTAINER_STARTING, CONTAINER_RUNNING, CONTAINER_EXITED };

struct container {
        enum container_state state;
        char name[WIRE_NAME_MAX];
        uint64_t instance, serial;
        unsigned flags; /* WIRE_FLAG_… of its start */
        int client;     /* who asked for the start and waits for the answer; -1: nobody */
        pid_t pid;
        bool is_reaped;       /* waiting for the rest of its processes */
        bool is_guest;        /* in another container's pid namespace */
        bool has_spent_group; /* its control group was killed as one, and goes with this life */
        int end_code, end_status;
        uint64_t started_usec;
        uint64_t oom_kills; /* of its group so far */
        int report;         /* the child's words until exec; -1: exec'ed */
        int out[2];         /* read ends: stdout, stderr; with a terminal out[0] is its master */
        int in;             /* write end of standard input */
        int attached[POD_ATTACH_MAX];
        int mounts; /* its mount namespace, held beyond its end; 0: none. docs/adr/0159 */
        uint64_t mounts_until_usec; /* boot clock; of one that has ended */
        int start_result;           /* negative errno when it never ran */
        int start_exit_code;
        char start_text[ERR_TEXT_MAX];
        struct log_writer log;
};

/* A running exec. */
struct session {
        bool is_used;
        uint64_t serial;
        int client; /* -1: gone */
        pid_t pid;
        int report, tty;
        int start_result;
        int start_exit_code;
        char start_text[ERR_TEXT_MAX];
};

struct supervisor {
        struct pod_config config;
        int listener, signals, own_pidns;
        int clients[POD_CLIENTS_MAX];
        bool is_removing;
        struct container containers[POD_CONTAINERS_MAX];
        struct session sessions[POD_SESSIONS_MAX];
        char *buffer; /* SUPERVISOR_BUFFER bytes, given back to the kernel after a burst */
};
#define SUPERVISOR_BUFFER (2 * LOG_LINE_MAX)

/* Sends to one client (its index; nothing for -1). A client that doesn't read is cut off: it finds
 * everything in the status files when it comes back. */
void supervisor_send(struct supervisor *s, int client, const struct wire_msg *msg, const int *fds,
                     size_t n_fds);
void supervisor_tell_all(struct supervisor *s, const struct wire_msg *msg);
void supervisor_reply(struct supervisor *s, int client, uint64_t serial, int result,
                      const char *text);

/* Like fork(), into new namespaces and, where the kernel can, straight into a cgroup (-1: none).
 * Returns 0 in the child, the pid, or a negative errno. */
pid_t supervisor_clone(unsigned long long namespaces, int cgroup_fd, bool *ret_is_in_unified);
