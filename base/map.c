#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <threads.h>

static char map_tombstone_key;
#define MAP_TOMBSTONE (&map_tombstone_key)

static once_flag map_key_once = ONCE_FLAG_INIT;
static uint64_t map_key[2];

static void map_key_draw(void) {
        if (getrandom(map_key, sizeof(map_key), GRND_NONBLOCK) != (ssize_t) sizeof(map_key)) {
                /* Early in boot there may be no entropy yet: an address is better than a constant.
                 */
                map_key[0] = (uint64_t) (uintptr_t) &map_key ^ 0x9e3779b97f4a7c15U;
                map_key[1] = (uint64_t) (uintptr_t) __builtin_frame_address(0);
        }
}

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SIP_ROUND(v0, v1, v2, v3)                                                                  \
        do {                                                                                       \
                v0 += v1, v1 = ROTL(v1, 13), v1 ^= v0, v0 = ROTL(v0, 32);                          \
                v2 += v3, v3 = ROTL(v3, 16), v3 ^= v2;                                             \
                v0 += v3, v3 = ROTL(v3, 21), v3 ^= v0;                                             \
                v2 += v1, v1 = ROTL(v1, 17), v1 ^= v2, v2 = ROTL(v2, 32);                          \
        } while (0)

uint64_t map_hash(const void *data, size_t len) {
        const unsigned char *p = data;
        uint64_t v0, v1, v2, v3, word;

        call_once(&map_key_once, map_key_draw);
        v0 = map_key[0] ^ 0x736f6d6570736575U;
        v1 = map_key[1] ^ 0x646f72616e646f6dU;
        v2 = map_key[0] ^ 0x6c7967656e657261U;
        v3 = map_key[1] ^ 0x7465646279746573U;
        for (size_t left = len; left >= 8; left -= 8, p += 8) {
                memcpy(&word, p, 8);
                v3 ^= word;
                SIP_ROUND(v0, v1, v2, v3);
                v0 ^= word;
        }
        word = (uint64_t) len << 56;
        for (size_t i = 0; i < (len & 7); i++)
                word |= (uint64_t) p[i] << (8 * i);
        v3 ^= word;
        SIP_ROUND(v0, v1, v2, v3);
        v0 ^= word;
        v2 ^= 0xff;
        for (int i = 0; i < 3; i++)
                SIP_ROUND(v0, v1, v2, v3);
        return v0 ^ v1 ^ v2 ^ v3;
}

static bool map_is_live(const struct map_entry *e) {
        return e->key && e->key != MAP_TOMBSTONE;
}

static struct map_entry *map_find(const struct map *m, const char *key) {
        uint32_t hash;

        if (m->n == 0)
                return NULL;
        hash = (uint32_t) map_hash(key, strlen(key));
        for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
                struct map_entry *e = &m->entries[i];

                if (!e->key)
                        return NULL;
                if (e->key != MAP_TOMBSTONE && e->hash == hash && strcmp(e->key, key) == 0)
                        return e;
        }
}

static void map_insert(struct map_entry *entries, size_t cap, struct map_entry e) {
        size_t i = e.hash & (cap - 1);

        while (entries[i].key)
                i = (i + 1) & (cap - 1);
        entries[i] = e;
}

static int map_rehash(struct map *m, size_t cap) {
        struct map_entry *entries = calloc(cap, sizeof(*entries));

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < m->cap; i++)
                if (map_is_live(&m->entries[i]))
                        map_insert(entries, cap, m->entries[i]);
        free(m->entries);
        m->entries = entries;
        m->cap = cap;
        m->used = m->n;
        return 0;
}

void map_done(struct map *m, void (*free_value)(void *)) {
        for (size_t i = 0; i < m->cap; i++) {
                if (!map_is_live(&m->entries[i]))
                        continue;
                free(m->entries[i].key);
                if (free_value)
                        free_value(m->entries[i].value);
        }
        free(m->entries);
        *m = (struct map){ 0 };
}

void *map_get(const struct map *m, const char *key) {
        struct map_entry *e = map_find(m, key);

        return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key) {
        return map_find(m, key) != NULL;
}

int map_put(struct map *m, const char *key, void *value, void **ret_old) {
        struct map_entry *e = map_find(m, key);
        struct map_entry fresh = { .value = value };
        int r;

        if (e) {
                if (ret_old)
                        *ret_old = e->value;
                e->value = value;
                return 0;
        }
        if ((m->used + 1) * 4 > m->cap * 3) {
                r = map_rehash(m, (m->n + 1) * 2 > m->cap ? (m->cap ? m->cap * 2 : 8) : m->cap);
                if (r < 0)
                        return r;
        }
        fresh.key = strdup(key);
        if (!fresh.key)
                return -ENOMEM;
        fresh.hash = (uint32_t) map_hash(key, strlen(key));
        map_insert(m->entries, m->cap, fresh);
        m->n++;
        m->used++;
        if (ret_old)
                *ret_old = NULL;
        return 0;
}

void *map_remove(struct map *m, const char *key) {
        struct map_entry *e = map_find(m, key);
        void *value;

        if (!e)
                return NULL;
        value = e->value;
        free(e->key);
        *e = (struct map_entry){ .key = MAP_TOMBSTONE };
        m->n--;
        return value;
}

struct map_entry *map_next(const struct map *m, struct map_entry *after) {
        size_t i = after ? (size_t) (after - m->entries) + 1 : 0;

        for (; i < m->cap; i++)
                if (map_is_live(&m->entries[i]))
                        return &m->entries[i];
        return NULL;
}
