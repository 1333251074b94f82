#pragma once

#include "api/schema/types.h"

#include <stddef.h>
#include <stdint.h>

/* Room for a canonical quantity and NUL. */
#define QUANTITY_TEXT_MAX 40

/* Parses a Kubernetes quantity: "500m", "64Mi", "1.5", "1e3", "2E", "4Ei". Amounts below a
 * thousandth are rounded away from zero, as Kubernetes does below its nano; amounts beyond int64_t
 * thousandths saturate. Returns 0 or -EINVAL. Pure. */
int quantity_parse(const char *text, struct quantity *ret);

/* Whether text is a quantity at all. */
bool quantity_is_valid(const char *text);

/* Rewrites a quantity text as Kubernetes prints it: "1000m" → "1", "0.5" → "500m", "1024Mi" →
 * "1Gi", "1e3" stays "1e3". buf: QUANTITY_TEXT_MAX bytes. Returns 0 or -EINVAL. Pure. */
int quantity_canonical(const char *text, char *buf);

/* A number of thousandths as Kubernetes prints a decimal quantity ("1500m", "2", "3k"), and bytes
 * as a binary one ("64Mi", "1000"). buf: QUANTITY_TEXT_MAX bytes. Return buf. */
char *quantity_format_milli(int64_t milli, char *buf);
char *quantity_format_bytes(int64_t bytes, char *buf);

/* A decoded quantity as Kubernetes prints it, in the style in which it was written; absent is "0".
 * buf: QUANTITY_TEXT_MAX bytes. Returns buf. */
char *quantity_format(struct quantity q, char *buf);

/* The sum, saturating, in the style of a unless that is nothing. Absent counts as nothing. */
struct quantity quantity_add(struct quantity a, struct quantity b);

/* Whole units, rounded up; 0 when absent. For memory: bytes. */
int64_t quantity_value(struct quantity q);

/* Resolves "25%" or a number against total. is_up: round up (maxSurge), else down (maxUnavailable).
 * Absent and malformed values give otherwise. Never negative. Pure. */
int64_t int_or_string_resolve(const struct int_or_string *v, int64_t total, bool is_up,
                              int64_t otherwise);

/* Reads a metav1.Duration ("1h30m", "250ms") into microseconds. Returns 0, -EINVAL or -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_usec);
