#include "daemon/node/ask.h"

#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/http_reply.h"
#include "daemon/runtime/runtime.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define ASK_OUTPUT_MAX 1024
#define ASK_READ_BYTES 4096
#define ASK_REQUEST_MAX 16384

struct ask {
        struct loop *loop;
        struct loop_timer *timer;
        sd_event_source *io;
        int fd;
        char *request; /* HTTP; NULL: TCP or exec */
        size_t request_len, sent;
        char *url;
        struct http_reply reply;
        struct runtime_session *session; /* exec, weak */
        bool has_session;
        char output[ASK_OUTPUT_MAX];
        size_t output_len;
        uint64_t timeout_usec;
        ask_fn fn;
        void *userdata;
};

static void ask_free(struct ask *a) {
        if (!a)
                return;
        sd_event_source_disable_unref(a->io);
        loop_timer_unref(a->timer);
        if (a->fd >= 0)
                (void) close(a->fd);
        free(a->request);
        free(a->url);
        free(a);
}

void ask_cancel(struct ask *a) {
        if (a && a->has_session)
                runtime_exec_cancel(a->session);
        ask_free(a);
}

static void ask_end(struct ask *a, int r, const char *text) {
        ask_fn fn = a->fn;
        void *userdata = a->userdata;
        char copy[ASK_OUTPUT_MAX + 256];

        (void) snprintf(copy, sizeof(copy), "%s", text);
        ask_free(a);
        fn(userdata, r, copy);
}

static void ask_fail(struct ask *a, int r) {
        char text[512];

        if (r == -ETIMEDOUT && a->request)
                (void) snprintf(
                        text, sizeof(text),
                        "Get \"%.300s\": context deadline exceeded (no answer within %llu s)",
                        a->url, (unsigned long long) (a->timeout_usec / USEC_PER_SEC));
        else if (r == -ETIMEDOUT)
                (void) snprintf(text, sizeof(text), "dial tcp %.300s: i/o timeout", a->url);
        else if (r == -EBADMSG || r == -E2BIG)
                (void) snprintf(text, sizeof(text), "Get \"%.300s\": malformed HTTP response",
                                a->url);
        else if (a->request)
                (void) snprintf(text, sizeof(text), "Get \"%.300s\": %s", a->url, strerror(-r));
        else
                (void) snprintf(text, sizeof(text), "dial tcp %.300s: connect: %s", a->url,
                                strerror(-r));
        ask_end(a, r, text);
}

static void ask_http_end(struct ask *a) {
        char text[128];

        if (a->reply.status >= 200 && a->reply.status < 400) {
                ask_end(a, 0, "");
                return;
        }
        (void) snprintf(text, sizeof(text), "HTTP probe failed with statuscode: %u",
                        a->reply.status);
        ask_end(a, -EREMOTEIO, text);
}

/* 1: the ask has ended. */
static int ask_receive(struct ask *a) {
        char data[ASK_READ_BYTES];

        for (;;) {
                ssize_t n = recv(a->fd, data, sizeof(data), MSG_DONTWAIT);
                int r;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (n < 0) {
                        ask_fail(a, -errno);
                        return 1;
                }
                r = http_reply_add(&a->reply, data, (size_t) n, n == 0);
                if (r < 0)
                        ask_fail(a, r);
                else if (r > 0)
                        ask_http_end(a);
                if (r != 0)
                        return 1;
        }
}

static int ask_send(struct ask *a) {
        ssize_t n = send(a->fd, a->request + a->sent, a->request_len - a->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
                ask_fail(a, -errno);
                return 1;
        }
        if (n > 0)
                a->sent += (size_t) n;
        if (a->sent == a->request_len)
                (void) sd_event_source_set_io_events(a->io, EPOLLIN);
        return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct ask *a = userdata;
        int error = 0;
        socklen_t len = sizeof(error);
        (void) s;

        if (a->sent == 0) {
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
                        ask_fail(a, -error);
                        return 0;
                }
                if (!a->request) {
                        ask_end(a, 0, "");
                        return 0;
                }
        }
        if ((events & EPOLLOUT) && a->sent < a->request_len && ask_send(a) > 0)
                return 0;
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                (void) ask_receive(a);
        return 0;
}

static void on_timeout(struct loop_timer *t, void *userdata) {
        (void) t;
        ask_fail(userdata, -ETIMEDOUT);
}

static int ask_connect(struct ask *a, const struct ip_addr *addr, uint16_t port, struct err *e) {
        union {
                struct sockaddr sa;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } u = { 0 };
        const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        socklen_t len = addr->family == IP_V6 ? sizeof(u.v6) : sizeof(u.v4);
        int one = 1;

        if (addr->family == IP_V6) {
                u.v6.sin6_family = AF_INET6;
                u.v6.sin6_port = htons(port);
                memcpy(&u.v6.sin6_addr, addr->bytes, 16);
        } else {
                u.v4.sin_family = AF_INET;
                u.v4.sin_port = htons(port);
                memcpy(&u.v4.sin_addr, addr->bytes, 4);
        }
        a->fd = socket(u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (a->fd < 0)
                return err_errno(e, -errno, "cannot open a socket to probe with");
        /* Closes without TIME_WAIT: a thousand probes would fill the port range. */
        (void) setsockopt(a->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        (void) setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (connect(a->fd, &u.sa, len) < 0 && errno != EINPROGRESS)
                return err_errno(e, -errno, "dial tcp %s: connect", a->url);
        return 0;
}

static int ask_network(struct ask *a, const struct ask_spec *spec, struct err *e) {
        const struct http_get_action *get = spec->http_get;
        const char *host = get ? get->host : spec->tcp_socket->host;
        const struct int_or_string *named = get ? &get->port : &spec->tcp_socket->port;
        uint16_t port = ask_port(spec->container, named);
        struct ip_addr addr = spec->addr;
        char text[IP_TEXT_MAX];
        int r;

        if (port == 0)
                return err_set(e, -EINVAL, "the container has no port named %s",
                               str_or_empty(named->text));
        if (get && get->scheme && strcasecmp(get->scheme, "HTTPS") == 0)
                return err_set(
                        e, -EOPNOTSUPP,
                        "HTTPS probes are not built yet: use scheme HTTP, tcpSocket or exec");
        if (!str_is_empty(host) && ip_parse(host, &addr) < 0)
                return err_set(e, -EINVAL,
                               "host %s is not an address: leave it out to probe the pod", host);
        ip_format(&addr, text);
        a->url = get ? str_format("http://%s:%u%s", text, port,
                                  str_is_empty(get->path) ? "/" : get->path)
                     : str_format("%s:%u", text, port);
        a->request = get ? ask_http_request(get, text, port) : NULL;
        if (!a->url || (get && !a->request))
                return err_set(e, -ENOMEM, "out of memory");
        a->request_len = get ? strlen(a->request) : 0;
        if (a->request_len > ASK_REQUEST_MAX)
                return err_set(e, -E2BIG, "the probe's path and headers are longer than %u bytes",
                               ASK_REQUEST_MAX);
        r = ask_connect(a, &addr, port, e);
        if (r < 0)
                return r;
        r = sd_event_add_io(loop_event(a->loop), &a->io, a->fd, EPOLLOUT, on_io, a);
        return r < 0 ? err_errno(e, r, "cannot watch a probe's socket") : 0;
}

static void ask_read_output(struct ask *a) {
        ssize_t n;

        if (a->output_len >= sizeof(a->output) - 1) {
                char rest[512];

                while (read(a->fd, rest, sizeof(rest)) > 0)
                        ;
                return;
        }
        while (a->output_len < sizeof(a->output) - 1 &&
               (n = read(a->fd, a->output + a->output_len, sizeof(a->output) - 1 - a->output_len)) >
                       0)
                a->output_len += (size_t) n;
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        struct ask *a = userdata;
        (void) fd;

        ask_read_output(a);
        if (events & (EPOLLHUP | EPOLLERR))
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

static void on_exec_done(void *userdata, const struct runtime_exec_result *result,
                         const struct err *e) {
        struct ask *a = userdata;

        a->has_session = false;
        ask_read_output(a);
        a->output[a->output_len] = '\0';
        if (result->has_timed_out) {
                char text[96];

                (void) snprintf(text, sizeof(text), "command timed out after %llu s",
                                (unsigned long long) (a->timeout_usec / USEC_PER_SEC));
                ask_end(a, -ETIMEDOUT, text);
        } else if (result->r < 0) {
                ask_end(a, result->r, err_text(e));
        } else {
                ask_end(a, result->exit_code == 0 ? 0 : -EREMOTEIO,
                        result->exit_code == 0 ? "" : a->output);
        }
}

static int ask_exec(struct ask *a, const struct ask_spec *spec, struct err *e) {
        const struct runtime_exec_callbacks callbacks = { .done = on_exec_done, .userdata = a };
        AUTO_CLOSE int out = -1;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        a->fd = fds[0];
        out = fds[1];
        /* The program gets a blocking end, as it would from a shell. */
        (void) fcntl(out, F_SETFL, O_WRONLY);
        r = sd_event_add_io(loop_event(a->loop), &a->io, a->fd, EPOLLIN, on_output, a);
        if (r < 0)
                return err_errno(e, r, "cannot watch a pipe");
        r = runtime_exec(spec->pod,
                         &(struct runtime_exec_spec){ .container = spec->container->name,
                                                      .args = spec->exec->command.items,
                                                      .n_args = spec->exec->command.n,
                                                      .fds = { -1, out, out },
                                                      .timeout_usec = spec->timeout_usec },
                         &callbacks, &a->session, e);
        if (r < 0)
                return r;
        a->has_session = true;
        return 0;
}

int ask_start(struct loop *loop, const struct ask_spec *spec, ask_fn fn, void *userdata,
              struct ask **ret, struct err *e) {
        struct ask *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return err_set(e, -ENOMEM, "out of memory");
        *a = (struct ask){ .loop = loop,
                           .fd = -1,
                           .timeout_usec = spec->timeout_usec,
                           .fn = fn,
                           .userdata = userdata };
        if (spec->exec)
                r = ask_exec(a, spec, e);
        else if (spec->http_get || spec->tcp_socket)
                r = ask_network(a, spec, e);
        else
                r = err_set(e, -EOPNOTSUPP,
                            "%s probes are not built yet: use httpGet, tcpSocket or exec",
                            spec->is_grpc ? "gRPC" : "such");
        /* exec has its own time limit in the supervisor. */
        if (r == 0 && !spec->exec)
                r = loop_timer_new(loop, 10 * USEC_PER_MSEC, on_timeout, a, &a->timer, e);
        if (r < 0) {
                ask_cancel(a);
                return r;
        }
        if (a->timer)
                loop_timer_set(a->timer, clock_now_usec() + spec->timeout_usec);
        *ret = a;
        return 0;
}
