/* The project's JSON reader and writer beside jansson's: both accept the same texts, make the same
 * trees, and write the same bytes. */
#include "api/text/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        json_t *ours = NULL, *theirs, *again = NULL;
        char *written, *expected;
        struct err e = { 0 };
        json_error_t why;
        size_t len = 0;
        int r;

        /* Behind its value jansson takes a NUL for the end. */
        if (size > 1U << 20 || memchr(data, '\0', size))
                return 0;
        r = text_read_json(text, size, 0, &ours, &e);
        theirs = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
        assert((r == 0) == (ours != NULL));
        assert((r == 0) == (theirs != NULL) || (r == -EINVAL && strstr(e.text, "nested")));
        if (ours) {
                assert(json_equal(ours, theirs));
                written = text_json_dump(ours, &len);
                expected = json_dumps(theirs, JSON_COMPACT | JSON_ENCODE_ANY);
                assert(written && expected && strcmp(written, expected) == 0);
                assert(strlen(written) == len);
                assert(text_read_json(written, len, 0, &again, &e) == 0);
                assert(json_equal(again, ours));
                free(written);
                free(expected);
        }
        json_decref(ours);
        json_decref(theirs);
        json_decref(again);
        return 0;
}
