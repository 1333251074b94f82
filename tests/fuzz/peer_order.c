/* What a neighbour asks for: nothing but a digest passes. */
#include "daemon/distribution/manifest.h"
#include "daemon/distribution/peer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct peer_order order;
        struct err e = { 0 };
        char *text;

        if (size > PEER_HEAD_MAX)
                return 0;
        text = malloc(size + 1);
        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (peer_order_parse(text, &order, &e) == 0 &&
            (!digest_is_valid(order.digest) || !strstr(text, order.digest)))
                abort();
        free(text);
        return 0;
}
