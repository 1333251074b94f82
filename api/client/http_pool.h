#pragma once

#include "api/client/http.h"
#include "api/client/http_request.h"
#include "base/list.h"

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* The connections to one server: in use, or idle for a few seconds. Knows nothing of HTTP. */
struct http_pool {
        sd_event *loop;
        struct http_address address;
        struct http_dialer dialer;                      /* dial NULL: plain sockets */
        void (*on_events)(void *user, uint32_t events); /* epoll's, of a connection in use */
        sd_event_source *idle_timer;
        struct list idle;
        size_t n_idle;
};

struct http_conn {
        struct list link; /* in pool->idle */
        struct http_pool *pool;
        void *user; /* weak; NULL: idle */
        sd_event_source *io;
        int fd;
        uint64_t idle_since_usec;
};

/* pool is zeroed; loop is referenced. The address is the caller's to fill in. */
void http_pool_init(struct http_pool *pool, sd_event *loop,
                    void (*on_events)(void *user, uint32_t events));
/* Closes what is idle; nothing is in use any more. */
void http_pool_done(struct http_pool *pool);

/* The connection that was used last, now the caller's, who sets its user; NULL: none is idle. It
 * may be dead by now. */
struct http_conn *http_pool_take(struct http_pool *pool);

/* Begins to connect. *ret_conn is the caller's, who sets its user. Returns 0, or a negative errno
 * (-EAGAIN: the server's backlog is full, try later). */
int http_conn_open(struct http_pool *pool, struct http_conn **ret_conn);

/* Consumes a connection that has answered all: it becomes idle, or is closed. */
void http_conn_release(struct http_conn *conn);

/* Closes a connection that is not idle. NULL is allowed. */
void http_conn_free(struct http_conn *conn);
