/* The answer of a probed server: whatever comes, in whatever pieces, is taken or refused. */
#include "daemon/node/http_reply.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct http_reply whole = { 0 }, pieces = { 0 };
        int r = http_reply_add(&whole, (const char *) data, size, true), k = 0;

        for (size_t i = 0; i < size && k == 0; i++)
                k = http_reply_add(&pieces, (const char *) data + i, 1, i + 1 == size);
        /* Cutting may end a body earlier, but never turns what is HTTP into what isn't. */
        if (size > 0 && (r > 0) != (k > 0))
                abort();
        return 0;
}
