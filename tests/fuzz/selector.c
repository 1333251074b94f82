/* Label and field selectors. */
#include "api/kinds/labels.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct string_pair pairs[] = { { "app", "web" }, { "x/y", "" } };
        static const struct string_map labels = { pairs, 2 };
        char *text = strndup((const char *) data, size);
        struct selector *s = NULL;
        struct err e = { 0 };

        if (!text)
                return 0;
        if (selector_parse(text, &s, &e) == 0) {
                (void) selector_matches(s, &labels);
                selector_unref(s);
        }
        if (selector_parse_fields(text, &s, &e) == 0) {
                (void) selector_matches(s, &labels);
                selector_unref(s);
        }
        free(text);
        return 0;
}
