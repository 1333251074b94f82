/* Quantities: the canonical form is a quantity, and its own canonical form says the same. (It may
 * look different: as in Kubernetes, "0.2Gi" becomes a plain number, which is a decimal one from
 * then on.) */
#include "api/schema/quantity.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char once[QUANTITY_TEXT_MAX], twice[QUANTITY_TEXT_MAX];
        char *text = strndup((const char *) data, size);
        struct quantity a = { 0 }, b = { 0 };
        uint64_t usec;

        if (!text)
                return 0;
        (void) duration_parse(text, &usec);
        if (quantity_parse(text, &a) == 0) {
                assert(quantity_is_valid(text));
                assert(quantity_canonical(text, once) == 0);
                assert(quantity_parse(once, &b) == 0);
                assert(quantity_canonical(once, twice) == 0);
                assert(quantity_parse(twice, &a) == 0);
                assert(a.milli == b.milli);
        }
        free(text);
        return 0;
}
