#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads what orch-pod wrote: LOG_DIR/NAMESPACE_POD_UID/CONTAINER/N.log in CRI format, and its
 * rotated predecessors N.log.1 (newest) to N.log.4, oldest first, as one text. Knows how to go on
 * across a rotation that happens meanwhile. */
struct log_reader;

struct log_reader_options {
        int64_t tail_lines;   /* -1: all */
        uint64_t since_usec;  /* wall clock; 0: from the beginning */
        bool has_timestamps;  /* put the RFC 3339 time and a blank in front of each line */
        uint64_t limit_bytes; /* 0: none */
};

/* The path of an instance's current log, the caller's; NULL: memory is out. */
char *log_path(const char *log_dir, const char *namespace_, const char *pod, const char *uid,
               const char *container, uint64_t instance);

/* path: of log_path(). A file that isn't there yet is an empty one (a container that just starts).
 */
int log_reader_new(const char *path, const struct log_reader_options *options,
                   struct log_reader **ret_reader, struct err *e);
void log_reader_unref(struct log_reader *r);
DEFINE_AUTO(log_reader);

/* The next piece of text, whole lines as far as they are there. stream: 1 or 2 of all bytes given;
 * may be NULL. Returns bytes, 0 when there is no more for now (or limit_bytes is reached, see
 * log_reader_is_done()), or a negative errno. Doesn't wait. */
ssize_t log_reader_read(struct log_reader *r, char *buf, size_t cap, int *ret_stream,
                        struct err *e);
bool log_reader_is_done(const struct log_reader *r);

/* Forgets what log_reader_fd() told of so far; log_reader_read() does so, too. */
void log_reader_drain_watch(const struct log_reader *r);

/* An inotify descriptor that becomes readable when there may be more (put it into the loop for
 * "follow"); borrowed. Negative errno when the kernel has no more watches: read again by timer. */
int log_reader_fd(struct log_reader *r);
