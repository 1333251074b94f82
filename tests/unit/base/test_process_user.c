#include "base/process_user.h"
#include "tests/unit/test.h"

#include <string.h>

static const char lines[] = "root:x:0:0:root:/root:/bin/sh\n"
                            "garbage\n"
                            "orch:x:990:980::/nonexistent:/usr/sbin/nologin\n"
                            "990:x:1000:1001::/:/bin/sh\n"
                            "twin:x:991:12::/:/bin/sh\n";

/* The user that text names in the file above; uid -1 where there is none. */
static int find(const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *e) {
        FILE *f = fmemopen((void *) (uintptr_t) lines, sizeof(lines) - 1, "r");
        int r;

        assert_non_null(f);
        *ret_uid = (uid_t) -1;
        *ret_gid = (gid_t) -1;
        r = process_user_read(f, text, ret_uid, ret_gid, e);
        (void) fclose(f);
        return r;
}

static void a_name_gives_its_user_and_group(void **state) {
        uid_t uid;
        gid_t gid;
        (void) state;

        assert_int_equal(find("orch", &uid, &gid, NULL), 0);

        assert_int_equal(uid, 990);
        assert_int_equal(gid, 980);
}

static void a_number_takes_the_group_of_its_line(void **state) {
        uid_t uid;
        gid_t gid;
        (void) state;

        assert_int_equal(find("991", &uid, &gid, NULL), 0);

        assert_int_equal(uid, 991);
        assert_int_equal(gid, 12);
}

static void a_number_without_a_line_is_its_own_group(void **state) {
        uid_t uid;
        gid_t gid;
        (void) state;

        assert_int_equal(find("61999", &uid, &gid, NULL), 0);

        assert_int_equal(uid, 61999);
        assert_int_equal(gid, 61999);
}

static void a_name_wins_over_a_number(void **state) {
        uid_t uid;
        gid_t gid;
        (void) state;

        assert_int_equal(find("990", &uid, &gid, NULL), 0);

        assert_int_equal(uid, 1000);
        assert_int_equal(gid, 1001);
}

static void a_name_that_nobody_has_comes_with_a_remedy(void **state) {
        static const char *const texts[] = { "nobody-here", "", "4294967295", "-1", "12x" };
        struct err e = { 0 };
        uid_t uid;
        gid_t gid;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                assert_int_equal(find(texts[i], &uid, &gid, &e), -ENOENT);
                assert_int_equal(uid, (uid_t) -1);
        }
        assert_non_null(strstr(e.text, "useradd --system 12x"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_gives_its_user_and_group),
                cmocka_unit_test(a_number_takes_the_group_of_its_line),
                cmocka_unit_test(a_number_without_a_line_is_its_own_group),
                cmocka_unit_test(a_name_wins_over_a_number),
                cmocka_unit_test(a_name_that_nobody_has_comes_with_a_remedy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
