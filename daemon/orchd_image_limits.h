#pragma once

#include "base/err.h"

#include <stdint.h>

/* When images go by themselves: kubelet's imageGCHighThresholdPercent, imageGCLowThresholdPercent
 * and imageMinimumGCAge, under its defaults. */
struct orchd_image_limits {
        unsigned high_pct; /* of the disk in use: from here on images go; 100: never */
        unsigned low_pct;  /* until less than this is in use */
        uint64_t min_age_sec;
};

#define ORCHD_IMAGE_HIGH "85"
#define ORCHD_IMAGE_LOW "80"
#define ORCHD_IMAGE_AGE "2m"

/* Reads the three options' values; NULL: the default. Returns 0, or -EINVAL when one is none or the
 * lower isn't below the higher, as kubelet wants it. Pure. */
int orchd_image_limits_read(const char *high, const char *low, const char *age,
                            struct orchd_image_limits *ret, struct err *e);
