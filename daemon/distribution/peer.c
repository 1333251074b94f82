#include "daemon/distribution/peer.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/distribution/manifest.h"

#include <stdlib.h>
#include <string.h>

/* A neighbour is near: one that is slower than this for so long isn't waited for. */
#define PEER_STALL_USEC (10 * USEC_PER_SEC)
#define PEER_SLOW_BYTES (64U << 10)
/* Of the unpacked layer; what is really taken is bounded by the unpacker. */
#define PEER_LAYER_MAX MANIFEST_LAYER_MAX

/* ---- the neighbour's side ---- */

int peer_order_parse(const char *text, struct peer_order *ret, struct err *e) {
        static const struct {
                const char *begin;
                enum peer_what what;
        } lines[] = { { "GET /v1/blobs/", PEER_BLOB }, { "GET /v1/layers/", PEER_LAYER } };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                const char *at = text + strlen(lines[i].begin);
                struct peer_order order = { .what = lines[i].what };
                size_t len;

                if (!str_starts_with(text, lines[i].begin))
                        continue;
                len = strcspn(at, " \r\n");
                if (len >= sizeof(order.digest))
                        break;
                memcpy(order.digest, at, len);
                if (!digest_is_valid(order.digest) ||
                    (!str_starts_with(at + len, " HTTP/1.1\r\n") &&
                     !str_starts_with(at + len, " HTTP/1.0\r\n")))
                        break;
                *ret = order;
                return 0;
        }
        return err_set(e, -EINVAL, "no request for a blob or a layer");
}

/* ---- the asker's side ---- */

struct blob_transfer {
        struct http_call *call;
        struct blob_request request;
        char *url;
        uint64_t bytes;
};

static void peer_transfer_free(struct blob_transfer *t) {
        free(t->url);
        free(t);
}

static int peer_on_head(void *userdata, const struct http_head *head, struct err *e) {
        (void) userdata;

        if (head->status == 200)
                return 0;
        return err_set(e, head->status == 404 ? -ENOENT : -EIO, "the neighbour answers %u",
                       head->status);
}

static int peer_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct blob_transfer *t = userdata;
        int r;

        if (len > MIN(t->request.size_bytes, PEER_LAYER_MAX) - t->bytes)
                return err_set(e, -E2BIG, "the neighbour sends more than fits");
        r = t->request.on_data(t->request.userdata, data, len, e);
        if (r == 0)
                t->bytes += len;
        return r;
}

static void peer_on_done(void *userdata, int code, const struct err *e) {
        struct blob_transfer *t = userdata;
        struct blob_request request = t->request;

        peer_transfer_free(t);
        request.on_done(request.userdata, code, e);
}

static int peer_ask(struct peer *p, const char *folder, const struct blob_request *request,
                    struct blob_transfer **ret, struct err *e) {
        struct blob_transfer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return err_set(e, -ENOMEM, "out of memory");
        t->request = *request;
        t->url = str_format("http://neighbour/v1/%s/%s", folder, request->digest);
        r = t->url ? http_start(p->http,
                                &(struct http_request){ .method = "GET",
                                                        .url = t->url,
                                                        .unix_socket = p->socket,
                                                        .stall_usec = PEER_STALL_USEC,
                                                        .slow_bytes = PEER_SLOW_BYTES,
                                                        .on_head = peer_on_head,
                                                        .on_data = peer_on_data,
                                                        .on_done = peer_on_done,
                                                        .userdata = t },
                                &t->call, e)
                   : err_set(e, -ENOMEM, "out of memory");
        if (r < 0) {
                peer_transfer_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

static int peer_start(struct blob_source *source, const struct blob_request *request,
                      struct blob_transfer **ret, struct err *e) {
        return peer_ask(CONTAINER_OF(source, struct peer, source), "layers", request, ret, e);
}

static void peer_resume(struct blob_transfer *t) {
        http_call_resume(t->call);
}

static void peer_cancel(struct blob_transfer *take_t) {
        http_call_cancel(take_t->call);
        peer_transfer_free(take_t);
}

void peer_init(struct peer *p, struct http *http, const char *socket) {
        static const struct blob_source_ops ops = { .start = peer_start,
                                                    .resume = peer_resume,
                                                    .cancel = peer_cancel };

        *p = (struct peer){ .source = { .ops = &ops }, .http = http, .socket = socket };
}

/* ---- documents ---- */

struct peer_document {
        struct strbuf text;
        bool is_done;
        int code;
        struct err *e;
};

static int document_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct peer_document *d = userdata;

        strbuf_add_len(&d->text, data, len);
        return d->text.has_failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static void document_on_done(void *userdata, int code, const struct err *e) {
        struct peer_document *d = userdata;

        d->is_done = true;
        d->code = code;
        if (code < 0 && d->e && e)
                *d->e = *e;
}

int peer_get_blob(struct peer *p, const char *digest, size_t max_bytes, char **ret, size_t *ret_len,
                  struct err *e) {
        struct peer_document d = { .e = e };
        const struct blob_request request = { .digest = digest,
                                              .size_bytes = max_bytes,
                                              .on_data = document_on_data,
                                              .on_done = document_on_done,
                                              .userdata = &d };
        struct blob_transfer *t = NULL;
        int r = peer_ask(p, "blobs", &request, &t, e);

        if (r == 0)
                r = http_run(p->http, &d.is_done, e);
        if (r == 0)
                r = d.code;
        if (r == 0 && !d.text.s)
                r = err_set(e, -EBADMSG, "the neighbour sends nothing");
        if (r < 0) {
                strbuf_done(&d.text);
                return r;
        }
        *ret_len = d.text.len;
        *ret = STEAL(d.text.s);
        return 0;
}
