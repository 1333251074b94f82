#include "daemon/build/request.h"
#include "daemon/build/view.h"
#include "daemon/image/record.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void a_request_is_read(void **state) {
        static const char text[] =
                "{\"file\":\"d/"
                "Dockerfile\",\"tags\":[\"a:1\",\"b\"],\"target\":\"t\",\"buildArgs\":"
                "{\"A\":\"1\"},\"noCache\":true,\"network\":\"none\",\"memoryBytes\":5,"
                "\"sourceDateEpoch\":7}";
        AUTO_DONE(build_request) struct build_request q = { 0 };
        (void) state;

        assert_int_equal(build_request_read(text, strlen(text), "linux/arm64", &q, NULL), 0);

        assert_string_equal(q.file, "d/Dockerfile");
        assert_int_equal(q.n_tags, 2);
        assert_string_equal(q.tags[1], "b");
        assert_string_equal(q.options.target, "t");
        assert_string_equal(q.options.machine, "linux/arm64");
        assert_string_equal(q.options.args.items[0].value, "1");
        assert_true(q.has_no_cache && q.has_no_network && q.has_epoch);
        assert_int_equal(q.memory_bytes, 5);
        assert_int_equal(q.epoch, 7);
}

static void what_is_no_request_is_refused(void **state) {
        static const char *const texts[] = { "",
                                             "[]",
                                             "{\"tags\":[1]}",
                                             "{\"buildArgs\":{\"A\":1}}",
                                             "{\"memoryBytes\":-1}",
                                             "{\"sourceDateEpoch\":-1}",
                                             "{} x" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                AUTO_DONE(build_request) struct build_request q = { 0 };
                struct err e = { 0 };

                assert_int_equal(build_request_read(texts[i], strlen(texts[i]), "m", &q, &e),
                                 -EINVAL);
                assert_true(e.text[0]);
        }
}

static void only_the_upper_of_two_equal_layers_counts(void **state) {
        AUTO_DONE(image_words) struct image_words layers = { 0 };
        (void) state;

        assert_int_equal(image_words_add(&layers, "sha256:a"), 0);
        assert_int_equal(image_words_add(&layers, "sha256:b"), 0);
        assert_int_equal(image_words_add(&layers, "sha256:a"), 0);

        assert_true(build_view_is_repeated(&layers, 0));
        assert_false(build_view_is_repeated(&layers, 1));
        assert_false(build_view_is_repeated(&layers, 2));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_is_read),
                cmocka_unit_test(what_is_no_request_is_refused),
                cmocka_unit_test(only_the_upper_of_two_equal_layers_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
