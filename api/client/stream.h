#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* orch-stream/1: what node and server speak on an upgraded connection. A frame is 1 byte channel,
 * 3 bytes zero, 4 bytes length (big-endian), data. Pure: no I/O, any thread. */
#define STREAM_PROTOCOL "orch-stream/1"
#define STREAM_HEADER_BYTES 8
#define STREAM_DATA_MAX_BYTES 65536U
#define STREAM_FRAME_MAX_BYTES (STREAM_HEADER_BYTES + STREAM_DATA_MAX_BYTES)

enum stream_channel {
        STREAM_STDIN = 0,
        STREAM_STDOUT = 1, /* log text too; the node's first frame is an empty one: it runs */
        STREAM_STDERR = 2,
        STREAM_STATUS = 3, /* the final Status as JSON */
        STREAM_RESIZE = 4, /* {"Width":80,"Height":24} */
        STREAM_STDIN_END = 5,
        STREAM_STDOUT_END = 6, /* port-forward: the pod has closed its sending side */
};

struct stream_frame {
        enum stream_channel channel;
        const uint8_t *data; /* borrowed from what was parsed */
        size_t len;
};

/* Writes the header of a frame of len bytes (at most STREAM_DATA_MAX_BYTES, asserted). */
void stream_header(uint8_t header[STREAM_HEADER_BYTES], enum stream_channel channel, size_t len);

/* Takes one frame off the front of data.
 *
 * Returns 1 and the frame and the bytes that it took, 0 when more bytes are needed, or -EBADMSG
 * for what is no frame (unknown channel, non-zero filler, too long). */
int stream_parse(const void *data, size_t len, struct stream_frame *ret_frame, size_t *ret_used,
                 struct err *e);

/* A frame of STREAM_RESIZE. False: it makes no sense. */
bool stream_size_parse(const struct stream_frame *frame, unsigned *ret_columns, unsigned *ret_rows);

/* Collects bytes until frames are whole. "struct stream_reader r = {0};" is empty. Never holds
 * more than STREAM_FRAME_MAX_BYTES and what one stream_reader_add() brought. */
struct stream_reader {
        uint8_t *bytes; /* owned */
        size_t len, cap;
        size_t start; /* first byte that no frame has taken */
};

void stream_reader_done(struct stream_reader *r);

/* Appends bytes read from the connection. Returns 0 or -ENOMEM. Invalidates frames. */
int stream_reader_add(struct stream_reader *r, const void *data, size_t len);

/* The next whole frame: 1, 0 or -EBADMSG as stream_parse(). The frame is valid until the next
 * stream_reader_add(). */
int stream_reader_next(struct stream_reader *r, struct stream_frame *ret_frame, struct err *e);
