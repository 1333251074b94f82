/* managedFields as anybody may send them: what is read can be written and read again, and the
 * algebra of sets holds. Two lists of managers, a line between them, give two sets each. */
#include "api/patch/apply.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct field_maker *m, const struct field_set *s) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const struct field_set *again = NULL;

        field_set_format(s, &b);
        assert(field_set_parse(m, b.s, b.len, &again, NULL) == 0);
        assert(field_set_equal(s, again));
}

static void ignore(void *data, const char *text) {
        (void) data;
        assert(text);
}

static void check_algebra(struct field_maker *m, const struct field_set *a,
                          const struct field_set *b) {
        const struct field_set *both = field_set_union(m, a, b);
        const struct field_set *common = field_set_intersection(m, a, b);
        const struct field_set *rest = field_set_difference(m, a, b);

        assert(field_set_is_subset(a, both) && field_set_is_subset(b, both));
        assert(field_set_is_subset(common, a) && field_set_is_subset(common, b));
        assert(field_set_is_empty(field_set_intersection(m, rest, b)));
        assert(field_set_equal(field_set_union(m, rest, common), a));
        assert(field_set_is_subset(field_set_cut(m, a, b), a));
        check_text(m, both);
        assert(field_set_each(both, ignore, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
        size_t first = line ? (size_t) (line - text) : size;
        struct managers a, b;
        struct err e = { 0 };
        char *again;

        assert(managers_init(&a) == 0 && managers_init(&b) == 0);
        if (managers_parse(&a, text, first, &e) == 0) {
                again = managers_format(&a);
                assert(again && managers_parse(&b, again, strlen(again), NULL) == 0);
                assert(managers_equal(&a, &b));
                free(again);
                managers_done(&b);
                assert(managers_init(&b) == 0);
                if (line && managers_parse(&b, line + 1, size - first - 1, &e) == 0 && a.n > 0 &&
                    b.n > 0)
                        check_algebra(&a.maker, a.items[0].fields, b.items[0].fields);
        }
        managers_done(&a);
        managers_done(&b);
        return 0;
}
