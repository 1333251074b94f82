#include "daemon/image/mount.h"
#include "daemon/image/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whoever mounts chooses what stands in the kernel's table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        AUTO_FREE char *text = strndup((const char *) data, size);

        if (!text || image_mounts_parse(text, "/s", &mounts) < 0)
                return 0;
        for (size_t i = 0; i < mounts.n; i++)
                if (!image_digest_is_valid(mounts.items[i].id) || !mounts.items[i].path)
                        abort();
        return 0;
}
