#include "daemon/plan/fair.h"

#include <stdlib.h>
#include <string.h>

/* Start-time fair queueing with measured costs. A client that comes anew begins where the others
 * are: it gets no credit for having been silent. */
struct fair_client {
        struct list waiting; /* of struct fair_place, oldest first */
        unsigned n_queued, n_seated, n_long;
        uint64_t virtual_usec;
        char name[];
};

void fair_init(struct fair *f, const struct fair_limits *limits) {
        *f = (struct fair){ .limits = *limits };
}

void fair_done(struct fair *f) {
        map_done(&f->clients, free);
}

void fair_turn(struct fair *f) {
        f->turn_ends_usec = 0;
}

static bool turn_has_time(struct fair *f, uint64_t now_usec) {
        if (f->turn_ends_usec == 0)
                f->turn_ends_usec = now_usec + f->limits.turn_usec;
        return now_usec < f->turn_ends_usec;
}

static struct fair_client *client_find(struct fair *f, const char *name) {
        struct fair_client *c = map_get(&f->clients, name);
        size_t size = strlen(name) + 1;

        if (c)
                return c;
        c = calloc(1, sizeof(*c) + size);
        if (!c)
                return NULL;
        memcpy(c->name, name, size);
        list_init(&c->waiting);
        c->virtual_usec = f->virtual_usec;
        if (map_put(&f->clients, name, c, NULL) == 0)
                return c;
        free(c);
        return NULL;
}

static void client_drop_idle(struct fair *f, struct fair_client *c) {
        if (c->n_queued + c->n_seated + c->n_long == 0)
                free(map_remove(&f->clients, c->name));
}

static void place_seat(struct fair *f, struct fair_place *p) {
        p->state = FAIR_SEATED;
        p->client->n_seated++;
        f->virtual_usec = MAX(f->virtual_usec, p->client->virtual_usec);
}

enum fair_verdict fair_arrive(struct fair *f, struct fair_place *p, const char *client,
                              uint64_t now_usec) {
        struct fair_client *c = client_find(f, client);

        if (!c)
                return FAIR_REFUSE;
        list_init(&p->link);
        p->client = c;
        /* A client without requests has been silent, whatever its watches do. */
        if (c->n_queued + c->n_seated == 0)
                c->virtual_usec = MAX(c->virtual_usec, f->virtual_usec);
        if (f->n_waiting == 0 && c->n_seated < f->limits.max_seats && turn_has_time(f, now_usec)) {
                place_seat(f, p);
                return FAIR_RUN;
        }
        if (c->n_queued >= f->limits.max_queued) {
                p->client = NULL;
                return FAIR_REFUSE;
        }
        p->state = FAIR_WAITING;
        list_append(&c->waiting, &p->link);
        c->n_queued++;
        f->n_waiting++;
        return FAIR_WAIT;
}

/* Of the clients that wait and have a seat left, the one that has had the least. */
static struct fair_client *client_choose(const struct fair *f) {
        struct fair_client *best = NULL;

        MAP_FOREACH(entry, &f->clients) {
                struct fair_client *c = entry->value;

                if (c->n_queued == 0 || c->n_seated >= f->limits.max_seats)
                        continue;
                if (!best || c->virtual_usec < best->virtual_usec)
                        best = c;
        }
        return best;
}

bool fair_has_more(const struct fair *f) {
        return f->n_waiting > 0 && client_choose(f);
}

static void place_unqueue(struct fair *f, struct fair_place *p) {
        list_remove(&p->link);
        p->client->n_queued--;
        f->n_waiting--;
}

struct fair_place *fair_next(struct fair *f, uint64_t now_usec) {
        struct fair_client *c = f->n_waiting > 0 ? client_choose(f) : NULL;
        struct fair_place *p;

        if (!c || !turn_has_time(f, now_usec))
                return NULL;
        p = CONTAINER_OF(c->waiting.next, struct fair_place, link);
        place_unqueue(f, p);
        place_seat(f, p);
        return p;
}

void fair_charge(struct fair_place *p, uint64_t cost_usec) {
        if (p->client)
                p->client->virtual_usec += cost_usec;
}

bool fair_make_long(struct fair *f, struct fair_place *p) {
        struct fair_client *c = p->client;

        if (p->state == FAIR_LONG)
                return true;
        if (p->state != FAIR_SEATED || c->n_long >= f->limits.max_long)
                return false;
        c->n_seated--;
        c->n_long++;
        p->state = FAIR_LONG;
        return true;
}

void fair_leave(struct fair *f, struct fair_place *p) {
        struct fair_client *c = p->client;

        if (!c)
                return;
        if (p->state == FAIR_WAITING)
                place_unqueue(f, p);
        else if (p->state == FAIR_SEATED)
                c->n_seated--;
        else if (p->state == FAIR_LONG)
                c->n_long--;
        *p = (struct fair_place){ 0 };
        client_drop_idle(f, c);
}
