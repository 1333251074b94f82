#include "daemon/node/follow.h"

#include "api/client/stream.h"
#include "base/clock.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/conn.h"
#include "daemon/runtime/log_reader.h"

#include <errno.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#define PIECE_BYTES 32768
/* How soon the end of a followed container is noticed, and new lines where the kernel has no
 * inotify watch left. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

struct follow {
        struct conn *conn;
        struct log_reader *reader;
        sd_event_source *io;
        struct loop_timer *timer;
        struct follow_options options;
        struct follow_handlers handlers;
        bool has_ended;
};

static void follow_end(struct follow *f, int r, const struct err *e) {
        f->has_ended = true;
        loop_timer_set(f->timer, USEC_NEVER);
        (void) sd_event_source_set_enabled(f->io, SD_EVENT_OFF);
        f->handlers.on_end(f->handlers.userdata, r, e);
}

void follow_look(struct follow *f) {
        bool is_over = !f->has_ended && f->handlers.is_over(f->handlers.userdata);
        char piece[PIECE_BYTES];
        struct err e = { 0 };

        while (!f->has_ended && conn_room(f->conn) > 0) {
                int stream = 0;
                ssize_t n = log_reader_read(f->reader, piece, sizeof(piece),
                                            f->options.is_split ? &stream : NULL, &e);

                if (n < 0 || (n == 0 && (is_over || log_reader_is_done(f->reader)))) {
                        follow_end(f, (int) n, &e);
                        return;
                }
                if (n == 0) {
                        loop_timer_set(f->timer, clock_now_usec() + LOOK_USEC);
                        return;
                }
                conn_send(f->conn, stream == 2 ? STREAM_STDERR : STREAM_STDOUT, piece, (size_t) n);
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct follow *f = userdata;
        (void) source;
        (void) fd;
        (void) events;

        /* Without room nothing would be read, and this would be told for ever. */
        log_reader_drain_watch(f->reader);
        follow_look(f);
        return 0;
}

static void on_timer(struct loop_timer *t, void *userdata) {
        (void) t;
        follow_look(userdata);
}

void follow_unref(struct follow *f) {
        if (!f)
                return;
        sd_event_source_disable_unref(f->io);
        loop_timer_unref(f->timer);
        log_reader_unref(f->reader);
        free(f);
}

int follow_new(struct loop *loop, struct conn *conn, struct log_reader *take_reader,
               const struct follow_options *options, const struct follow_handlers *handlers,
               struct follow **ret) {
        AUTO(follow) struct follow *f = calloc(1, sizeof(*f));
        int fd, r;

        if (!f) {
                log_reader_unref(take_reader);
                return -ENOMEM;
        }
        *f = (struct follow){
                .conn = conn, .reader = take_reader, .options = *options, .handlers = *handlers
        };
        r = loop_timer_new(loop, 0, on_timer, f, &f->timer, NULL);
        if (r < 0)
                return r;
        fd = options->is_following ? log_reader_fd(f->reader) : -1;
        if (fd >= 0)
                r = sd_event_add_io(loop_event(loop), &f->io, fd, EPOLLIN, on_io, f);
        if (r < 0)
                return r;
        loop_timer_set(f->timer, 0);
        *ret = STEAL(f);
        return 0;
}
