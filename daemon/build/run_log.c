#include "base/str.h"
#include "daemon/build/run_step.h"
#include "daemon/loop/loop.h"
#include "daemon/runtime/log_reader.h"

#include <stdlib.h>
#include <sys/epoll.h>

struct run_log {
        struct run_step *run;
        struct log_reader *reader;
        sd_event_source *io;
};

void run_log_drain(struct run_log *log) {
        char text[16384];
        ssize_t n;

        if (!log)
                return;
        while ((n = log_reader_read(log->reader, text, sizeof(text), NULL, NULL)) > 0)
                builder_tell_log(log->run->stage, text, (size_t) n);
}

static int on_log(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct run_log *log = userdata;

        log_reader_drain_watch(log->reader);
        run_log_drain(log);
        return 0;
}

void run_log_watch(struct run_log *log) {
        int fd;

        if (!log || log->io)
                return;
        fd = log_reader_fd(log->reader);
        /* Without a watch it is read whole at the end. */
        if (fd >= 0)
                (void) sd_event_add_io(loop_event(log->run->stage->b->loop), &log->io, fd, EPOLLIN,
                                       on_log, log);
        run_log_drain(log);
}

int run_log_new(struct run_step *run, const char *path, struct run_log **ret, struct err *e) {
        const struct log_reader_options options = { .tail_lines = -1 };
        struct run_log *log = calloc(1, sizeof(*log));
        int r;

        if (!log)
                return err_set(e, -ENOMEM, "out of memory");
        log->run = run;
        *ret = log;
        r = log_reader_new(path, &options, &log->reader, e);
        if (r < 0)
                return r;
        run_log_watch(log);
        return 0;
}

void run_log_free(struct run_log *log) {
        if (!log)
                return;
        sd_event_source_disable_unref(log->io);
        log_reader_unref(log->reader);
        free(log);
}
