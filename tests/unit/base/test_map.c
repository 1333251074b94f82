#include "base/map.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <stdio.h>

static void keeps_what_was_put_through_growth_and_removal(void **state) {
        struct map m = { 0 };
        char key[32];
        (void) state;

        for (intptr_t i = 1; i <= 1000; i++) {
                (void) snprintf(key, sizeof(key), "key-%d", (int) i);
                assert_int_equal(map_put(&m, key, (void *) i, NULL), 0);
        }
        for (intptr_t i = 1; i <= 1000; i += 2) {
                (void) snprintf(key, sizeof(key), "key-%d", (int) i);
                assert_ptr_equal(map_remove(&m, key), (void *) i);
        }

        assert_int_equal(m.n, 500);
        assert_null(map_get(&m, "key-1"));
        assert_ptr_equal(map_get(&m, "key-2"), (void *) 2);
        map_done(&m, NULL);
}

static void churn_does_not_grow_the_table(void **state) {
        struct map m = { 0 };
        char key[32];
        (void) state;

        for (int i = 0; i < 10000; i++) {
                (void) snprintf(key, sizeof(key), "key-%d", i);
                assert_int_equal(map_put(&m, key, &m, NULL), 0);
                assert_ptr_equal(map_remove(&m, key), &m);
        }

        assert_true(m.cap <= 16);
        map_done(&m, NULL);
}

static void replacing_returns_the_old_value(void **state) {
        struct map m = { 0 };
        void *old = &m;
        (void) state;

        assert_int_equal(map_put(&m, "a", (void *) 1, &old), 0);
        assert_null(old);
        assert_int_equal(map_put(&m, "a", (void *) 2, &old), 0);
        assert_ptr_equal(old, (void *) 1);
        assert_int_equal(m.n, 1);
        map_done(&m, NULL);
}

static void the_current_key_may_go_while_walking(void **state) {
        struct map m = { 0 };
        char key[32];
        (void) state;

        for (int i = 0; i < 100; i++) {
                (void) snprintf(key, sizeof(key), "%d", i);
                assert_int_equal(map_put(&m, key, &m, NULL), 0);
        }
        MAP_FOREACH(i, &m) {
                (void) snprintf(key, sizeof(key), "%s", i->key);
                (void) map_remove(&m, key);
        }

        assert_int_equal(m.n, 0);
        map_done(&m, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_what_was_put_through_growth_and_removal),
                cmocka_unit_test(churn_does_not_grow_the_table),
                cmocka_unit_test(replacing_returns_the_old_value),
                cmocka_unit_test(the_current_key_may_go_while_walking),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
