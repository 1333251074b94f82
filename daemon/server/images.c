/* nodes/N/images: list, load, inspect, manage (tag, pin, prune, …) and remove, each a stream to the
 * node. */
#include "base/str.h"
#include "daemon/registry/path.h"
#include "daemon/server/face.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A node's list of images. */
#define ANSWER_MAX_BYTES (8U << 20)

struct images {
        struct request *request;
        struct tunnel *tunnel;
        struct strbuf answer;
        bool is_whole; /* the request's body has been sent */
        bool is_waiting_for_room;
        bool is_over;
        struct strbuf status; /* the node's last word, kept until the body is read */
        const char *failure;  /* static or NULL; instead of status */
};

/* Both sides have said everything. */
static void images_answer(struct images *x) {
        struct request *r = x->request;

        if (x->failure) {
                request_answer_status(r, 503, "ServiceUnavailable", x->failure);
        } else if (!request_answer_failure(r, str_or_empty(x->status.s), x->status.len)) {
                if (x->answer.len > 0)
                        request_answer(r, 200, strbuf_steal(&x->answer));
                else
                        request_answer(r, 200, strbuf_steal(&x->status));
        }
}

static void images_finish(struct images *x) {
        x->is_over = true;
        if (x->is_whole)
                images_answer(x);
        else
                request_resume(x->request); /* let the rest of the body come and go */
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct images *x = data;

        if (x->is_over)
                return;
        if (f->channel == STREAM_STATUS) {
                strbuf_add_len(&x->status, f->data, f->len);
                images_finish(x);
        } else if (f->channel == STREAM_STDOUT) {
                strbuf_add_len(&x->answer, f->data, f->len);
                if (x->answer.len > ANSWER_MAX_BYTES || x->answer.has_failed) {
                        x->failure = "the node's answer is too long";
                        images_finish(x);
                }
        }
}

static void node_drained(void *data) {
        struct images *x = data;

        if (!x->is_waiting_for_room)
                return;
        x->is_waiting_for_room = false;
        request_resume(x->request);
}

static void node_ended(void *data, const char *text) {
        struct images *x = data;

        tunnel_close(STEAL(x->tunnel));
        if (x->is_over)
                return;
        x->failure = text ? "the node did not answer; see that orchd-node runs there"
                          : "the node broke the stream off; try again";
        images_finish(x);
}

static enum MHD_Result images_open(struct request *r, const char *verb) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        AUTO_DONE(node_path) struct node_path p = { 0 };
        struct err e = { 0 };
        struct images *x;
        json_t *what;
        int result;

        if (node_path_parse(r->path, &p) < 0)
                return request_refuse(r, 400, "BadRequest", "the path is malformed");
        what = request_stream_line(r, verb, p.rest);
        x = calloc(1, sizeof(*x));
        r->route_data = x;
        if (x)
                x->request = r;
        result = x && what
                         ? tunnel_open(r->face->server->nodes, &(struct tunnel_ask){ p.node, what },
                                       &HANDLERS, x, &x->tunnel, &e)
                         : err_set(&e, -ENOMEM, "memory is out");
        json_decref(what);
        if (result < 0)
                return request_refuse(r, 503, "ServiceUnavailable", err_text(&e));
        return MHD_YES;
}

static void images_gone(struct request *r) {
        struct images *x = r->route_data;

        if (!x)
                return;
        tunnel_close(x->tunnel);
        strbuf_done(&x->answer);
        strbuf_done(&x->status);
        free(x);
}

/* ---- everything but load ---- */

static const char *images_verb(const struct request *r) {
        AUTO_DONE(node_path) struct node_path p = { 0 };

        if (str_eq(r->method, "DELETE"))
                return "image-remove";
        if (str_eq(r->method, "PATCH"))
                return "image-manage";
        return node_path_parse(r->path, &p) == 0 && !str_is_empty(p.rest) ? "image-inspect"
                                                                          : "image-list";
}

static enum MHD_Result images_dispatch(struct request *r) {
        enum MHD_Result result = images_open(r, images_verb(r));
        struct images *x = r->route_data;

        if (result != MHD_YES || r->is_answered)
                return result;
        x->is_whole = true;
        (void) tunnel_send(x->tunnel, STREAM_STDIN_END, "", 0);
        request_suspend(r);
        return MHD_YES;
}

const struct route images_route = { .dispatch = images_dispatch, .gone = images_gone };

/* ---- load: the archive flows through ---- */

static enum MHD_Result load_begin(struct request *r) {
        return images_open(r, "image-load");
}

static enum MHD_Result load_upload(struct request *r, const char *bytes, size_t len) {
        struct images *x = r->route_data;

        /* A node that has refused an archive needs no more of it. */
        if (x->is_over || !x->tunnel)
                return MHD_YES;
        (void) tunnel_send(x->tunnel, STREAM_STDIN, bytes, len);
        if (tunnel_is_full(x->tunnel)) {
                x->is_waiting_for_room = true;
                request_suspend(r);
        }
        return MHD_YES;
}

static enum MHD_Result load_dispatch(struct request *r) {
        struct images *x = r->route_data;

        x->is_whole = true;
        if (!x->is_over) {
                (void) tunnel_send(x->tunnel, STREAM_STDIN_END, "", 0);
                request_suspend(r);
                return MHD_YES;
        }
        images_answer(x);
        return request_queue(r);
}

const struct route image_load_route = {
        .begin = load_begin,
        .upload = load_upload,
        .dispatch = load_dispatch,
        .gone = images_gone,
};
