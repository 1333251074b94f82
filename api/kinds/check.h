#pragma once

#include "base/diag.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

#define CHECK_PATH_MAX 512

/* Where a check is: findings are formatted below this path. */
struct check {
        char path[CHECK_PATH_MAX];
        struct diags *d;
};

/* An error at below, relative to c's path; "": at the path itself. */
void check_say(const struct check *c, enum diag_reason reason, const char *below, const char *fmt,
               ...) PRINTF_LIKE(4, 5);

/* A path further down: c's, a dot, and the rest. */
struct check check_below(const struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Whether a list may be compared with itself or others; says so when it is too long. */
bool check_is_short(const struct check *c, const char *name, size_t n);
