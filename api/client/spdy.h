#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames of SPDY/3.1 (SPDY protocol draft 3.1, sections 2.2 and 2.6), as far as Kubernetes' clients
 * speak it: exec, attach and port-forward. Both roles; no flow control, as those clients have none.
 * Pure but for memory: no I/O, any thread. */
#define SPDY_PROTOCOL "SPDY/3.1"
#define SPDY_HEADER_BYTES 8
#define SPDY_PING_BYTES 12
#define SPDY_ID_MAX 0x7fffffffU
#define SPDY_PIECE_MAX_BYTES 65535U /* of data in a frame that we write */
/* What comes from outside is bounded: a control frame, a header block inflated, its headers. */
#define SPDY_CONTROL_MAX_BYTES (16U << 10)
#define SPDY_BLOCK_MAX_BYTES (16U << 10)
#define SPDY_HEADERS_MAX 32

enum spdy_kind {
        SPDY_DATA,   /* a piece; frames come in as many as the connection brings */
        SPDY_OPEN,   /* SYN_STREAM */
        SPDY_REPLY,  /* SYN_REPLY */
        SPDY_RESET,  /* RST_STREAM */
        SPDY_PING,   /* to be echoed by whoever didn't send it */
        SPDY_GOAWAY, /* no new streams */
};

/* Why a stream or a connection ends (sections 2.6.3 and 2.6.6). */
enum spdy_status {
        SPDY_RESET_PROTOCOL_ERROR = 1,
        SPDY_RESET_INVALID_STREAM = 2,
        SPDY_RESET_REFUSED_STREAM = 3,
        SPDY_RESET_CANCEL = 5,
        SPDY_GOAWAY_OK = 0,
        SPDY_GOAWAY_PROTOCOL_ERROR = 1,
};

/* Names are in lower case. A value of several, which NUL would divide, is cut to the first. */
struct spdy_pair {
        const char *name, *value;
};

struct spdy_event {
        enum spdy_kind kind;
        uint32_t id;         /* the stream's; of a PING its own; of a GOAWAY the last good stream */
        uint32_t status;     /* SPDY_RESET, SPDY_GOAWAY */
        bool is_fin;         /* SPDY_DATA, SPDY_OPEN, SPDY_REPLY: the sender's side is at its end */
        const uint8_t *data; /* SPDY_DATA; borrowed from what was read */
        size_t len;
        const struct spdy_pair *headers; /* SPDY_OPEN, SPDY_REPLY; valid until the next read */
        size_t n_headers;
};

/* A header's value, borrowed, or NULL. */
const char *spdy_event_header(const struct spdy_event *event, const char *name);

/* ---- what comes in ---- */

struct spdy_reader;

/* Returns 0 or -ENOMEM. */
int spdy_reader_new(struct spdy_reader **ret_reader);
void spdy_reader_unref(struct spdy_reader *r);
DEFINE_AUTO(spdy_reader);

/* Reads up to one event off the front of bytes. Frames that Kubernetes doesn't need (SETTINGS,
 * WINDOW_UPDATE, HEADERS and unknown ones) are passed over.
 *
 * ret_used   how much of bytes was read: all of it when 0 is returned.
 * ret_event  filled when 1 is returned.
 *
 * Returns 1, 0 (more is needed), -EBADMSG for what breaks the protocol or a bound, or -ENOMEM;
 * after an error nothing can be read any more, as the header stream is broken. */
int spdy_read(struct spdy_reader *r, const void *bytes, size_t len, size_t *ret_used,
              struct spdy_event *ret_event, struct err *e);

/* ---- what goes out ---- */

/* Header blocks aren't compressed: they travel as stored blocks of the one zlib stream. */
struct spdy_writer {
        bool has_begun;
};

/* Appends SYN_STREAM (SPDY_OPEN) or SYN_REPLY (SPDY_REPLY). The block of headers must fit into
 * SPDY_BLOCK_MAX_BYTES (asserted). */
void spdy_put_headers(struct spdy_writer *w, struct strbuf *out, const struct spdy_event *event);

/* The head of a data frame of len bytes (at most SPDY_PIECE_MAX_BYTES, asserted). */
void spdy_data_header(uint8_t header[SPDY_HEADER_BYTES], uint32_t id, size_t len, bool is_fin);

/* Append PING, RST_STREAM and GOAWAY (SPDY/3.1, 2.6); a failure shows in out. */
void spdy_put_ping(struct strbuf *out, uint32_t id);
void spdy_put_reset(struct strbuf *out, uint32_t id, enum spdy_status status);
void spdy_put_goaway(struct strbuf *out, uint32_t last_id, enum spdy_status status);
