#include "api/dockerfile/pattern.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a path, the others are rules. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_DONE(ignore) struct ignore ignore = { 0 };
        const char *text = (const char *) data;
        size_t len = 0;
        AUTO_FREE char *path = NULL;

        while (len < size && len < 300 && text[len] != '\n')
                len++;
        path = strndup(text, len);
        if (!path || size > 8192 || ignore_parse(text + len, size - len, "f", &ignore, NULL) < 0 ||
            ignore.n > 100)
                return 0;
        /* A folder that nothing below could come back from isn't looked into. */
        if (!ignore.has_exceptions && ignore_may_hold(&ignore, path))
                abort();
        (void) ignore_matches(&ignore, path);
        return 0;
}
