#include "base/str.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/runtime_internal.h"

#include <string.h>
#include <unistd.h>

/* Requests under way, and what comes back. A call leaves the list before its owner is told: the
 * owner may do anything then. */

void call_free(struct runtime_session *c) {
        if (!c)
                return;
        list_remove(&c->list);
        sd_event_source_disable_unref(c->timer);
        free(c);
}

int call_send(struct runtime_pod *pod, struct wire_msg *msg, const int *fds, size_t n_fds,
              struct runtime_session **ret_call, struct err *e) {
        struct runtime_session *c;
        int r;

        if (pod->sock < 0)
                return err_set(e, -EHOSTDOWN, "orch-pod of pod %s is gone", pod->uid);
        c = calloc(1, sizeof(*c));
        if (!c)
                return err_set(e, -ENOMEM, "out of memory");
        list_init(&c->list);
        c->pod = pod;
        c->serial = msg->serial = pod->runtime->next_serial++;
        msg->version = WIRE_VERSION;
        r = wire_send(pod->sock, msg, fds, n_fds);
        if (r < 0) {
                call_free(c);
                return err_errno(e, r, "cannot talk to orch-pod of pod %s", pod->uid);
        }
        list_append(&pod->calls, &c->list);
        if (ret_call)
                *ret_call = c;
        return 0;
}

static struct runtime_session *call_find(struct runtime_pod *pod, uint64_t serial) {
        LIST_FOREACH(i, &pod->calls) {
                struct runtime_session *c = CONTAINER_OF(i, struct runtime_session, list);

                if (c->serial == serial)
                        return c;
        }
        return NULL;
}

/* ---- answers ---- */

static void call_end_exec(struct runtime_session *c, const struct wire_msg *msg) {
        const struct runtime_exec_callbacks callbacks = c->exec;
        struct runtime_exec_result result = {
                .r = msg->result,
                .exit_code = (int) msg->a,
                .signal = (int) msg->b,
                .has_timed_out = c->has_timed_out,
        };
        bool is_wanted = !c->is_cancelled && callbacks.done;
        struct err e = { 0 };

        if (msg->result < 0)
                (void) err_set(&e, msg->result, "%s", msg->text);
        call_free(c);
        if (is_wanted)
                callbacks.done(callbacks.userdata, &result, &e);
}

static void call_end_attach(struct runtime_session *c, const struct wire_msg *msg,
                            struct wire_fds *fds) {
        const struct runtime_attach_callbacks callbacks = c->attach;
        struct err e = { 0 };
        size_t n_expected = msg->flags & WIRE_FLAG_STDIN ? 2 : 1;
        bool is_wanted = !c->is_cancelled;
        int in = -1, out = -1, r = msg->result;

        if (r == 0 && is_wanted && fds->n == n_expected) {
                out = STEAL_FD(fds->fds[n_expected - 1]);
                if (n_expected == 2)
                        in = STEAL_FD(fds->fds[0]);
        }
        if (r == 0 && out < 0)
                r = err_set(&e, -EBADMSG, "orch-pod sent no descriptor");
        else if (r < 0)
                (void) err_set(&e, r, "%s", msg->text);
        call_free(c);
        if (is_wanted)
                callbacks.on_open(callbacks.userdata, r, in, out, &e);
}

static void call_end_done(struct runtime_session *c, const struct wire_msg *msg) {
        struct runtime_container *container =
                c->container[0] ? container_get(c->pod, c->container) : NULL;
        runtime_done done = c->done;
        void *userdata = c->userdata;
        struct err e = { 0 };

        if (container)
                container->state = msg->result < 0 ? RUNTIME_STATE_EXITED : RUNTIME_STATE_RUNNING;
        if (msg->result < 0)
                (void) err_set(&e, msg->result, "%s", msg->text);
        call_free(c);
        if (done)
                done(userdata, msg->result, &e);
}

static void call_answer(struct runtime_session *c, const struct wire_msg *msg,
                        struct wire_fds *fds) {
        switch (c->kind) {
        case RUNTIME_CALL_DONE:
                call_end_done(c, msg);
                break;
        case RUNTIME_CALL_ATTACH:
                call_end_attach(c, msg, fds);
                break;
        case RUNTIME_CALL_EXEC:
                /* 0 says that it runs; WIRE_EXEC_EXITED follows. */
                if (msg->result < 0)
                        call_end_exec(c, msg);
                break;
        }
}

void call_fail_all(struct runtime_pod *pod, int r, const char *text) {
        while (!list_is_empty(&pod->calls)) {
                struct runtime_session *c =
                        CONTAINER_OF(pod->calls.next, struct runtime_session, list);
                struct wire_msg msg = { .type = WIRE_REPLY, .result = r, .a = 128 };
                struct wire_fds none = { .n = 0 };

                (void) stpncpy(msg.text, text, sizeof(msg.text) - 1);
                call_answer(c, &msg, &none);
        }
}

static void call_handle(struct runtime_pod *pod, const struct wire_msg *msg, struct wire_fds *fds) {
        struct runtime_session *c = call_find(pod, msg->serial);

        switch (msg->type) {
        case WIRE_READY:
                pod_ready(pod, msg);
                break;
        case WIRE_EXITED:
                container_notice(pod, msg->container);
                break;
        case WIRE_REPLY:
                if (c)
                        call_answer(c, msg, fds);
                break;
        case WIRE_EXEC_TTY:
                if (c && c->kind == RUNTIME_CALL_EXEC && c->exec.on_tty && !c->is_cancelled &&
                    fds->n == 1)
                        c->exec.on_tty(c->exec.userdata, STEAL_FD(fds->fds[0]));
                break;
        case WIRE_EXEC_EXITED:
                if (c && c->kind == RUNTIME_CALL_EXEC)
                        call_end_exec(c, msg);
                break;
        default:
                break; /* of a newer orch-pod */
        }
}

bool call_read(struct runtime_pod *pod) {
        struct wire_msg msg;
        struct wire_fds fds;

        while (pod->sock >= 0) {
                int r = wire_receive(pod->sock, &msg, &fds);

                if (r == -EAGAIN)
                        return true;
                if (r <= 0)
                        return false;
                call_handle(pod, &msg, &fds);
                wire_fds_close(&fds);
        }
        return false;
}
