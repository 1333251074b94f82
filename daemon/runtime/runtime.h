#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/* Pods and containers of this machine, by way of one orch-pod process a pod. Everything runs on the
 * loop thread that owns the sd_event; nothing blocks for longer than a few small files on tmpfs.
 * Pods outlive the runtime: after runtime_unref(), or kill -9, another runtime_new() with the same
 * directories and runtime_recover() finds them, their exits included.
 *
 * Callbacks arrive on the loop, never from inside the call that asked for them. A callback may call
 * any function of this header, except runtime_unref(). Structs passed to a function or a callback
 * are borrowed for the time of the call. */
struct runtime;
struct runtime_pod;

/* Room for a sentence that says why a container could not start or ended. */
#define RUNTIME_MESSAGE_MAX 4096

enum runtime_state {
        RUNTIME_STATE_NONE, /* never started, or a start under way */
        RUNTIME_STATE_RUNNING,
        RUNTIME_STATE_EXITED,
};

/* What is known of a container. Kubernetes' containerStatuses[].state follows from it. */
struct runtime_container_status {
        const char *pod_uid;
        const char *container;
        uint64_t instance; /* the number given to runtime_container_start() */
        enum runtime_state state;
        pid_t pid;     /* on this machine; 0 unless running */
        int exit_code; /* as Kubernetes shows it: 128 + signal when killed by one */
        int signal;    /* 0: exited by itself */
        bool is_oom_killed;
        bool has_start_failed;  /* the program never ran: reason and message say why; exit_code
                                   126-128 */
        uint64_t started_usec;  /* wall clock */
        uint64_t finished_usec; /* wall clock, 0 while it runs */
        const char *reason;     /* "Completed", "Error", "OOMKilled", "ContainerCannotRun",
                                   "StartError"; "" while it runs */
        const char *message; /* text of the termination message file, or why it could not start; ""
                                none */
};

struct runtime_events {
        /* A container ended (or its start failed, after runtime_container_start() said 0). Told
         * once for each instance by one runtime; after runtime_recover() an exit may be told again
         * that recovery already reported as RUNTIME_STATE_EXITED (same instance number). Log and
         * status are complete by then. */
        void (*on_exit)(void *userdata, const struct runtime_container_status *status);
        /* orch-pod of this pod died without being asked to. Its containers are dead and were told
         * by on_exit; the pod handle is valid until runtime_pod_remove()'s done. */
        void (*on_pod_lost)(void *userdata, const char *pod_uid);
};

struct runtime_config {
        sd_event *event;     /* a reference is taken */
        const char *run_dir; /* "/run/orch": pods/UID/ is made below; tmpfs */
        const char *log_dir; /* "/var/lib/orch/logs" */
        const char
                *state_dir; /* "/var/lib/orch/node": writable layers and volumes, pods/UID/ below */
        const char *pod_binary;  /* path of orch-pod */
        const char *cgroup_name; /* group below the process's own, NULL: "orch" */
        uint64_t log_max_bytes;  /* a file, 0: 10 MiB */
        unsigned log_max_files;  /* 0: 5 */
        struct runtime_events events;
        void *userdata; /* for events and found */
};

/* Returns 0, -ENOMEM, -ENOENT (no orch-pod), -EPERM (not root), or an errno of a directory or
 * cgroup. */
int runtime_new(const struct runtime_config *config, struct runtime **ret_runtime, struct err *e);
/* Leaves every pod running. Callbacks under way are not called any more. */
void runtime_unref(struct runtime *r);
DEFINE_AUTO(runtime);

/* One warning a line about what this machine cannot do (a missing cgroup controller, no
 * seccomp...), each naming the remedy. Borrowed; "" when all is well. Log it once at start. */
const char *runtime_warnings(const struct runtime *r);

/* What runtime_recover() tells: the pod once, then each of its containers, so that the caller can
 * compare with what it wants. Pods that nobody wants: runtime_pod_remove(). */
struct runtime_found {
        void (*on_pod)(void *userdata, struct runtime_pod *pod);
        void (*on_container)(void *userdata, struct runtime_pod *pod,
                             const struct runtime_container_status *status);
};

/* Finds every pod by its directory and connects. A pod whose orch-pod is gone is found too
 * (runtime_pod_is_alive() says false, running containers appear as exited, reason "Error"): remove
 * it and create it anew. Call once, after runtime_new(). Blocks for a few small reads a pod.
 * Returns the number of pods or a negative errno. */
int runtime_recover(struct runtime *r, const struct runtime_found *found, struct err *e);

/* ---- pods ---- */

struct runtime_limits {
        int64_t cpu_request_milli;    /* 0: none. Becomes cpu.shares or cpu.weight */
        int64_t cpu_limit_milli;      /* 0: none. Becomes a quota of 100 ms periods */
        int64_t memory_request_bytes; /* 0: none. Becomes memory.low where there is one */
        int64_t memory_limit_bytes;   /* 0: none. Swap is held at 0 with it */
        int64_t pids_limit;           /* 0: none */
};

struct runtime_pair {
        const char *name, *value;
};

/* A volume in memory, shared by the pod's containers, that dies with the pod. */
struct runtime_tmpfs {
        const char *name;   /* DNS label; see runtime_pod_tmpfs_path() */
        int64_t size_bytes; /* 0: the kernel's default, half of memory */
        bool has_gid;       /* it belongs to this group, which may write */
        uint32_t gid;
};

struct runtime_pod_spec {
        const char *uid;        /* at most 63 of [A-Za-z0-9-] */
        const char *namespace_; /* of the object */
        const char *name;
        const char *hostname; /* NULL: name, cut to 63. Ignored with host_network */
        bool host_network, host_ipc, host_pid;
        bool share_process_namespace;
        const char *hosts;            /* text of /etc/hosts; NULL: the image's own file */
        const char *resolv_conf;      /* text; NULL: the image's own file */
        struct runtime_limits limits; /* of all containers together */
        const struct runtime_pair *sysctls;
        size_t n_sysctls;
        const struct runtime_tmpfs *tmpfs;
        size_t n_tmpfs;
};

/* r: 0 or a negative errno explained by e (borrowed, never NULL). */
typedef void (*runtime_done)(void *userdata, int r, const struct err *e);

/* Starts orch-pod with the pod's namespaces. *ret_pod is valid at once (for runtime_pod_uid(),
 * removal...); pid and network namespace exist when done(0) is called. After done(<0) the pod is
 * still to be removed with runtime_pod_remove(), which cleans up what was left.
 * Returns 0, -EEXIST (this uid is there already), -EINVAL, -ENOMEM or an errno; done is called only
 * after 0. */
int runtime_pod_create(struct runtime *r, const struct runtime_pod_spec *spec, runtime_done done,
                       void *userdata, struct runtime_pod **ret_pod, struct err *e);

/* The pod with this uid, or NULL. Weak: valid until runtime_pod_remove()'s done. */
struct runtime_pod *runtime_pod_find(const struct runtime *r, const char *uid);

const char *runtime_pod_uid(const struct runtime_pod *pod);
const char *runtime_pod_namespace(const struct runtime_pod *pod);
const char *runtime_pod_name(const struct runtime_pod *pod);
bool runtime_pod_is_alive(const struct runtime_pod *pod);
bool runtime_pod_has_host_network(const struct runtime_pod *pod);
/* orch-pod's process id: its net, ipc and uts namespaces are the pod's. 0: not (or no more) there.
 */
pid_t runtime_pod_pid(const struct runtime_pod *pod);
/* Opens the pod's network namespace. Returns a descriptor, the caller's, or a negative errno. Hand
 * it to a worker thread to attach eth0 and set lo up (lo is up already). */
int runtime_pod_netns(const struct runtime_pod *pod);
/* The address book of what was recovered: status of one container, false when it was never started.
 * Strings are borrowed until the next call into the runtime. */
bool runtime_pod_container(const struct runtime_pod *pod, const char *container,
                           struct runtime_container_status *ret_status);

/* Where volume files of the pod belong: STATE_DIR/pods/UID/volumes/NAME. Made on demand with this
 * mode (0777 as kubelet's emptyDir); one that is there keeps what its containers made of it. The
 * caller's string. Removed with the pod. Returns 1 when it was made, 0 when it was there, or a
 * negative errno. */
int runtime_pod_volume(struct runtime_pod *pod, const char *name, mode_t mode, char **ret_path,
                       struct err *e);
/* The source path, for a bind mount, of one of the spec's tmpfs volumes. The caller's string, NULL:
 * memory is out. Only the pod's containers can look inside. */
char *runtime_pod_tmpfs_path(const struct runtime_pod *pod, const char *name);
/* Rewrites a file that the containers see in place (/etc/hosts). */
int runtime_pod_set_hosts(struct runtime_pod *pod, const char *hosts, struct err *e);
int runtime_pod_set_resolv_conf(struct runtime_pod *pod, const char *text, struct err *e);

/* Kills what still runs, removes groups, writable layers, volumes and the pod's directory (not the
 * logs: runtime_pod_remove_logs()). done is called when all is gone; the handle ends with it.
 * on_exit is still told for containers that were running. A second call replaces nothing and is
 * refused with -EALREADY. */
int runtime_pod_remove(struct runtime_pod *pod, runtime_done done, void *userdata, struct err *e);

/* Removes LOG_DIR/NAMESPACE_NAME_UID. Blocks: call it in a worker thread. */
int runtime_pod_remove_logs(const char *log_dir, const char *namespace_, const char *name,
                            const char *uid, struct err *e);

/* ---- containers ---- */

enum runtime_mount_kind {
        RUNTIME_MOUNT_BIND,  /* source is a path of this machine; a missing one is an error */
        RUNTIME_MOUNT_TMPFS, /* private to the container */
};

struct runtime_mount {
        enum runtime_mount_kind kind;
        const char *source; /* bind only */
        /* bind only: what of source to mount, relative, made when missing; links out of source are
         * refused at the moment of mounting. NULL: all. */
        const char *sub_path;
        const char *target; /* absolute, in the container; made when missing */
        bool is_read_only;
        bool has_host_propagation; /* mountPropagation: HostToContainer */
        bool is_bidirectional;     /* mountPropagation: Bidirectional */
        int64_t size_bytes;        /* tmpfs only, 0: the kernel's default */
};

struct runtime_device {
        const char *path;   /* of this machine, "/dev/ttyUSB0" */
        const char *target; /* NULL: the same */
        const char *access; /* of "rwm", NULL: all */
};

struct runtime_rlimit {
        const char *name; /* "RLIMIT_NOFILE" */
        uint64_t soft, hard;
};

enum runtime_seccomp {
        RUNTIME_SECCOMP_DEFAULT, /* RuntimeDefault */
        RUNTIME_SECCOMP_NONE,    /* Unconfined */
};

/* Numbers that may be absent. */
struct runtime_opt_id {
        bool is_set;
        uint32_t value;
};

struct runtime_container_spec {
        const char *name;  /* DNS label */
        uint64_t instance; /* restart number: names the log (N.log) and the status; each start a
                              higher one */

        /* The image. layers: directories, the topmost first, at least one; borrowed paths. */
        const char *const *layers;
        size_t n_layers;
        const char *const *args; /* argv, at least one; already expanded */
        size_t n_args;
        const char *const *env; /* "NAME=value"; PATH, HOSTNAME, HOME are added when missing */
        size_t n_env;
        const char *cwd; /* NULL: "/". Made when missing */

        /* securityContext. user: the image's, "name", "uid", "name:group"...: looked up inside the
         * container; NULL: root. run_as_* win over it. */
        const char *user;
        struct runtime_opt_id run_as_user, run_as_group;
        bool is_non_root_required; /* runAsNonRoot: uid 0 fails the start in words */
        const uint32_t *groups;    /* supplementary, with fsGroup; added to those of /etc/group */
        size_t n_groups;
        bool is_privileged;
        bool is_root_read_only;
        bool may_gain_privileges;   /* allowPrivilegeEscalation; false sets no_new_privs */
        const char *const *cap_add; /* "NET_ADMIN", "CAP_NET_ADMIN", "ALL" */
        size_t n_cap_add;
        const char *const *cap_drop;
        size_t n_cap_drop;
        enum runtime_seccomp seccomp;
        bool is_proc_unmasked; /* procMount: Unmasked */

        const struct runtime_mount *mounts;
        size_t n_mounts;
        const struct runtime_device *devices;
        size_t n_devices;
        const struct runtime_rlimit *rlimits;
        size_t n_rlimits;
        struct runtime_limits limits;
        int oom_score_adj; /* -1000 to 1000; below the own is taken in stride where not permitted */

        /* Another container of the pod, whose processes this one shall see, and be among: it ends
         * with that one. NULL: none. Of no effect where all the pod's containers see each other. */
        const char *target;
        bool has_tty;
        bool has_stdin;     /* keep standard input open for attach; false: /dev/null */
        bool is_stdin_once; /* standard input ends with the first attach */
        const char *termination_message_path; /* NULL: "/dev/termination-log"; "": none */
        bool is_log_fallback;                 /* terminationMessagePolicy: FallbackToLogsOnError */
};

/* Starts a container; done(0) when its program was executed (it may have ended since). done(<0): it
 * never ran; on_exit is NOT told then, the status (has_start_failed, reason, message) is kept.
 * The network should be attached before.
 * Returns 0, -EINVAL (explained), -EBUSY (it runs), -EHOSTDOWN (orch-pod is gone), -ENOMEM. */
int runtime_container_start(struct runtime_pod *pod, const struct runtime_container_spec *spec,
                            runtime_done done, void *userdata, struct err *e);

/* Sends a signal to the main process. Returns 0 when it is on its way, -ESRCH when it doesn't run.
 */
int runtime_container_signal(struct runtime_pod *pod, const char *container, int signal,
                             struct err *e);
/* SIGKILL to every process of the container; on_exit follows. */
int runtime_container_kill(struct runtime_pod *pod, const char *container, struct err *e);

/* Changes limits of a running container (resize in place). */
int runtime_container_update(struct runtime_pod *pod, const char *container,
                             const struct runtime_limits *limits, struct err *e);

/* The same for the pod as a whole. */
int runtime_pod_update(struct runtime_pod *pod, const struct runtime_limits *limits, struct err *e);

struct runtime_stats {
        uint64_t cpu_usec;
        uint64_t memory_bytes;             /* memory.current */
        uint64_t memory_working_set_bytes; /* without inactive file pages, as kubelet counts */
        uint64_t pids;
        uint64_t oom_kills;
};

/* Reads the container's groups. What this machine doesn't count stays 0. */
int runtime_container_stats(const struct runtime_pod *pod, const char *container,
                            struct runtime_stats *ret_stats, struct err *e);

/* ---- exec and attach ---- */

/* The loop's end of a running exec or attach. Ends with done. */
struct runtime_session;

struct runtime_exec_spec {
        const char *container;
        const char *const *args;
        size_t n_args;
        const char *const *env; /* NULL: the container's own */
        size_t n_env;
        bool has_tty;
        /* stdin, stdout, stderr of the new process: pipes, sockets, /dev/null; borrowed (copies are
         * passed). -1: /dev/null. Ignored with has_tty: *ret_tty is the terminal then. */
        int fds[3];
        uint64_t timeout_usec; /* 0: none. Killed then, exit_code 137, has_timed_out */
};

struct runtime_exec_result {
        int r;         /* negative errno: it never ran, e says why */
        int exit_code; /* 128 + signal when killed by one; 126, 127 as a shell does when r < 0 */
        int signal;
        bool has_timed_out;
};

typedef void (*runtime_exec_done)(void *userdata, const struct runtime_exec_result *result,
                                  const struct err *e);

/* Runs a program in a container, with its namespaces, groups, user, capabilities and seccomp.
 * on_tty (needed with has_tty): gets the terminal's master descriptor, its to close, before done.
 * *ret_session is weak: it ends with done. */
struct runtime_exec_callbacks {
        runtime_exec_done done;
        void (*on_tty)(void *userdata, int take_fd);
        void *userdata;
};
int runtime_exec(struct runtime_pod *pod, const struct runtime_exec_spec *spec,
                 const struct runtime_exec_callbacks *callbacks,
                 struct runtime_session **ret_session, struct err *e);
/* SIGKILL to it; done follows. */
void runtime_exec_kill(struct runtime_session *session);
/* The caller isn't interested any more: kills it, done is not called. */
void runtime_exec_cancel(struct runtime_session *session);
int runtime_exec_resize(struct runtime_session *session, unsigned columns, unsigned rows);

/* Attach to the main process. on_open gets descriptors, its to close: in (write to stdin or the
 * terminal; -1 unless has_stdin and the container's spec has it, too) and end (a socket that is at
 * its end when the container is, and its log whole). The output is in the log: whoever reads that
 * slowly misses nothing and holds up nobody. *ret_session is weak: it ends with on_open. */
struct runtime_attach_callbacks {
        void (*on_open)(void *userdata, int r, int take_in, int take_end, const struct err *e);
        void *userdata;
};
int runtime_attach(struct runtime_pod *pod, const char *container, bool has_stdin,
                   const struct runtime_attach_callbacks *callbacks,
                   struct runtime_session **ret_session, struct err *e);
/* The caller isn't interested any more: on_open is not called. */
void runtime_attach_cancel(struct runtime_session *session);
int runtime_container_resize(struct runtime_pod *pod, const char *container, unsigned columns,
                             unsigned rows);
