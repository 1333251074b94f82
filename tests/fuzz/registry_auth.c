#include "base/str.h"
#include "daemon/distribution/challenge.h"
#include "daemon/distribution/keyring.h"
#include "daemon/distribution/registries.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* WWW-Authenticate headers, files of credentials, and the file about registries. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO_DONE(challenge) struct challenge c = { 0 };
        AUTO_DONE(keyring) struct keyring k = { 0 };
        AUTO_DONE(registries) struct registries r = { 0 };
        struct registry_endpoint endpoints[REGISTRIES_ENDPOINTS_MAX];
        const struct credential *found[KEYRING_TRIES_MAX];
        AUTO_FREE char *text = strndup((const char *) data, size);

        if (!text)
                return 0;
        (void) challenge_read(text, &c);
        if (c.scheme == CHALLENGE_BEARER && str_is_empty(c.realm))
                abort();
        if (keyring_add(&k, (const char *) data, size, NULL) == 0 &&
            keyring_find(&k, "registry.example:5000", "team/app", found) > KEYRING_TRIES_MAX)
                abort();
        if (registries_parse((const char *) data, size, "f", &r, NULL) == 0) {
                size_t n = registries_endpoints(&r, "registry.example", endpoints);

                if (n < 1 || n > REGISTRIES_ENDPOINTS_MAX || endpoints[n - 1].is_mirror)
                        abort();
        }
        return 0;
}
