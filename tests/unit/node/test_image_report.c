#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/node/image_report.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define WORD(text) ((char[]){ text })

static char *digest_words[] = { WORD("reg.example/a@sha256:1"), WORD("reg.example/a@sha256:2") };
static char *name_words[] = { WORD("a:1"), WORD("a:2"), WORD("a:3"), WORD("a:4") };

static json_t *report(struct image *images, size_t n) {
        struct image **list = calloc(n + 1, sizeof(*list));
        json_t *tree;

        assert_non_null(list);
        for (size_t i = 0; i < n; i++)
                list[i] = &images[i];
        tree = image_report_tree(list, n);
        free(list);
        assert_non_null(tree);
        return tree;
}

static void assert_is(json_t *take_tree, const char *text) {
        AUTO_FREE char *got = json_dumps(take_tree, JSON_COMPACT);

        assert_string_equal(got, text);
        json_decref(take_tree);
}

static void the_largest_image_comes_first(void **state) {
        struct image images[] = {
                { .id = WORD("sha256:a"), .names = { &name_words[0], 1 }, .size_bytes = 10 },
                { .id = WORD("sha256:c"),
                  .names = { &name_words[1], 1 },
                  .size_bytes = 5000000000 },
                { .id = WORD("sha256:b"), .names = { &name_words[2], 1 }, .size_bytes = 10 },
        };
        (void) state;

        assert_is(report(images, 3), "[{\"names\":[\"a:2\"],\"sizeBytes\":5000000000},"
                                     "{\"names\":[\"a:1\"],\"sizeBytes\":10},"
                                     "{\"names\":[\"a:3\"],\"sizeBytes\":10}]");
}

static void digests_come_before_tags_and_five_names_are_told(void **state) {
        struct image image = { .id = WORD("sha256:a"),
                               .digests = { digest_words, 2 },
                               .names = { name_words, 4 },
                               .size_bytes = 7 };
        (void) state;

        assert_is(report(&image, 1),
                  "[{\"names\":[\"reg.example/a@sha256:1\",\"reg.example/a@sha256:2\",\"a:1\","
                  "\"a:2\",\"a:3\"],\"sizeBytes\":7}]");
}

static void an_image_without_a_name_is_left_out(void **state) {
        struct image images[] = {
                { .id = WORD("sha256:a"), .size_bytes = 10 },
                { .id = WORD("sha256:b"), .names = { name_words, 1 }, .size_bytes = 1 },
        };
        (void) state;

        assert_is(report(images, 2), "[{\"names\":[\"a:1\"],\"sizeBytes\":1}]");
}

static void no_images_are_an_empty_list(void **state) {
        (void) state;

        assert_is(report(NULL, 0), "[]");
}

static void the_fifty_largest_are_told(void **state) {
        struct image images[60];
        char ids[60][16];
        json_t *tree;
        (void) state;

        for (size_t i = 0; i < 60; i++) {
                (void) snprintf(ids[i], sizeof(ids[i]), "sha256:%02zu", i);
                images[i] =
                        (struct image){ .id = ids[i], .names = { name_words, 1 }, .size_bytes = i };
        }

        tree = report(images, 60);

        assert_int_equal(json_array_size(tree), IMAGE_REPORT_MAX);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(tree, 0), "sizeBytes")),
                         59);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(tree, 49), "sizeBytes")),
                         10);
        json_decref(tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_largest_image_comes_first),
                cmocka_unit_test(digests_come_before_tags_and_five_names_are_told),
                cmocka_unit_test(an_image_without_a_name_is_left_out),
                cmocka_unit_test(no_images_are_an_empty_list),
                cmocka_unit_test(the_fifty_largest_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
