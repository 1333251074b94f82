#pragma once

#include "base/err.h"

#include <stdint.h>

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL
#define USEC_NEVER UINT64_MAX

/* Room for "2026-01-02T03:04:05.123456789Z" and NUL. */
#define CLOCK_TEXT_MAX 32

/* CLOCK_BOOTTIME: never jumps, counts suspend. For intervals and time-outs. */
uint64_t clock_now_usec(void);

/* CLOCK_REALTIME, since 1970. For what people read. */
uint64_t clock_wall_usec(void);

/* RFC 3339 in UTC: whole seconds (metav1.Time), exactly six decimals (metav1.MicroTime), nine
 * decimals (log lines). buf: CLOCK_TEXT_MAX bytes. Return buf. */
char *clock_format(uint64_t wall_usec, char *buf);
char *clock_format_micro(uint64_t wall_usec, char *buf);
char *clock_format_nano(uint64_t wall_nsec, char *buf);

/* Parses RFC 3339 with offset or Z, fractions of up to nine digits (cut to microseconds). Times
 * before 1970 are refused. Returns 0 or -EINVAL. */
int clock_parse(const char *text, uint64_t *ret_wall_usec);
