/* [tree, patch]: all kinds of patches leave their input alone, and apply arrives where it wants to.
 */
#include "api/patch/patch.h"

#include "api/kinds/workload.h"
#include "api/text/text.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_apply(const struct schema *s, const json_t *live, const json_t *wanted) {
        json_t *diff = NULL, *out = NULL, *again = NULL;
        struct err e = { 0 };

        if (patch_three_way(s, NULL, wanted, live, &diff, &e) == 0 &&
            patch_strategic(s, live, diff, &out, &e) == 0)
                (void) patch_three_way(s, wanted, wanted, out, &again, &e);
        json_decref(diff);
        json_decref(out);
        json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct schema *s = deployment_kind.schema;
        json_t *both = NULL, *out = NULL, *kept;
        const json_t *tree, *patch;
        struct err e = { 0 };

        if (text_read_json((const char *) data, size, 65536, &both, &e) < 0)
                return 0;
        tree = json_array_get(both, 0);
        patch = json_array_get(both, 1);
        if (tree && patch) {
                kept = json_deep_copy(tree);
                if (patch_merge(tree, patch, &out, &e) == 0)
                        json_decref(out);
                if (patch_json(tree, patch, &out, &e) == 0)
                        json_decref(out);
                if (patch_strategic(s, tree, patch, &out, &e) == 0)
                        json_decref(out);
                check_apply(s, tree, patch);
                assert(json_equal(tree, kept));
                json_decref(kept);
        }
        json_decref(both);
        return 0;
}
