#include "daemon/distribution/challenge.h"
#include "tests/unit/test.h"

static void reads_where_tokens_are(void **state) {
        AUTO_DONE(challenge) struct challenge c = { 0 };
        (void) state;

        assert_int_equal(
                challenge_read("Bearer realm=\"https://auth.example/token\","
                               "service=\"registry.example\",scope=\"repository:a/b:pull\"",
                               &c),
                0);

        assert_int_equal(c.scheme, CHALLENGE_BEARER);
        assert_string_equal(c.realm, "https://auth.example/token");
        assert_string_equal(c.service, "registry.example");
        assert_string_equal(c.scope, "repository:a/b:pull");
        assert_null(c.error);
}

static void prefers_tokens_to_passwords_in_any_order(void **state) {
        AUTO_DONE(challenge) struct challenge first = { 0 }, second = { 0 }, apart = { 0 };
        (void) state;

        assert_int_equal(challenge_read("Basic realm=\"r\", Bearer realm=\"https://t\"", &first),
                         0);
        assert_int_equal(challenge_read("bearer realm=\"https://t\" , BASIC realm=x", &second), 0);
        assert_int_equal(challenge_read("Basic realm=r", &apart), 0);
        assert_int_equal(challenge_read("Bearer realm=\"https://t\"", &apart), 0);

        assert_int_equal(first.scheme, CHALLENGE_BEARER);
        assert_string_equal(first.realm, "https://t");
        assert_int_equal(second.scheme, CHALLENGE_BEARER);
        assert_string_equal(second.realm, "https://t");
        assert_int_equal(apart.scheme, CHALLENGE_BEARER);
}

static void passes_over_what_it_does_not_know(void **state) {
        AUTO_DONE(challenge) struct challenge c = { 0 }, none = { 0 };
        (void) state;

        assert_int_equal(
                challenge_read(
                        "Negotiate YWJj==, Digest realm=\"d\", nonce=\"n\", Basic realm=\"b\"", &c),
                0);
        assert_int_equal(challenge_read("Negotiate", &none), 0);

        assert_int_equal(c.scheme, CHALLENGE_BASIC);
        assert_string_equal(c.realm, "b");
        assert_int_equal(none.scheme, CHALLENGE_NONE);
}

static void takes_escapes_and_commas_inside_of_quotes(void **state) {
        AUTO_DONE(challenge) struct challenge c = { 0 };
        (void) state;

        assert_int_equal(
                challenge_read("Bearer realm=\"https://t/?a=1,2\",service=\"a \\\"b\\\"\"", &c), 0);

        assert_string_equal(c.realm, "https://t/?a=1,2");
        assert_string_equal(c.service, "a \"b\"");
}

static void a_bearer_without_realm_is_none(void **state) {
        AUTO_DONE(challenge) struct challenge c = { 0 }, open = { 0 };
        (void) state;

        assert_int_equal(challenge_read("Bearer service=\"x\"", &c), 0);
        assert_int_equal(challenge_read("Bearer realm=\"https://never.ends", &open), 0);

        assert_int_equal(c.scheme, CHALLENGE_NONE);
        assert_int_equal(open.scheme, CHALLENGE_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_where_tokens_are),
                cmocka_unit_test(prefers_tokens_to_passwords_in_any_order),
                cmocka_unit_test(passes_over_what_it_does_not_know),
                cmocka_unit_test(takes_escapes_and_commas_inside_of_quotes),
                cmocka_unit_test(a_bearer_without_realm_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
