/* [tree, patch]: all kinds of patches leave their input alone, and apply arrives where it wants to.
 */
#include "api/patch/patch.h"

#include "api/kinds/workload.h"
#include "api/patch/apply.h"
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

/* One manager applies twice: the second time there is nothing to do, whatever the first had to. */
static void check_server_side(const struct schema *s, const json_t *live, const json_t *config) {
        struct apply_type type = apply_type_of(s);
        AUTO_DONE(apply_conflicts) struct apply_conflicts conflicts = { 0 };
        struct apply_request q = {
                .type = &type,
                .live = live,
                .config = config,
                .by = { .manager = "fuzz", .api_version = "apps/v1", .subresource = "" },
                .is_forced = true,
        };
        json_t *once = NULL, *twice = NULL;
        struct managers m;
        struct err e = { 0 };

        assert(managers_init(&m) == 0);
        if (json_is_object(live) && managers_apply(&m, &q, &once, &conflicts, &e) >= 0) {
                q.live = once;
                assert(managers_apply(&m, &q, &twice, &conflicts, &e) == 0);
                assert(json_equal(once, twice));
        }
        json_decref(once);
        json_decref(twice);
        managers_done(&m);
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
                check_server_side(s, tree, patch);
                assert(json_equal(tree, kept));
                json_decref(kept);
        }
        json_decref(both);
        return 0;
}
