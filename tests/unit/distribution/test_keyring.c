#include "daemon/distribution/keyring.h"
#include "tests/unit/test.h"

#include <string.h>

static void add(struct keyring *k, const char *text) {
        struct err e = { 0 };
        int r = keyring_add(k, text, strlen(text), &e);

        if (r < 0)
                fail_msg("%s", err_text(&e));
}

static const char *user_of(const struct keyring *k, const char *host, const char *path) {
        const struct credential *found[KEYRING_TRIES_MAX];

        return keyring_find(k, host, path, found) > 0 ? found[0]->user : NULL;
}

static void reads_what_docker_login_writes(void **state) {
        AUTO_DONE(keyring) struct keyring k = { 0 };
        const struct credential *found[KEYRING_TRIES_MAX];
        (void) state;

        /* "me:se:cret" */
        add(&k, "{\"auths\":{\"reg.example:5000\":{\"auth\":\"bWU6c2U6Y3JldA==\"}},"
                "\"credsStore\":\"x\"}");

        assert_int_equal(keyring_find(&k, "reg.example:5000", "a/b", found), 1);
        assert_string_equal(found[0]->user, "me");
        assert_string_equal(found[0]->password, "se:cret");
        assert_int_equal(keyring_find(&k, "reg.example", "a/b", found), 0);
}

static void reads_dockercfg_names_and_tokens(void **state) {
        AUTO_DONE(keyring) struct keyring k = { 0 };
        const struct credential *found[KEYRING_TRIES_MAX];
        (void) state;

        add(&k, "{\"https://index.reg.example/v1/\":{\"username\":\"u\",\"password\":\"p\"},"
                "\"two.example\":{\"identitytoken\":\"refresh\"},\"three.example\":{}}");

        assert_string_equal(user_of(&k, "reg.example", "x"), "u");
        assert_int_equal(keyring_find(&k, "two.example", "x", found), 1);
        assert_string_equal(found[0]->identity_token, "refresh");
        assert_int_equal(keyring_find(&k, "three.example", "x", found), 0);
}

static void the_longest_path_comes_first_then_the_order(void **state) {
        AUTO_DONE(keyring) struct keyring k = { 0 };
        const struct credential *found[KEYRING_TRIES_MAX];
        (void) state;

        assert_int_equal(keyring_add_password(&k, "r", "host1", ""), 0);
        assert_int_equal(keyring_add_password(&k, "r/team/app", "app", ""), 0);
        assert_int_equal(keyring_add_password(&k, "r/team", "team", ""), 0);
        assert_int_equal(keyring_add_password(&k, "r", "host2", ""), 0);

        assert_int_equal(keyring_find(&k, "r", "team/app", found), 4);
        assert_string_equal(found[0]->user, "app");
        assert_string_equal(found[1]->user, "team");
        assert_string_equal(found[2]->user, "host1");
        assert_string_equal(found[3]->user, "host2");
        assert_int_equal(keyring_find(&k, "r", "team/apple", found), 3);
}

static void a_star_is_part_of_one_label(void **state) {
        AUTO_DONE(keyring) struct keyring k = { 0 };
        (void) state;

        assert_int_equal(keyring_add_password(&k, "*.reg.example", "any", ""), 0);
        assert_int_equal(keyring_add_password(&k, "a*b.other:50*", "part", ""), 0);

        assert_string_equal(user_of(&k, "one.reg.example", "x"), "any");
        assert_null(user_of(&k, "one.two.reg.example", "x"));
        assert_null(user_of(&k, "reg.example", "x"));
        assert_string_equal(user_of(&k, "axxb.other:5000", "x"), "part");
        assert_null(user_of(&k, "axxc.other:5000", "x"));
}

static void more_than_is_tried_is_left_out_of_the_end(void **state) {
        AUTO_DONE(keyring) struct keyring k = { 0 };
        const struct credential *found[KEYRING_TRIES_MAX];
        (void) state;

        for (int i = 0; i < 40; i++)
                assert_int_equal(keyring_add_password(&k, "r", "plain", ""), 0);
        assert_int_equal(keyring_add_password(&k, "r/a", "best", ""), 0);

        assert_int_equal(keyring_find(&k, "r", "a", found), KEYRING_TRIES_MAX);
        assert_string_equal(found[0]->user, "best");
}

static void what_is_no_such_file_is_refused_without_its_content(void **state) {
        static const char *const bad[] = { "", "[]", "{\"auths\":[]}", "secret", "{\"auths\":{" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                AUTO_DONE(keyring) struct keyring k = { 0 };
                struct err e = { 0 };

                assert_int_equal(keyring_add(&k, bad[i], strlen(bad[i]), &e), -EINVAL);
                assert_null(strstr(err_text(&e), "secret"));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_what_docker_login_writes),
                cmocka_unit_test(reads_dockercfg_names_and_tokens),
                cmocka_unit_test(the_longest_path_comes_first_then_the_order),
                cmocka_unit_test(a_star_is_part_of_one_label),
                cmocka_unit_test(more_than_is_tried_is_left_out_of_the_end),
                cmocka_unit_test(what_is_no_such_file_is_refused_without_its_content),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
