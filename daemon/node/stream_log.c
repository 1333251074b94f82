#include "api/kinds/meta.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/conn.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/stream_internal.h"
#include "daemon/runtime/log_reader.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#define LOG_PIECE_BYTES 32768
/* How soon the end of a followed container is noticed, and new lines where the kernel has no
 * inotify watch left. */
#define LOG_LOOK_USEC (250 * USEC_PER_MSEC)

struct log_stream {
        struct log_reader *reader;
        sd_event_source *io;
        struct loop_timer *timer;
        char *uid, *container;
        uint64_t instance;
        bool is_following;
};

static bool is_life_over(const struct stream *s, const struct log_stream *l) {
        const struct node_pod *p = pods_find(s->pods, NULL, NULL, l->uid);

        return !p || !node_pod_is_running(p, l->container, l->instance);
}

/* Sends what is there. The order matters: whether the container lives is asked before the last
 * look, so that its last line isn't missed. */
static void log_send(struct stream *s) {
        struct log_stream *l = s->state;
        bool is_over = !l->is_following || is_life_over(s, l);
        char piece[LOG_PIECE_BYTES];
        struct err e = { 0 };

        while (conn_room(s->conn) > 0) {
                ssize_t n = log_reader_read(l->reader, piece, sizeof(piece), NULL, &e);

                if (n < 0) {
                        stream_fail(s, (int) n, &e);
                        l->is_following = false;
                        return;
                }
                if (n == 0) {
                        if (is_over || log_reader_is_done(l->reader)) {
                                loop_timer_set(l->timer, USEC_NEVER);
                                (void) sd_event_source_set_enabled(l->io, SD_EVENT_OFF);
                                stream_finish(s);
                        } else {
                                loop_timer_set(l->timer, clock_now_usec() + LOG_LOOK_USEC);
                        }
                        return;
                }
                conn_send(s->conn, STREAM_STDOUT, piece, (size_t) n);
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        (void) source;
        (void) fd;
        (void) events;
        log_send(userdata);
        return 0;
}

static void on_timer(struct loop_timer *t, void *userdata) {
        (void) t;
        log_send(userdata);
}

static uint64_t since_usec(const struct stream *s) {
        int64_t seconds = stream_query_int(s, "sinceSeconds", 0);
        const char *time = stream_query_text(s, "sinceTime");
        uint64_t at_usec = 0, now_usec = clock_wall_usec();

        if (time && clock_parse(time, &at_usec) == 0)
                return at_usec;
        if (seconds <= 0 || (uint64_t) seconds > now_usec / USEC_PER_SEC)
                return 0;
        return now_usec - (uint64_t) seconds * USEC_PER_SEC;
}

static int log_open(struct stream *s, struct log_stream *l, struct err *e) {
        struct node_pod *p = stream_pod(s, e);
        const struct log_reader_options options = {
                .tail_lines = stream_query_int(s, "tailLines", -1),
                .since_usec = since_usec(s),
                .has_timestamps = stream_query_bool(s, "timestamps"),
                .limit_bytes = (uint64_t) MAX(stream_query_int(s, "limitBytes", 0), 0),
        };
        AUTO_FREE char *path = NULL, *dir = str_format("%s/logs", s->ctx->config->state_dir);
        const char *container = NULL;
        int r;

        if (!p)
                return -ENOENT;
        r = node_pod_log_life(p, stream_text(s, "container"), stream_query_bool(s, "previous"),
                              &container, &l->instance, e);
        if (r < 0)
                return r;
        l->uid = strdup(node_pod_uid(p));
        l->container = strdup(container);
        path = log_path(dir, node_pod_meta(p)->namespace, node_pod_meta(p)->name,
                        l->uid ? l->uid : "", container, l->instance);
        if (!dir || !path || !l->uid || !l->container)
                return err_set(e, -ENOMEM, "out of memory");
        l->is_following = stream_query_bool(s, "follow");
        return log_reader_new(path, &options, &l->reader, e);
}

static int log_start(struct stream *s, struct err *e) {
        struct log_stream *l = calloc(1, sizeof(*l));
        int r, fd;

        if (!l)
                return err_set(e, -ENOMEM, "out of memory");
        s->state = l;
        r = log_open(s, l, e);
        if (r == 0)
                r = loop_timer_new(s->ctx->loop, 0, on_timer, s, &l->timer, e);
        if (r < 0)
                return r;
        fd = l->is_following ? log_reader_fd(l->reader) : -1;
        if (fd >= 0 && sd_event_add_io(loop_event(s->ctx->loop), &l->io, fd, EPOLLIN, on_io, s) < 0)
                return err_set(e, -ENOMEM, "cannot follow the log");
        log_send(s);
        return 0;
}

static void log_room(struct stream *s) {
        log_send(s);
}

static void log_free(struct stream *s) {
        struct log_stream *l = s->state;

        if (!l)
                return;
        sd_event_source_disable_unref(l->io);
        loop_timer_unref(l->timer);
        log_reader_unref(l->reader);
        free(l->uid);
        free(l->container);
        free(l);
}

const struct stream_verb stream_log_verb = {
        .name = "log", .start = log_start, .room = log_room, .free = log_free
};
