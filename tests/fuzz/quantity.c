/* Quantities: the canonical form is a quantity, says the same, and is its own canonical form. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema/quantity.h"

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
                assert(strcmp(once, twice) == 0);
        }
        free(text);
        return 0;
}
