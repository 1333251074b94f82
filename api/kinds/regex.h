#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Patterns of JSON schemas, which Kubernetes gives to RE2: what RE2 refuses (back references,
 * looking around) is refused, and every match has a bounded price. */
struct regex;

#define REGEX_PATTERN_MAX_BYTES 4096U

/* Compiles. Returns 0, -EINVAL (explained), -E2BIG or -ENOMEM. */
int regex_new(const char *pattern, struct regex **ret, struct err *e);
void regex_free(struct regex *r);

/* Whether a part of text matches. *budget: steps that this and the next matches may still take
 * beyond what a match of such a text usually takes; shrinks. Returns 1, 0, -ETIME (too expensive)
 * or -ENOMEM. */
#define REGEX_BUDGET 5000000U
int regex_matches(const struct regex *r, const char *text, size_t len, uint32_t *budget);

/* For whoever keeps many. */
struct regex *regex_chain(struct regex *r, struct regex *next);
struct regex *regex_next(const struct regex *r);
