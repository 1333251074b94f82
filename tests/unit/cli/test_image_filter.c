#include "cli/image_filter.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static json_t *images(void) {
        return json_loads(
                "[{\"id\":\"sha256:1111aaaa\",\"names\":[\"hub.test/library/web:1\","
                "\"host:5000/team/app:2\"],\"created\":\"2024-01-01T00:00:00Z\","
                "\"labels\":{\"tier\":\"front\"}},"
                "{\"id\":\"sha256:2222bbbb\",\"names\":[\"hub.test/library/db:1\"],"
                "\"created\":\"2024-02-01T00:00:00Z\",\"labels\":{\"tier\":\"back\",\"a\":\"\"}},"
                "{\"id\":\"sha256:3333cccc\",\"names\":[],"
                "\"created\":\"2024-03-01T00:00:00Z\"}]",
                0, NULL);
}

/* The IDs' first digits that are left, with the number of names: "12 21". */
static void check(const char *expected, size_t n, const char *const *filters) {
        struct option_texts texts = { .n = n };
        json_t *list = images(), *image;
        struct err e = { 0 };
        char said[64] = "";
        size_t i;

        for (i = 0; i < n; i++)
                texts.items[i] = filters[i];
        assert_int_equal(image_filter_apply(&texts, list, &e), 0);
        json_array_foreach(list, i, image) {
                size_t len = strlen(said);

                (void) snprintf(said + len, sizeof(said) - len, "%s%c%zu", len > 0 ? " " : "",
                                json_string_value(json_object_get(image, "id"))[7],
                                json_array_size(json_object_get(image, "names")));
        }
        assert_string_equal(said, expected);
        json_decref(list);
}
#define CHECK(expected, ...)                                                                       \
        check(expected, ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })),                        \
              (const char *const[]){ __VA_ARGS__ })

static void without_filters_all_stay(void **state) {
        (void) state;
        check("12 21 30", 0, NULL);
}

static void references_are_patterns_of_names_in_any_length(void **state) {
        (void) state;
        CHECK("11", "reference=web");
        CHECK("11", "reference=web:1");
        CHECK("11", "reference=hub.test/library/web");
        CHECK("11", "reference=host:5000/*/app");
        CHECK("11 21", "reference=*:1");
        CHECK("11 21", "reference=web", "reference=db");
        CHECK("", "reference=we");
        CHECK("", "reference=hub.test/*");
}

static void dangling_images_have_no_name(void **state) {
        (void) state;
        CHECK("30", "dangling=true");
        CHECK("12 21", "dangling=false");
}

static void others_give_bounds_in_time(void **state) {
        (void) state;
        CHECK("12", "before=db");
        CHECK("21 30", "since=web:1");
        CHECK("21", "since=1111", "before=sha256:3333cccc");
}

static void labels_by_key_or_value(void **state) {
        (void) state;
        CHECK("12 21", "label=tier");
        CHECK("21", "label=tier=back");
        CHECK("21", "label=tier", "label=a=");
        CHECK("", "label=tier=side");
}

static void refuse(int code, const char *filter, const char *words) {
        struct option_texts texts = { .items = { filter }, .n = 1 };
        json_t *list = images();
        struct err e = { 0 };

        assert_int_equal(image_filter_apply(&texts, list, &e), code);
        assert_non_null(strstr(err_text(&e), words));
        assert_int_equal(json_array_size(list), 3);
        json_decref(list);
}

static void what_is_no_filter_is_named(void **state) {
        (void) state;
        refuse(-EINVAL, "size=3", "are known");
        refuse(-EINVAL, "reference", "are known");
        refuse(-EINVAL, "label=", "with a value");
        refuse(-EINVAL, "dangling=maybe", "true or false");
        refuse(-ENOENT, "before=nosuch", "no image is called so");
        refuse(-ENOENT, "since=111", "no image is called so");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_filters_all_stay),
                cmocka_unit_test(references_are_patterns_of_names_in_any_length),
                cmocka_unit_test(dangling_images_have_no_name),
                cmocka_unit_test(others_give_bounds_in_time),
                cmocka_unit_test(labels_by_key_or_value),
                cmocka_unit_test(what_is_no_filter_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
