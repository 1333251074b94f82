#include "base/arena.h"
#include "tests/unit/test.h"

#include <string.h>

static void memory_is_zeroed_aligned_and_apart(void **state) {
        AUTO(arena) struct arena *a = arena_new(64);
        (void) state;

        for (size_t i = 1; i < 300; i++) {
                char *s = arena_strdup(a, "x");
                unsigned char *p = arena_alloc(a, i);

                assert_int_equal((uintptr_t) p % _Alignof(max_align_t), 0);
                for (size_t j = 0; j < i; j++)
                        assert_int_equal(p[j], 0);
                memset(p, 0xff, i);
                assert_string_equal(s, "x");
        }
}

static void an_overflowing_count_is_refused(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        (void) state;

        assert_null(arena_alloc_n(a, SIZE_MAX / 2, 4));
        assert_non_null(arena_alloc_n(a, 0, 4));
}

static void formats_text(void **state) {
        AUTO(arena) struct arena *a = arena_new(0);
        (void) state;

        assert_string_equal(arena_printf(a, "%s/%d", "web", 3), "web/3");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
                cmocka_unit_test(an_overflowing_count_is_refused),
                cmocka_unit_test(formats_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
