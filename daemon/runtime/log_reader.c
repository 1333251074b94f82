#include "daemon/runtime/log_reader.h"

#include "base/clock.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_READER_FILES_MAX 64
/* So often a file is sought that a rotation under way may just be renaming. */
#define LOG_READER_TRIES 4
/* A record of orch-pod's is at most LOG_LINE_MAX of text and its head. */
#define LOG_READER_BUFFER 65536

struct log_reader {
        struct log_reader_options options;
        char *path;
        int fd;        /* -1: nothing there yet */
        int watch;     /* inotify, -1: not asked for */
        uint64_t left; /* of limit_bytes */
        bool is_done;
        bool is_line_open[3]; /* by stream: a P record went before */
        char *buffer;         /* LOG_READER_BUFFER */
        size_t start, end;
        char *out; /* what didn't fit into the caller's buffer */
        size_t out_start, out_len, out_cap;
        int out_stream;
};

char *log_path(const char *log_dir, const char *namespace_, const char *pod, const char *uid,
               const char *container, uint64_t instance) {
        return str_format("%s/%s_%s_%s/%s/%llu.log", log_dir, namespace_, pod, uid, container,
                          (unsigned long long) instance);
}

/* ---- files ---- */

/* The n'th predecessor; 0: the current file. */
static int log_reader_open(const struct log_reader *r, unsigned n) {
        AUTO_FREE char *path = n == 0 ? strdup(r->path) : str_format("%s.%u", r->path, n);

        return path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

/* Which predecessor the open file is by now; 0: the current file, -1: it is gone. A rotation
 * renames one file after the other, so a number may be missing for an instant. */
static int log_reader_place(const struct log_reader *r) {
        struct stat own, st;

        if (fstat(r->fd, &own) < 0)
                return -1;
        for (unsigned n = 0; n < LOG_READER_FILES_MAX; n++) {
                AUTO_CLOSE int fd = log_reader_open(r, n);

                if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == own.st_ino &&
                    st.st_dev == own.st_dev)
                        return (int) n;
        }
        return -1;
}

static int log_reader_oldest(const struct log_reader *r) {
        int fd = -1;

        for (unsigned n = LOG_READER_FILES_MAX; fd < 0 && n-- > 0;)
                fd = log_reader_open(r, n);
        return fd;
}

/* Opens the next younger file; -1: the open one is the current one, or its successor isn't there
 * yet. Files are renamed oldest first: as long as ours has kept its place, the one before it is its
 * successor. */
static int log_reader_successor(const struct log_reader *r) {
        for (unsigned i = 0; i < LOG_READER_TRIES; i++) {
                int place = log_reader_place(r), fd;

                if (place < 0)
                        continue;
                if (place == 0)
                        return -1;
                fd = log_reader_open(r, (unsigned) place - 1);
                if (fd < 0 || log_reader_place(r) == place)
                        return fd;
                (void) close(fd);
        }
        /* Rotated out of existence while we read: the oldest there is comes next. */
        return log_reader_oldest(r);
}

/* Counts lines from the end of one file. Leaves the file's offset where the tail begins and returns
 * how many lines are still wanted of older files. */
static int64_t log_reader_seek_tail(int fd, int64_t lines) {
        char chunk[16384];
        off_t at = lseek(fd, 0, SEEK_END);

        while (at > 0) {
                size_t want = (size_t) MIN(at, (off_t) sizeof(chunk));
                ssize_t n = pread(fd, chunk, want, at - (off_t) want);

                if (n != (ssize_t) want)
                        break;
                for (size_t i = want; i-- > 0;) {
                        off_t place = at - (off_t) want + (off_t) i;

                        if (chunk[i] != '\n' || place + 1 == lseek(fd, 0, SEEK_END))
                                continue;
                        if (--lines <= 0) {
                                (void) lseek(fd, place + 1, SEEK_SET);
                                return 0;
                        }
                }
                at -= (off_t) want;
        }
        (void) lseek(fd, 0, SEEK_SET);
        return at == 0 && lines > 0 ? lines - 1 : lines;
}

static void log_reader_start(struct log_reader *r) {
        int64_t lines = r->options.tail_lines;
        unsigned n = 0;

        if (lines >= 0) {
                r->fd = log_reader_open(r, 0);
                if (r->fd >= 0 && lines == 0)
                        (void) lseek(r->fd, 0, SEEK_END);
                else if (r->fd >= 0)
                        lines = log_reader_seek_tail(r->fd, lines);
                while (r->fd >= 0 && lines > 0) {
                        int older = log_reader_open(r, ++n);

                        if (older < 0)
                                return;
                        (void) close(r->fd);
                        r->fd = older;
                        lines = log_reader_seek_tail(older, lines);
                }
                return;
        }
        for (n = LOG_READER_FILES_MAX; r->fd < 0 && n-- > 0;)
                r->fd = log_reader_open(r, n);
}

/* ---- life ---- */

int log_reader_new(const char *path, const struct log_reader_options *options,
                   struct log_reader **ret_reader, struct err *e) {
        AUTO(log_reader) struct log_reader *r = calloc(1, sizeof(*r));

        if (!r)
                return err_set(e, -ENOMEM, "out of memory");
        r->fd = r->watch = -1;
        r->options = *options;
        r->left = options->limit_bytes ? options->limit_bytes : UINT64_MAX;
        r->path = strdup(path);
        r->buffer = malloc(LOG_READER_BUFFER);
        if (!r->path || !r->buffer)
                return err_set(e, -ENOMEM, "out of memory");
        log_reader_start(r);
        *ret_reader = STEAL(r);
        return 0;
}

void log_reader_unref(struct log_reader *r) {
        if (!r)
                return;
        if (r->fd >= 0)
                (void) close(r->fd);
        if (r->watch >= 0)
                (void) close(r->watch);
        free(r->path);
        free(r->buffer);
        free(r->out);
        free(r);
}

bool log_reader_is_done(const struct log_reader *r) {
        return r->is_done;
}

int log_reader_fd(struct log_reader *r) {
        AUTO_FREE char *dir = NULL;
        char *slash;

        if (r->watch >= 0)
                return r->watch;
        dir = strdup(r->path);
        slash = dir ? strrchr(dir, '/') : NULL;
        if (!slash)
                return dir ? -EINVAL : -ENOMEM;
        *slash = '\0';
        r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->watch < 0)
                return -errno;
        /* The directory: it sees the file written and a successor made. */
        if (inotify_add_watch(r->watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
                int error = errno;

                (void) close(STEAL_FD(r->watch));
                return -error;
        }
        return r->watch;
}

/* ---- records ---- */

void log_reader_drain_watch(const struct log_reader *r) {
        char events[4096];

        while (r->watch >= 0 && read(r->watch, events, sizeof(events)) > 0)
                ;
}

/* The next whole record in the buffer, NUL instead of its newline; NULL: read more. */
static char *log_reader_line(struct log_reader *r, size_t *ret_len) {
        char *begin = r->buffer + r->start;
        char *newline = memchr(begin, '\n', r->end - r->start);

        if (!newline)
                return NULL;
        *newline = '\0';
        *ret_len = (size_t) (newline - begin);
        r->start += (size_t) (newline - begin) + 1;
        return begin;
}

/* One read into the buffer: bytes, 0 at the end, or a negative errno. */
static ssize_t log_reader_more(struct log_reader *r) {
        ssize_t n;

        do
                n = read(r->fd, r->buffer + r->end, LOG_READER_BUFFER - r->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r->end += (size_t) n;
        return n;
}

/* Returns 1 when there is more in the buffer, 0 at the end for now, or a negative errno. */
static int log_reader_fill(struct log_reader *r) {
        ssize_t n;

        if (r->fd < 0)
                r->fd = log_reader_open(r, 0);
        if (r->fd < 0)
                return 0;
        memmove(r->buffer, r->buffer + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
        if (r->end == LOG_READER_BUFFER)
                r->end = 0; /* no record of ours is as long: skip it */
        for (;;) {
                int next;

                n = log_reader_more(r);
                if (n != 0)
                        return n < 0 ? (int) n : 1;
                next = log_reader_successor(r);
                if (next < 0)
                        return 0;
                /* What came between the end we saw and the rotation; nothing is written behind it.
                 */
                n = log_reader_more(r);
                if (n != 0) {
                        (void) close(next);
                        return n < 0 ? (int) n : 1;
                }
                (void) close(r->fd);
                r->fd = next;
        }
}

static bool log_reader_reserve(struct log_reader *r, size_t len) {
        char *more;

        if (len <= r->out_cap)
                return true;
        more = realloc(r->out, len);
        if (!more)
                return false;
        r->out = more;
        r->out_cap = len;
        return true;
}

/* "TIME stdout F text": what of it the reader is to see goes to r->out. Returns 0 or -ENOMEM. */
static int log_reader_render(struct log_reader *r, const char *line, size_t line_len) {
        size_t time_len = strcspn(line, " ");
        const char *stream = line + time_len + (line[time_len] == ' ');
        const char *tag = strchr(stream, ' ');
        const char *text = tag && tag[1] && tag[2] == ' ' ? tag + 3 : NULL;
        bool is_full = tag && tag[1] == 'F', is_first;
        char time[CLOCK_TEXT_MAX + 8];
        uint64_t usec = 0;
        size_t len;

        r->out_start = r->out_len = 0;
        if (!text || time_len >= sizeof(time))
                return 0; /* not of our making */
        memcpy(time, line, time_len);
        time[time_len] = '\0';
        if (r->options.since_usec > 0 &&
            (clock_parse(time, &usec) < 0 || usec < r->options.since_usec))
                return 0;
        r->out_stream = strncmp(stream, "stderr", 6) == 0 ? 2 : 1;
        is_first = !r->is_line_open[r->out_stream];
        r->is_line_open[r->out_stream] = !is_full;
        len = (size_t) (line + line_len - text); /* a text may hold NUL */
        if (!log_reader_reserve(r, len + time_len + 2))
                return -ENOMEM;
        if (r->options.has_timestamps && is_first) {
                memcpy(r->out, time, time_len);
                r->out[time_len] = ' ';
                r->out_len = time_len + 1;
        }
        memcpy(r->out + r->out_len, text, len);
        r->out_len += len;
        if (is_full)
                r->out[r->out_len++] = '\n';
        return 0;
}

ssize_t log_reader_read(struct log_reader *r, char *buf, size_t cap, int *ret_stream,
                        struct err *e) {
        size_t total = 0;
        int stream = 0;

        log_reader_drain_watch(r);
        while (total < cap && !r->is_done) {
                size_t n;

                if (r->out_start == r->out_len) {
                        size_t len = 0;
                        char *line = log_reader_line(r, &len);
                        int k = line ? log_reader_render(r, line, len) : log_reader_fill(r);

                        if (k < 0)
                                return err_errno(e, k, "cannot read log %s", r->path);
                        if (!line && k == 0)
                                break;
                        continue;
                }
                if (ret_stream && stream != 0 && stream != r->out_stream)
                        break;
                stream = r->out_stream;
                n = MIN(cap - total, r->out_len - r->out_start);
                n = (size_t) MIN((uint64_t) n, r->left);
                memcpy(buf + total, r->out + r->out_start, n);
                total += n;
                r->out_start += n;
                r->left -= n;
                r->is_done = r->left == 0;
        }
        if (ret_stream)
                *ret_stream = stream;
        return (ssize_t) total;
}
