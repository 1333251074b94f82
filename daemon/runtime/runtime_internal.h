#pragma once

#include "base/list.h"
#include "base/map.h"
#include "daemon/runtime/cgroup.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/status.h"
#include "daemon/runtime/wire.h"

/* What the files of daemon/runtime share. */
#define RUNTIME_CONF_MAX 8192 /* as orch-pod's POD_CONF_MAX */

/* As orch-pod reads them from pod.conf (daemon/pod/supervisor.h). */
enum runtime_pod_flag {
        RUNTIME_POD_HOST_NETWORK = 1 << 0,
        RUNTIME_POD_HOST_IPC = 1 << 1,
        RUNTIME_POD_HOST_PID = 1 << 2,
        RUNTIME_POD_SHARED_PID = 1 << 3,
        RUNTIME_POD_HAS_HOSTS = 1 << 8,
        RUNTIME_POD_HAS_RESOLV_CONF = 1 << 9,
};

struct runtime {
        sd_event *event;
        char *run_dir, *log_dir, *state_dir, *pod_binary;
        struct cgroup_host cgroups;
        struct strbuf warnings;
        uint64_t log_max_bytes;
        unsigned log_max_files;
        struct runtime_events events;
        void *userdata;
        int binary_fd; /* orch-pod through a read-only mount; -1: pod_binary as it is */
        uint64_t next_serial;
        struct map pods;       /* uid -> struct runtime_pod */
        bool has_seccomp;      /* false: this kernel has none, and a warning says so */
        struct status scratch; /* behind the strings of the last status handed out */
};

/* A request that waits for its answer. */
enum runtime_call_kind { RUNTIME_CALL_DONE, RUNTIME_CALL_EXEC, RUNTIME_CALL_ATTACH };

struct runtime_session {
        struct list list; /* in runtime_pod.calls */
        struct runtime_pod *pod;
        enum runtime_call_kind kind;
        uint64_t serial;
        runtime_done done; /* RUNTIME_CALL_DONE; may be NULL */
        void *userdata;
        struct runtime_exec_callbacks exec;
        struct runtime_attach_callbacks attach;
        sd_event_source *timer; /* exec's time-out */
        bool has_timed_out, is_cancelled;
        char container[WIRE_NAME_MAX]; /* of a start; else "" */
};

struct runtime_container {
        uint64_t instance;
        enum runtime_state state;
};

struct runtime_pod {
        struct runtime *runtime;
        char *uid, *namespace_, *name, *hostname;
        char *dir, *state_dir;
        unsigned flags;
        int sock; /* -1: not connected */
        pid_t pid;
        bool is_ready, is_lost, is_removing, has_cleaner;
        sd_event_source *io, *child;
        runtime_done on_ready, on_removed;
        void *on_ready_data, *on_removed_data;
        struct list calls;     /* struct runtime_session */
        struct map containers; /* name -> struct runtime_container */
};

/* ---- pod.c ---- */
void pod_free(struct runtime_pod *pod);
struct runtime_pod *pod_new(struct runtime *r, const char *uid, struct err *e);
/* Reads pod.conf: names, flags and groups (ret_groups may be NULL). */
int pod_load_conf(struct runtime_pod *pod, struct cgroup_host *ret_groups, struct err *e);
/* Connects to a running orch-pod. */
int pod_connect(struct runtime_pod *pod, struct err *e);
/* Puts take_sock on the loop. */
int pod_watch(struct runtime_pod *pod, int take_sock, struct err *e);
/* WIRE_READY came. */
void pod_ready(struct runtime_pod *pod, const struct wire_msg *msg);
/* orch-pod is gone: what ran has ended, what waits is answered. */
void pod_lost(struct runtime_pod *pod);

/* ---- calls.c ---- */
/* Sends a request; its answer ends *ret_call. fds borrowed. */
int call_send(struct runtime_pod *pod, struct wire_msg *msg, const int *fds, size_t n_fds,
              struct runtime_session **ret_call, struct err *e);
void call_free(struct runtime_session *c);
/* Takes in what a pod's socket has to say. False: it is at its end (or there is none). */
bool call_read(struct runtime_pod *pod);
/* Answers every waiting call with r. */
void call_fail_all(struct runtime_pod *pod, int r, const char *text);

/* ---- containers.c ---- */
struct runtime_container *container_get(struct runtime_pod *pod, const char *name);
/* Loads a status file as what callers see; strings stay in runtime->scratch. False: there is none.
 */
bool container_status(struct runtime_pod *pod, const char *name,
                      struct runtime_container_status *ret_status);
/* Looks at the status file and tells of an end that wasn't told yet. */
void container_notice(struct runtime_pod *pod, const char *name);

/* Kills the supervisors of this run directory that recovery couldn't reach, with their containers:
 * a second copy of the pod would have the same names and addresses. After all reachable pods are
 * known. Reads /proc once. */
void runtime_end_strays(struct runtime *r);
