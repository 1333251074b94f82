#include "daemon/server/websocket_frames.h"

#include "base/err.h"
#include "base/macros.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

struct websocket_frames {
        wslay_event_context_ptr wslay;
        struct websocket_frames_handlers handlers;
        void *data;
        const uint8_t *in; /* borrowed while they are read */
        size_t in_len;
        bool is_control; /* the frame that is being read */
        bool is_first;   /* nothing of its message was told yet */
        bool is_final;   /* it is the message's last */
        uint64_t left;   /* bytes of it that didn't come yet */
};

static ssize_t on_recv(wslay_event_context_ptr wslay, uint8_t *room, size_t len, int flags,
                       void *data) {
        struct websocket_frames *f = data;
        size_t n = MIN(len, f->in_len);

        if (n == 0) {
                wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        memcpy(room, f->in, n);
        f->in += n;
        f->in_len -= n;
        return (ssize_t) n;
}

static ssize_t on_send(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t len, int flags,
                       void *data) {
        struct websocket_frames *f = data;

        if (f->handlers.send(f->data, bytes, len))
                return (ssize_t) len;
        wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static void on_frame(wslay_event_context_ptr wslay,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *data) {
        struct websocket_frames *f = data;

        f->is_control = wslay_is_ctrl_frame(frame->opcode);
        if (f->is_control)
                return;
        if (frame->opcode != WSLAY_CONTINUATION_FRAME)
                f->is_first = true;
        f->is_final = frame->fin;
        f->left = frame->payload_length;
}

static void on_chunk(wslay_event_context_ptr wslay,
                     const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *data) {
        struct websocket_frames *f = data;
        struct websocket_piece piece = { .bytes = chunk->data, .len = chunk->data_length };

        if (f->is_control)
                return;
        f->left -= chunk->data_length;
        piece.is_first = f->is_first;
        piece.is_last = f->is_final && f->left == 0;
        if (piece.len == 0 && !piece.is_last)
                return;
        f->is_first = false;
        f->handlers.piece(f->data, &piece);
}

int websocket_frames_new(const struct websocket_frames_handlers *handlers, void *data,
                         struct websocket_frames **ret) {
        static const struct wslay_event_callbacks CALLBACKS = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .on_frame_recv_start_callback = on_frame,
                .on_frame_recv_chunk_callback = on_chunk,
        };
        struct websocket_frames *f = calloc(1, sizeof(*f));

        if (!f || wslay_event_context_server_init(&f->wslay, &CALLBACKS, f) != 0) {
                free(f);
                return -ENOMEM;
        }
        f->handlers = *handlers;
        f->data = data;
        wslay_event_config_set_no_buffering(f->wslay, 1);
        wslay_event_config_set_max_recv_msg_length(f->wslay, INT64_MAX);
        *ret = f;
        return 0;
}

void websocket_frames_free(struct websocket_frames *f) {
        if (!f)
                return;
        wslay_event_context_free(f->wslay);
        free(f);
}

bool websocket_frames_feed(struct websocket_frames *f, const void *bytes, size_t len) {
        int r;

        f->in = bytes;
        f->in_len = len;
        r = wslay_event_recv(f->wslay);
        f->in_len = 0;
        return r == 0 && wslay_event_send(f->wslay) == 0;
}

static bool message_send(struct websocket_frames *f, uint8_t opcode, const void *bytes,
                         size_t len) {
        const struct wslay_event_msg message = { .opcode = opcode,
                                                 .msg = bytes,
                                                 .msg_length = len };
        int r = wslay_event_queue_msg(f->wslay, &message);

        /* After the good-bye there is nobody to be told. */
        return r == WSLAY_ERR_NO_MORE_MSG || (r == 0 && wslay_event_send(f->wslay) == 0);
}

bool websocket_frames_send(struct websocket_frames *f, const void *bytes, size_t len) {
        return message_send(f, WSLAY_BINARY_FRAME, bytes, len);
}

bool websocket_frames_ping(struct websocket_frames *f) {
        return message_send(f, WSLAY_PING, NULL, 0);
}

bool websocket_frames_finish(struct websocket_frames *f) {
        int r = wslay_event_queue_close(f->wslay, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);

        return r == WSLAY_ERR_NO_MORE_MSG || (r == 0 && wslay_event_send(f->wslay) == 0);
}

bool websocket_frames_are_over(const struct websocket_frames *f) {
        return !wslay_event_want_read(f->wslay) && !wslay_event_want_write(f->wslay);
}
