/* pods/P/exec and attach: a WebSocket on the user's side, a stream on the node's. */
#include "api/client/timer.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/server/face.h"
#include "daemon/server/pod_target.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"
#include "daemon/server/websocket.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How long the client may take to answer the good-bye. */
#define GOODBYE_USEC (5 * USEC_PER_SEC)
/* v5: this byte, then the channel that is at its end. */
#define CHANNEL_CLOSE 0xff

static const char *const PROTOCOLS[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };

/*   both open --node's Status or end--> good-bye said --client's answer, time-out--> gone
 *            \--client leaves-----------------------------------------------------^  */
struct exec {
        struct list link;
        struct server *server;
        struct websocket *socket; /* NULL before the upgrade and after its end */
        struct tunnel *tunnel;    /* NULL after its end */
        struct timer *timer;
        struct strbuf early; /* status of a node that ended before the upgrade; rare */
        bool is_over;
};

static void exec_free(struct exec *x) {
        struct timers *timers = x->server->timers;

        list_remove(&x->link);
        if (x->timer)
                timers->vtable->cancel(timers, x->timer);
        tunnel_close(x->tunnel);
        websocket_unref(x->socket);
        strbuf_done(&x->early);
        free(x);
}

static void goodbye_is_late(void *data) {
        struct exec *x = data;

        x->timer = NULL;
        exec_free(x);
}

/* Nothing more comes from the node. */
static void exec_finish(struct exec *x, const char *status, size_t len) {
        struct timers *timers = x->server->timers;

        if (x->is_over)
                return;
        x->is_over = true;
        if (!x->socket) {
                strbuf_add_len(&x->early, status, len);
                return;
        }
        (void) websocket_send(x->socket, STREAM_STATUS, status, len);
        websocket_finish(x->socket);
        if (timers->vtable->add(timers, timers->vtable->now_usec(timers) + GOODBYE_USEC,
                                goodbye_is_late, x, &x->timer) < 0)
                x->timer = NULL; /* then the client's leaving ends it */
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct exec *x = data;

        if (f->channel == STREAM_STATUS) {
                exec_finish(x, (const char *) f->data, f->len);
        } else if ((f->channel == STREAM_STDOUT || f->channel == STREAM_STDERR) && x->socket &&
                   !x->is_over) {
                if (websocket_send(x->socket, (uint8_t) f->channel, f->data, f->len) &&
                    websocket_is_full(x->socket))
                        tunnel_pause(x->tunnel, true);
        }
}

static void node_drained(void *data) {
        struct exec *x = data;

        if (x->socket)
                websocket_pause(x->socket, false);
}

static void node_ended(void *data, const char *text) {
        struct exec *x = data;
        AUTO_FREE char *status = NULL;
        json_t *tree;

        tunnel_close(STEAL(x->tunnel));
        tree = json_pack("{s:{},s:s,s:s,s:s}", "metadata", "status", "Failure", "reason",
                         "InternalError", "message", text ? text : "the node broke the stream off");
        status = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
        json_decref(tree);
        exec_finish(x, str_or_empty(status), strlen(str_or_empty(status)));
}

static void user_message(void *data, const uint8_t *bytes, size_t len) {
        struct exec *x = data;

        if (!x->tunnel || x->is_over || len == 0)
                return;
        if (bytes[0] == STREAM_STDIN && len > 1)
                (void) tunnel_send(x->tunnel, STREAM_STDIN, bytes + 1, len - 1);
        else if (bytes[0] == STREAM_RESIZE)
                (void) tunnel_send(x->tunnel, STREAM_RESIZE, bytes + 1, len - 1);
        else if (bytes[0] == CHANNEL_CLOSE && len > 1 && bytes[1] == STREAM_STDIN)
                (void) tunnel_send(x->tunnel, STREAM_STDIN_END, "", 0);
        if (tunnel_is_full(x->tunnel))
                websocket_pause(x->socket, true);
}

static void user_drained(void *data) {
        struct exec *x = data;

        if (x->tunnel)
                tunnel_pause(x->tunnel, false);
}

static void user_closed(void *data) {
        exec_free(data);
}

/* The connection is the WebSocket's from here on. */
static void exec_upgraded(void *data, struct MHD_Connection *mhd, void *state, const char *extra,
                          size_t extra_len, MHD_socket fd,
                          struct MHD_UpgradeResponseHandle *handle) {
        static const struct websocket_handlers HANDLERS = {
                .message = user_message,
                .drained = user_drained,
                .closed = user_closed,
        };
        struct exec *x = data;

        if (websocket_new(&x->server->host, fd, handle, &HANDLERS, x, &x->socket) < 0) {
                exec_free(x);
                return;
        }
        if (x->is_over) {
                x->is_over = false;
                exec_finish(x, str_or_empty(x->early.s), x->early.len);
        } else {
                tunnel_pause(x->tunnel, false);
                if (extra_len > 0)
                        websocket_feed(x->socket, extra, extra_len);
        }
}

static enum MHD_Result upgrade_queue(struct request *r, struct exec *x, const char *accept,
                                     const char *protocol) {
        struct MHD_Response *response = MHD_create_response_for_upgrade(exec_upgraded, x);
        enum MHD_Result result;

        if (!response) {
                exec_free(x);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        (void) MHD_add_response_header(response, "Upgrade", "websocket");
        (void) MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
        (void) MHD_add_response_header(response, "Sec-WebSocket-Protocol", protocol);
        result = MHD_queue_response(r->mhd, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        if (result != MHD_YES)
                exec_free(x);
        return result;
}

static enum MHD_Result exec_open(struct request *r, const char *accept, const char *protocol) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        struct pod_target target;
        struct err e = { 0 };
        const char *reason;
        unsigned code = pod_target_find(r, &target, &reason, &e);
        struct exec *x;
        int result;

        if (code > 0)
                return request_refuse(r, code, reason, err_text(&e));
        x = calloc(1, sizeof(*x));
        if (x) {
                x->server = r->face->server;
                list_init(&x->link);
        }
        result = x ? tunnel_open(r->face->server->nodes, target.node, target.what, &HANDLERS, x,
                                 &x->tunnel, &e)
                   : err_set(&e, -ENOMEM, "memory is out");
        pod_target_done(&target);
        if (result < 0) {
                free(x);
                return request_refuse(r, 503, "ServiceUnavailable", err_text(&e));
        }
        /* Not a byte is taken before there is somebody to give it to. */
        tunnel_pause(x->tunnel, true);
        list_append(&x->server->execs, &x->link);
        return upgrade_queue(r, x, accept, protocol);
}

static enum MHD_Result exec_dispatch(struct request *r) {
        const char *upgrade = request_header(r, "Upgrade");
        const char *protocol =
                websocket_protocol(request_header(r, "Sec-WebSocket-Protocol"), PROTOCOLS);
        char accept[WEBSOCKET_ACCEPT_MAX];

        if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || !str_eq(r->method, "GET"))
                return request_refuse(
                        r, 400, "BadRequest",
                        "you must request an upgrade to websocket; SPDY is not spoken "
                        "here (kubectl 1.30 and newer use WebSocket)");
        if (!protocol)
                return request_refuse(r, 400, "BadRequest",
                                      "none of the WebSocket protocols offered is known: "
                                      "v5.channel.k8s.io and v4.channel.k8s.io are");
        if (websocket_accept(request_header(r, "Sec-WebSocket-Key"), accept) < 0)
                return request_refuse(r, 400, "BadRequest", "Sec-WebSocket-Key is malformed");
        return exec_open(r, accept, protocol);
}

void exec_stop(struct server *s) {
        LIST_FOREACH(i, &s->execs)
        exec_free(CONTAINER_OF(i, struct exec, link));
}

const struct route exec_route = { .dispatch = exec_dispatch };
