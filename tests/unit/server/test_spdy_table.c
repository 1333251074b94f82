#include "daemon/server/spdy_table.h"
#include "tests/unit/test.h"

static void ids_only_rise_and_are_odd(void **state) {
        struct spdy_table t = { 0 };
        (void) state;

        assert_int_equal(spdy_table_open(&t, 1, false), SPDY_ACCEPT);
        assert_int_equal(spdy_table_open(&t, 5, false), SPDY_ACCEPT);
        assert_int_equal(spdy_table_open(&t, 5, false), SPDY_BREAK);
        assert_int_equal(spdy_table_open(&t, 3, false), SPDY_BREAK);
        assert_int_equal(spdy_table_open(&t, 6, false), SPDY_BREAK);
        assert_int_equal(spdy_table_open(&t, 0, false), SPDY_BREAK);
        spdy_table_done(&t);
}

static void a_stream_is_forgotten_when_both_sides_have_ended(void **state) {
        struct spdy_table t = { 0 };
        (void) state;

        (void) spdy_table_open(&t, 1, true);
        (void) spdy_table_open(&t, 3, false);
        assert_true(spdy_table_find(&t, 1)->has_in_ended);
        spdy_table_end_out(&t, 1);
        assert_null(spdy_table_find(&t, 1));
        spdy_table_end_out(&t, 3);
        assert_non_null(spdy_table_find(&t, 3));
        spdy_table_end_in(&t, 3);
        assert_null(spdy_table_find(&t, 3));
        spdy_table_end_in(&t, 3);

        assert_int_equal(t.n, 0);
        spdy_table_done(&t);
}

static void ten_thousand_streams_are_refused_in_bounded_memory(void **state) {
        struct spdy_table t = { 0 };
        unsigned n_accepted = 0, n_refused = 0;
        (void) state;

        for (uint32_t i = 0; i < 10000; i++) {
                enum spdy_verdict verdict = spdy_table_open(&t, 2 * i + 1, false);

                n_accepted += verdict == SPDY_ACCEPT;
                n_refused += verdict == SPDY_REFUSE;
        }
        assert_int_equal(n_accepted, SPDY_STREAMS_MAX);
        assert_int_equal(n_refused, 10000 - SPDY_STREAMS_MAX);
        assert_int_equal(t.cap, SPDY_STREAMS_MAX);

        spdy_table_forget(&t, 7);
        assert_int_equal(spdy_table_open(&t, 20001, false), SPDY_ACCEPT);
        spdy_table_done(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_only_rise_and_are_odd),
                cmocka_unit_test(a_stream_is_forgotten_when_both_sides_have_ended),
                cmocka_unit_test(ten_thousand_streams_are_refused_in_bounded_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
