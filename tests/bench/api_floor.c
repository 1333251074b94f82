/* api-floor SOCKET raw|mhd BYTES: answers every request on a unix socket with the same body, so
 * that figures of the API can be read beside what sockets, or libmicrohttpd, cost alone. Until
 * killed. */

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *body;
static size_t body_len;

static void die(const char *what) {
        (void) fprintf(stderr, "api-floor: %s: %s\n", what, strerror(errno));
        exit(1);
}

static int listen_on(const char *path) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
        (void) unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *) &at, sizeof(at)) < 0 || listen(fd, 1024) < 0)
                die(path);
        return fd;
}

/* A request is what one read gives, and its end is not looked for: api-load sends each in one
 * piece. */
static void answer_raw(int fd, const char *head, size_t head_len) {
        static char room[65536];
        struct iovec parts[] = { { (void *) head, head_len }, { body, body_len } };
        struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t n = recv(fd, room, sizeof(room), 0);

        if (n <= 0 || sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
                (void) close(fd);
}

static void serve_raw(int listener) {
        struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, events[64];
        int epoll = epoll_create1(EPOLL_CLOEXEC), n;
        char head[128];
        int head_len = snprintf(
                head, sizeof(head),
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                body_len);

        (void) epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
        while ((n = epoll_wait(epoll, events, 64, -1)) > 0) {
                for (int i = 0; i < n; i++) {
                        int fd = events[i].data.fd;

                        if (fd != listener) {
                                answer_raw(fd, head, (size_t) head_len);
                                continue;
                        }
                        e.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                        (void) epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e);
                }
        }
}

static enum MHD_Result answer_mhd(void *data, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state) {
        struct MHD_Response *r;
        enum MHD_Result result;

        if (!*state) {
                *state = mhd;
                return MHD_YES;
        }
        if (*upload_len > 0) {
                *upload_len = 0;
                return MHD_YES;
        }
        r = MHD_create_response_from_buffer(body_len, body, MHD_RESPMEM_PERSISTENT);
        (void) MHD_add_response_header(r, "Content-Type", "application/json");
        result = MHD_queue_response(mhd, 200, r);
        MHD_destroy_response(r);
        return result;
}

int main(int argc, char **argv) {
        int fd;

        if (argc != 4)
                return 2;
        body_len = strtoul(argv[3], NULL, 10);
        body = calloc(1, body_len + 1);
        if (!body)
                die("memory");
        memset(body, ' ', body_len);
        fd = listen_on(argv[1]);
        if (strcmp(argv[2], "raw") == 0) {
                serve_raw(fd);
        } else {
                if (!MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
                                      NULL, answer_mhd, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                                      MHD_OPTION_END))
                        die("libmicrohttpd");
                (void) pause();
        }
        return 0;
}
