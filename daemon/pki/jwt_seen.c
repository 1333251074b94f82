#include "daemon/pki/jwt_seen.h"

#include <stdlib.h>
#include <string.h>

/* 160 KiB when full. Which set is said by the digest's first bytes, so nobody can choose. */
#define SETS 1024U
#define WAYS 4U

struct entry {
        uint8_t digest[JWT_SEEN_DIGEST_BYTES];
        uint64_t end_usec; /* 0: free */
};

/* The entries of a set, the one that was asked for last in front. */
struct jwt_seen {
        struct entry sets[SETS][WAYS];
};

struct jwt_seen *jwt_seen_new(void) {
        return calloc(1, sizeof(struct jwt_seen));
}

void jwt_seen_unref(struct jwt_seen *s) {
        free(s);
}

static struct entry *set_of(struct jwt_seen *s, const uint8_t *digest) {
        return s->sets[(digest[0] | (unsigned) digest[1] << 8) % SETS];
}

/* Puts an entry in front; it takes the place of the one at i. */
static void set_lead(struct entry *set, unsigned i, struct entry e) {
        memmove(&set[1], &set[0], i * sizeof(*set));
        set[0] = e;
}

bool jwt_seen_knows(struct jwt_seen *s, const uint8_t digest[JWT_SEEN_DIGEST_BYTES],
                    uint64_t now_usec) {
        struct entry *set = set_of(s, digest);

        for (unsigned i = 0; i < WAYS; i++) {
                if (set[i].end_usec <= now_usec ||
                    memcmp(set[i].digest, digest, JWT_SEEN_DIGEST_BYTES) != 0)
                        continue;
                set_lead(set, i, set[i]);
                return true;
        }
        return false;
}

void jwt_seen_add(struct jwt_seen *s, const uint8_t digest[JWT_SEEN_DIGEST_BYTES],
                  uint64_t now_usec, uint64_t end_usec) {
        struct entry *set = set_of(s, digest), e = { .end_usec = end_usec };
        unsigned i = 0;

        /* Where one has ended, else where the one is that nobody asked for longest. */
        while (i < WAYS - 1 && set[i].end_usec > now_usec)
                i++;
        memcpy(e.digest, digest, JWT_SEEN_DIGEST_BYTES);
        set_lead(set, i, e);
}
