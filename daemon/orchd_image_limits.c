#include "daemon/orchd_image_limits.h"

#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/str.h"

#include <errno.h>

static int limits_percent(const char *text, const char *option, unsigned *ret, struct err *e) {
        int64_t value = 0;

        if (str_to_int64(text, 0, 100, &value) < 0)
                return err_set(e, -EINVAL, "--%s %s is no percentage from 0 to 100", option, text);
        *ret = (unsigned) value;
        return 0;
}

int orchd_image_limits_read(const char *high, const char *low, const char *age,
                            struct orchd_image_limits *ret, struct err *e) {
        struct orchd_image_limits limits = { 0 };
        uint64_t age_usec = 0;
        int r;

        high = high ? high : ORCHD_IMAGE_HIGH;
        low = low ? low : ORCHD_IMAGE_LOW;
        age = age ? age : ORCHD_IMAGE_AGE;
        r = limits_percent(high, "image-gc-high-threshold-percent", &limits.high_pct, e);
        if (r == 0)
                r = limits_percent(low, "image-gc-low-threshold-percent", &limits.low_pct, e);
        if (r < 0)
                return r;
        if (limits.low_pct >= limits.high_pct)
                return err_set(e, -EINVAL,
                               "--image-gc-low-threshold-percent %s isn't below "
                               "--image-gc-high-threshold-percent %s; give both",
                               low, high);
        if (duration_parse(age, &age_usec) < 0)
                return err_set(e, -EINVAL,
                               "--image-minimum-gc-age %s is no duration; write it like 2m or "
                               "1h30m",
                               age);
        limits.min_age_sec = age_usec / USEC_PER_SEC;
        *ret = limits;
        return 0;
}
