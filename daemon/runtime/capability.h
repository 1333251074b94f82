#pragma once

#include <stdint.h>

/* Capability names, with or without "CAP_", in any case. Pure. */

#define CAPABILITY_COUNT 41
#define CAPABILITY_ALL ((1ULL << CAPABILITY_COUNT) - 1)

/* The 14 that a container has unless it says otherwise, as in Docker and containerd. */
extern const uint64_t capability_default;

/* The bit's number, or -EINVAL. */
int capability_from_name(const char *name);
/* "CHOWN"; bit below CAPABILITY_COUNT. */
const char *capability_name(unsigned bit);
