/* nodes/N/pulls and nodes/N/pushes: an image comes or goes, told line by line; nodes/N/archives: an
 * archive of images as it is. The body has
 * credentials and goes to the node as it is; the answer is what orch-image says, and a Status as
 * the last line where it fails after its first word. */
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

/*   asked --text--> streaming --Status or end--> over
 *        \--Status Failure, end--> answered with an error */
struct image_remote {
        struct request *request;
        struct tunnel *tunnel;
        struct strbuf text;
        size_t at;
        bool has_begun, is_over;
};

static ssize_t remote_take(void *data, char *room, size_t len) {
        struct image_remote *x = data;
        size_t n = MIN(len, x->text.len - x->at);

        if (n == 0)
                return x->is_over ? -1 : 0;
        memcpy(room, x->text.s + x->at, n);
        x->at += n;
        if (x->at == x->text.len) {
                strbuf_reset(&x->text);
                x->at = 0;
                if (x->tunnel)
                        tunnel_pause(x->tunnel, false);
        }
        return (ssize_t) n;
}

/* The request owns it. */
static void remote_keep(void *data) {
        (void) data;
}

static bool remote_is_archive(const struct request *r) {
        return str_ends_with(r->path, "/archives");
}

static enum MHD_Result remote_queue(struct request *r) {
        static const struct pull_source SOURCE = { .take = remote_take, .free = remote_keep };

        return pull_queue(r, remote_is_archive(r) ? "application/x-tar" : "application/json",
                          &SOURCE, r->route_data);
}

static void remote_begin(struct image_remote *x) {
        if (!x->has_begun && !x->request->is_answered) {
                x->has_begun = true;
                x->request->queue = remote_queue;
                x->request->is_answered = true;
        }
        request_resume(x->request);
}

/* Behind an archive stands nothing, unless it failed: then it doesn't end as archives do. */
static bool remote_is_good_archive(const struct request *r, const struct stream_frame *f) {
        static const char mark[] = "\"Failure\"";

        return remote_is_archive(r) && !memmem(f->data, f->len, mark, strlen(mark));
}

static void remote_frame(void *data, const struct stream_frame *f) {
        struct image_remote *x = data;

        if (x->is_over)
                return;
        if (f->channel == STREAM_STATUS) {
                x->is_over = true;
                if (!x->has_begun &&
                    request_answer_failure(x->request, (const char *) f->data, f->len)) {
                        request_resume(x->request);
                        return;
                }
                if (x->has_begun && !remote_is_good_archive(x->request, f)) {
                        strbuf_add_len(&x->text, f->data, f->len);
                        strbuf_add_char(&x->text, '\n');
                }
                remote_begin(x);
                return;
        }
        if (f->channel != STREAM_STDOUT)
                return;
        strbuf_add_len(&x->text, f->data, f->len);
        x->is_over = x->text.has_failed;
        if (x->text.len - x->at > HIGH_BYTES)
                tunnel_pause(x->tunnel, true);
        remote_begin(x);
}

static void remote_ended(void *data, const char *text) {
        struct image_remote *x = data;

        if (!x->is_over && !x->has_begun)
                request_answer_status(x->request, 503, "ServiceUnavailable",
                                      text ? text : "the node broke the stream off; try again");
        if (!x->is_over)
                request_resume(x->request);
        x->is_over = true;
        tunnel_close(STEAL(x->tunnel));
}

static enum MHD_Result remote_dispatch(struct request *r) {
        static const struct tunnel_handlers HANDLERS = { .frame = remote_frame,
                                                         .ended = remote_ended };
        AUTO_DONE(node_path) struct node_path p = { 0 };
        struct image_remote *x;
        struct err e = { 0 };
        json_t *what;
        int result;

        if (node_path_parse(r->path, &p) < 0)
                return request_refuse(r, 400, "BadRequest", "the path is malformed");
        what = request_stream_line(r,
                                   str_eq(p.what, "pulls")    ? "image-pull"
                                   : str_eq(p.what, "pushes") ? "image-push"
                                                              : "image-save",
                                   NULL);
        x = calloc(1, sizeof(*x));
        r->route_data = x;
        result = x && what
                         ? tunnel_open(r->face->server->nodes, &(struct tunnel_ask){ p.node, what },
                                       &HANDLERS, x, &x->tunnel, &e)
                         : err_set(&e, -ENOMEM, "memory is out");
        json_decref(what);
        if (result < 0)
                return request_refuse(r, 503, "ServiceUnavailable", err_text(&e));
        x->request = r;
        (void) tunnel_send(x->tunnel, STREAM_STDIN, str_or_empty(r->body.s), r->body.len);
        (void) tunnel_send(x->tunnel, STREAM_STDIN_END, "", 0);
        request_suspend(r);
        return MHD_YES;
}

static void remote_gone(struct request *r) {
        struct image_remote *x = r->route_data;

        if (!x)
                return;
        tunnel_close(x->tunnel);
        strbuf_done(&x->text);
        free(x);
}

const struct route image_remote_route = { .dispatch = remote_dispatch, .gone = remote_gone };
