#pragma once

#include "daemon/server/websocket_frames.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Channels of Kubernetes' v4.channel.k8s.io and v5: a message's first byte names one, the rest is
 * the channel's. Those that carry a stream are told as their bytes come; what is said on the
 * others (a size, the end of a channel) is told whole. Pure: no I/O, any thread. */

/* "{"Width":65535,"Height":65535}" and room for spaces; what is longer is left aside. */
#define CHANNEL_TEXT_MAX_BYTES 512

struct channels {
        unsigned n_streams; /* channels below this one are streams */
        uint8_t channel;    /* of the message that is being read */
        bool has_channel, is_too_long;
        uint8_t text[CHANNEL_TEXT_MAX_BYTES];
        size_t len;
};

struct channel_said {
        uint8_t channel;
        const uint8_t *bytes; /* borrowed until the next call */
        size_t len;           /* of a stream: at least 1 */
};

/* struct channels c = { .n_streams = … } is the beginning. Takes a piece of a message; true: it
 * says something. */
bool channels_take(struct channels *c, const struct websocket_piece *p, struct channel_said *ret);
