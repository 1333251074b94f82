#include "base/backoff.h"
#include "base/macros.h"
#include "base/slab.h"
#include "tests/unit/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void without_a_beginning_it_is_malloc(void **state) {
        void *memory = slab_alloc(5000);
        (void) state;

        assert_non_null(memory);
        assert_int_equal(slab_bytes(), 0);
        slab_free(memory, 5000);
        slab_free(NULL, 0);
}

static void small_beginnings_and_large_things_are_mallocs(void **state) {
        void *early, *large, *small;
        (void) state;
        slab_begin(1000);

        early = slab_alloc(1000);
        large = slab_alloc(16 * 1024 + 1);
        assert_int_equal(slab_bytes(), 0);
        small = slab_alloc(16 * 1024);
        assert_true(slab_bytes() > 0);

        slab_free(early, 1000);
        slab_free(large, 16 * 1024 + 1);
        slab_free(small, 16 * 1024);
        slab_end();
}

/* Every version is replaced by one that is larger: malloc() would keep a hole a version. */
static void what_is_replaced_by_larger_things_leaves_no_holes(void **state) {
        void *all[1000];
        size_t before;
        (void) state;
        slab_begin(0);

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                all[i] = slab_alloc(4100);
        before = slab_bytes();
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                slab_free(all[i], 4100);
                all[i] = slab_alloc(6300);
        }

        assert_true(before < 1000 * 4100 * 11 / 10);
        assert_true(slab_bytes() < 1000 * 6300 * 11 / 10);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                slab_free(all[i], 6300);
        assert_int_equal(slab_bytes(), 0);
        slab_end();
}

/* Blocks don't overlap, are aligned, and keep what is in them, whatever comes and goes. */
static void blocks_are_their_owners_alone(void **state) {
        struct {
                unsigned char *at;
                size_t size;
                unsigned char mark;
        } all[500] = { 0 };
        uint64_t seed = 7;
        (void) state;
        slab_begin(64 * 1024);

        for (unsigned step = 0; step < 20000; step++) {
                size_t i = backoff_random(&seed) % ARRAY_SIZE(all);

                if (all[i].at) {
                        for (size_t k = 0; k < all[i].size; k++)
                                assert_int_equal(all[i].at[k], all[i].mark);
                        slab_free(all[i].at, all[i].size);
                        all[i].at = NULL;
                        continue;
                }
                all[i].size = 1 + backoff_random(&seed) % (step % 10 == 0 ? 20000 : 2000);
                all[i].mark = (unsigned char) step;
                all[i].at = slab_alloc(all[i].size);
                assert_non_null(all[i].at);
                assert_int_equal((uintptr_t) all[i].at % 16, 0);
                memset(all[i].at, all[i].mark, all[i].size);
        }
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                slab_free(all[i].at, all[i].size);
        assert_int_equal(slab_bytes(), 0);
        slab_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_beginning_it_is_malloc),
                cmocka_unit_test(small_beginnings_and_large_things_are_mallocs),
                cmocka_unit_test(what_is_replaced_by_larger_things_leaves_no_holes),
                cmocka_unit_test(blocks_are_their_owners_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
