#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small files of "key=value" lines (pod.conf, status), written and read by both the node and
 * orch-pod without an allocation. In a value, backslash and newline are written "\\" and "\n". */
struct kv_writer {
        char *buf; /* borrowed */
        size_t cap, len;
        bool is_full; /* something didn't fit; sticky */
};

void kv_add(struct kv_writer *w, const char *key, const char *value);
void kv_add_number(struct kv_writer *w, const char *key, int64_t value);

/* Walks text, changing it: cuts lines, undoes escapes. *cursor: the text at first. False at the
 * end. Lines without '=' are skipped. */
bool kv_next(char **cursor, char **ret_key, char **ret_value);

/* Decimal, 0 for what is no number. */
int64_t kv_number(const char *value);

/* Reads a whole file of at most cap - 1 bytes into buf. Returns length or a negative errno. */
int kv_read_file(int dirfd, const char *path, char *buf, size_t cap);

/* Replaces dirfd/path by rename. Returns 0 or a negative errno. */
int kv_write_file(int dirfd, const char *path, const struct kv_writer *w);
