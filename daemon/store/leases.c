#include "daemon/store/leases.h"

#include <stdlib.h>

struct lease *lease_new(uint64_t ttl_sec) {
        struct lease *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        list_init(&l->link);
        l->ttl_sec = ttl_sec;
        return l;
}

void lease_free(struct lease *l) {
        if (!l)
                return;
        list_remove(&l->link);
        free(l);
}

void leases_init(struct leases *s) {
        list_init(&s->all);
}

void leases_done(struct leases *s) {
        LIST_FOREACH(i, &s->all)
                lease_free(CONTAINER_OF(i, struct lease, link));
}

static struct lease *leases_find(const struct leases *s, int64_t id) {
        LIST_FOREACH(i, &s->all) {
                struct lease *l = CONTAINER_OF(i, struct lease, link);

                if (l->id == id)
                        return l;
        }
        return NULL;
}

static uint64_t lease_due(const struct lease *l, uint64_t now_usec) {
        uint64_t ttl_usec;

        if (__builtin_mul_overflow(l->ttl_sec, USEC_PER_SEC, &ttl_usec) ||
            ttl_usec >= USEC_NEVER - now_usec)
                return USEC_NEVER;
        return now_usec + ttl_usec;
}

void leases_add(struct leases *s, struct lease *take_l, int64_t id, uint64_t now_usec) {
        take_l->id = id;
        take_l->due_usec = lease_due(take_l, now_usec);
        list_append(&s->all, &take_l->link);
}

bool leases_renew(struct leases *s, int64_t id, uint64_t now_usec) {
        struct lease *l = leases_find(s, id);

        if (!l || l->due_usec <= now_usec)
                return false;
        l->due_usec = lease_due(l, now_usec);
        return true;
}

void leases_remove(struct leases *s, int64_t id) {
        lease_free(leases_find(s, id));
}

struct lease *leases_pop_ended(struct leases *s, uint64_t now_usec) {
        LIST_FOREACH(i, &s->all) {
                struct lease *l = CONTAINER_OF(i, struct lease, link);

                if (l->due_usec <= now_usec) {
                        list_remove(&l->link);
                        return l;
                }
        }
        return NULL;
}

uint64_t leases_next_due(const struct leases *s) {
        uint64_t due_usec = USEC_NEVER;

        LIST_FOREACH(i, &s->all)
                due_usec = MIN(due_usec, CONTAINER_OF(i, struct lease, link)->due_usec);
        return due_usec;
}
