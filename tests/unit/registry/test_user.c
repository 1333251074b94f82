#include "daemon/registry/user.h"
#include "tests/unit/test.h"

static const char *const GROUPS[] = { "a", "b" };
static const char *const PODS[] = { "web-1" };
static const struct user_extra EXTRA[] = { { "authentication.kubernetes.io/pod-name", PODS, 1 } };
static const struct user RICH = { "alice", "u-1", GROUPS, 2, EXTRA, 1 };

static void a_copy_owns_everything(void **state) {
        AUTO(user) struct user *copy = user_copy(&RICH);
        (void) state;

        assert_non_null(copy);
        assert_true(user_equal(copy, &RICH));
        assert_ptr_not_equal(copy->name, RICH.name);
        assert_ptr_not_equal(copy->groups[1], GROUPS[1]);
        assert_ptr_not_equal(copy->extra[0].values[0], PODS[0]);
        assert_string_equal(copy->extra[0].key, EXTRA[0].key);
}

static void a_user_of_a_name_alone_is_copied_too(void **state) {
        static const struct user bare = { .name = "x" };
        AUTO(user) struct user *copy = user_copy(&bare);
        (void) state;

        assert_non_null(copy);
        assert_true(user_equal(copy, &bare));
        assert_null(copy->uid);
        assert_int_equal(copy->n_groups, 0);
}

static void groups_are_compared_whole(void **state) {
        (void) state;

        assert_true(user_has_group(&RICH, "b"));
        assert_false(user_has_group(&RICH, "B"));
        assert_false(user_has_group(&RICH, ""));
}

static void users_differ_in_any_part(void **state) {
        static const struct user_extra other_key[] = { { "other", PODS, 1 } };
        struct user names = RICH, uids = RICH, groups = RICH, extra = RICH;
        (void) state;

        names.name = "bob";
        uids.uid = NULL;
        groups.n_groups = 1;
        extra.extra = other_key;

        assert_false(user_equal(&RICH, &names));
        assert_false(user_equal(&RICH, &uids));
        assert_false(user_equal(&RICH, &groups));
        assert_false(user_equal(&RICH, &extra));
        assert_true(user_equal(&RICH, &RICH));
}

static void a_master_is_authenticated(void **state) {
        static const struct user master = USER_MASTER("system:admin");
        (void) state;

        assert_true(user_has_group(&master, USER_GROUP_MASTERS));
        assert_true(user_has_group(&master, USER_GROUP_AUTHENTICATED));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_copy_owns_everything),
                cmocka_unit_test(a_user_of_a_name_alone_is_copied_too),
                cmocka_unit_test(groups_are_compared_whole),
                cmocka_unit_test(users_differ_in_any_part),
                cmocka_unit_test(a_master_is_authenticated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
