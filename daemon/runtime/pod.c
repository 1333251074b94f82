#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/kv.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/runtime_internal.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptor that orch-pod expects its first client at. */
#define POD_SOCKET_FD 3
#define POD_SHM_BYTES (64 << 20)
#define POD_CONNECT_SEC 5

/* ---- memory ---- */

static void pod_disconnect(struct runtime_pod *pod) {
        pod->io = sd_event_source_disable_unref(pod->io);
        if (pod->sock >= 0)
                (void) close(STEAL_FD(pod->sock));
}

void pod_free(struct runtime_pod *pod) {
        if (!pod)
                return;
        pod_disconnect(pod);
        pod->child = sd_event_source_disable_unref(pod->child);
        LIST_FOREACH(i, &pod->calls)
                call_free(CONTAINER_OF(i, struct runtime_session, list));
        map_done(&pod->containers, free);
        free(pod->uid);
        free(pod->namespace_);
        free(pod->name);
        free(pod->hostname);
        free(pod->dir);
        free(pod->state_dir);
        free(pod);
}

struct runtime_pod *pod_new(struct runtime *r, const char *uid, struct err *e) {
        struct runtime_pod *pod = calloc(1, sizeof(*pod));

        if (!pod) {
                (void) err_set(e, -ENOMEM, "out of memory");
                return NULL;
        }
        pod->runtime = r;
        pod->sock = -1;
        list_init(&pod->calls);
        pod->uid = strdup(uid);
        pod->dir = str_format("%s/pods/%s", r->run_dir, uid);
        pod->state_dir = str_format("%s/pods/%s", r->state_dir, uid);
        if (!pod->uid || !pod->dir || !pod->state_dir) {
                pod_free(pod);
                (void) err_set(e, -ENOMEM, "out of memory");
                return NULL;
        }
        return pod;
}

/* ---- pod.conf ---- */

static int pod_set_string(char **field, const char *value) {
        free(*field);
        *field = strdup(value);
        return *field ? 0 : -ENOMEM;
}

int pod_load_conf(struct runtime_pod *pod, struct cgroup_host *ret_groups, struct err *e) {
        char text[RUNTIME_CONF_MAX], *cursor = text, *key, *value;
        AUTO_FREE char *path = str_format("%s/pod.conf", pod->dir);
        int r = path ? kv_read_file(AT_FDCWD, path, text, sizeof(text)) : -ENOMEM;

        if (r < 0)
                return err_errno(e, r, "cannot read pod.conf of pod %s", pod->uid);
        if (ret_groups)
                memset(ret_groups, 0, sizeof(*ret_groups));
        while (r >= 0 && kv_next(&cursor, &key, &value)) {
                if (ret_groups)
                        cgroup_host_load(ret_groups, key, value);
                else if (str_eq(key, "namespace"))
                        r = pod_set_string(&pod->namespace_, value);
                else if (str_eq(key, "name"))
                        r = pod_set_string(&pod->name, value);
                else if (str_eq(key, "hostname"))
                        r = pod_set_string(&pod->hostname, value);
                else if (str_eq(key, "flags"))
                        pod->flags = (unsigned) kv_number(value);
        }
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static void pod_conf_limits(struct kv_writer *w, const struct runtime_limits *l) {
        kv_add_number(w, "memory_bytes", l->memory_limit_bytes);
        kv_add_number(w, "memory_low_bytes", l->memory_request_bytes);
        kv_add_number(w, "cpu_shares", cgroup_shares_from_milli(l->cpu_request_milli));
        kv_add_number(w, "cpu_quota_usec", cgroup_quota_from_milli(l->cpu_limit_milli, 100000));
        kv_add_number(w, "pids", l->pids_limit);
}

static int pod_write_conf(const struct runtime_pod *pod, const struct runtime_pod_spec *spec,
                          struct err *e) {
        const struct runtime *rt = pod->runtime;
        AUTO_FREE char *path = str_format("%s/pod.conf", pod->dir);
        char text[RUNTIME_CONF_MAX], key[300];
        struct kv_writer w = { .buf = text, .cap = sizeof(text) };
        int r;

        kv_add(&w, "uid", pod->uid);
        kv_add(&w, "namespace", pod->namespace_);
        kv_add(&w, "name", pod->name);
        kv_add(&w, "hostname", pod->hostname);
        kv_add_number(&w, "flags", pod->flags);
        kv_add(&w, "state_dir", pod->state_dir);
        kv_add(&w, "log_dir", rt->log_dir);
        kv_add_number(&w, "log_max_bytes", (int64_t) rt->log_max_bytes);
        kv_add_number(&w, "log_max_files", rt->log_max_files);
        pod_conf_limits(&w, &spec->limits);
        cgroup_host_save(&rt->cgroups, &w);
        if (!spec->host_ipc)
                kv_add_number(&w, "tmpfs.dev.shm", POD_SHM_BYTES);
        for (size_t i = 0; i < spec->n_tmpfs; i++) {
                (void) snprintf(key, sizeof(key), "tmpfs.%s", spec->tmpfs[i].name);
                kv_add_number(&w, key, spec->tmpfs[i].size_bytes);
                (void) snprintf(key, sizeof(key), "gid.%s", spec->tmpfs[i].name);
                if (spec->tmpfs[i].has_gid)
                        kv_add_number(&w, key, spec->tmpfs[i].gid);
        }
        for (size_t i = 0; i < spec->n_sysctls; i++) {
                (void) snprintf(key, sizeof(key), "sysctl.%s", spec->sysctls[i].name);
                kv_add(&w, key, spec->sysctls[i].value);
        }
        r = path ? kv_write_file(AT_FDCWD, path, &w) : -ENOMEM;
        return r < 0 ? err_errno(e, r, "cannot write pod.conf of pod %s", pod->uid) : 0;
}

static int pod_write_file(const struct runtime_pod *pod, const char *name, const char *text,
                          struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", pod->dir, name);
        AUTO_CLOSE int fd = -1;
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        /* In place: containers have this very file mounted. */
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
        return r < 0 ? err_errno(e, r, "cannot write %s", path) : 0;
}

int runtime_pod_set_hosts(struct runtime_pod *pod, const char *hosts, struct err *e) {
        return pod_write_file(pod, "hosts", hosts, e);
}

int runtime_pod_set_resolv_conf(struct runtime_pod *pod, const char *text, struct err *e) {
        return pod_write_file(pod, "resolv.conf", text, e);
}

/* ---- creation ---- */

static int pod_make_dir(const struct runtime_pod *pod, const struct runtime_pod_spec *spec,
                        struct err *e) {
        int r;

        if (mkdir(pod->dir, 0700) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make %s", pod->dir);
        if (mkdir(pod->state_dir, 0711) < 0 && errno != EEXIST)
                return err_errno(e, -errno, "cannot make %s", pod->state_dir);
        r = pod_write_conf(pod, spec, e);
        if (r == 0 && spec->hosts)
                r = pod_write_file(pod, "hosts", spec->hosts, e);
        if (r == 0 && spec->resolv_conf)
                r = pod_write_file(pod, "resolv.conf", spec->resolv_conf, e);
        if (r == 0 && pod->hostname[0]) {
                AUTO_FREE char *line = str_format("%s\n", pod->hostname);

                r = line ? pod_write_file(pod, "hostname", line, e)
                         : err_set(e, -ENOMEM, "out of memory");
        }
        return r;
}

static int pod_set_spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, int sock) {
        sigset_t none, all;
        int r = 0;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        for (int i = 0; i < 3 && r == 0; i++)
                r = posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0);
        if (r == 0 && sock >= 0)
                r = posix_spawn_file_actions_adddup2(actions, sock, POD_SOCKET_FD);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attr, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attr, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                           POSIX_SPAWN_SETSID);
        return r;
}

/* Starts orch-pod: sock >= 0: as a pod's supervisor, else to clear up after one. */
static int pod_spawn(struct runtime_pod *pod, int sock, struct err *e) {
        const struct runtime *rt = pod->runtime;
        char *argv[] = { (char *) "orch-pod", pod->dir, sock < 0 ? (char *) "remove" : NULL, NULL };
        char *envp[] = { NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", rt->binary_fd);
        if (posix_spawn_file_actions_init(&actions) != 0)
                return err_set(e, -ENOMEM, "out of memory");
        if (posix_spawnattr_init(&attr) != 0) {
                (void) posix_spawn_file_actions_destroy(&actions);
                return err_set(e, -ENOMEM, "out of memory");
        }
        r = pod_set_spawn(&actions, &attr, sock);
        if (r == 0)
                r = posix_spawn(&pod->pid, rt->binary_fd >= 0 ? path : rt->pod_binary, &actions,
                                &attr, argv, envp);
        (void) posix_spawnattr_destroy(&attr);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r == 0)
                return 0;
        pod->pid = 0;
        return err_errno(e, -r, "cannot start %s", rt->pod_binary);
}

/* ---- the end ---- */

static void pod_finish_removal(struct runtime_pod *pod, int r, const struct err *e) {
        runtime_done done = pod->on_removed;
        void *userdata = pod->on_removed_data;

        (void) map_remove(&pod->runtime->pods, pod->uid);
        pod_free(pod);
        if (done)
                done(userdata, r, e);
}

static int pod_spawn_removal(struct runtime_pod *pod, struct err *e);

static int pod_on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct runtime_pod *pod = userdata;
        struct err e = { 0 };
        int r = 0;

        pod->child = sd_event_source_disable_unref(pod->child);
        (void) call_read(pod); /* its last words */
        pod->pid = 0;
        if (!pod->is_removing) {
                pod_lost(pod);
                return 0;
        }
        if (access(pod->dir, F_OK) == 0) {
                /* It died before it could clear up: another one does. */
                if (!pod->has_cleaner && pod_spawn_removal(pod, &e) == 0)
                        return 0;
                r = err_set(&e, -EBUSY, "what pod %s left in %s could not be removed", pod->uid,
                            pod->dir);
        }
        call_fail_all(pod, -ESHUTDOWN, "the pod was removed");
        pod_finish_removal(pod, r, &e);
        return 0;
}

static int pod_watch_child(struct runtime_pod *pod, struct err *e) {
        int r = sd_event_add_child(pod->runtime->event, &pod->child, pod->pid, WEXITED,
                                   pod_on_child, pod);

        return r < 0 ? err_errno(e, r, "cannot wait for orch-pod") : 0;
}

/* Has another orch-pod clear up: kill, groups, directories. */
static int pod_spawn_removal(struct runtime_pod *pod, struct err *e) {
        int r = pod_spawn(pod, -1, e);

        pod->has_cleaner = true;
        return r < 0 ? r : pod_watch_child(pod, e);
}

static void pod_end_containers(struct runtime_pod *pod) {
        MAP_FOREACH(i, &pod->containers)
                container_notice(pod, i->key);
}

void pod_lost(struct runtime_pod *pod) {
        struct runtime *rt = pod->runtime;
        AUTO_FREE char *group = str_format("pod%s", pod->uid);
        runtime_done on_ready = STEAL(pod->on_ready);
        bool was_ready = pod->is_ready;
        struct err e = { 0 };

        pod_disconnect(pod);
        pod->is_lost = true;
        /* Their parent's death has killed the containers; this is for what they left. */
        MAP_FOREACH(i, &pod->containers) {
                AUTO_FREE char *name = group ? str_format("%s/%s", group, i->key) : NULL;

                if (name)
                        (void) cgroup_kill(&rt->cgroups, name);
        }
        call_fail_all(pod, -EHOSTDOWN, "the pod's orch-pod ended unexpectedly");
        pod_end_containers(pod);
        if (on_ready) {
                (void) err_set(&e, -EHOSTDOWN, "orch-pod ended while it made pod %s", pod->uid);
                on_ready(pod->on_ready_data, e.code, &e);
        } else if (was_ready && rt->events.on_pod_lost) {
                rt->events.on_pod_lost(rt->userdata, pod->uid);
        }
}

/* ---- the socket ---- */

int pod_connect(struct runtime_pod *pod, struct err *e) {
        const struct timeval patience = { .tv_sec = POD_CONNECT_SEC };
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        AUTO_CLOSE int dir = open(pod->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct ucred peer = { 0 };
        socklen_t len = sizeof(peer);

        if (fd < 0 || dir < 0)
                return err_errno(e, -errno, "cannot connect to pod %s", pod->uid);
        /* By descriptor: the whole path may be longer than an address can hold. */
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/sock", dir);
        /* Waits only while the queue of an orch-pod that is busy is full; a dead one refuses at
         * once. */
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ||
            fd_set_nonblock(fd, true) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return err_errno(e, -errno, "cannot connect to pod %s", pod->uid);
        pod->pid = peer.pid;
        return pod_watch(pod, STEAL_FD(fd), e);
}

/* The socket's end: orch-pod is gone, or it cut us off because we read too slowly. */
static void pod_on_end(struct runtime_pod *pod) {
        pod_disconnect(pod);
        if (pod->child)
                return; /* its exit is on the way, and says more */
        if (!pod->is_removing && pod_connect(pod, NULL) == 0) {
                call_fail_all(pod, -ECONNRESET, "the connection to orch-pod broke");
                pod_end_containers(pod);
                return;
        }
        if (!pod->is_removing) {
                pod_lost(pod);
                return;
        }
        if (access(pod->dir, F_OK) == 0 && pod_spawn_removal(pod, NULL) == 0)
                return;
        call_fail_all(pod, -ESHUTDOWN, "the pod was removed");
        pod_finish_removal(pod, 0, &(struct err){ 0 });
}

static int pod_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct runtime_pod *pod = userdata;

        if (!call_read(pod))
                pod_on_end(pod);
        return 0;
}

int pod_watch(struct runtime_pod *pod, int take_sock, struct err *e) {
        int r = sd_event_add_io(pod->runtime->event, &pod->io, take_sock, EPOLLIN, pod_on_io, pod);

        if (r < 0) {
                (void) close(take_sock);
                return err_errno(e, r, "cannot watch the pod's socket");
        }
        pod->sock = take_sock;
        return 0;
}

void pod_ready(struct runtime_pod *pod, const struct wire_msg *msg) {
        runtime_done done = STEAL(pod->on_ready);
        struct err e = { 0 };

        pod->is_ready = msg->result == 0;
        if (msg->result < 0)
                (void) err_set(&e, msg->result, "%s", msg->text);
        if (done)
                done(pod->on_ready_data, msg->result, &e);
}

/* ---- what the node calls ---- */

static int pod_check_spec(const struct runtime *r, const struct runtime_pod_spec *spec,
                          struct err *e) {
        if (!wire_name_is_valid(spec->uid))
                return err_set(e, -EINVAL, "\"%s\" is no pod uid", str_or_empty(spec->uid));
        if (map_has(&r->pods, spec->uid))
                return err_set(e, -EEXIST, "pod %s is there already", spec->uid);
        for (size_t i = 0; i < spec->n_tmpfs; i++)
                if (!wire_name_is_valid(spec->tmpfs[i].name))
                        return err_set(e, -EINVAL, "\"%s\" is no volume name",
                                       str_or_empty(spec->tmpfs[i].name));
        return 0;
}

static int pod_fill(struct runtime_pod *pod, const struct runtime_pod_spec *spec) {
        const char *hostname = spec->hostname ? spec->hostname : spec->name;

        pod->flags =
                (spec->host_network ? RUNTIME_POD_HOST_NETWORK : 0U) |
                (spec->host_ipc ? RUNTIME_POD_HOST_IPC : 0U) |
                (spec->host_pid ? RUNTIME_POD_HOST_PID : 0U) |
                (spec->share_process_namespace && !spec->host_pid ? RUNTIME_POD_SHARED_PID : 0U) |
                (spec->hosts ? RUNTIME_POD_HAS_HOSTS : 0U) |
                (spec->resolv_conf ? RUNTIME_POD_HAS_RESOLV_CONF : 0U);
        pod->namespace_ = strdup(spec->namespace_);
        pod->name = strdup(spec->name);
        pod->hostname = strndup(spec->host_network ? "" : hostname, 63);
        return pod->namespace_ && pod->name && pod->hostname ? 0 : -ENOMEM;
}

static int pod_start(struct runtime_pod *pod, const struct runtime_pod_spec *spec, struct err *e) {
        int pair[2];
        int r;

        r = pod_make_dir(pod, spec, e);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return err_errno(e, -errno, "cannot make a socket");
        r = pod_spawn(pod, pair[1], e);
        (void) close(pair[1]);
        if (r < 0) {
                (void) close(pair[0]);
                return r;
        }
        r = pod_watch(pod, pair[0], e);
        return r < 0 ? r : pod_watch_child(pod, e);
}

int runtime_pod_create(struct runtime *r, const struct runtime_pod_spec *spec, runtime_done done,
                       void *userdata, struct runtime_pod **ret_pod, struct err *e) {
        struct runtime_pod *pod;
        int k = pod_check_spec(r, spec, e);

        if (k < 0)
                return k;
        pod = pod_new(r, spec->uid, e);
        if (!pod)
                return -ENOMEM;
        k = pod_fill(pod, spec);
        if (k == 0)
                k = map_put(&r->pods, pod->uid, pod, NULL);
        if (k < 0) {
                pod_free(pod);
                return err_set(e, k, "out of memory");
        }
        k = pod_start(pod, spec, e);
        if (k < 0) {
                (void) map_remove(&r->pods, pod->uid);
                (void) dir_remove_all(AT_FDCWD, pod->dir, NULL);
                (void) dir_remove_all(AT_FDCWD, pod->state_dir, NULL);
                pod_free(pod);
                return k;
        }
        pod->on_ready = done;
        pod->on_ready_data = userdata;
        *ret_pod = pod;
        return 0;
}

const char *runtime_pod_uid(const struct runtime_pod *pod) {
        return pod->uid;
}

const char *runtime_pod_namespace(const struct runtime_pod *pod) {
        return str_or_empty(pod->namespace_);
}

const char *runtime_pod_name(const struct runtime_pod *pod) {
        return str_or_empty(pod->name);
}

bool runtime_pod_is_alive(const struct runtime_pod *pod) {
        return pod->is_ready && !pod->is_lost && pod->sock >= 0;
}

bool runtime_pod_has_host_network(const struct runtime_pod *pod) {
        return pod->flags & RUNTIME_POD_HOST_NETWORK;
}

pid_t runtime_pod_pid(const struct runtime_pod *pod) {
        return runtime_pod_is_alive(pod) ? pod->pid : 0;
}

int runtime_pod_netns(const struct runtime_pod *pod) {
        char path[48];
        int fd;

        if (!runtime_pod_is_alive(pod))
                return -EHOSTDOWN;
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/net", (int) pod->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int runtime_pod_volume(struct runtime_pod *pod, const char *name, mode_t mode, char **ret_path,
                       struct err *e) {
        AUTO_FREE char *parent = str_format("%s/volumes", pod->state_dir);
        AUTO_FREE char *path = str_format("%s/volumes/%s", pod->state_dir, name);
        bool is_new;
        int r;

        if (!wire_name_is_valid(name))
                return err_set(e, -EINVAL, "\"%s\" is no volume name", name);
        if (!parent || !path)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(parent, 0755, e);
        if (r < 0)
                return r;
        is_new = mkdir(path, 0700) == 0;
        if (!is_new && errno != EEXIST)
                return err_errno(e, -errno, "cannot make the volume %s", path);
        if (is_new && chmod(path, mode) < 0)
                return err_errno(e, -errno, "cannot set the mode of %s", path);
        *ret_path = STEAL(path);
        return is_new;
}

char *runtime_pod_tmpfs_path(const struct runtime_pod *pod, const char *name) {
        return str_format("%s/tmpfs/%s", pod->dir, name);
}

int runtime_pod_remove(struct runtime_pod *pod, runtime_done done, void *userdata, struct err *e) {
        struct wire_msg msg = { .type = WIRE_REMOVE };
        int r;

        if (pod->is_removing)
                return err_set(e, -EALREADY, "pod %s is being removed already", pod->uid);
        r = pod->sock >= 0 ? call_send(pod, &msg, NULL, 0, NULL, NULL) : -EHOSTDOWN;
        /* One that is just dying is waited for: pod_on_child() clears up after it. */
        if (r < 0 && !pod->child && pod_spawn_removal(pod, e) < 0)
                return -EHOSTDOWN;
        pod->is_removing = true;
        pod->on_removed = done;
        pod->on_removed_data = userdata;
        return 0;
}

int runtime_pod_remove_logs(const char *log_dir, const char *namespace_, const char *name,
                            const char *uid, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s_%s_%s", log_dir, namespace_, name, uid);

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        return dir_remove_all(AT_FDCWD, path, e);
}
