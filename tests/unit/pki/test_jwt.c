#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/jwt.h"
#include "daemon/pki/jwt_seen.h"
#include "tests/unit/pki/key.h"
#include "tests/unit/test.h"

#include <gnutls/crypto.h>
#include <string.h>

#define NOW_S 1800000000
#define ISSUER "https://kubernetes.default.svc.cluster.local"

static const char *const AUDIENCES[] = { "api" };

struct keys {
        struct jwt_key *own, *foreign;
};

static int setup(void **state) {
        static struct keys k;

        k = (struct keys){ key_make(), key_make() };
        *state = &k;
        return 0;
}

static int teardown(void **state) {
        struct keys *k = *state;

        jwt_key_unref(k->own);
        jwt_key_unref(k->foreign);
        return 0;
}

static json_t *claims_make(void) {
        return json_pack("{s:s,s:[s,s],s:I,s:I,s:s}", "iss", ISSUER, "aud", "other", "api", "exp",
                         (json_int_t) NOW_S + 3600, "nbf", (json_int_t) NOW_S, "sub", "someone");
}

/* A token of claims that the test changes by a text of JSON; the caller's. */
static char *token_of(const struct jwt_key *k, const char *change) {
        json_t *claims = claims_make(), *more = json_loads(change, 0, NULL);
        char *token;

        assert_int_equal(json_object_update(claims, more), 0);
        assert_int_equal(jwt_sign(k, claims, &token, NULL), 0);
        json_decref(claims);
        json_decref(more);
        return token;
}

/* Verifies and checks; "" when all is well. */
static const char *verdict(const struct jwt_key *k, const char *token, uint64_t now_s) {
        static struct err e;
        const struct jwt_expectation want = {
                .issuer = ISSUER,
                .audiences = AUDIENCES,
                .n_audiences = 1,
                .now_usec = now_s * USEC_PER_SEC,
                .clock_floor_usec = CERT_CLOCK_FLOOR_USEC,
        };
        json_t *claims = NULL;
        int r = jwt_verify(k, token, &claims, &e);

        if (r == 0)
                r = jwt_check(claims, &want, &e);
        json_decref(claims);
        if (r < 0)
                assert_int_equal(r, -EKEYREJECTED);
        return r == 0 ? "" : e.text;
}

static void takes_what_it_has_signed(void **state) {
        struct keys *k = *state;

        /* Numbers of a signature are of any length. */
        for (int i = 0; i < 300; i++) {
                AUTO_FREE char *token = token_of(k->own, "{}");

                assert_true(jwt_is_token(token));
                assert_string_equal(verdict(k->own, token, NOW_S), "");
        }
}

static void refuses_another_key(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->foreign, "{}");

        assert_string_equal(verdict(k->own, token, NOW_S),
                            "it is signed by a key that is not this cluster's");
}

/* The token with another header. */
static char *with_header(const char *token, const char *header) {
        return str_format("%s%s", header, strchr(token, '.'));
}

static void tries_no_other_algorithm(void **state) {
        static const char *const headers[] = {
                "eyJhbGciOiJub25lIn0",                      /* {"alg":"none"} */
                "eyJhbGciOiJIUzI1NiJ9",                     /* {"alg":"HS256"} */
                "eyJhbGciOiJlczI1NiJ9",                     /* {"alg":"es256"} */
                "eyJhbGciOiJSUzI1NiJ9",                     /* {"alg":"RS256"} */
                "e30",                                      /* {} */
                "eyJhbGciOjF9",                             /* {"alg":1} */
                "eyJhbGciOiJFUzI1NiIsImNyaXQiOlsiYjY0Il19", /* crit */
        };
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                AUTO_FREE char *forged = with_header(token, headers[i]);
                AUTO_FREE char *bare =
                        strndup(forged, (size_t) (strrchr(forged, '.') - forged) + 1);

                assert_string_equal(verdict(k->own, forged, NOW_S), "it is not signed by ES256");
                assert_string_equal(verdict(k->own, bare, NOW_S), "it is not signed by ES256");
        }
}

static void sees_every_changed_letter(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");

        for (size_t i = 0; token[i]; i++) {
                char was = token[i];

                token[i] = was == 'A' ? 'B' : 'A';
                assert_string_not_equal(verdict(k->own, token, NOW_S), "");
                token[i] = was;
        }
        assert_string_equal(verdict(k->own, token, NOW_S), "");
}

static void refuses_every_truncation(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");

        for (size_t len = strlen(token); len-- > 0;) {
                token[len] = '\0';
                assert_string_not_equal(verdict(k->own, token, NOW_S), "");
        }
}

static void refuses_what_is_no_token(void **state) {
        static const char *const texts[] = {
                "", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "=.=.=", "e30.e30.", "e30.e30.e30",
        };
        struct keys *k = *state;
        AUTO_FREE char *huge = malloc(2 * JWT_MAX_BYTES);

        memset(huge, 'A', 2 * JWT_MAX_BYTES);
        huge[2 * JWT_MAX_BYTES - 1] = '\0';
        huge[20] = '.';
        huge[4000] = '.';
        assert_false(jwt_is_token(huge));
        assert_string_equal(verdict(k->own, huge, NOW_S), "it is no JSON web token");
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_string_not_equal(verdict(k->own, texts[i], NOW_S), "");
        assert_false(jwt_is_token("a.b.c="));
        assert_false(jwt_is_token("opaque"));
}

static void times_bound_it(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");
        AUTO_FREE char *endless = token_of(k->own, "{\"exp\":null}");
        AUTO_FREE char *odd = token_of(k->own, "{\"nbf\":\"now\"}");

        assert_string_equal(verdict(k->own, token, NOW_S + 3599), "");
        assert_string_equal(verdict(k->own, token, NOW_S + 3600),
                            "it has expired at 2027-01-15T09:00:00Z");
        assert_string_equal(verdict(k->own, token, NOW_S - 59), "");
        assert_string_equal(verdict(k->own, token, NOW_S - 61),
                            "it is not valid before 2027-01-15T08:00:00Z");
        assert_string_not_equal(verdict(k->own, endless, NOW_S), "");
        assert_string_not_equal(verdict(k->own, odd, NOW_S), "");
}

static void a_clock_that_is_not_set_is_not_too_early(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");

        assert_string_equal(verdict(k->own, token, 30), "");
}

static void audience_and_issuer_must_fit(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *other = token_of(k->own, "{\"aud\":[\"other\",1]}");
        AUTO_FREE char *single = token_of(k->own, "{\"aud\":\"api\"}");
        AUTO_FREE char *none = token_of(k->own, "{\"aud\":null}");
        AUTO_FREE char *issuer = token_of(k->own, "{\"iss\":\"https://else.where\"}");

        assert_string_equal(verdict(k->own, other, NOW_S), "it is meant for another audience");
        assert_string_equal(verdict(k->own, single, NOW_S), "");
        assert_string_equal(verdict(k->own, none, NOW_S), "it is meant for another audience");
        assert_string_equal(verdict(k->own, issuer, NOW_S), "it is not issued by " ISSUER);
}

static void signs_nothing_too_large(void **state) {
        struct keys *k = *state;
        AUTO_FREE char *text = malloc(JWT_MAX_BYTES);
        json_t *claims;
        char *token = NULL;

        memset(text, 'x', JWT_MAX_BYTES);
        claims = json_pack("{s:s%}", "a", text, (size_t) JWT_MAX_BYTES);
        assert_int_equal(jwt_sign(k->own, claims, &token, NULL), -E2BIG);
        assert_null(token);
        json_decref(claims);
}

static void shows_its_public_half(void **state) {
        struct keys *k = *state;
        json_t *set = jwt_key_set(k->own), *key = json_array_get(json_object_get(set, "keys"), 0);

        assert_string_equal(json_string_value(json_object_get(key, "kid")), jwt_key_id(k->own));
        assert_int_equal(json_string_length(json_object_get(key, "x")), 43);
        assert_int_equal(json_string_length(json_object_get(key, "y")), 43);
        assert_null(json_object_get(key, "d"));
        json_decref(set);
}

static void a_key_of_another_kind_is_refused(void **state) {
        static const char text[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        struct jwt_key *k = NULL;
        (void) state;

        assert_int_equal(jwt_key_new(text, strlen(text), &k, NULL), -EINVAL);
        assert_int_equal(jwt_key_new("", 0, &k, NULL), -EINVAL);
        assert_null(k);
}

/* ---- what has been seen ---- */

static bool is_taken(const struct jwt_key *k, struct jwt_seen *seen, const char *token,
                     uint64_t now_s) {
        json_t *claims = NULL;
        int r = jwt_verify_seen(k, seen, now_s * USEC_PER_SEC, token, &claims, NULL);

        json_decref(claims);
        return r == 0;
}

static void a_seen_signature_vouches_for_its_own_text_only(void **state) {
        AUTO(jwt_seen) struct jwt_seen *seen = jwt_seen_new();
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");
        AUTO_FREE char *foreign = token_of(k->foreign, "{}");

        assert_true(is_taken(k->own, seen, token, NOW_S));

        assert_true(is_taken(k->own, seen, token, NOW_S));
        for (size_t i = 0; token[i]; i++) {
                char was = token[i];

                token[i] = was == 'A' ? 'B' : 'A';
                assert_false(is_taken(k->own, seen, token, NOW_S));
                token[i] = was;
        }
        assert_true(is_taken(k->foreign, seen, foreign, NOW_S));
        assert_false(is_taken(k->own, seen, foreign, NOW_S));
        assert_false(is_taken(k->foreign, seen, token, NOW_S));
}

/* The digest under which a token is remembered. */
static void digest_of(const struct jwt_key *k, const char *token, uint8_t *out) {
        AUTO_FREE char *text = str_format("%s%c%s", jwt_key_id(k), 0, token);

        assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, text,
                                          strlen(jwt_key_id(k)) + 1 + strlen(token), out),
                         0);
}

static void what_was_seen_is_not_verified_again(void **state) {
        AUTO(jwt_seen) struct jwt_seen *seen = jwt_seen_new();
        struct keys *k = *state;
        AUTO_FREE char *token = token_of(k->own, "{}");
        char *last = token + strlen(token) - 10;
        uint8_t digest[JWT_SEEN_DIGEST_BYTES];

        *last = *last == 'A' ? 'B' : 'A';
        assert_false(is_taken(k->own, seen, token, NOW_S));
        digest_of(k->own, token, digest);
        jwt_seen_add(seen, digest, NOW_S * USEC_PER_SEC, (NOW_S + 10) * USEC_PER_SEC);

        assert_true(is_taken(k->own, seen, token, NOW_S));
        assert_true(is_taken(k->own, seen, token, NOW_S + 9));
        assert_false(is_taken(k->own, seen, token, NOW_S + 10));
}

static void only_so_many_are_remembered(void **state) {
        AUTO(jwt_seen) struct jwt_seen *seen = jwt_seen_new();
        uint8_t digests[5][JWT_SEEN_DIGEST_BYTES] = { { 0 } };
        (void) state;

        /* All in one set, the first asked for again. */
        for (uint8_t i = 0; i < 5; i++) {
                digests[i][31] = i;
                if (i == 4)
                        assert_true(jwt_seen_knows(seen, digests[0], 1));
                jwt_seen_add(seen, digests[i], 1, 100 + i);
        }

        assert_true(jwt_seen_knows(seen, digests[0], 1));
        assert_false(jwt_seen_knows(seen, digests[1], 1));
        for (unsigned i = 2; i < 5; i++)
                assert_true(jwt_seen_knows(seen, digests[i], 1));
        assert_false(jwt_seen_knows(seen, digests[4], 104));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_seen_signature_vouches_for_its_own_text_only),
                cmocka_unit_test(what_was_seen_is_not_verified_again),
                cmocka_unit_test(only_so_many_are_remembered),
                cmocka_unit_test(takes_what_it_has_signed),
                cmocka_unit_test(refuses_another_key),
                cmocka_unit_test(tries_no_other_algorithm),
                cmocka_unit_test(sees_every_changed_letter),
                cmocka_unit_test(refuses_every_truncation),
                cmocka_unit_test(refuses_what_is_no_token),
                cmocka_unit_test(times_bound_it),
                cmocka_unit_test(a_clock_that_is_not_set_is_not_too_early),
                cmocka_unit_test(audience_and_issuer_must_fit),
                cmocka_unit_test(signs_nothing_too_large),
                cmocka_unit_test(shows_its_public_half),
                cmocka_unit_test(a_key_of_another_kind_is_refused),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
