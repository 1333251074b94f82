#pragma once

#include "base/macros.h"

#include <errno.h>

#define ERR_TEXT_MAX 512

/* Explains a negative errno in one sentence. Lives on the caller's stack ("struct err e = {0};"),
 * never allocates. Every function below takes NULL for "not interested". */
struct err {
        int code;                /* negative errno, 0 when nothing happened */
        char text[ERR_TEXT_MAX]; /* cut, never overrun */
};

/* Starts a story. code: negative errno. Returns code, so that "return err_set(...)" reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set(), with ": " and the system's words for code behind it. */
int err_errno(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts context and ": " in front of what e says already. */
int err_wrap(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The text, or "unknown error" where none was set. Borrowed from e. */
const char *err_text(const struct err *e);
