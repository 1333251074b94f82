/* Manifests: any text gives objects or findings; what was read survives being printed. */
#include "api/kinds/manifest.h"
#include "base/str.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        struct diags d = { 0 };
        int r = manifest_read((const char *) data, size, "f", "default", &m, &d);

        assert(r == 0 || r == -EFBIG);
        for (size_t i = 0; i < m.n; i++) {
                AUTO_DONE(text_documents) struct text_documents docs = { 0 };
                AUTO_FREE char *text = text_yaml_dump(m.items[i].tree);
                struct diags again = { 0 };

                assert(text);
                r = text_read_yaml(text, strlen(text), NULL, 64U << 20, &docs, &again);
                assert(r == 0 && docs.n == 1);
                diags_done(&again);
        }
        diags_done(&d);
        return 0;
}
