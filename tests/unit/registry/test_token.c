/* Tokens of service accounts: asked for, checked, and dead with what they name. */
#include "base/str.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/jwt.h"
#include "daemon/registry/state.h"
#include "daemon/registry/token.h"
#include "daemon/registry/user.h"
#include "tests/unit/pki/key.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define ACCOUNTS "/api/v1/namespaces/default/serviceaccounts"
#define PODS "/api/v1/namespaces/default/pods"
#define SECRETS "/api/v1/namespaces/default/secrets"
#define TOKEN ACCOUNTS "/robot/token"
#define REVIEWS "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCOUNT "{\"metadata\":{\"name\":\"robot\"}}"
#define REQUEST(spec) "{\"spec\":{" spec "}}"

static uint64_t two_hours_later(void) {
        return 1800007200000000ULL;
}

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        f.registry->token_key = key_make();
        fixture_do(&f, "POST", ACCOUNTS, ACCOUNT, 201);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        struct jwt_key *k = (struct jwt_key *) f->registry->token_key;

        fixture_done(f);
        jwt_key_unref(k);
        return 0;
}

/* The token that a request gets; the caller's. */
static char *token_for(struct fixture *f, const char *request) {
        struct answer a = fixture_ask(f, "POST", TOKEN, request);
        char *token;

        if (a.status != 201)
                fail_msg("%s", a.text);
        token = strdup(tree_at(a.tree, "status.token"));
        answer_done(&a);
        return token;
}

/* "" or why the token isn't taken; static until the next call. */
static const char *verdict(struct fixture *f, const char *token) {
        static struct err e;
        struct user *u = NULL;
        int r = token_check(f->registry, token, NULL, &u, NULL, &e);

        user_unref(u);
        return r == 0 ? "" : e.text;
}

static void gives_a_token_of_an_account(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", TOKEN,
                                      "{\"kind\":\"TokenRequest\",\"apiVersion\":"
                                      "\"authentication.k8s.io/v1\",\"metadata\":{"
                                      "\"creationTimestamp\":null},\"spec\":{\"audiences\":null,"
                                      "\"expirationSeconds\":null,\"boundObjectRef\":null}}");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "kind"), "TokenRequest");
        assert_string_equal(tree_at(a.tree, "metadata.name"), "robot");
        assert_string_equal(tree_at(a.tree, "status.expirationTimestamp"), "2027-01-15T09:00:00Z");
        assert_string_equal(verdict(f, tree_at(a.tree, "status.token")), "");
        answer_done(&a);
}

static void says_whose_a_token_is(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *pod = strdup(pod_json("web", ""));
        AUTO_FREE char *token = NULL;
        AUTO(user) struct user *u = NULL;
        struct answer a;

        fixture_do(f, "POST", ACCOUNTS, "{\"metadata\":{\"name\":\"default\"}}", 201);
        fixture_do(f, "POST", PODS, pod, 201);
        a = fixture_ask(f, "POST", ACCOUNTS "/default/token",
                        REQUEST("\"boundObjectRef\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
                                "\"name\":\"web\"}"));
        assert_int_equal(a.status, 201);
        token = strdup(tree_at(a.tree, "status.token"));
        answer_done(&a);

        assert_int_equal(token_check(f->registry, token, NULL, &u, NULL, NULL), 0);
        assert_string_equal(u->name, "system:serviceaccount:default:default");
        assert_int_equal(strlen(u->uid), 36);
        assert_true(user_has_group(u, "system:serviceaccounts"));
        assert_true(user_has_group(u, "system:serviceaccounts:default"));
        assert_true(user_has_group(u, "system:authenticated"));
        assert_int_equal(u->n_extra, 3);
        assert_string_equal(u->extra[1].key, "authentication.kubernetes.io/pod-name");
        assert_string_equal(u->extra[1].values[0], "web");
}

static void a_token_ends(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = token_for(f, REQUEST("\"expirationSeconds\":600"));

        assert_string_equal(verdict(f, token), "");
        f->registry->wall_usec = two_hours_later;
        assert_string_equal(verdict(f, token), "it has expired at 2027-01-15T08:10:00Z");
}

static void dies_with_its_account(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = token_for(f, REQUEST(""));

        fixture_do(f, "DELETE", ACCOUNTS "/robot", NULL, 200);
        assert_string_equal(verdict(f, token), "its service account \"robot\" is gone");
        /* Another account of that name is another account. */
        fixture_do(f, "POST", ACCOUNTS, ACCOUNT, 201);
        assert_string_equal(verdict(f, token), "its service account \"robot\" is gone");
}

static void dies_with_what_it_is_bound_to(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = NULL;

        fixture_do(f, "POST", SECRETS, "{\"metadata\":{\"name\":\"s\"}}", 201);
        token = token_for(f, REQUEST("\"boundObjectRef\":{\"kind\":\"Secret\",\"apiVersion\":"
                                     "\"v1\",\"name\":\"s\"}"));
        assert_string_equal(verdict(f, token), "");
        fixture_do(f, "DELETE", SECRETS "/s", NULL, 200);
        assert_string_equal(verdict(f, token), "its secret \"s\" is gone");
}

/* Its signature has been seen; what it names is looked up all the same. */
static void a_replayed_token_of_a_new_account_of_that_name_is_refused(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = token_for(f, REQUEST(""));

        for (int i = 0; i < 3; i++)
                assert_string_equal(verdict(f, token), "");
        fixture_do(f, "DELETE", ACCOUNTS "/robot", NULL, 200);
        assert_string_equal(verdict(f, token), "its service account \"robot\" is gone");
        fixture_do(f, "POST", ACCOUNTS, ACCOUNT, 201);
        assert_string_equal(verdict(f, token), "its service account \"robot\" is gone");
}

static void a_seen_token_ends_with_its_time(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = token_for(f, REQUEST(""));

        assert_string_equal(verdict(f, token), "");
        f->registry->wall_usec = two_hours_later;

        assert_non_null(strstr(verdict(f, token), "it has expired at"));
}

struct wrong {
        const char *url, *body;
        unsigned status;
        const char *message;
};

static void refuses_requests_in_kubernetes_words(void **state) {
        static const struct wrong cases[] = {
                { ACCOUNTS "/nobody/token", REQUEST(""), 404,
                  "serviceaccounts \"nobody\" not found" },
                { TOKEN, REQUEST("\"expirationSeconds\":599"), 422,
                  "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: "
                  "Invalid value: 599: may not specify a duration less than 10 minutes" },
                { TOKEN, REQUEST("\"expirationSeconds\":4294967297"), 422,
                  "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: "
                  "Invalid value: 4294967297: may not specify a duration larger than 2^32 "
                  "seconds" },
                { TOKEN,
                  REQUEST("\"boundObjectRef\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"name\":"
                          "\"gone\"}"),
                  404, "pods \"gone\" not found" },
                { TOKEN,
                  REQUEST("\"boundObjectRef\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"name\":"
                          "\"web\"}"),
                  400,
                  "cannot bind token for serviceaccount \"robot\" to pod running with different "
                  "serviceaccount name." },
                { TOKEN,
                  REQUEST("\"boundObjectRef\":{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"name\":"
                          "\"n\"}"),
                  400,
                  "cannot bind token for serviceaccount robot to object of type v1, Kind=Node" },
        };
        struct fixture *f = *state;

        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct answer a = fixture_ask(f, "POST", cases[i].url, cases[i].body);

                assert_string_equal(tree_at(a.tree, "message"), cases[i].message);
                assert_int_equal(a.status, cases[i].status);
                answer_done(&a);
        }
        fixture_do(f, "GET", TOKEN, NULL, 405);
        fixture_do(f, "POST", SECRETS "/s/token", REQUEST(""), 404);
}

static void binds_to_the_object_of_that_uid(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "POST", SECRETS, "{\"metadata\":{\"name\":\"s\"}}", 201);
        fixture_do(f, "POST", TOKEN,
                   REQUEST("\"boundObjectRef\":{\"kind\":\"Secret\",\"apiVersion\":\"v1\","
                           "\"name\":\"s\",\"uid\":\"another\"}"),
                   409);
}

static void reviews_a_token(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = token_for(f, REQUEST("\"audiences\":[\"vault\",\"x\"]"));
        AUTO_FREE char *vault =
                str_format("{\"spec\":{\"token\":\"%s\",\"audiences\":[\"a\",\"vault\"]}}", token);
        AUTO_FREE char *own = str_format("{\"spec\":{\"token\":\"%s\"}}", token);
        struct answer a = fixture_ask(f, "POST", REVIEWS, vault);

        assert_int_equal(a.status, 201);
        assert_non_null(strstr(a.text, "\"authenticated\":true"));
        assert_string_equal(tree_at(a.tree, "status.audiences.0"), "vault");
        assert_string_equal(tree_at(a.tree, "status.user.username"),
                            "system:serviceaccount:default:robot");
        answer_done(&a);
        /* It isn't for the API itself. */
        a = fixture_ask(f, "POST", REVIEWS, own);
        assert_int_equal(a.status, 201);
        assert_null(strstr(a.text, "authenticated"));
        assert_string_equal(tree_at(a.tree, "status.error"), "it is meant for another audience");
        answer_done(&a);
        fixture_do(f, "POST", REVIEWS, "{\"spec\":{}}", 422);
}

static void shows_how_to_check_tokens(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", "/openid/v1/jwks", NULL);

        assert_string_equal(a.type, "application/jwk-set+json");
        assert_string_equal(tree_at(a.tree, "keys.0.alg"), "ES256");
        answer_done(&a);
        a = fixture_ask(f, "GET", "/.well-known/openid-configuration", NULL);
        assert_string_equal(tree_at(a.tree, "issuer"), TOKEN_ISSUER);
        answer_done(&a);
}

static void without_a_key_there_are_no_tokens(void **state) {
        struct fixture *f = *state;
        const struct jwt_key *k = f->registry->token_key;

        f->registry->token_key = NULL;
        fixture_do(f, "POST", TOKEN, REQUEST(""), 500);
        fixture_do(f, "GET", "/openid/v1/jwks", NULL, 404);
        assert_string_equal(verdict(f, "a.b.c"), "this server knows no tokens");
        f->registry->token_key = k;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        a_replayed_token_of_a_new_account_of_that_name_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(a_seen_token_ends_with_its_time, setup, teardown),
                cmocka_unit_test_setup_teardown(gives_a_token_of_an_account, setup, teardown),
                cmocka_unit_test_setup_teardown(says_whose_a_token_is, setup, teardown),
                cmocka_unit_test_setup_teardown(a_token_ends, setup, teardown),
                cmocka_unit_test_setup_teardown(dies_with_its_account, setup, teardown),
                cmocka_unit_test_setup_teardown(dies_with_what_it_is_bound_to, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_requests_in_kubernetes_words, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(binds_to_the_object_of_that_uid, setup, teardown),
                cmocka_unit_test_setup_teardown(reviews_a_token, setup, teardown),
                cmocka_unit_test_setup_teardown(shows_how_to_check_tokens, setup, teardown),
                cmocka_unit_test_setup_teardown(without_a_key_there_are_no_tokens, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
