#include "api/kinds/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Lists that are compared with themselves or others may have so many elements. */
#define CHECK_LIST_MAX 1000

void check_say(const struct check *c, enum diag_reason reason, const char *below, const char *fmt,
               ...) {
        char path[2 * CHECK_PATH_MAX], text[512];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        (void) snprintf(path, sizeof(path), "%s%s%s", c->path, below[0] ? "." : "", below);
        (void) diag_add(c->d, DIAG_ERROR, reason, path, "%s", text);
}

struct check check_below(const struct check *c, const char *fmt, ...) {
        size_t len = strnlen(c->path, CHECK_PATH_MAX / 2);
        struct check below;
        va_list ap;

        below.d = c->d;
        memcpy(below.path, c->path, len);
        below.path[len] = '.';
        va_start(ap, fmt);
        (void) vsnprintf(below.path + len + 1, sizeof(below.path) - len - 1, fmt, ap);
        va_end(ap);
        return below;
}

bool check_is_short(const struct check *c, const char *name, size_t n) {
        if (n <= CHECK_LIST_MAX)
                return true;
        check_say(c, DIAG_INVALID, name, "Too many: %zu: must have at most %d items", n,
                  CHECK_LIST_MAX);
        return false;
}
