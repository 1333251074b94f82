#include "daemon/distribution/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

struct digest {
        gnutls_hash_hd_t hash;
};

int digest_new(struct digest **ret, struct err *e) {
        struct digest *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return err_set(e, -ENOMEM, "out of memory");
        r = gnutls_hash_init(&d->hash, GNUTLS_DIG_SHA256);
        if (r < 0) {
                free(d);
                return err_set(e, -EIO, "cannot start SHA-256: %s", gnutls_strerror(r));
        }
        *ret = d;
        return 0;
}

void digest_free(struct digest *d) {
        if (!d)
                return;
        gnutls_hash_deinit(d->hash, NULL);
        free(d);
}

int digest_add(struct digest *d, const void *data, size_t len) {
        return gnutls_hash(d->hash, data, len) < 0 ? -EIO : 0;
}

static void digest_print(const unsigned char sum[32], char text[DIGEST_TEXT_MAX]) {
        static const char hex[] = "0123456789abcdef";
        char *p = text + strlen("sha256:");

        memcpy(text, "sha256:", strlen("sha256:"));
        for (int i = 0; i < 32; i++) {
                *p++ = hex[sum[i] >> 4];
                *p++ = hex[sum[i] & 15];
        }
        *p = '\0';
}

void digest_end(struct digest *take_d, char text[DIGEST_TEXT_MAX]) {
        unsigned char sum[32];

        gnutls_hash_deinit(take_d->hash, sum);
        free(take_d);
        digest_print(sum, text);
}

int digest_of(const void *data, size_t len, char text[DIGEST_TEXT_MAX], struct err *e) {
        unsigned char sum[32];
        int r = gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, sum);

        if (r < 0)
                return err_set(e, -EIO, "cannot compute SHA-256: %s", gnutls_strerror(r));
        digest_print(sum, text);
        return 0;
}
