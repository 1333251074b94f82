#include "api/schema/base64.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "tests/unit/test.h"

static void quantities_are_parsed_and_made_canonical(void **state) {
        static const struct {
                const char *text;
                int64_t milli;
                const char *canonical;
        } cases[] = {
                { "0", 0, "0" },
                { "1", 1000, "1" },
                { "500m", 500, "500m" },
                { "0.5", 500, "500m" },
                { "1000m", 1000, "1" },
                { "1500m", 1500, "1500m" },
                { "1.5", 1500, "1500m" },
                { "1000", 1000000, "1k" },
                { "64Mi", 67108864000, "64Mi" },
                { "1024Mi", 1073741824000, "1Gi" },
                { "1.5Gi", 1610612736000, "1536Mi" },
                { "0.5Ki", 512000, "512" },
                { "128974848", 128974848000, "128974848" },
                { "1e3", 1000000, "1e3" },
                { "1E3", 1000000, "1e3" },
                { "12e-1", 1200, "1200e-3" },
                { "2E", 2000000000000000000, "2E" },
                { "4Ei", 4611686018427387904, "4Ei" },
                { "1n", 1, "1n" },
                { "1u", 1, "1u" },
                { "+3", 3000, "3" },
                { "-1", -1000, "-1" },
                { ".5", 500, "500m" },
                { "5.", 5000, "5" },
                { "0.0000000001", 1, "1n" },
                { "-888888888888888.1888888888888", -888888888888888189,
                  "-888888888888888188888889n" },
        };
        char buf[QUANTITY_TEXT_MAX];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct quantity q = { 0 };

                assert_int_equal(quantity_parse(cases[i].text, &q), 0);
                if (i != 16 && i != 17) /* beyond int64 thousandths */
                        assert_int_equal(q.milli, cases[i].milli);
                assert_int_equal(quantity_canonical(cases[i].text, buf), 0);
                assert_string_equal(buf, cases[i].canonical);
        }
}

static void amounts_beyond_the_range_saturate(void **state) {
        struct quantity q = { 0 };
        char buf[QUANTITY_TEXT_MAX];
        (void) state;

        assert_int_equal(quantity_parse("4Ei", &q), 0);
        assert_int_equal(q.milli, INT64_MAX);
        assert_int_equal(quantity_parse("-99999999999999999999999999999999999999999999", &q), 0);
        assert_int_equal(q.milli, INT64_MIN);
        assert_int_equal(quantity_parse("1e100", &q), 0);
        assert_int_equal(q.milli, INT64_MAX);
        assert_int_equal(quantity_canonical("1e100", buf), 0);
        assert_string_equal(buf, "9223372036854775807");
}

static void what_is_no_quantity_is_refused(void **state) {
        static const char *const bad[] = { "",     "m",     "1 ",  " 1",   "1KiB", "1mi",
                                           "1..2", "--1",   "1e",  "1ee3", "0x10", "1e+-3",
                                           "Mi",   "1.2.3", "one", "1K i" };
        struct quantity q = { .milli = 7 };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(quantity_parse(bad[i], &q), -EINVAL);
        assert_int_equal(quantity_parse(NULL, &q), -EINVAL);
        assert_int_equal(q.milli, 7);
}

static void percentages_round_as_asked(void **state) {
        static const struct {
                struct int_or_string v;
                int64_t total;
                bool is_up;
                int64_t expected;
        } cases[] = {
                { { INT_OR_STRING_STRING, 0, "25%" }, 3, true, 1 },
                { { INT_OR_STRING_STRING, 0, "25%" }, 3, false, 0 },
                { { INT_OR_STRING_STRING, 0, "25%" }, 10, true, 3 },
                { { INT_OR_STRING_STRING, 0, "25%" }, 10, false, 2 },
                { { INT_OR_STRING_STRING, 0, "100%" }, 7, true, 7 },
                { { INT_OR_STRING_STRING, 0, "0%" }, 7, true, 0 },
                { { INT_OR_STRING_INT, 2, NULL }, 7, true, 2 },
                { { INT_OR_STRING_INT, -2, NULL }, 7, true, 0 },
                { { INT_OR_STRING_ABSENT, 0, NULL }, 7, true, 9 },
                { { INT_OR_STRING_STRING, 0, "x%" }, 7, true, 9 },
                { { INT_OR_STRING_STRING, 0, "5" }, 7, true, 9 },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_int_equal(
                        int_or_string_resolve(&cases[i].v, cases[i].total, cases[i].is_up, 9),
                        cases[i].expected);
}

static void durations_are_parsed(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;
        } good[] = { { "0", 0 },          { "10s", 10000000 }, { "1h30m", 5400000000 },
                     { "250ms", 250000 }, { "1.5s", 1500000 }, { "3us", 3 } };
        static const char *const bad[] = { "", "1", "s", "1d", "-1s", "1h x" };
        uint64_t usec = 0;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_int_equal(duration_parse(good[i].text, &usec), 0);
                assert_int_equal(usec, good[i].usec);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(duration_parse(bad[i], &usec), -EINVAL);
        assert_int_equal(duration_parse("99999999999h", &usec), -ERANGE);
}

static void base64_survives_a_round_trip(void **state) {
        uint8_t data[64], back[128];
        char text[128];
        size_t len = 0;
        (void) state;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) (i * 37);
        for (size_t n = 0; n <= sizeof(data); n++) {
                base64_encode(data, n, text);
                assert_int_equal(strlen(text), base64_encoded_len(n));
                assert_int_equal(base64_decode(text, strlen(text), back, &len), 0);
                assert_int_equal(len, n);
                assert_memory_equal(back, data, n);
        }
        assert_int_equal(base64_decode("AA=A", 4, back, &len), -EINVAL);
        assert_int_equal(base64_decode("A", 1, back, &len), -EINVAL);
        assert_int_equal(base64_decode("A===", 4, back, &len), -EINVAL);
        assert_int_equal(base64_decode("A?==", 4, back, &len), -EINVAL);
        assert_int_equal(base64_decode("QUJD\nREVG\n", 10, back, &len), 0);
        assert_memory_equal(back, "ABCDEF", 6);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quantities_are_parsed_and_made_canonical),
                cmocka_unit_test(amounts_beyond_the_range_saturate),
                cmocka_unit_test(what_is_no_quantity_is_refused),
                cmocka_unit_test(percentages_round_as_asked),
                cmocka_unit_test(durations_are_parsed),
                cmocka_unit_test(base64_survives_a_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
