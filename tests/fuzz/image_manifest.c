#include "base/str.h"
#include "daemon/distribution/manifest.h"
#include "daemon/distribution/transfer.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Manifests, indexes and configurations as a registry sends them; behind the first line, which is
 * the Content-Type and, taken as a number or a range, what its other headers say. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
        size_t head = line_end ? (size_t) (line_end - data) : 0;
        AUTO_FREE char *type = strndup((const char *) data, head);
        const char *text = (const char *) data + (line_end ? head + 1 : 0);
        size_t len = size - (line_end ? head + 1 : 0);
        enum manifest_kind kind;
        struct platform want;
        struct transfer t = { .got_bytes = 10 };
        json_t *root = NULL;
        uint64_t skip;

        if (!type)
                return 0;
        platform_set(&want, "linux", "arm", "v7");
        (void) transfer_retry_after(type, 1000);
        (void) transfer_check_head(&t, &(struct transfer_head){ 206, type, -1 }, 100, &skip, NULL);
        (void) platform_parse(type, &want, NULL);
        if (manifest_classify(text, len, type, &kind, &root, NULL) == 0) {
                AUTO_DONE(manifest) struct manifest m = { 0 };
                AUTO_DONE(descriptor) struct descriptor chosen = { 0 };

                if (manifest_read(root, &m, NULL) == 0 && m.n_layers > MANIFEST_LAYERS_MAX)
                        abort();
                if (manifest_choose(root, &want, &chosen, NULL) == 0 &&
                    !digest_is_valid(chosen.digest))
                        abort();
        }
        json_decref(root);
        for (size_t n = 0; n < 3; n++) {
                AUTO_DONE(manifest_config) struct manifest_config c = { 0 };

                if (manifest_read_config(text, len, n, NULL, &c, NULL) < 0)
                        continue;
                for (size_t i = 0; i < n; i++)
                        if (!digest_is_valid(c.diff_ids[i]))
                                abort();
        }
        return 0;
}
