/* bench-token [N]: what it costs to look at one bearer token again and again, with and without a
 * memory of its signature. The ratio counts. */
#include "base/clock.h"
#include "daemon/pki/jwt.h"
#include "daemon/pki/jwt_seen.h"
#include "tests/unit/pki/key.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_S 1800000000ULL

static double measure(const struct jwt_key *k, struct jwt_seen *seen, const char *token,
                      unsigned n) {
        uint64_t began_usec = clock_now_usec();

        for (unsigned i = 0; i < n; i++) {
                json_t *claims = NULL;

                if (jwt_verify_seen(k, seen, NOW_S * USEC_PER_SEC, token, &claims, NULL) < 0)
                        abort();
                json_decref(claims);
        }
        return (double) (clock_now_usec() - began_usec) / n;
}

int main(int argc, char **argv) {
        unsigned n = argc > 1 ? (unsigned) atoi(argv[1]) : 2000;
        struct jwt_seen *seen = jwt_seen_new();
        struct jwt_key *k = key_make();
        json_t *claims = json_pack("{s:s,s:[s],s:I,s:s,s:{s:s,s:{s:s,s:s}}}", "iss", "https://x",
                                   "aud", "api", "exp", (json_int_t) NOW_S + 3600, "sub",
                                   "system:serviceaccount:default:robot", "kubernetes.io",
                                   "namespace", "default", "serviceaccount", "name", "robot", "uid",
                                   "0b9f6c1e-6c39-4c1c-8c39-012345678901");
        double anew, again;
        char *token;

        if (jwt_sign(k, claims, &token, NULL) < 0)
                return 1;
        anew = measure(k, NULL, token, n);
        again = measure(k, seen, token, n);
        (void) printf("verified anew %.1f us, seen before %.1f us, ratio %.1f\n", anew, again,
                      anew / again);
        free(token);
        json_decref(claims);
        jwt_seen_unref(seen);
        jwt_key_unref(k);
        return 0;
}
