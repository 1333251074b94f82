/* pods/P/log: what the node sends on channel 1, as chunked text. */
#include "base/str.h"
#include "daemon/server/face.h"
#include "daemon/server/pod_target.h"
#include "daemon/server/pull.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"

#include <stdlib.h>
#include <string.h>

/* A reader this far behind makes the node wait. */
#define HIGH_BYTES (128U << 10)

/*   asked --text--> streaming --Status or end--> over
 *        \--Status Failure, end--> answered with an error */
struct log {
        struct request *request;
        struct tunnel *tunnel;
        struct strbuf text;
        size_t at;
        bool has_begun, is_over;
};

static ssize_t log_take(void *data, char *room, size_t len) {
        struct log *l = data;
        size_t n = MIN(len, l->text.len - l->at);

        if (n == 0)
                return l->is_over ? -1 : 0;
        memcpy(room, l->text.s + l->at, n);
        l->at += n;
        if (l->at == l->text.len) {
                strbuf_reset(&l->text);
                l->at = 0;
                if (l->tunnel)
                        tunnel_pause(l->tunnel, false);
        }
        return (ssize_t) n;
}

/* The request owns it. */
static void log_keep(void *data) {
}

static enum MHD_Result log_queue(struct request *r) {
        static const struct pull_source SOURCE = { .take = log_take, .free = log_keep };

        return pull_queue(r, "text/plain", &SOURCE, r->route_data);
}

static void log_begin(struct log *l) {
        if (!l->has_begun && !l->request->is_answered) {
                l->has_begun = true;
                l->request->queue = log_queue;
                l->request->is_answered = true;
        }
        request_resume(l->request);
}

static void log_frame(void *data, const struct stream_frame *f) {
        struct log *l = data;

        if (f->channel == STREAM_STATUS) {
                l->is_over = true;
                if (l->has_begun ||
                    !request_answer_failure(l->request, (const char *) f->data, f->len))
                        log_begin(l);
                return;
        }
        if (f->channel != STREAM_STDOUT || l->is_over)
                return;
        strbuf_add_len(&l->text, f->data, f->len);
        l->is_over = l->text.has_failed;
        if (l->text.len - l->at > HIGH_BYTES)
                tunnel_pause(l->tunnel, true);
        log_begin(l);
}

static void log_ended(void *data, const char *text) {
        struct log *l = data;

        if (!l->is_over && !l->has_begun) {
                request_answer_status(l->request, 503, "ServiceUnavailable",
                                      text ? text : "the node broke the stream off; try again");
        } else if (!l->is_over) {
                l->is_over = true;
                request_resume(l->request);
        }
        tunnel_close(STEAL(l->tunnel));
}

static enum MHD_Result log_dispatch(struct request *r) {
        static const struct tunnel_handlers HANDLERS = { .frame = log_frame, .ended = log_ended };
        struct pod_target target;
        struct err e = { 0 };
        const char *reason;
        struct log *l;
        unsigned code = pod_target_find(r, &target, &reason, &e);
        int result;

        if (code > 0)
                return request_refuse(r, code, reason, err_text(&e));
        l = calloc(1, sizeof(*l));
        r->route_data = l;
        result = l ? tunnel_open(r->face->server->nodes,
                                 &(struct tunnel_ask){ target.node, target.what }, &HANDLERS, l,
                                 &l->tunnel, &e)
                   : err_set(&e, -ENOMEM, "memory is out");
        pod_target_done(&target);
        if (result < 0)
                return request_refuse(r, 503, "ServiceUnavailable", err_text(&e));
        l->request = r;
        request_suspend(r);
        return MHD_YES;
}

static void log_gone(struct request *r) {
        struct log *l = r->route_data;

        if (!l)
                return;
        tunnel_close(l->tunnel);
        strbuf_done(&l->text);
        free(l);
}

const struct route log_route = { .dispatch = log_dispatch, .gone = log_gone };
