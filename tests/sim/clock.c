#include "tests/sim/clock.h"

#include "base/clock.h"
#include "base/list.h"

#include <stdlib.h>

struct timer {
        struct list link; /* sorted by time, then by age */
        uint64_t due_usec, serial;
        void (*fn)(void *data);
        void *data;
};

struct sim_clock {
        struct timers timers;
        struct list queue;
        uint64_t now_usec, wall_usec, serial;
};

static uint64_t clock_now(struct timers *t) {
        return ((struct sim_clock *) t)->now_usec;
}

static int clock_add(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
                     struct timer **ret_timer) {
        struct sim_clock *c = (struct sim_clock *) t;
        struct timer *it = calloc(1, sizeof(*it));
        struct list *at;

        if (!it)
                return -ENOMEM;
        it->due_usec = MAX(due_usec, c->now_usec);
        it->serial = c->serial++;
        it->fn = fn;
        it->data = data;
        for (at = c->queue.prev; at != &c->queue; at = at->prev)
                if (CONTAINER_OF(at, struct timer, link)->due_usec <= it->due_usec)
                        break;
        list_append(at->next, &it->link);
        *ret_timer = it;
        return 0;
}

static void clock_cancel(struct timers *t, struct timer *timer) {
        if (!timer)
                return;
        list_remove(&timer->link);
        free(timer);
}

struct sim_clock *sim_clock_new(uint64_t wall_usec) {
        static const struct timers_vtable vtable = { clock_now, clock_add, clock_cancel };
        struct sim_clock *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->timers.vtable = &vtable;
        c->now_usec = 1000 * USEC_PER_SEC;
        c->wall_usec = wall_usec;
        list_init(&c->queue);
        return c;
}

void sim_clock_free(struct sim_clock *c) {
        if (!c)
                return;
        LIST_FOREACH(pos, &c->queue)
                free(CONTAINER_OF(pos, struct timer, link));
        free(c);
}

struct timers *sim_clock_timers(struct sim_clock *c) {
        return &c->timers;
}

uint64_t sim_clock_now(const struct sim_clock *c) {
        return c->now_usec;
}

uint64_t sim_clock_wall(const struct sim_clock *c) {
        return c->wall_usec + c->now_usec;
}

unsigned sim_clock_fire(struct sim_clock *c) {
        uint64_t before = c->serial;
        unsigned n = 0;

        while (!list_is_empty(&c->queue)) {
                struct timer *it = CONTAINER_OF(c->queue.next, struct timer, link);
                void (*fn)(void *data) = it->fn;
                void *data = it->data;

                if (it->due_usec > c->now_usec || it->serial >= before)
                        break;
                list_remove(&it->link);
                free(it);
                fn(data);
                n++;
        }
        return n;
}

void sim_clock_advance(struct sim_clock *c, uint64_t until_usec) {
        uint64_t next = until_usec;

        if (!list_is_empty(&c->queue))
                next = MIN(CONTAINER_OF(c->queue.next, struct timer, link)->due_usec, until_usec);
        c->now_usec = MAX(c->now_usec, next);
}
