/* nodes/N/builds: the context flows to the node, lines about the build flow back. */
#include "base/str.h"
#include "daemon/registry/path.h"
#include "daemon/server/face.h"
#include "daemon/server/pull.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A reader this far behind makes the node wait. */
#define HIGH_BYTES (128U << 10)

/*   uploading --body whole--> asked --text--> streaming --Status--> over (its last line)
 *       \--Status Failure, end: kept until the body is whole--> answered with an error */
struct build {
        struct request *request;
        struct tunnel *tunnel;
        struct strbuf text, status;
        size_t at;
        const char *failure; /* static or NULL; instead of status */
        bool is_whole;       /* the request's body has been sent */
        bool is_waiting_for_room;
        bool has_begun; /* the answer */
        bool is_over;
};

static ssize_t build_take(void *data, char *room, size_t len) {
        struct build *b = data;
        size_t n = MIN(len, b->text.len - b->at);

        if (n == 0)
                return b->is_over ? -1 : 0;
        memcpy(room, b->text.s + b->at, n);
        b->at += n;
        if (b->at == b->text.len) {
                strbuf_reset(&b->text);
                b->at = 0;
                if (b->tunnel)
                        tunnel_pause(b->tunnel, false);
        }
        return (ssize_t) n;
}

/* The request owns it. */
static void build_keep(void *data) {
}

static enum MHD_Result build_queue(struct request *r) {
        static const struct pull_source SOURCE = { .take = build_take, .free = build_keep };

        return pull_queue(r, "application/x-ndjson", &SOURCE, r->route_data);
}

/* How it ended, where an HTTP status can't say so any more. */
static void build_add_end(struct build *b) {
        if (b->failure)
                strbuf_addf(&b->text,
                            "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"%s\"}\n",
                            b->failure);
        else
                strbuf_addf(&b->text, "%s\n", str_or_empty(b->status.s));
}

/* Answers as far as there is something to say. The body must be whole. */
static void build_answer(struct build *b) {
        struct request *r = b->request;

        if (!b->has_begun && b->is_over && b->text.len == 0) {
                if (b->failure) {
                        request_answer_status(r, 503, "ServiceUnavailable", b->failure);
                        return;
                }
                if (request_answer_failure(r, str_or_empty(b->status.s), b->status.len))
                        return;
        }
        if (b->is_over)
                build_add_end(b);
        if (!b->has_begun && !r->is_answered) {
                b->has_begun = true;
                r->queue = build_queue;
                r->is_answered = true;
        }
        request_resume(r);
}

static void build_end(struct build *b) {
        b->is_over = true;
        if (b->is_whole)
                build_answer(b);
        else
                request_resume(b->request); /* let the rest of the body come and go */
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct build *b = data;

        if (b->is_over)
                return;
        if (f->channel == STREAM_STATUS) {
                strbuf_add_len(&b->status, f->data, f->len);
                build_end(b);
        } else if (f->channel == STREAM_STDOUT) {
                strbuf_add_len(&b->text, f->data, f->len);
                if (b->text.has_failed) {
                        b->failure = "memory is out";
                        build_end(b);
                        return;
                }
                if (b->text.len - b->at > HIGH_BYTES)
                        tunnel_pause(b->tunnel, true);
                if (b->is_whole)
                        build_answer(b);
        }
}

static void node_drained(void *data) {
        struct build *b = data;

        if (!b->is_waiting_for_room)
                return;
        b->is_waiting_for_room = false;
        request_resume(b->request);
}

static void node_ended(void *data, const char *text) {
        struct build *b = data;

        tunnel_close(STEAL(b->tunnel));
        if (b->is_over)
                return;
        b->failure = text ? "the node did not answer; see that orchd-node runs there"
                          : "the node broke the stream off; try again";
        build_end(b);
}

static enum MHD_Result build_begin(struct request *r) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        AUTO_DONE(node_path) struct node_path p = { 0 };
        json_t *what = json_pack("{s:s,s:{}}", "verb", "image-build", "query");
        struct err e = { 0 };
        struct build *b = calloc(1, sizeof(*b));
        int result;

        r->route_data = b;
        if (node_path_parse(r->path, &p) < 0) {
                json_decref(what);
                return request_refuse(r, 400, "BadRequest", "the path is malformed");
        }
        if (b)
                b->request = r;
        result = b && what
                         ? tunnel_open(r->face->server->nodes, &(struct tunnel_ask){ p.node, what },
                                       &HANDLERS, b, &b->tunnel, &e)
                         : err_set(&e, -ENOMEM, "memory is out");
        json_decref(what);
        return result < 0 ? request_refuse(r, 503, "ServiceUnavailable", err_text(&e)) : MHD_YES;
}

static enum MHD_Result build_upload(struct request *r, const char *bytes, size_t len) {
        struct build *b = r->route_data;

        /* A node that has refused a build needs no more of it. */
        if (b->is_over || !b->tunnel)
                return MHD_YES;
        (void) tunnel_send(b->tunnel, STREAM_STDIN, bytes, len);
        if (tunnel_is_full(b->tunnel)) {
                b->is_waiting_for_room = true;
                request_suspend(r);
        }
        return MHD_YES;
}

static enum MHD_Result build_dispatch(struct request *r) {
        struct build *b = r->route_data;

        b->is_whole = true;
        if (!b->is_over) {
                (void) tunnel_send(b->tunnel, STREAM_STDIN_END, "", 0);
                request_suspend(r);
                if (b->text.len > 0)
                        build_answer(b);
                return MHD_YES;
        }
        build_answer(b);
        return request_queue(r);
}

static void build_gone(struct request *r) {
        struct build *b = r->route_data;

        if (!b)
                return;
        tunnel_close(b->tunnel);
        strbuf_done(&b->text);
        strbuf_done(&b->status);
        free(b);
}

const struct route build_route = {
        .begin = build_begin,
        .upload = build_upload,
        .dispatch = build_dispatch,
        .gone = build_gone,
};
