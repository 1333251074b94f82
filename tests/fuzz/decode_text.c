/* The decoder that makes no tree beside the one that does: what both read they read alike, and no
 * text leads the first one astray. */
#include "api/kinds/pod.h"
#include "api/kinds/workload.h"
#include "api/text/text.h"
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct schema *s, const char *text, size_t len) {
        struct arena *a = arena_new(0);
        void *direct = a ? arena_alloc(a, s->size) : NULL;
        void *by_tree = direct ? arena_alloc(a, s->size) : NULL;
        json_t *tree = NULL;
        int r;

        if (!by_tree)
                abort();
        r = schema_decode_text(s, text, len, a, direct, NULL);
        assert(r == 0 || r == -EINVAL);
        /* Keys with escapes are found by the tree alone, numbers without end by neither. */
        if (!memchr(text, '\\', len) && text_read_json(text, len, 0, &tree, NULL) == 0 &&
            schema_decode(s, tree, a, by_tree, NULL) == 0) {
                assert(r == 0 || len >= 64);
                assert(r < 0 || schema_equal(s, direct, by_tree));
        }
        json_decref(tree);
        arena_unref(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text;

        if (size > 1U << 16)
                return 0;
        /* As long as it is, so that a sanitizer sees a byte too far. */
        text = malloc(size ? size : 1);
        if (!text)
                return 0;
        memcpy(text, data, size);
        check(pod_kind.schema, text, size);
        check(deployment_kind.schema, text, size);
        free(text);
        return 0;
}
