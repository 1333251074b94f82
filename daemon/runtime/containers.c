#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/log_reader.h"
#include "daemon/runtime/oci.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/runtime_internal.h"
#include "daemon/runtime/seccomp_profile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What kubelet takes of a log for a termination message. */
#define CONTAINER_FALLBACK_LINES 80
#define CONTAINER_FALLBACK_BYTES 2048

struct runtime_container *container_get(struct runtime_pod *pod, const char *name) {
        struct runtime_container *c = map_get(&pod->containers, name);

        if (c)
                return c;
        c = calloc(1, sizeof(*c));
        if (c && map_put(&pod->containers, name, c, NULL) < 0) {
                free(c);
                return NULL;
        }
        return c;
}

/* ---- status ---- */

static void container_fall_back(const struct runtime_pod *pod, const char *name, struct status *s) {
        const struct log_reader_options options = { .tail_lines = CONTAINER_FALLBACK_LINES };
        AUTO_FREE char *path = log_path(pod->runtime->log_dir, str_or_empty(pod->namespace_),
                                        str_or_empty(pod->name), pod->uid, name, s->instance);
        AUTO(log_reader) struct log_reader *reader = NULL;
        size_t len = 0;
        ssize_t n;

        if (!path || log_reader_new(path, &options, &reader, NULL) < 0)
                return;
        /* The last 2,048 bytes: older text makes room. */
        while ((n = log_reader_read(reader, s->message + len, STATUS_MESSAGE_MAX - len, NULL,
                                    NULL)) > 0) {
                len += (size_t) n;
                if (len > CONTAINER_FALLBACK_BYTES) {
                        memmove(s->message, s->message + len - CONTAINER_FALLBACK_BYTES,
                                CONTAINER_FALLBACK_BYTES);
                        len = CONTAINER_FALLBACK_BYTES;
                }
        }
        s->message[len] = '\0';
}

/* orch-pod died and could not say how its container ended: it did, with it. */
static void container_mark_lost(const struct runtime_pod *pod, const char *name, const char *path,
                                struct status *s) {
        s->is_running = false;
        s->pid = 0;
        s->exit_code = 137;
        s->signal = 9;
        s->finished_usec = clock_wall_usec();
        (void) stpcpy(s->reason, "Error");
        (void) stpcpy(s->message, "orch-pod of this pod ended unexpectedly");
        (void) status_save(AT_FDCWD, path, s);
}

bool container_status(struct runtime_pod *pod, const char *name,
                      struct runtime_container_status *ret_status) {
        AUTO_FREE char *path = str_format("%s/%s/status", pod->dir, name);
        struct status *s = &pod->runtime->scratch;

        if (!path || status_load(AT_FDCWD, path, s) < 0)
                return false;
        if (s->is_running && pod->is_lost)
                container_mark_lost(pod, name, path, s);
        if (!s->is_running && s->is_log_fallback && s->exit_code != 0 && s->message[0] == '\0')
                container_fall_back(pod, name, s);
        *ret_status = (struct runtime_container_status){
                .pod_uid = pod->uid,
                .container = name,
                .instance = s->instance,
                .state = s->is_running ? RUNTIME_STATE_RUNNING : RUNTIME_STATE_EXITED,
                .pid = s->is_running ? s->pid : 0,
                .exit_code = s->exit_code,
                .signal = s->signal,
                .is_oom_killed = s->is_oom_killed,
                .has_start_failed = s->has_start_failed,
                .started_usec = s->started_usec,
                .finished_usec = s->finished_usec,
                .reason = s->reason,
                .message = s->message,
        };
        return true;
}

bool runtime_pod_container(const struct runtime_pod *pod, const char *container,
                           struct runtime_container_status *ret_status) {
        return wire_name_is_valid(container) &&
               container_status((struct runtime_pod *) pod, container, ret_status);
}

void container_notice(struct runtime_pod *pod, const char *name) {
        struct runtime_container *c = map_get(&pod->containers, name);
        struct runtime *rt = pod->runtime;
        struct runtime_container_status status;

        if (!c || c->state != RUNTIME_STATE_RUNNING || !container_status(pod, name, &status) ||
            status.state != RUNTIME_STATE_EXITED || status.instance != c->instance)
                return;
        c->state = RUNTIME_STATE_EXITED;
        if (rt->events.on_exit)
                rt->events.on_exit(rt->userdata, &status);
}

/* ---- start ---- */

/* The program for these capabilities; compiled when it is asked for first. NULL: memory is out. */
static char *container_seccomp_path(struct runtime *r, uint64_t capabilities, struct err *e) {
        AUTO_FREE char *path =
                str_format("%s/seccomp/%s-%llx.bpf", r->run_dir, ORCH_VERSION,
                           (unsigned long long) (capabilities & seccomp_profile_capabilities));

        if (!path) {
                (void) err_set(e, -ENOMEM, "out of memory");
                return NULL;
        }
        if (access(path, R_OK) < 0 &&
            seccomp_profile_write(capabilities & seccomp_profile_capabilities, path, e) < 0)
                return NULL;
        return STEAL(path);
}

static int container_write_config(struct runtime_pod *pod,
                                  const struct runtime_container_spec *spec,
                                  const struct oci_input *in, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        AUTO_FREE char *dir = str_format("%s/%s", pod->dir, spec->name);
        AUTO_FREE char *path = str_format("%s/config.json", str_or_empty(dir));
        AUTO_CLOSE int fd = -1;
        int r;

        if (!dir || !path)
                return err_set(e, -ENOMEM, "out of memory");
        r = oci_build(in, &text, e);
        if (r < 0)
                return r;
        if (mkdir(dir, 0755) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make %s", dir);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        r = fd < 0 ? -errno : fd_write_all(fd, text.s, text.len);
        return r < 0 ? err_errno(e, r, "cannot write %s", path) : 0;
}

static int container_prepare(struct runtime_pod *pod, const struct runtime_container_spec *spec,
                             struct err *e) {
        AUTO_FREE char *group = str_format("/orch/pod%s/%s", pod->uid, spec->name);
        AUTO_FREE char *seccomp = NULL;
        struct oci_input in = {
                .spec = spec,
                .pod_dir = pod->dir,
                .state_dir = pod->state_dir,
                .cgroup_path = group,
                .hostname = str_or_empty(pod->hostname),
                .pod_pid = pod->pid,
                .has_host_network = pod->flags & RUNTIME_POD_HOST_NETWORK,
                .has_host_ipc = pod->flags & RUNTIME_POD_HOST_IPC,
                .has_host_pid = pod->flags & RUNTIME_POD_HOST_PID,
                .has_shared_pid = pod->flags & RUNTIME_POD_SHARED_PID,
                .has_hosts = pod->flags & RUNTIME_POD_HAS_HOSTS,
                .has_resolv_conf = pod->flags & RUNTIME_POD_HAS_RESOLV_CONF,
        };
        uint64_t capabilities;
        int r;

        if (!group)
                return err_set(e, -ENOMEM, "out of memory");
        r = oci_capabilities(spec, &capabilities, e);
        if (r < 0)
                return r;
        if (spec->seccomp == RUNTIME_SECCOMP_DEFAULT && !spec->is_privileged &&
            pod->runtime->has_seccomp) {
                seccomp = container_seccomp_path(pod->runtime, capabilities, e);
                if (!seccomp)
                        return -EIO;
                in.seccomp_path = seccomp;
        }
        return container_write_config(pod, spec, &in, e);
}

static int container_check_spec(const struct runtime_pod *pod,
                                const struct runtime_container_spec *spec, struct err *e) {
        const struct runtime_container *c;

        if (!wire_name_is_valid(spec->name))
                return err_set(e, -EINVAL, "\"%s\" is no container name", str_or_empty(spec->name));
        if (spec->n_layers == 0)
                return err_set(e, -EINVAL, "container %s has no image layers", spec->name);
        if (spec->n_args == 0)
                return err_set(
                        e, -EINVAL,
                        "container %s has no command: neither the image nor command gives one",
                        spec->name);
        if (!runtime_pod_is_alive(pod))
                return err_set(e, -EHOSTDOWN, "orch-pod of pod %s is gone", pod->uid);
        c = map_get(&pod->containers, spec->name);
        if (c && c->state == RUNTIME_STATE_RUNNING)
                return err_set(e, -EBUSY, "container %s runs already", spec->name);
        return 0;
}

int runtime_container_start(struct runtime_pod *pod, const struct runtime_container_spec *spec,
                            runtime_done done, void *userdata, struct err *e) {
        struct wire_msg msg = {
                .type = WIRE_START,
                .instance = spec->instance,
                .flags = (spec->has_tty ? WIRE_FLAG_TTY : 0U) |
                         (spec->has_stdin ? WIRE_FLAG_STDIN : 0U) |
                         (spec->is_stdin_once ? WIRE_FLAG_STDIN_ONCE : 0U) |
                         (spec->is_log_fallback ? WIRE_FLAG_LOG_FALLBACK : 0U),
        };
        struct runtime_container *c;
        struct runtime_session *call;
        int r;

        r = container_check_spec(pod, spec, e);
        if (r == 0)
                r = container_prepare(pod, spec, e);
        if (r < 0)
                return r;
        c = container_get(pod, spec->name);
        if (!c)
                return err_set(e, -ENOMEM, "out of memory");
        (void) stpcpy(msg.container, spec->name);
        if (spec->target)
                (void) snprintf(msg.text, sizeof(msg.text), "%s", spec->target);
        r = call_send(pod, &msg, NULL, 0, &call, e);
        if (r < 0)
                return r;
        c->instance = spec->instance;
        c->state = RUNTIME_STATE_NONE;
        call->done = done;
        call->userdata = userdata;
        (void) stpcpy(call->container, spec->name);
        return 0;
}

/* ---- signals, limits, figures ---- */

static int container_ask(struct runtime_pod *pod, const char *container, struct wire_msg *msg,
                         struct err *e) {
        const struct runtime_container *c = map_get(&pod->containers, container);

        if (!c || c->state != RUNTIME_STATE_RUNNING)
                return err_set(e, -ESRCH, "container %s isn't running", container);
        (void) stpncpy(msg->container, container, sizeof(msg->container) - 1);
        return call_send(pod, msg, NULL, 0, NULL, e);
}

int runtime_container_signal(struct runtime_pod *pod, const char *container, int signal,
                             struct err *e) {
        struct wire_msg msg = { .type = WIRE_SIGNAL, .a = (uint32_t) signal };

        return container_ask(pod, container, &msg, e);
}

int runtime_container_kill(struct runtime_pod *pod, const char *container, struct err *e) {
        struct wire_msg msg = { .type = WIRE_KILL };

        return container_ask(pod, container, &msg, e);
}

int runtime_container_resize(struct runtime_pod *pod, const char *container, unsigned columns,
                             unsigned rows) {
        struct wire_msg msg = { .type = WIRE_RESIZE, .a = columns, .b = rows };

        return container_ask(pod, container, &msg, NULL);
}

static int container_groups(const struct runtime_pod *pod, const char *container,
                            struct cgroup_host *ret_host, char name[CGROUP_NAME_MAX],
                            struct err *e) {
        if (!wire_name_is_valid(container) ||
            snprintf(name, CGROUP_NAME_MAX, "pod%s/%s", pod->uid, container) >= CGROUP_NAME_MAX)
                return err_set(e, -EINVAL, "\"%s\" is no container name", container);
        return pod_load_conf((struct runtime_pod *) pod, ret_host, e);
}

static struct cgroup_limits groups_limits(const struct runtime_limits *limits) {
        return (struct cgroup_limits){
                .memory_bytes = limits->memory_limit_bytes,
                .memory_low_bytes = limits->memory_request_bytes,
                .cpu_shares = cgroup_shares_from_milli(limits->cpu_request_milli),
                .cpu_quota_usec = cgroup_quota_from_milli(limits->cpu_limit_milli, 100000),
                .pids = limits->pids_limit,
        };
}

int runtime_pod_update(struct runtime_pod *pod, const struct runtime_limits *limits,
                       struct err *e) {
        const struct cgroup_limits l = groups_limits(limits);
        char name[CGROUP_NAME_MAX];
        struct cgroup_host host;
        int r = pod_load_conf(pod, &host, e);

        (void) snprintf(name, sizeof(name), "pod%s", pod->uid);
        return r < 0 ? r : cgroup_apply(&host, name, &l, true, e);
}

int runtime_container_update(struct runtime_pod *pod, const char *container,
                             const struct runtime_limits *limits, struct err *e) {
        const struct cgroup_limits l = groups_limits(limits);
        char name[CGROUP_NAME_MAX];
        struct cgroup_host host;
        int r = container_groups(pod, container, &host, name, e);

        return r < 0 ? r : cgroup_apply(&host, name, &l, true, e);
}

int runtime_container_stats(const struct runtime_pod *pod, const char *container,
                            struct runtime_stats *ret_stats, struct err *e) {
        char name[CGROUP_NAME_MAX];
        struct cgroup_host host;
        struct cgroup_stats s;
        int r = container_groups(pod, container, &host, name, e);

        if (r < 0)
                return r;
        cgroup_stats(&host, name, &s);
        *ret_stats = (struct runtime_stats){
                .cpu_usec = s.cpu_usec,
                .memory_bytes = s.memory_bytes,
                .memory_working_set_bytes =
                        s.memory_bytes - MIN(s.memory_bytes, s.inactive_file_bytes),
                .pids = s.pids,
                .oom_kills = s.oom_kills,
        };
        return 0;
}
