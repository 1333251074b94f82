#include "base/array.h"

#include <string.h>

int array_reserve(void *items, size_t *cap, size_t n, size_t size) {
        size_t want = *cap ? *cap * 2 : 8, bytes;
        void *old, *fresh;

        if (n < *cap)
                return 0;
        if (__builtin_mul_overflow(want, size, &bytes))
                return -ENOMEM;
        memcpy(&old, items, sizeof(old));
        fresh = realloc(old, bytes);
        if (!fresh)
                return -ENOMEM;
        memcpy(items, &fresh, sizeof(fresh));
        *cap = want;
        return 0;
}
