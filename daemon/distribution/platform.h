#pragma once

#include "base/err.h"

#include <stddef.h>

/* Which machine an image is for, in Go's names (OCI image-spec, image-index.md, "platform"). */

#define PLATFORM_WORD_MAX 24

struct platform {
        char os[PLATFORM_WORD_MAX];           /* "linux" */
        char architecture[PLATFORM_WORD_MAX]; /* "amd64", "arm64", "arm", "riscv64" */
        char variant[PLATFORM_WORD_MAX];      /* "v7"; "": none */
};

/* Reads "os/architecture[/variant]" or an architecture alone ("arm64", also by uname's names), and
 * writes what has two spellings in one: aarch64 is arm64, arm64/v8 is arm64, arm is arm/v7. Returns
 * 0 or -EINVAL. Pure. */
int platform_parse(const char *text, struct platform *ret, struct err *e);

/* The same of the three words; NULL and "" for what isn't said. Words that are too long are none.
 */
void platform_set(struct platform *ret, const char *os, const char *architecture,
                  const char *variant);

/* This machine's. */
void platform_own(struct platform *ret);

/* How well an image for have runs on a machine of want: 0 not at all, more is better. A machine
 * runs its own variant and lower ones (arm/v7 on v8, v6 on v7), a 64-bit one those of 32 bits, last
 * of all. have without os or architecture fits badly, but fits. Pure. */
unsigned platform_fit(const struct platform *want, const struct platform *have);

/* "linux/arm/v7". Returns buf. */
#define PLATFORM_TEXT_MAX (3 * PLATFORM_WORD_MAX)
char *platform_format(const struct platform *p, char buf[PLATFORM_TEXT_MAX]);
