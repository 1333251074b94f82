#include "daemon/image/serve.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/peer.h"
#include "daemon/image/layer_tar.h"
#include "daemon/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVE_PATIENCE_SEC 30
#define SERVE_SLOW_BYTES (64U << 10) /* a second */
#define SERVE_BACKLOG 16

/* ---- one connection, in a child ---- */

static int serve_head(int fd, unsigned status, const char *words, uint64_t size_bytes) {
        /* SIGALRM ends the child: whoever takes less than this holds up others. */
        AUTO_FREE char *text = str_format("HTTP/1.1 %u %s\r\n"
                                          "Content-Type: application/octet-stream\r\n"
                                          "Content-Length: %llu\r\n"
                                          "Connection: close\r\n\r\n",
                                          status, words, (unsigned long long) size_bytes);

        (void) alarm((unsigned) MIN(SERVE_PATIENCE_SEC + size_bytes / SERVE_SLOW_BYTES, 1U << 30));
        return text ? fd_write_all(fd, text, strlen(text)) : -ENOMEM;
}

static int serve_refuse(int fd, int code) {
        if (code == -EINVAL)
                return serve_head(fd, 400, "Bad Request", 0);
        if (code == -ENOENT || code == -ENODATA)
                return serve_head(fd, 404, "Not Found", 0);
        return serve_head(fd, 500, "Internal Server Error", 0);
}

static int serve_blob(const struct image_store *store, const char *digest, int fd) {
        AUTO_FREE char *path = image_store_blob_path(store, digest);
        AUTO_CLOSE int blob = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        struct stat st;
        off_t left;
        int r;

        if (blob < 0 || fstat(blob, &st) < 0)
                return serve_refuse(fd, path ? -errno : -ENOMEM);
        if (!S_ISREG(st.st_mode))
                return serve_refuse(fd, -EIO);
        r = serve_head(fd, 200, "OK", (uint64_t) st.st_size);
        for (left = st.st_size; r == 0 && left > 0;) {
                ssize_t n = sendfile(fd, blob, NULL, (size_t) left);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                left -= n;
        }
        return r;
}

/* A layer that changed since is noticed by its file's sum: the answer is cut short then, and
 * whoever asked goes elsewhere. */
static int serve_layer(const struct image_store *store, const char *diff_id, int fd) {
        uint64_t size_bytes;
        int r = layer_tar_size(store, diff_id, &size_bytes, NULL);

        if (r < 0)
                return serve_refuse(fd, r);
        r = serve_head(fd, 200, "OK", size_bytes);
        return r < 0 ? r : layer_tar_write(store, diff_id, fd, NULL);
}

/* Up to the empty line. */
static int serve_read_head(int fd, char head[PEER_HEAD_MAX + 1]) {
        size_t len = 0;

        while (len < PEER_HEAD_MAX) {
                ssize_t n = read(fd, head + len, PEER_HEAD_MAX - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ECONNRESET;
                len += (size_t) n;
                head[len] = '\0';
                if (strstr(head, "\r\n\r\n"))
                        return strlen(head) == len ? 0 : -EINVAL;
        }
        return -EINVAL;
}

static int serve_connection(const struct image_store *store, int fd) {
        const struct timeval patience = { .tv_sec = SERVE_PATIENCE_SEC };
        char head[PEER_HEAD_MAX + 1];
        struct peer_order order;
        int r;

        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        (void) alarm(SERVE_PATIENCE_SEC);
        r = serve_read_head(fd, head);
        if (r == 0)
                r = peer_order_parse(head, &order, NULL);
        if (r < 0)
                return serve_refuse(fd, r);
        return order.what == PEER_BLOB ? serve_blob(store, order.digest, fd)
                                       : serve_layer(store, order.digest, fd);
}

/* ---- all of them ---- */

static int serve_listen(const char *path, int *ret, struct err *e) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct stat st;
        AUTO_CLOSE int fd = -1;
        mode_t mask;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(e, -ENAMETOOLONG, "%s is too long for a socket", path);
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_errno(e, -errno, "cannot make a socket");
        /* One that a killed server left; anything else there stays, and bind() says so. */
        if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                (void) unlink(path);
        mask = umask(0177);
        r = bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
        (void) umask(mask);
        if (r == 0 && listen(fd, SERVE_BACKLOG) < 0)
                r = -errno;
        if (r < 0)
                return err_errno(e, r, "cannot listen on %s", path);
        *ret = STEAL_FD(fd);
        return 0;
}

static void serve_child(const struct image_store *store, int listener, int fd) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) close(listener);
        _exit(serve_connection(store, fd) < 0 ? 1 : 0);
}

int image_serve(struct image_store *store, const char *socket, struct err *e) {
        AUTO_CLOSE int listener = -1;
        unsigned n = 0;
        int r = serve_listen(socket, &listener, e);

        if (r < 0)
                return r;
        (void) signal(SIGPIPE, SIG_IGN);
        if (puts("ready") < 0 || fflush(stdout) != 0)
                return err_errno(e, -errno, "cannot say that it is ready");
        for (;;) {
                AUTO_CLOSE int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                pid_t pid;

                if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
                        return err_errno(e, -errno, "cannot accept neighbours");
                while (n > 0 && waitpid(-1, NULL, n >= SERVE_AT_ONCE ? 0 : WNOHANG) > 0)
                        n--;
                if (fd < 0)
                        continue;
                pid = fork();
                if (pid == 0)
                        serve_child(store, listener, fd);
                n += pid > 0 ? 1 : 0;
        }
}
