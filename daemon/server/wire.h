#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* An upgraded connection: bytes both ways on the loop, with a bounded queue of what is to be sent.
 */
struct raw;
struct wire;
typedef struct sd_event sd_event;

/* Where connections live. A peer of a TCP connection that is there no more is noticed by pings and
 * by what the kernel knows of it (docs/adr/0171): closed() is called. */
struct wire_host {
        sd_event *event;
        void (*kick)(void *data); /* lets libmicrohttpd run: it closes what was given back */
        void *data;
};

/* Whoever has more than this in the queue shall wait for drained(). */
#define WIRE_HIGH_BYTES (256U << 10)
/* More than this ends the connection: the sender didn't wait. */
#define WIRE_MAX_BYTES (4U << 20)

struct wire_handlers {
        void (*received)(void *data, const void *bytes, size_t len);
        void (*drained)(void *data); /* the queue is empty again; may be NULL */
        void (*closed)(void *data);  /* by the peer or an error; wire_unref() is what is left */
        void (*ping)(void *data);    /* asks the peer for a sign of life; NULL: can't be asked */
};

/* host: borrowed for the wire's life. take_raw: the connection, on failure too. Handlers are called
 * from the loop. Returns 0 or -ENOMEM (closed then). */
int wire_new(const struct wire_host *host, struct raw *take_raw,
             const struct wire_handlers *handlers, void *data, struct wire **ret_wire);

/* Closes at once; what is queued is tried once more. Allowed in its handlers. */
void wire_unref(struct wire *w);
DEFINE_AUTO(wire);

/* A peer that leaves while the wire is paused is told of at once, though it may have said more. For
 * users: what they started must not outlive them. Nodes' last words are waited for. */
void wire_set_eager(struct wire *w);

/* Ends the connection as if the peer had left: closed() follows from the loop. */
void wire_shutdown(struct wire *w);

/* Closes an upgraded connection that no wire was made for. */
void wire_refuse(const struct wire_host *host, struct raw *take_raw);

/* Queues bytes. False: memory is out or the queue too long; wire_shutdown() was called. */
bool wire_send(struct wire *w, const void *bytes, size_t len);
size_t wire_pending(const struct wire *w);

/* Stops and resumes reading. */
void wire_pause(struct wire *w, bool is_paused);
