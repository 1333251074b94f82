#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "daemon/registry/watch.h"
#include "daemon/server/face.h"

/* What libmicrohttpd may fill at a time; it comes from the connection's own memory. */
#define BLOCK_BYTES (16U << 10)

/* One event in three parts, sent as far as there is room. Where its text belongs to a version of an
 * object, that is what keeps it alive while the rest of it waits for room. */
struct watch_stream {
        struct request *request;
        struct watch *watch; /* owned */
        struct watch_event event;
        size_t sent; /* of the event; SIZE_MAX: there is none */
        bool has_left;
};

/* Copies what of a part lies behind from, into room. Returns the bytes. */
static size_t part_copy(const char *part, size_t len, size_t from, char *room, size_t room_len) {
        size_t n;

        if (from >= len)
                return 0;
        n = MIN(len - from, room_len);
        memcpy(room, part + from, n);
        return n;
}

static size_t event_copy(struct watch_stream *s, char *room, size_t room_len) {
        const struct watch_event *e = &s->event;
        const char *parts[] = { e->prefix, e->object, WATCH_SUFFIX };
        const size_t lens[] = { e->prefix_len, e->object_len, WATCH_SUFFIX_LEN };
        size_t start = 0, done = 0;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                size_t from = s->sent > start ? s->sent - start : 0;
                size_t n = part_copy(parts[i], lens[i], from, room + done, room_len - done);

                s->sent += n;
                done += n;
                start += lens[i];
        }
        if (s->sent == start)
                s->sent = SIZE_MAX;
        return done;
}

static ssize_t stream_read(void *data, uint64_t pos, char *room, size_t room_len) {
        struct watch_stream *s = data;
        size_t done = 0;

        while (done < room_len && !s->has_left) {
                enum watch_state state;

                if (s->sent != SIZE_MAX) {
                        done += event_copy(s, room + done, room_len - done);
                        continue;
                }
                state = watch_next(s->watch, &s->event);
                if (state == WATCH_EVENT) {
                        s->sent = 0;
                        continue;
                }
                if (state == WATCH_END)
                        s->has_left = true;
                break;
        }
        if (done > 0)
                return (ssize_t) done;
        if (s->has_left)
                return MHD_CONTENT_READER_END_OF_STREAM;
        request_suspend(s->request);
        return 0;
}

static void stream_ready(void *data) {
        struct watch_stream *s = data;

        request_resume(s->request);
}

/* A suspended connection isn't looked at by libmicrohttpd, so its end must be seen here. A client
 * that closes its sending side has left, too: it could never ask for anything again. */
static int stream_hangup(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct watch_stream *s = data;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        s->has_left = true;
        request_resume(s->request);
        return 0;
}

static void stream_free(void *data) {
        struct watch_stream *s = data;

        watch_unref(s->watch);
        free(s);
}

enum MHD_Result watch_stream_queue(struct request *r) {
        struct watch_stream *s = calloc(1, sizeof(*s));
        struct MHD_Response *response;
        enum MHD_Result result;

        if (!s)
                return MHD_NO;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, stream_read, s,
                                                     stream_free);
        if (!response) {
                free(s);
                return MHD_NO;
        }
        s->request = r;
        s->watch = STEAL(r->watch);
        s->sent = SIZE_MAX;
        watch_on_ready(s->watch, stream_ready, s);
        (void) sd_event_add_io(r->face->server->event, &r->hangup, r->connection->fd,
                               EPOLLRDHUP | EPOLLHUP | EPOLLERR, stream_hangup, s);
        (void) MHD_add_response_header(response, "Content-Type", "application/json");
        result = MHD_queue_response(r->mhd, 200, response);
        MHD_destroy_response(response);
        return result;
}
