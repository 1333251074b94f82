#include "daemon/pod/log.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOG_BATCH 64

size_t log_cut(const char *chunk, size_t len, bool is_end, struct log_record *records, size_t max,
               size_t *ret_used) {
        size_t used = 0, n = 0;

        while (n < max && used < len) {
                size_t rest = len - used;
                const char *newline =
                        memchr(chunk + used, '\n', MIN(rest, (size_t) LOG_LINE_MAX + 1));
                struct log_record *record = &records[n];

                record->offset = used;
                record->is_full = newline != NULL;
                if (newline)
                        record->len = (size_t) (newline - (chunk + used));
                else if (rest > LOG_LINE_MAX)
                        record->len = LOG_LINE_MAX;
                else if (is_end)
                        record->len = rest;
                else
                        break;
                used += record->len + (newline ? 1 : 0);
                n++;
        }
        *ret_used = used;
        return n;
}

static int log_open_file(struct log_writer *w) {
        struct stat st;

        w->fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (w->fd < 0)
                return -errno;
        w->size = fstat(w->fd, &st) == 0 ? (uint64_t) st.st_size : 0;
        return 0;
}

int log_open(struct log_writer *w, const char *path, uint64_t max_bytes, unsigned max_files,
             struct err *e) {
        char *slash;
        int r;

        *w = (struct log_writer){ .fd = -1, .max_bytes = max_bytes, .max_files = max_files };
        if (strlen(path) + 16 > sizeof(w->path))
                return err_set(e, -ENAMETOOLONG, "log path %s is too long", path);
        slash = strrchr(stpcpy(w->path, path) - strlen(path), '/');
        r = log_open_file(w);
        if (r == -ENOENT && slash) {
                *slash = '\0';
                r = dir_make_all(w->path, 0755, NULL);
                *slash = '/';
                if (r == 0)
                        r = log_open_file(w);
        }
        return r < 0 ? err_errno(e, r, "cannot open log %s", path) : 0;
}

void log_close(struct log_writer *w) {
        if (w->fd >= 0)
                (void) close(w->fd);
        w->fd = -1;
}

/* N.log.3 becomes N.log.4 ..., N.log becomes N.log.1. The reader finds its place by inode. */
static void log_rotate(struct log_writer *w) {
        char from[LOG_PATH_MAX + 16], to[LOG_PATH_MAX + 16];

        log_close(w);
        for (unsigned i = w->max_files; i-- > 1;) {
                (void) snprintf(to, sizeof(to), "%s.%u", w->path, i);
                if (i > 1)
                        (void) snprintf(from, sizeof(from), "%s.%u", w->path, i - 1);
                else
                        (void) snprintf(from, sizeof(from), "%s", w->path);
                (void) rename(from, to);
        }
        if (w->max_files <= 1)
                (void) unlink(w->path);
        (void) log_open_file(w);
}

/* The disk is full: the oldest text makes room for the newest. */
static bool log_make_room(struct log_writer *w) {
        char path[LOG_PATH_MAX + 16];

        for (unsigned i = w->max_files; i-- > 1;) {
                (void) snprintf(path, sizeof(path), "%s.%u", w->path, i);
                if (unlink(path) == 0)
                        return true;
        }
        return false;
}

static void log_write_batch(struct log_writer *w, const struct iovec *iov, int n, size_t len) {
        ssize_t written;

        if (w->fd < 0 && log_open_file(w) < 0) {
                w->lost_bytes += len;
                return;
        }
        if (w->size > 0 && w->size + len > w->max_bytes)
                log_rotate(w);
        for (;;) {
                written = w->fd < 0 ? -1 : writev(w->fd, iov, n);
                if (written == (ssize_t) len) {
                        w->size += len;
                        return;
                }
                /* Never leave half a record. */
                if (written > 0 && ftruncate(w->fd, (off_t) w->size) < 0)
                        w->size += (uint64_t) written;
                if (written < 0 && errno == EINTR)
                        continue;
                if (w->fd < 0 || !log_make_room(w)) {
                        w->lost_bytes += len;
                        return;
                }
        }
}

/* "TIME stdout F ", the same for all lines of a chunk. */
static size_t log_header(char *buf, size_t cap, int stream, char tag, uint64_t wall_nsec) {
        char time[CLOCK_TEXT_MAX];
        int n = snprintf(buf, cap, "%s %s %c ", clock_format_nano(wall_nsec, time),
                         stream == 2 ? "stderr" : "stdout", tag);

        return n < 0 ? 0 : (size_t) n;
}

size_t log_put(struct log_writer *w, int stream, const char *chunk, size_t len, bool is_end,
               uint64_t wall_nsec) {
        struct log_record records[LOG_BATCH];
        struct iovec iov[LOG_BATCH * 3];
        char full[64], partial[64];
        size_t full_len = log_header(full, sizeof(full), stream, 'F', wall_nsec);
        size_t partial_len = log_header(partial, sizeof(partial), stream, 'P', wall_nsec);
        size_t total = 0;

        for (;;) {
                size_t used, bytes = 0;
                size_t n = log_cut(chunk + total, len - total, is_end, records, LOG_BATCH, &used);
                int k = 0;

                if (n == 0)
                        return total;
                for (size_t i = 0; i < n; i++) {
                        const struct log_record *p = &records[i];

                        iov[k].iov_base = p->is_full ? full : partial;
                        iov[k].iov_len = p->is_full ? full_len : partial_len;
                        bytes += iov[k++].iov_len;
                        iov[k].iov_base = (char *) chunk + total + p->offset;
                        iov[k].iov_len = p->len + (p->is_full ? 1 : 0);
                        bytes += iov[k++].iov_len;
                        if (!p->is_full) {
                                iov[k].iov_base = (char *) "\n";
                                iov[k].iov_len = 1;
                                bytes += iov[k++].iov_len;
                        }
                }
                log_write_batch(w, iov, k, bytes);
                total += used;
        }
}
