/* exec and attach over SPDY/3.1 (kubectl before 1.30, and newer ones behind proxies): a stream for
 * each of error, stdin, stdout, stderr and resize, opened by the client one after another. */
#include "base/str.h"
#include "daemon/server/exec_internal.h"
#include "daemon/server/spdy_session.h"

#include <stdlib.h>

static const char *const PROTOCOLS[] = { "v4.channel.k8s.io", NULL };

enum stream_type { TYPE_ERROR, TYPE_STDIN, TYPE_STDOUT, TYPE_STDERR, TYPE_RESIZE, TYPES };

struct exec_streams {
        struct exec *exec;
        struct spdy_session *session;
        uint32_t ids[TYPES]; /* 0: not opened */
        bool has_begun;
};

static int type_of(const char *name) {
        static const char *const NAMES[TYPES] = { "error", "stdin", "stdout", "stderr", "resize" };

        for (int i = 0; i < TYPES; i++)
                if (str_eq(name, NAMES[i]))
                        return i;
        return -1;
}

/* Everything that the query speaks of is there; a client may do without resizing. */
static bool is_complete(const struct exec_streams *t) {
        const struct exec_wants *w = &t->exec->wants;

        return t->ids[TYPE_ERROR] > 0 && (!w->has_stdin || t->ids[TYPE_STDIN] > 0) &&
               (!w->has_stdout || t->ids[TYPE_STDOUT] > 0) &&
               (!w->has_stderr || t->ids[TYPE_STDERR] > 0);
}

static bool client_opened(void *data, const struct spdy_event *open) {
        struct exec_streams *t = data;
        int type = type_of(spdy_event_header(open, "streamtype"));

        if (type < 0 || t->ids[type] > 0)
                return false;
        if (type == TYPE_STDIN && open->is_fin)
                exec_stdin_end(t->exec);
        t->ids[type] = open->id;
        return true;
}

static void client_accepted(void *data, uint32_t id) {
        struct exec_streams *t = data;

        if (t->has_begun || !is_complete(t))
                return;
        t->has_begun = true;
        exec_begin(t->exec);
}

static void client_received(void *data, uint32_t id, const void *bytes, size_t len) {
        struct exec_streams *t = data;

        if (id == t->ids[TYPE_STDIN])
                exec_stdin(t->exec, bytes, len);
        else if (id == t->ids[TYPE_RESIZE])
                exec_resize(t->exec, bytes, len);
}

static void client_ended(void *data, uint32_t id, bool is_reset) {
        struct exec_streams *t = data;

        if (id == t->ids[TYPE_STDIN])
                exec_stdin_end(t->exec);
}

static void client_drained(void *data) {
        struct exec_streams *t = data;

        if (t->has_begun)
                exec_drained(t->exec);
}

static void client_closed(void *data) {
        struct exec_streams *t = data;

        exec_gone(t->exec);
}

static int face_open(struct exec *x, struct raw *take_raw, const void *extra, size_t extra_len) {
        static const struct spdy_handlers HANDLERS = {
                .opened = client_opened,
                .accepted = client_accepted,
                .received = client_received,
                .ended = client_ended,
                .drained = client_drained,
                .closed = client_closed,
        };
        const struct spdy_place place = { .host = &x->server->host, .raw = take_raw };
        struct exec_streams *t = calloc(1, sizeof(*t));
        int r;

        if (!t) {
                spdy_place_refuse(&place);
                return -ENOMEM;
        }
        t->exec = x;
        r = spdy_session_new(&place, &HANDLERS, t, &t->session);
        if (r < 0) {
                free(t);
                return r;
        }
        x->client = t;
        if (extra_len > 0)
                spdy_session_take(t->session, extra, extra_len);
        return 0;
}

static void face_output(void *client, bool is_stderr, const void *bytes, size_t len) {
        struct exec_streams *t = client;

        spdy_session_send(t->session, t->ids[is_stderr ? TYPE_STDERR : TYPE_STDOUT], bytes, len,
                          false);
}

static void face_finish(void *client, const char *status, size_t len) {
        struct exec_streams *t = client;

        spdy_session_send(t->session, t->ids[TYPE_STDOUT], NULL, 0, true);
        spdy_session_send(t->session, t->ids[TYPE_STDERR], NULL, 0, true);
        spdy_session_send(t->session, t->ids[TYPE_ERROR], status, len, true);
}

static size_t face_pending(const void *client) {
        const struct exec_streams *t = client;

        return spdy_session_pending(t->session);
}

static bool face_is_full(const void *client) {
        const struct exec_streams *t = client;

        return spdy_session_is_full(t->session);
}

static void face_pause(void *client, bool is_paused) {
        struct exec_streams *t = client;

        spdy_session_pause(t->session, is_paused);
}

static void face_free(void *client) {
        struct exec_streams *t = client;

        if (!t)
                return;
        spdy_session_unref(t->session);
        free(t);
}

const struct exec_face exec_spdy = { .protocols = PROTOCOLS,
                                     .open = face_open,
                                     .output = face_output,
                                     .finish = face_finish,
                                     .pending = face_pending,
                                     .is_full = face_is_full,
                                     .pause = face_pause,
                                     .free = face_free };
