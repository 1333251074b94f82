/* Bearer tokens: the first line is a token, what follows it is claims. */
#include "daemon/pki/jwt.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made for this test, used nowhere else. */
static const char KEY[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaB8MnDtbcXSSxCfi\n"
                          "sKTgNUXrAQewe+1tZ7UsTd2EHdWhRANCAASpkLt/q/i1A+jOp4Qxu3AwGoc/EeGb\n"
                          "8h5Cbl0nXvNkN+xa025igkUqEh/DhdaCMKvvSwXIXuZSY2ueWJjnvmTj\n"
                          "-----END PRIVATE KEY-----\n";

static void claims_check(const char *text, size_t len) {
        static const char *const audiences[] = { "api" };
        static const struct jwt_expectation want = {
                .issuer = "issuer",
                .audiences = audiences,
                .n_audiences = 1,
                .now_usec = 1800000000000000,
        };
        json_t *claims = json_loadb(text, len, 0, NULL);
        struct err e = { 0 };

        (void) jwt_check(claims, &want, &e);
        json_decref(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size), *end;
        struct jwt_key *key = NULL;
        json_t *claims = NULL;
        struct err e = { 0 };

        if (!text || jwt_key_new(KEY, strlen(KEY), &key, NULL) < 0)
                abort();
        end = strchr(text, '\n');
        if (end)
                *end++ = '\0';
        (void) jwt_is_token(text);
        if (jwt_verify(key, text, &claims, &e) == 0)
                json_decref(claims);
        if (end)
                claims_check(end, strlen(end));
        jwt_key_unref(key);
        free(text);
        return 0;
}
