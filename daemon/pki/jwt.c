#include "daemon/pki/jwt.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/jwt_seen.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM "ES256"
#define COORDINATE_BYTES 32U
#define SIGNATURE_BYTES (2 * COORDINATE_BYTES)
#define KEY_ID_BYTES 32U
/* Clocks of one machine don't differ from themselves; a second's rounding does. */
#define LEEWAY_USEC (60 * USEC_PER_SEC)

struct jwt_key {
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        char *id; /* owned */
};

/* ---- base64url without padding (RFC 4648, 5; RFC 7515, 2) ---- */

static int url64_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Into out, len / 4 * 3 + 2 bytes. Bits that say nothing must be zero: one text for each value. */
static int url64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len) {
        uint32_t bits = 0;
        unsigned n_bits = 0;
        size_t n = 0;

        if (len % 4 == 1)
                return -EINVAL;
        for (size_t i = 0; i < len; i++) {
                int digit = url64_digit(text[i]);

                if (digit < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t) digit;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        out[n++] = (uint8_t) (bits >> n_bits);
                }
        }
        if (bits & ((1U << n_bits) - 1))
                return -EINVAL;
        *ret_len = n;
        return 0;
}

static void url64_add(struct strbuf *b, const void *data, size_t len) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        const uint8_t *bytes = data;
        uint32_t bits = 0;
        unsigned n_bits = 0;

        for (size_t i = 0; i < len; i++) {
                bits = bits << 8 | bytes[i];
                for (n_bits += 8; n_bits >= 6; n_bits -= 6)
                        strbuf_add_char(b, digits[bits >> (n_bits - 6) & 63]);
        }
        if (n_bits > 0)
                strbuf_add_char(b, digits[bits << (6 - n_bits) & 63]);
}

/* ---- keys ---- */

void jwt_key_unref(struct jwt_key *k) {
        if (!k)
                return;
        if (k->private_key)
                gnutls_privkey_deinit(k->private_key);
        if (k->public_key)
                gnutls_pubkey_deinit(k->public_key);
        free(k->id);
        free(k);
}

/* The digest of the public key names it. */
static int key_name(struct jwt_key *k) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        unsigned char id[KEY_ID_BYTES];
        size_t len = sizeof(id);

        if (gnutls_pubkey_get_key_id(k->public_key, GNUTLS_KEYID_USE_SHA256, id, &len) < 0)
                return -EINVAL;
        url64_add(&b, id, len);
        k->id = strbuf_steal(&b);
        return k->id ? 0 : -ENOMEM;
}

static bool key_is_p256(gnutls_pubkey_t key) {
        gnutls_datum_t x = { 0 }, y = { 0 };
        gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

        if (gnutls_pubkey_export_ecc_raw2(key, &curve, &x, &y, 0) < 0)
                return false;
        gnutls_free(x.data);
        gnutls_free(y.data);
        return curve == GNUTLS_ECC_CURVE_SECP256R1;
}

int jwt_key_new(const char *pem, size_t len, struct jwt_key **ret_key, struct err *e) {
        AUTO(jwt_key) struct jwt_key *k = calloc(1, sizeof(*k));
        gnutls_datum_t data = { (unsigned char *) (void *) pem, (unsigned) len };

        if (!k || gnutls_privkey_init(&k->private_key) < 0 ||
            gnutls_pubkey_init(&k->public_key) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        if (gnutls_privkey_import_x509_raw(k->private_key, &data, GNUTLS_X509_FMT_PEM, NULL, 0) <
                    0 ||
            gnutls_pubkey_import_privkey(k->public_key, k->private_key, 0, 0) < 0 ||
            !key_is_p256(k->public_key))
                return err_set(e, -EINVAL, "it holds no private key of ECDSA on P-256");
        if (key_name(k) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        *ret_key = STEAL(k);
        return 0;
}

const char *jwt_key_id(const struct jwt_key *k) {
        return k->id;
}

json_t *jwt_key_set(const struct jwt_key *k) {
        AUTO_DONE(strbuf) struct strbuf x_text = { 0 };
        AUTO_DONE(strbuf) struct strbuf y_text = { 0 };
        gnutls_datum_t x = { 0 }, y = { 0 };

        if (gnutls_pubkey_export_ecc_raw2(k->public_key, NULL, &x, &y, 0) < 0)
                return NULL;
        if (x.size == COORDINATE_BYTES + 1) /* a sign's zero in front */
                url64_add(&x_text, x.data + 1, COORDINATE_BYTES);
        else
                url64_add(&x_text, x.data, x.size);
        if (y.size == COORDINATE_BYTES + 1)
                url64_add(&y_text, y.data + 1, COORDINATE_BYTES);
        else
                url64_add(&y_text, y.data, y.size);
        gnutls_free(x.data);
        gnutls_free(y.data);
        if (x_text.has_failed || y_text.has_failed)
                return NULL;
        return json_pack("{s:[{s:s,s:s,s:s,s:s,s:s,s:s,s:s}]}", "keys", "use", "sig", "kty", "EC",
                         "kid", k->id, "crv", "P-256", "alg", ALGORITHM, "x", x_text.s, "y",
                         y_text.s);
}

/* ---- signing ---- */

static void json_add(struct strbuf *b, const json_t *tree) {
        AUTO_FREE char *text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;

        if (text)
                url64_add(b, text, strlen(text));
        else
                b->has_failed = true;
}

/* A number of DER in exactly COORDINATE_BYTES. */
static bool coordinate_put(const gnutls_datum_t *number, uint8_t *out) {
        const unsigned char *bytes = number->data;
        size_t len = number->size;

        while (len > 0 && *bytes == 0) {
                bytes++;
                len--;
        }
        if (len > COORDINATE_BYTES)
                return false;
        memset(out, 0, COORDINATE_BYTES - len);
        memcpy(out + COORDINATE_BYTES - len, bytes, len);
        return true;
}

static int signature_make(const struct jwt_key *k, const struct strbuf *text, uint8_t *out) {
        gnutls_datum_t data = { (unsigned char *) text->s, (unsigned) text->len };
        gnutls_datum_t der = { 0 }, r = { 0 }, s = { 0 };
        bool is_good = false;

        if (gnutls_privkey_sign_data2(k->private_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der) < 0)
                return -EIO;
        if (gnutls_decode_rs_value(&der, &r, &s) == 0)
                is_good = coordinate_put(&r, out) && coordinate_put(&s, out + COORDINATE_BYTES);
        gnutls_free(r.data);
        gnutls_free(s.data);
        gnutls_free(der.data);
        return is_good ? 0 : -EIO;
}

int jwt_sign(const struct jwt_key *k, const json_t *claims, char **ret_token, struct err *e) {
        json_t *header = json_pack("{s:s,s:s}", "alg", ALGORITHM, "kid", k->id);
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        uint8_t signature[SIGNATURE_BYTES];

        json_add(&b, header);
        json_decref(header);
        strbuf_add_char(&b, '.');
        json_add(&b, claims);
        if (b.has_failed)
                return err_set(e, -ENOMEM, "memory is out");
        if (b.len + 1 + SIGNATURE_BYTES * 2 > JWT_MAX_BYTES)
                return err_set(e, -E2BIG, "the token would be larger than %u bytes", JWT_MAX_BYTES);
        if (signature_make(k, &b, signature) < 0)
                return err_set(e, -EIO, "the token can't be signed");
        strbuf_add_char(&b, '.');
        url64_add(&b, signature, sizeof(signature));
        *ret_token = strbuf_steal(&b);
        return *ret_token ? 0 : err_set(e, -ENOMEM, "memory is out");
}

/* ---- verifying ---- */

/* The three parts of a token, borrowed from it. */
struct parts {
        const char *header, *claims, *signature;
        size_t header_len, claims_len, signature_len;
};

static bool parts_find(const char *token, struct parts *ret) {
        const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;

        if (!second || strchr(second + 1, '.') || strlen(token) > JWT_MAX_BYTES)
                return false;
        *ret = (struct parts){
                .header = token,
                .header_len = (size_t) (first - token),
                .claims = first + 1,
                .claims_len = (size_t) (second - first - 1),
                .signature = second + 1,
                .signature_len = strlen(second + 1),
        };
        return ret->header_len > 0 && ret->claims_len > 0;
}

bool jwt_is_token(const char *text) {
        struct parts p;

        if (!parts_find(text, &p))
                return false;
        for (; *text; text++)
                if (*text != '.' && url64_digit(*text) < 0)
                        return false;
        return true;
}

/* A JSON object in base64url, the caller's; NULL when it is none, or memory is out. */
static json_t *object_decode(const char *text, size_t len) {
        AUTO_FREE uint8_t *bytes = malloc(len / 4 * 3 + 3);
        json_t *tree;

        if (!bytes || url64_decode(text, len, bytes, &len) < 0)
                return NULL;
        tree = json_loadb((const char *) bytes, len, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(tree))
                return tree;
        json_decref(tree);
        return NULL;
}

/* The header must name what is made here, nothing else: neither "none" nor another algorithm is
 * ever tried. */
static int header_check(const struct jwt_key *k, const struct parts *p, struct err *e) {
        json_t *header = object_decode(p->header, p->header_len);
        const char *algorithm = json_string_value(json_object_get(header, "alg"));
        const char *id = json_string_value(json_object_get(header, "kid"));
        bool has_critical = json_object_get(header, "crit");
        int r = 0;

        if (!header)
                r = err_set(e, -EKEYREJECTED, "its header is malformed");
        else if (!str_eq(algorithm, ALGORITHM) || has_critical)
                r = err_set(e, -EKEYREJECTED, "it is not signed by " ALGORITHM);
        else if (id && !str_eq(id, k->id))
                r = err_set(e, -EKEYREJECTED, "it is signed by a key that is not this cluster's");
        json_decref(header);
        return r;
}

/* Without the zeros in front, which DER forbids. */
static gnutls_datum_t number_of(uint8_t *bytes) {
        gnutls_datum_t d = { bytes, COORDINATE_BYTES };

        while (d.size > 1 && d.data[0] == 0) {
                d.data++;
                d.size--;
        }
        return d;
}

static bool signature_is_good(const struct jwt_key *k, const char *token, const struct parts *p) {
        uint8_t bytes[SIGNATURE_BYTES + 4];
        gnutls_datum_t data = { (unsigned char *) (void *) token,
                                (unsigned) (p->header_len + 1 + p->claims_len) };
        gnutls_datum_t r, s, der = { 0 };
        size_t len;
        bool is_good;

        if (p->signature_len != (SIGNATURE_BYTES * 4 + 2) / 3 ||
            url64_decode(p->signature, p->signature_len, bytes, &len) < 0 || len != SIGNATURE_BYTES)
                return false;
        r = number_of(bytes);
        s = number_of(bytes + COORDINATE_BYTES);
        if (gnutls_encode_rs_value(&der, &r, &s) < 0)
                return false;
        is_good = gnutls_pubkey_verify_data2(k->public_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data,
                                             &der) >= 0;
        gnutls_free(der.data);
        return is_good;
}

/* Seconds since 1970 as microseconds; false where the claim is no number. */
static bool time_claim(const json_t *claims, const char *name, uint64_t *ret_usec) {
        double seconds = json_number_value(json_object_get(claims, name));

        if (!json_is_number(json_object_get(claims, name)) || !(seconds >= 0) || seconds > 1e12)
                return false;
        *ret_usec = (uint64_t) (seconds * (double) USEC_PER_SEC);
        return true;
}

/* Of the key's name, which is a digest of the key, and the token. */
static bool digest_make(const struct jwt_key *k, const char *token, uint8_t *out) {
        gnutls_hash_hd_t hash;

        if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
                return false;
        (void) gnutls_hash(hash, k->id, strlen(k->id) + 1);
        (void) gnutls_hash(hash, token, strlen(token));
        gnutls_hash_deinit(hash, out);
        return true;
}

int jwt_verify_seen(const struct jwt_key *k, struct jwt_seen *seen, uint64_t now_usec,
                    const char *token, json_t **ret_claims, struct err *e) {
        uint8_t digest[JWT_SEEN_DIGEST_BYTES];
        bool has_digest, is_known;
        uint64_t end_usec;
        struct parts p;
        int r;

        if (!parts_find(token, &p))
                return err_set(e, -EKEYREJECTED, "it is no JSON web token");
        r = header_check(k, &p, e);
        if (r < 0)
                return r;
        has_digest = seen && digest_make(k, token, digest);
        is_known = has_digest && jwt_seen_knows(seen, digest, now_usec);
        if (!is_known && !signature_is_good(k, token, &p))
                return err_set(e, -EKEYREJECTED, "its signature is wrong");
        *ret_claims = object_decode(p.claims, p.claims_len);
        if (!*ret_claims)
                return err_set(e, -EKEYREJECTED, "its claims are malformed");
        if (has_digest && !is_known && time_claim(*ret_claims, "exp", &end_usec))
                jwt_seen_add(seen, digest, now_usec, end_usec);
        return 0;
}

int jwt_verify(const struct jwt_key *k, const char *token, json_t **ret_claims, struct err *e) {
        return jwt_verify_seen(k, NULL, 0, token, ret_claims, e);
}

/* ---- claims ---- */

static int times_check(const json_t *claims, const struct jwt_expectation *want, struct err *e) {
        uint64_t from_usec = 0, end_usec;
        char then[CLOCK_TEXT_MAX];

        if (!time_claim(claims, "exp", &end_usec) ||
            (json_object_get(claims, "nbf") && !time_claim(claims, "nbf", &from_usec)))
                return err_set(e, -EKEYREJECTED, "it doesn't say until when it is good");
        if (want->now_usec >= end_usec)
                return err_set(e, -EKEYREJECTED, "it has expired at %s",
                               clock_format(end_usec, then));
        if (want->now_usec >= want->clock_floor_usec && want->now_usec + LEEWAY_USEC < from_usec)
                return err_set(e, -EKEYREJECTED, "it is not valid before %s",
                               clock_format(from_usec, then));
        return 0;
}

bool jwt_has_audience(const json_t *claims, const char *audience) {
        const json_t *list = json_object_get(claims, "aud"), *one;
        size_t i;

        if (json_is_string(list))
                return str_eq(json_string_value(list), audience);
        json_array_foreach(list, i, one) {
                if (str_eq(json_string_value(one), audience))
                        return true;
        }
        return false;
}

int jwt_check(const json_t *claims, const struct jwt_expectation *want, struct err *e) {
        const char *issuer = json_string_value(json_object_get(claims, "iss"));

        if (!str_eq(issuer, want->issuer))
                return err_set(e, -EKEYREJECTED, "it is not issued by %s", want->issuer);
        for (size_t i = 0; i < want->n_audiences; i++)
                if (jwt_has_audience(claims, want->audiences[i]))
                        return times_check(claims, want, e);
        return err_set(e, -EKEYREJECTED, "it is meant for another audience");
}
