#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void PRINTF_LIKE(2, 0) err_vformat(struct err *e, const char *fmt, va_list ap) {
        int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);

        if (n < 0)
                e->text[0] = '\0';
}

static void err_append(struct err *e, const char *tail) {
        size_t len = strlen(e->text);
        int n = snprintf(e->text + len, sizeof(e->text) - len, "%s", tail);

        (void) n; /* a cut text is still a text */
}

int err_set(struct err *e, int code, const char *fmt, ...) {
        va_list ap;

        if (!e)
                return code;
        va_start(ap, fmt);
        err_vformat(e, fmt, ap);
        va_end(ap);
        e->code = code;
        return code;
}

int err_errno(struct err *e, int code, const char *fmt, ...) {
        char words[128];
        va_list ap;

        if (!e)
                return code;
        va_start(ap, fmt);
        err_vformat(e, fmt, ap);
        va_end(ap);
        err_append(e, ": ");
        err_append(e, strerror_r(-code, words, sizeof(words)));
        e->code = code;
        return code;
}

int err_wrap(struct err *e, int code, const char *fmt, ...) {
        char before[ERR_TEXT_MAX];
        va_list ap;

        if (!e)
                return code;
        memcpy(before, e->text, sizeof(before));
        va_start(ap, fmt);
        err_vformat(e, fmt, ap);
        va_end(ap);
        if (before[0] != '\0') {
                err_append(e, ": ");
                err_append(e, before);
        }
        e->code = code;
        return code;
}

const char *err_text(const struct err *e) {
        return e && e->text[0] != '\0' ? e->text : "unknown error";
}
