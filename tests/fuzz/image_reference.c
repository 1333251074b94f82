#include "daemon/distribution/image_reference.h"

#include "base/str.h"
#include "daemon/image/record.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* References, and the records of the store, as text of any kind. What parses must print as itself
 * and parse again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 }, again = { 0 };
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *text = strndup((const char *) data, size);
        AUTO_FREE char *printed = NULL;

        if (!text)
                return 0;
        (void) image_record_decode((const char *) data, size, "/l", &image, NULL);
        if (image_reference_parse(text, &ref, NULL) < 0)
                return 0;
        printed = image_reference_format(&ref);
        if (!printed)
                return 0;
        if (image_reference_parse(printed, &again, NULL) < 0 && strlen(printed) <= 512)
                abort();
        if (strlen(printed) <= 512 && image_reference_match(&ref, &again) != 3)
                abort();
        return 0;
}
