#include "api/text/span.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *json, const char *key, const char *value) {
        struct text_span span = { .at = "", .len = 0 };
        bool is_there = text_json_member(json, strlen(json), key, &span);

        assert_int_equal(is_there, value != NULL);
        if (value) {
                assert_int_equal(span.len, strlen(value));
                assert_memory_equal(span.at, value, span.len);
        }
}

static void finds_members_of_every_type(void **state) {
        static const char JSON[] = "{\"a\":1,\"b\":\"x\\\"}\",\"c\":{\"d\":[{\"}\":\"]\"}]},"
                                   "\"e\" : [ 1 , 2 ] , \"f\":null}";
        (void) state;

        expect(JSON, "a", "1");
        expect(JSON, "b", "\"x\\\"}\"");
        expect(JSON, "c", "{\"d\":[{\"}\":\"]\"}]}");
        expect(JSON, "e", "[ 1 , 2 ]");
        expect(JSON, "f", "null");
        expect(JSON, "d", NULL);
        expect("{}", "a", NULL);
        expect(" {\"a\":{}}", "a", "{}");
}

/* Every beginning of a text, in memory of its own so that a sanitizer sees a step too far. */
static void what_is_cut_off_stays_inside(void **state) {
        static const char JSON[] = "{\"a\":{\"b\":[\"\\u0041\\\"\",true]},\"c\":-1.5e3}";
        (void) state;

        for (size_t len = 0; len < sizeof(JSON); len++) {
                char *cut = malloc(len + 1);
                struct text_span span;

                memcpy(cut, JSON, len);
                (void) text_json_member(cut, len, "none", &span);
                if (text_json_member(cut, len, "c", &span))
                        assert_true(span.at >= cut && span.at + span.len <= cut + len);
                free(cut);
        }
        expect("[1]", "a", NULL);
        expect("", "a", NULL);
        expect("{\"a\"", "a", NULL);
        expect("{a:1}", "a", NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_members_of_every_type),
                cmocka_unit_test(what_is_cut_off_stays_inside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
