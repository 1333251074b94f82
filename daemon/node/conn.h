#pragma once

#include "api/client/stream.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* One orch-stream/1 connection, not blocking. */
struct conn;
struct loop;

struct conn_handlers {
        void (*on_frame)(void *userdata, const struct stream_frame *frame);
        /* There is room again after conn_room() was 0. */
        void (*on_room)(void *userdata);
        /* Everything was sent after conn_finish(), or the other side is gone. Called once; unref it
         * here or later. */
        void (*on_closed)(void *userdata);
};

/* take_fd: a stream socket, consumed on failure too. */
int conn_new(struct loop *loop, int take_fd, const struct conn_handlers *handlers, void *userdata,
             struct conn **ret, struct err *e);
void conn_unref(struct conn *c);
DEFINE_AUTO(conn);

/* Queues data, in frames as many as it takes. Out of memory closes the connection. */
void conn_send(struct conn *c, enum stream_channel channel, const void *data, size_t len);

/* How much should be queued at most just now. */
size_t conn_room(const struct conn *c);

/* Stops or goes on reading: no frame comes meanwhile. */
void conn_pause(struct conn *c, bool is_paused);

/* Queues the final Status and closes when all is sent. Nothing may be sent afterwards. */
void conn_finish(struct conn *c, const char *status_json);
