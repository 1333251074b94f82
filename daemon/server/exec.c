/* pods/P/exec and attach: a WebSocket or SPDY on the user's side, a stream on the node's. */
#include "api/client/timer.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/path.h"
#include "daemon/server/exec_internal.h"
#include "daemon/server/pod_target.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"
#include "daemon/server/upgrade.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* How long a client may take to open its streams. */
#define OPEN_USEC (30 * USEC_PER_SEC)

/*   asked --node: it runs--> 101 --> both open --node's Status or end--> good-bye said --> gone
 *        \--node: it can't--> an answer without 101      \--client leaves---------------^  */

static void timer_stop(struct exec *x) {
        struct timers *timers = x->server->timers;

        if (x->timer)
                timers->vtable->cancel(timers, STEAL(x->timer));
}

static void exec_free(void *data) {
        struct exec *x = data;

        if (x->request)
                x->request->route_data = NULL;
        list_remove(&x->link);
        timer_stop(x);
        goodbye_done(&x->goodbye);
        tunnel_close(x->tunnel);
        x->face->free(x->client);
        strbuf_done(&x->early);
        free(x);
}

void exec_gone(struct exec *x) {
        exec_free(x);
}

static size_t client_pending(const void *data) {
        const struct exec *x = data;

        return x->face->pending(x->client);
}

static void open_is_late(void *data) {
        struct exec *x = data;

        x->timer = NULL;
        exec_fail(x, "timed out waiting for the client to open its streams");
}

/* Nothing more comes from the node. */
static void exec_finish(struct exec *x, const char *status, size_t len) {
        if (x->is_over)
                return;
        x->is_over = true;
        if (!x->client) {
                strbuf_add_len(&x->early, status, len);
                return;
        }
        x->face->finish(x->client, status, len);
        timer_stop(x);
        x->goodbye = (struct goodbye){
                .timers = x->server->timers, .pending = client_pending, .over = exec_free, .data = x
        };
        goodbye_say(&x->goodbye);
}

void exec_fail(struct exec *x, const char *message) {
        AUTO_FREE char *status = NULL;
        json_t *tree;

        tree = json_pack("{s:{},s:s,s:s,s:s}", "metadata", "status", "Failure", "reason",
                         "InternalError", "message", message);
        status = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
        json_decref(tree);
        exec_finish(x, str_or_empty(status), strlen(str_or_empty(status)));
}

/* ---- the node's side ---- */

static enum MHD_Result exec_queue(struct request *r);

/* The node's first word: either it runs (an empty piece of output), then the client's connection is
 * upgraded, or it can't. */
static void first_frame(struct exec *x, const struct stream_frame *f) {
        struct request *r = STEAL(x->request);

        if (f->channel != STREAM_STDOUT || f->len > 0) {
                r->route_data = NULL;
                if (f->channel != STREAM_STATUS ||
                    !request_answer_failure(r, (const char *) f->data, f->len))
                        request_answer_status(r, 502, "InternalError",
                                              "the node's answer is malformed");
                exec_free(x);
                return;
        }
        /* Not a byte more is taken before there is somebody to give it to. */
        tunnel_pause(x->tunnel, true);
        r->queue = exec_queue;
        r->is_answered = true;
        request_resume(r);
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct exec *x = data;
        bool is_stderr = f->channel == STREAM_STDERR;

        if (x->request) {
                first_frame(x, f);
                return;
        }
        if (f->channel == STREAM_STATUS)
                exec_finish(x, (const char *) f->data, f->len);
        if (!x->client || x->is_over || f->len == 0)
                return;
        if ((is_stderr && x->wants.has_stderr) ||
            (f->channel == STREAM_STDOUT && (x->wants.has_stdout || x->wants.has_tty)))
                x->face->output(x->client, is_stderr, f->data, f->len);
        if (x->face->is_full(x->client))
                tunnel_pause(x->tunnel, true);
}

static void node_drained(void *data) {
        struct exec *x = data;

        if (x->client)
                x->face->pause(x->client, false);
}

static void node_ended(void *data, const char *text) {
        struct exec *x = data;

        tunnel_close(STEAL(x->tunnel));
        text = text ? text : "the node broke the stream off; try again";
        if (!x->request) {
                exec_fail(x, text);
                return;
        }
        request_answer_status(x->request, 503, "ServiceUnavailable", text);
        exec_free(x);
}

/* ---- the client's side ---- */

static void node_send(struct exec *x, enum stream_channel channel, const void *bytes, size_t len) {
        if (!x->tunnel || x->is_over)
                return;
        (void) tunnel_send(x->tunnel, channel, bytes, len);
        if (tunnel_is_full(x->tunnel))
                x->face->pause(x->client, true);
}

void exec_stdin(struct exec *x, const void *bytes, size_t len) {
        if (len > 0 && x->wants.has_stdin)
                node_send(x, STREAM_STDIN, bytes, len);
}

void exec_stdin_end(struct exec *x) {
        if (x->wants.has_stdin)
                node_send(x, STREAM_STDIN_END, "", 0);
}

void exec_resize(struct exec *x, const void *bytes, size_t len) {
        if (len > 0)
                node_send(x, STREAM_RESIZE, bytes, len);
}

void exec_drained(struct exec *x) {
        if (x->tunnel && !x->is_over)
                tunnel_pause(x->tunnel, false);
}

void exec_begin(struct exec *x) {
        timer_stop(x);
        if (x->early.len > 0) {
                x->is_over = false;
                exec_finish(x, x->early.s, x->early.len);
        } else if (x->tunnel) {
                tunnel_pause(x->tunnel, false);
        }
}

/* The connection is the client's from here on. */
static void exec_upgraded(void *data, struct raw *take_raw, const void *extra, size_t extra_len) {
        struct exec *x = data;
        struct timers *timers = x->server->timers;

        if (timers->vtable->add(timers, timers->vtable->now_usec(timers) + OPEN_USEC, open_is_late,
                                x, &x->timer) < 0)
                x->timer = NULL; /* then the client's leaving ends it */
        if (x->face->open(x, take_raw, extra, extra_len) < 0)
                exec_free(x);
}

/* ---- the request ---- */

static enum MHD_Result exec_queue(struct request *r) {
        struct exec *x = STEAL(r->route_data);
        const struct upgrade_then then = { .done = exec_upgraded, .free = exec_free, .data = x };

        return upgrade_queue(r, x->kind, x->protocol, &then);
}

static struct exec *exec_new(struct request *r, enum upgrade_kind kind,
                             const struct exec_face *face, const struct exec_wants *wants) {
        struct exec *x = calloc(1, sizeof(*x));

        if (!x)
                return NULL;
        *x = (struct exec){
                .server = r->face->server, .request = r, .face = face, .kind = kind, .wants = *wants
        };
        list_init(&x->link);
        return x;
}

static enum MHD_Result exec_open(struct request *r, struct exec *x, struct err *e) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        struct pod_target target;
        const char *reason;
        unsigned code = pod_target_find(r, &target, &reason, e);
        int result;

        if (code > 0) {
                exec_free(x);
                return request_refuse(r, code, reason, err_text(e));
        }
        result = tunnel_open(r->face->server->nodes,
                             &(struct tunnel_ask){ target.node, target.what }, &HANDLERS, x,
                             &x->tunnel, e);
        pod_target_done(&target);
        if (result < 0) {
                exec_free(x);
                return request_refuse(r, 503, "ServiceUnavailable", err_text(e));
        }
        list_append(&x->server->execs, &x->link);
        r->route_data = x;
        request_suspend(r);
        return MHD_YES;
}

static int wants_parse(const char *query, struct exec_wants *ret, struct err *e) {
        AUTO_DONE(query) struct query q = { 0 };
        int r = query_parse(query, &q, e);

        if (r < 0)
                return r;
        *ret = (struct exec_wants){ .has_stdin = query_bool(&q, "stdin"),
                                    .has_stdout = query_bool(&q, "stdout"),
                                    .has_tty = query_bool(&q, "tty") };
        ret->has_stderr = query_bool(&q, "stderr") && !ret->has_tty;
        if (!ret->has_stdin && !ret->has_stdout && !ret->has_stderr)
                return err_set(e, -EINVAL, "you must specify at least 1 of stdin, stdout, stderr");
        return 0;
}

static enum MHD_Result exec_dispatch(struct request *r) {
        enum upgrade_kind kind = upgrade_asked(r);
        const struct exec_face *face = kind == UPGRADE_SPDY ? &exec_spdy : &exec_websocket;
        struct exec_wants wants;
        struct err e = { 0 };
        const char *protocol;
        struct exec *x;

        if (kind == UPGRADE_NONE)
                return request_refuse(r, 400, "BadRequest",
                                      "you must request an upgrade: SPDY/3.1 with POST, or "
                                      "websocket with GET");
        protocol = upgrade_protocol(r, kind, face->protocols);
        if (!protocol)
                return request_refuse(r, 400, "BadRequest",
                                      "none of the stream protocols offered is known: "
                                      "v5.channel.k8s.io (WebSocket) and v4.channel.k8s.io are");
        if (wants_parse(r->query, &wants, &e) < 0)
                return request_refuse(r, 400, "BadRequest", err_text(&e));
        x = exec_new(r, kind, face, &wants);
        if (!x)
                return request_refuse(r, 500, "InternalError", "memory is out");
        x->protocol = protocol;
        return exec_open(r, x, &e);
}

/* The client left before the node's word, or before the upgrade. */
static void exec_left(struct request *r) {
        if (r->route_data)
                exec_free(r->route_data);
}

void exec_stop(struct server *s) {
        LIST_FOREACH(i, &s->execs)
                exec_free(CONTAINER_OF(i, struct exec, link));
}

const struct route exec_route = { .dispatch = exec_dispatch, .gone = exec_left };
