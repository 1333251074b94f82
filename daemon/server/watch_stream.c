#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"
#include "daemon/registry/watch.h"
#include "daemon/server/face.h"
#include "daemon/server/pull.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

/* One event in three parts, sent as far as there is room. Where its text belongs to a version of an
 * object, the watch keeps that alive while the rest of it waits for room. */
struct watch_stream {
        struct request *request;
        struct watch *watch; /* owned */
        struct watch_event event;
        size_t sent; /* of the event; SIZE_MAX: there is none */
        bool is_over, is_ready;
        struct list ready_link; /* of those that wait to be woken */
};

/* Waking a stream costs some 20 us, however little there is to tell: with a thousand of them each
 * round leaves so much time until the next that several changes go out in one. */
#define ROUND_USEC_EACH 30U
#define ROUND_USEC_MAX (50 * USEC_PER_MSEC)

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

static ssize_t stream_take(void *data, char *room, size_t room_len) {
        struct watch_stream *s = data;
        size_t done = 0;

        while (done < room_len && !s->is_over) {
                enum watch_state state;

                if (s->sent != SIZE_MAX) {
                        done += event_copy(s, room + done, room_len - done);
                        continue;
                }
                state = watch_next(s->watch, &s->event);
                if (state == WATCH_IDLE)
                        break;
                s->is_over = state == WATCH_END;
                s->sent = state == WATCH_EVENT ? 0 : SIZE_MAX;
        }
        return done == 0 && s->is_over ? -1 : (ssize_t) done;
}

static void stream_unready(struct watch_stream *s) {
        if (!s->is_ready)
                return;
        s->is_ready = false;
        list_remove(&s->ready_link);
}

/* A round: wakes all that have something to tell. */
static int round_run(sd_event_source *source, uint64_t usec, void *data) {
        struct server *server = data;
        uint64_t now_usec, n = 0;

        (void) sd_event_now(server->event, CLOCK_MONOTONIC, &now_usec);
        LIST_FOREACH(i, &server->ready) {
                struct watch_stream *s = CONTAINER_OF(i, struct watch_stream, ready_link);

                stream_unready(s);
                request_resume(s->request);
                n++;
        }
        server->round_usec = now_usec + MIN(n * ROUND_USEC_EACH, ROUND_USEC_MAX);
        return 0;
}

int watch_streams_init(struct server *server) {
        list_init(&server->ready);
        if (sd_event_add_time(server->event, &server->round, CLOCK_MONOTONIC, 0, 1, round_run,
                              server) < 0)
                return -ENOMEM;
        (void) sd_event_source_set_enabled(server->round, SD_EVENT_OFF);
        return 0;
}

void watch_streams_stop(struct server *server) {
        server->round = sd_event_source_disable_unref(server->round);
}

static void stream_ready(void *data) {
        struct watch_stream *s = data;
        struct server *server = s->request->face->server;

        if (s->is_ready)
                return;
        if (!server->round) {
                request_resume(s->request);
                return;
        }
        if (list_is_empty(&server->ready)) {
                (void) sd_event_source_set_time(server->round, server->round_usec);
                (void) sd_event_source_set_enabled(server->round, SD_EVENT_ONESHOT);
        }
        s->is_ready = true;
        list_append(&server->ready, &s->ready_link);
}

static void stream_free(void *data) {
        struct watch_stream *s = data;

        stream_unready(s);
        watch_unref(s->watch);
        free(s);
}

enum MHD_Result watch_stream_queue(struct request *r) {
        static const struct pull_source SOURCE = { .take = stream_take, .free = stream_free };
        struct watch_stream *s = calloc(1, sizeof(*s));

        if (!s)
                return MHD_NO;
        s->request = r;
        s->watch = STEAL(r->watch);
        s->sent = SIZE_MAX;
        watch_on_ready(s->watch, stream_ready, s);
        return pull_queue(r, "application/json", &SOURCE, s);
}
