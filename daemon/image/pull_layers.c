#include "daemon/image/pull_layers.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* More than one piece of libcurl's never waits. */
#define PENDING_MAX (64U << 10)
#define PIPE_BYTES (1 << 20)

/*   waiting → downloading → unpacking → done
 *                ↑__________________|  once, when the content was wrong                        */
struct pull_layer {
        struct pull_layers *all;
        const struct pull_wanted *wanted;
        struct layer *layer;
        struct blob_transfer *transfer;
        enum pull_state state;
        struct blob_source *source; /* of transfer */
        size_t n_refused;           /* neighbours that didn't give it */
        bool is_second;             /* asked for once more */
        uint64_t bytes;
        char *pending; /* what the pipe didn't take yet */
        size_t pending_at, pending_len;
};

struct pull_layers {
        const struct pull_layers_options *options;
        struct pull_layer *items;
        size_t n, n_running;
        bool is_over;
        int code;
        struct err *e;
};

static void pull_tell(const struct pull_layer *l) {
        const struct pull_layers_options *o = l->all->options;

        if (o->on_news)
                o->on_news(o->userdata,
                           &(struct pull_news){ .layer = l->wanted->index,
                                                .n_layers = o->n_layers,
                                                .digest = l->wanted->digest,
                                                .state = l->state,
                                                /* A neighbour's tar is longer. */
                                                .bytes = MIN(l->bytes, l->wanted->size_bytes),
                                                .size_bytes = l->wanted->size_bytes });
}

static void pull_stop_watching(struct pull_layer *l) {
        struct http *h = l->all->options->http;

        if (!l->layer)
                return;
        if (layer_fd(l->layer) >= 0)
                http_unwatch(h, layer_fd(l->layer));
        http_unwatch(h, layer_done_fd(l->layer));
}

static void pull_stop_transfer(struct pull_layer *l) {
        if (l->transfer)
                l->source->ops->cancel(STEAL(l->transfer));
}

static void pull_drop(struct pull_layer *l) {
        pull_stop_transfer(l);
        pull_stop_watching(l);
        layer_unref(STEAL(l->layer));
        l->pending_len = l->pending_at = 0;
        l->bytes = 0;
}

/* The first failure is the pull's. */
static void pull_fail(struct pull_layer *l, int code, const char *why) {
        struct pull_layers *all = l->all;

        if (all->code == 0)
                all->code =
                        err_set(all->e, code, "layer %zu of %zu (%.19s): %s", l->wanted->index + 1,
                                all->options->n_layers, l->wanted->digest, why);
        all->is_over = true;
}

static void pull_next(struct pull_layers *all);
static int pull_begin(struct pull_layer *l, struct err *e);

static bool pull_is_from_peer(const struct pull_layer *l) {
        return l->n_refused < l->all->options->n_peers;
}

/* From the beginning: what the unpacker has of a tar doesn't go on with a compressed one. */
static void pull_go_elsewhere(struct pull_layer *l) {
        struct err why = { 0 };
        int r;

        pull_drop(l);
        l->n_refused++;
        r = pull_begin(l, &why);
        if (r < 0)
                pull_fail(l, r, err_text(&why));
}

/* ---- the pipe ---- */

/* Writes what the pipe takes. Returns bytes, or a negative errno (-EAGAIN: none). */
static ssize_t pull_write(struct pull_layer *l, const char *data, size_t len) {
        ssize_t n;

        do
                n = write(layer_fd(l->layer), data, len);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* The transfer's end has come and the pipe has all: no more of it. */
static void pull_ended(struct pull_layer *l) {
        if (l->transfer || l->pending_len > l->pending_at)
                return;
        http_unwatch(l->all->options->http, layer_fd(l->layer));
        layer_end(l->layer);
        l->state = PULL_UNPACKING;
        pull_tell(l);
}

static void pull_on_room(void *userdata) {
        struct pull_layer *l = userdata;
        ssize_t n = pull_write(l, l->pending + l->pending_at, l->pending_len - l->pending_at);

        if (n == -EAGAIN)
                return;
        if (n < 0) {
                /* The unpacker has ended: it tells why. */
                http_unwatch(l->all->options->http, layer_fd(l->layer));
                return;
        }
        l->pending_at += (size_t) n;
        if (l->pending_at < l->pending_len)
                return;
        http_unwatch(l->all->options->http, layer_fd(l->layer));
        l->pending_at = l->pending_len = 0;
        if (l->transfer)
                l->source->ops->resume(l->transfer);
        else
                pull_ended(l);
}

static int pull_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct pull_layer *l = userdata;
        ssize_t n;

        if (l->pending_len > l->pending_at)
                return -EAGAIN;
        n = pull_write(l, data, len);
        if (n == -EAGAIN)
                n = 0;
        if (n < 0)
                return err_errno(e, (int) n, "the unpacker has ended");
        if ((size_t) n < len) {
                l->pending_len = len - (size_t) n;
                l->pending_at = 0;
                if (l->pending_len > PENDING_MAX)
                        return err_set(e, -EIO, "a piece is too large");
                memcpy(l->pending, (const char *) data + n, l->pending_len);
                if (http_watch(l->all->options->http, layer_fd(l->layer), POLLOUT, pull_on_room,
                               l) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        l->bytes += len;
        pull_tell(l);
        return 0;
}

/* ---- ends ---- */

static void pull_on_unpacked(void *userdata);

static void pull_on_done(void *userdata, int code, const struct err *e) {
        struct pull_layer *l = userdata;

        l->transfer = NULL;
        /* -EPIPE: the unpacker has refused something, and says what when it is waited for. */
        if (code == -EPIPE)
                pull_on_unpacked(l);
        else if (code < 0 && pull_is_from_peer(l))
                pull_go_elsewhere(l);
        else if (code < 0)
                pull_fail(l, code, err_text(e));
        else
                pull_ended(l);
}

/* The unpacker has ended, well or not. */
static void pull_on_unpacked(void *userdata) {
        struct pull_layer *l = userdata;
        struct pull_layers *all = l->all;
        struct err why = { 0 };
        int r;

        pull_stop_transfer(l);
        pull_stop_watching(l);
        layer_end(l->layer);
        r = layer_wait(l->layer, NULL, &why);
        /* -ENOSPC, too: a neighbour that never ends has filled the disk, which is free again. */
        if (r < 0 && pull_is_from_peer(l)) {
                pull_go_elsewhere(l);
                return;
        }
        if (r == -EBADMSG && !l->is_second) {
                l->is_second = true;
                pull_drop(l);
                r = pull_begin(l, &why);
                if (r == 0)
                        return;
        }
        if (r < 0) {
                pull_fail(l, r, err_text(&why));
                return;
        }
        l->state = PULL_DONE;
        if (pull_is_from_peer(l) && all->options->ret_from_peers)
                (*all->options->ret_from_peers)++;
        l->bytes = l->wanted->size_bytes;
        pull_tell(l);
        all->n_running--;
        pull_next(all);
}

static int pull_begin_transfer(struct pull_layer *l, struct err *e) {
        const struct pull_layers_options *o = l->all->options;
        bool is_peer = pull_is_from_peer(l);
        const struct blob_request request = {
                .digest = is_peer ? l->wanted->diff_id : l->wanted->digest,
                .size_bytes = is_peer ? UINT64_MAX : l->wanted->size_bytes,
                .is_second = l->is_second,
                .on_data = pull_on_data,
                .on_done = pull_on_done,
                .userdata = l
        };

        l->source = is_peer ? o->peers[l->n_refused] : o->source;
        return l->source->ops->start(l->source, &request, &l->transfer, e);
}

static int pull_begin(struct pull_layer *l, struct err *e) {
        /* What a neighbour sends isn't compressed as the manifest says: its diff ID alone counts.
         */
        const struct layer_options options = {
                .digest = pull_is_from_peer(l) ? NULL : l->wanted->digest,
                .diff_id = l->wanted->diff_id,
        };
        const struct pull_layers_options *o = l->all->options;
        int r;

        if (!l->pending)
                l->pending = malloc(PENDING_MAX);
        if (!l->pending)
                return err_set(e, -ENOMEM, "out of memory");
        r = layer_begin(o->store, &options, &l->layer, e);
        if (r < 0)
                return r;
        /* A larger pipe means fewer turns; where it is refused, the usual one will do. */
        (void) fcntl(layer_fd(l->layer), F_SETPIPE_SZ, PIPE_BYTES);
        r = fd_set_nonblock(layer_fd(l->layer), true);
        if (r < 0)
                return err_errno(e, r, "cannot use a pipe");
        if (http_watch(o->http, layer_done_fd(l->layer), POLLIN, pull_on_unpacked, l) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        l->state = PULL_DOWNLOADING;
        pull_tell(l);
        return pull_begin_transfer(l, e);
}

static void pull_next(struct pull_layers *all) {
        for (size_t i = 0; i < all->n && !all->is_over; i++) {
                struct pull_layer *l = &all->items[i];
                struct err why = { 0 };
                int r;

                if (l->state != PULL_WAITING)
                        continue;
                if (all->n_running >= all->options->parallel)
                        return;
                all->n_running++;
                r = pull_begin(l, &why);
                if (r < 0)
                        pull_fail(l, r, err_text(&why));
        }
        if (all->n_running == 0)
                all->is_over = true;
}

int pull_layers_run(const struct pull_layers_options *options, const struct pull_wanted *wanted,
                    size_t n, struct layer **ret_layers, struct err *e) {
        struct pull_layers all = { .options = options, .n = n, .e = e };
        int r = 0;

        all.items = calloc(n + 1, sizeof(*all.items));
        if (!all.items)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++) {
                all.items[i] = (struct pull_layer){ .all = &all, .wanted = &wanted[i] };
                pull_tell(&all.items[i]);
        }
        pull_next(&all);
        r = http_run(options->http, &all.is_over, e);
        for (size_t i = 0; i < n; i++) {
                struct pull_layer *l = &all.items[i];

                if (l->state == PULL_DONE)
                        ret_layers[i] = STEAL(l->layer);
                else
                        pull_drop(l);
                free(l->pending);
        }
        free(all.items);
        return r < 0 ? r : all.code;
}
