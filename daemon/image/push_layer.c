#include "daemon/image/push_layer.h"

#include "base/fd.h"
#include "daemon/distribution/remote_push.h"
#include "daemon/image/layer_tar.h"

#include <fcntl.h>
#include <string.h>
#include <zlib.h>

#define PUSH_CHUNK (128U << 10)
/* gzip's own default: the layer is packed once and fetched often. */
#define PUSH_LEVEL 6
#define PUSH_WINDOW (15 + 16) /* largest window, gzip's header */

struct push {
        const struct push_layer_options *options;
        int fd; /* of the tar */
        z_stream z;
        struct digest *digest;
        unsigned char *chunk;
        uint64_t tar_bytes;
        bool is_at_end, is_over;
        struct push_layer_result result;
};

static void push_done(struct push *p) {
        (void) deflateEnd(&p->z);
        digest_free(p->digest);
        free(p->chunk);
        macros_close_fd(&p->fd);
}
DEFINE_AUTO_DONE(push);

static ssize_t push_fill(struct push *p) {
        ssize_t n;

        do
                n = read(p->fd, p->chunk, PUSH_CHUNK);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        p->is_at_end = n == 0;
        p->z.next_in = p->chunk;
        p->z.avail_in = (unsigned) n;
        p->tar_bytes += (uint64_t) n;
        if (p->options->on_bytes)
                p->options->on_bytes(p->options->userdata, p->tar_bytes);
        return 0;
}

static ssize_t push_read(void *userdata, void *buf, size_t cap) {
        struct push *p = userdata;
        size_t have;

        p->z.next_out = buf;
        p->z.avail_out = (unsigned) cap;
        while (p->z.avail_out > 0 && !p->is_over) {
                ssize_t r = p->z.avail_in == 0 && !p->is_at_end ? push_fill(p) : 0;
                int z;

                if (r < 0)
                        return r;
                z = deflate(&p->z, p->is_at_end ? Z_FINISH : Z_NO_FLUSH);
                if (z == Z_STREAM_END)
                        p->is_over = true;
                else if (z != Z_OK && z != Z_BUF_ERROR)
                        return -EIO;
        }
        have = cap - p->z.avail_out;
        p->result.size_bytes += have;
        return digest_add(p->digest, buf, have) < 0 ? -EIO : (ssize_t) have;
}

static const char *push_digest(void *userdata) {
        struct push *p = userdata;

        digest_end(STEAL(p->digest), p->result.digest);
        return p->result.digest;
}

static int push_open(struct push *p, struct err *e) {
        p->chunk = malloc(PUSH_CHUNK);
        if (!p->chunk ||
            deflateInit2(&p->z, PUSH_LEVEL, Z_DEFLATED, PUSH_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                return err_set(e, -ENOMEM, "out of memory");
        return digest_new(&p->digest, e);
}

int push_layer(struct remote *remote, const struct push_layer_options *options,
               struct push_layer_result *ret, struct err *e) {
        AUTO_DONE(push) struct push p = { .options = options, .fd = -1 };
        struct layer_tar *tar = NULL;
        struct err why = { 0 };
        int ends[2], r = push_open(&p, e), ended;

        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        p.fd = ends[0];
        r = layer_tar_start(options->store, options->diff_id, ends[1], &tar, e);
        (void) close(ends[1]);
        if (r < 0)
                return r;
        r = remote_put_stream(remote, &(struct remote_stream){ push_read, push_digest, &p }, e);
        if (r < 0) {
                layer_tar_cancel(tar);
                return r;
        }
        /* A tar that ended early was sent as if it were whole; nothing refers to it yet. */
        ended = layer_tar_finish(tar, &why);
        if (ended < 0)
                return err_set(e, ended, "%s", err_text(&why));
        *ret = p.result;
        return 0;
}
