#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/runtime_internal.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static json_t *exec_strings(const char *const *items, size_t n) {
        json_t *array = json_array();

        for (size_t i = 0; array && i < n; i++)
                /* Not every byte string is UTF-8; what a program is called with may be any. */
                (void) json_array_append_new(array, json_string_nocheck(items[i]));
        return array;
}

/* The request as a file in memory: it may be long, and orch-pod itself is not to read it. */
static int exec_request(const struct runtime_exec_spec *spec, struct err *e) {
        AUTO_CLOSE int fd = memfd_create("exec", MFD_CLOEXEC);
        AUTO_FREE char *text = NULL;
        json_t *o = json_object();

        (void) json_object_set_new(o, "args", exec_strings(spec->args, spec->n_args));
        if (spec->env)
                (void) json_object_set_new(o, "env", exec_strings(spec->env, spec->n_env));
        text = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        if (!text)
                return err_set(e, -EINVAL, "the command isn't valid UTF-8");
        if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return err_errno(e, -errno, "cannot pass the command");
        return STEAL_FD(fd);
}

static int exec_on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct runtime_session *c = userdata;

        c->has_timed_out = true;
        runtime_exec_kill(c);
        return 0;
}

static int exec_set_timer(struct runtime_session *c, uint64_t timeout_usec) {
        if (timeout_usec == 0)
                return 0;
        return sd_event_add_time_relative(c->pod->runtime->event, &c->timer, CLOCK_MONOTONIC,
                                          timeout_usec, 0, exec_on_timeout, c);
}

int runtime_exec(struct runtime_pod *pod, const struct runtime_exec_spec *spec,
                 const struct runtime_exec_callbacks *callbacks,
                 struct runtime_session **ret_session, struct err *e) {
        struct wire_msg msg = { .type = WIRE_EXEC, .flags = spec->has_tty ? WIRE_FLAG_TTY : 0U };
        AUTO_CLOSE int null = -1, request = -1;
        struct runtime_session *c;
        int fds[WIRE_FDS_MAX];
        size_t n = 1;
        int r;

        if (!wire_name_is_valid(spec->container) || spec->n_args == 0)
                return err_set(e, -EINVAL, "exec needs a container and a command");
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        request = exec_request(spec, e);
        if (null < 0 || request < 0)
                return request < 0 ? request : err_errno(e, -errno, "cannot open /dev/null");
        fds[0] = request;
        for (int i = 0; i < 3 && !spec->has_tty; i++)
                fds[n++] = spec->fds[i] >= 0 ? spec->fds[i] : null;
        (void) stpcpy(msg.container, spec->container);

        r = call_send(pod, &msg, fds, n, &c, e);
        if (r < 0)
                return r;
        c->kind = RUNTIME_CALL_EXEC;
        c->exec = *callbacks;
        r = exec_set_timer(c, spec->timeout_usec);
        if (r < 0) {
                runtime_exec_cancel(c);
                return err_errno(e, r, "cannot set a timer");
        }
        if (ret_session)
                *ret_session = c;
        return 0;
}

void runtime_exec_kill(struct runtime_session *session) {
        struct wire_msg msg = { .version = WIRE_VERSION,
                                .type = WIRE_EXEC_KILL,
                                .target = session->serial };

        if (session->pod->sock >= 0)
                (void) wire_send(session->pod->sock, &msg, NULL, 0);
}

void runtime_exec_cancel(struct runtime_session *session) {
        if (!session)
                return;
        /* Stays until orch-pod has said the last word about it. */
        session->is_cancelled = true;
        runtime_exec_kill(session);
}

int runtime_exec_resize(struct runtime_session *session, unsigned columns, unsigned rows) {
        struct wire_msg msg = {
                .type = WIRE_RESIZE, .target = session->serial, .a = columns, .b = rows
        };

        return call_send(session->pod, &msg, NULL, 0, NULL, NULL);
}

int runtime_attach(struct runtime_pod *pod, const char *container, bool has_stdin,
                   const struct runtime_attach_callbacks *callbacks,
                   struct runtime_session **ret_session, struct err *e) {
        struct wire_msg msg = { .type = WIRE_ATTACH, .flags = has_stdin ? WIRE_FLAG_STDIN : 0U };
        struct runtime_session *c;
        int r;

        if (!wire_name_is_valid(container))
                return err_set(e, -EINVAL, "\"%s\" is no container name", container);
        (void) stpcpy(msg.container, container);
        r = call_send(pod, &msg, NULL, 0, &c, e);
        if (r < 0)
                return r;
        c->kind = RUNTIME_CALL_ATTACH;
        c->attach = *callbacks;
        if (ret_session)
                *ret_session = c;
        return 0;
}

void runtime_attach_cancel(struct runtime_session *session) {
        session->is_cancelled = true;
}
