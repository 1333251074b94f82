#include "api/dockerfile/dockerfile.h"

#include "api/dockerfile/expand.h"
#include "base/str.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *userdata, const char *name) {
        (void) userdata;
        return strlen(name) % 2 ? "some/va*lue" : NULL;
}

/* Any text is read or refused with findings; what is read names stages that are there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct expand_source source = { .get = get, .escape = '\\' };
        AUTO(dockerfile) struct dockerfile *f = NULL;
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        AUTO_FREE char *text = strndup((const char *) data, MIN(size, 2048U));
        struct diags d = { 0 };
        int r = dockerfile_parse((const char *) data, size, "f", &f, &d);

        if (r == -EINVAL && d.n_errors == 0)
                abort();
        if (r == 0 && (f->n_stages == 0 || f->n < f->n_stages))
                abort();
        for (size_t i = 0; i < d.n; i++) {
                AUTO_FREE char *line = diag_format(&d.items[i]);

                if (!line)
                        abort();
        }
        if (text && expand_text(text, &source, &out, NULL) == 0 && out.len > 2 * EXPAND_BYTES_MAX)
                abort();
        diags_done(&d);
        return 0;
}
