#include "api/client/http_pool.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MAX 4U
#define IDLE_USEC (5 * USEC_PER_SEC)

void http_pool_init(struct http_pool *pool, sd_event *loop,
                    void (*on_events)(void *user, uint32_t events)) {
        list_init(&pool->idle);
        pool->loop = sd_event_ref(loop);
        pool->on_events = on_events;
}

void http_conn_free(struct http_conn *conn) {
        if (!conn)
                return;
        (void) sd_event_source_disable_unref(conn->io);
        if (conn->fd >= 0)
                (void) close(conn->fd);
        free(conn);
}

static void conn_drop_idle(struct http_conn *conn) {
        list_remove(&conn->link);
        conn->pool->n_idle--;
        http_conn_free(conn);
}

static int on_idle_time(sd_event_source *source, uint64_t usec, void *data) {
        struct http_pool *pool = data;

        (void) source;
        (void) usec;
        LIST_FOREACH(i, &pool->idle) {
                struct http_conn *conn = CONTAINER_OF(i, struct http_conn, link);

                if (conn->idle_since_usec + IDLE_USEC <= clock_now_usec())
                        conn_drop_idle(conn);
        }
        if (!list_is_empty(&pool->idle)) {
                (void) sd_event_source_set_time(pool->idle_timer, clock_now_usec() + IDLE_USEC);
                (void) sd_event_source_set_enabled(pool->idle_timer, SD_EVENT_ONESHOT);
        }
        return 0;
}

void http_conn_release(struct http_conn *conn) {
        struct http_pool *pool = conn->pool;
        int r;

        conn->user = NULL;
        conn->idle_since_usec = clock_now_usec();
        if (pool->n_idle >= IDLE_MAX || sd_event_source_set_io_events(conn->io, EPOLLIN) < 0) {
                http_conn_free(conn);
                return;
        }
        list_append(&pool->idle, &conn->link);
        pool->n_idle++;

        if (pool->idle_timer) {
                r = sd_event_source_set_time(pool->idle_timer, clock_now_usec() + IDLE_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(pool->idle_timer, SD_EVENT_ONESHOT);
        } else {
                r = sd_event_add_time(pool->loop, &pool->idle_timer, CLOCK_BOOTTIME,
                                      clock_now_usec() + IDLE_USEC, USEC_PER_SEC, on_idle_time,
                                      pool);
        }
        if (r < 0)
                conn_drop_idle(conn);
}

static void socket_set_options(int fd, int family) {
        int on = 1, idle_s = 30, interval_s = 10, count = 3;

        if (family == AF_UNIX)
                return;
        /* Best effort: a peer that vanished is noticed within a minute instead of never. */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct http_conn *conn = data;

        (void) source;
        (void) fd;
        if (conn->user)
                conn->pool->on_events(conn->user, events);
        else
                conn_drop_idle(conn); /* closed by the server, or talking out of turn */
        return 0;
}

/* *fd is the caller's on failure too. */
static int socket_dial(const struct http_address *a, int *fd) {
        *fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (*fd < 0)
                return -errno;
        socket_set_options(*fd, a->sa.ss_family);
        if (connect(*fd, (const struct sockaddr *) &a->sa, a->len) < 0 && errno != EINPROGRESS)
                return -errno;
        return 0;
}

int http_conn_open(struct http_pool *pool, struct http_conn **ret_conn) {
        struct http_conn *conn = calloc(1, sizeof(*conn));
        int r;

        if (!conn)
                return -ENOMEM;
        list_init(&conn->link);
        conn->pool = pool;
        conn->fd = -1;
        r = pool->dialer.dial ? pool->dialer.dial(pool->dialer.data, &pool->address, &conn->fd)
                              : socket_dial(&pool->address, &conn->fd);
        if (r == 0)
                r = sd_event_add_io(pool->loop, &conn->io, conn->fd, EPOLLIN | EPOLLOUT, on_io,
                                    conn);
        if (r < 0) {
                http_conn_free(conn);
                return r;
        }
        *ret_conn = conn;
        return 0;
}

struct http_conn *http_pool_take(struct http_pool *pool) {
        struct http_conn *conn;

        if (list_is_empty(&pool->idle))
                return NULL;
        conn = CONTAINER_OF(pool->idle.prev, struct http_conn, link);
        list_remove(&conn->link);
        pool->n_idle--;
        if (sd_event_source_set_io_events(conn->io, EPOLLIN | EPOLLOUT) < 0) {
                http_conn_free(conn);
                return NULL;
        }
        return conn;
}

void http_pool_done(struct http_pool *pool) {
        LIST_FOREACH(i, &pool->idle)
                conn_drop_idle(CONTAINER_OF(i, struct http_conn, link));
        (void) sd_event_source_disable_unref(pool->idle_timer);
        sd_event_unref(pool->loop);
}
