#include "daemon/plan/build_retry.h"

#include "base/backoff.h"
#include "base/macros.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* "E", capitals or digits, a space. */
static size_t name_len(const char *complaint) {
        size_t n = 0;

        if (complaint[0] != 'E')
                return 0;
        while (isupper((unsigned char) complaint[n]) || isdigit((unsigned char) complaint[n]))
                n++;
        return n > 1 && complaint[n] == ' ' ? n : 0;
}

/* The registry or the way to it is down; EIO: it answered HTTP 500 and above, or cut its answer. */
static bool is_passing(const char *name, size_t len) {
        static const char *const passing[] = { "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH",
                                               "ETIMEDOUT",    "EBUSY",      "EIO" };

        for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
                if (strlen(passing[i]) == len && strncmp(passing[i], name, len) == 0)
                        return true;
        return false;
}

uint64_t build_retry_wait(const char *complaint, unsigned n_failures, const char **ret_words) {
        static const struct backoff backoff = { .base_usec = USEC_PER_SEC,
                                                .most_usec = 8 * USEC_PER_SEC };
        size_t len = name_len(complaint);

        *ret_words = complaint + (len > 0 ? len + 1 : 0);
        if (!is_passing(complaint, len) || n_failures == 0 || n_failures > BUILD_RETRIES)
                return 0;
        return backoff_delay(&backoff, n_failures);
}
