/* Records of the store, as a disk may give them back. */
#include "daemon/image/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO(image) struct image *image = NULL;
        struct err e = { 0 };

        if (image_record_decode((const char *) data, size, "/layers", &image, &e) < 0)
                return err_text(&e)[0] == '\0' ? (abort(), 0) : 0;
        if (!image_digest_is_valid(image->id) ||
            (image->manifest && !image_digest_is_valid(image->manifest)))
                abort();
        for (size_t i = 0; i < image->layers.n; i++)
                if (strncmp(image->layers.items[i], "/layers/", 8) != 0 ||
                    strchr(image->layers.items[i] + 8, '/'))
                        abort();
        return 0;
}
