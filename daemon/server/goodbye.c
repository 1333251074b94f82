#include "daemon/server/goodbye.h"

#include "api/client/timer.h"
#include "base/clock.h"
#include "base/macros.h"

#define LOOK_USEC (5 * USEC_PER_SEC)
/* A minute in which the client took nothing of what waits for it. */
#define LOOKS_MAX 12U

static void look(void *data);

static void goodbye_wait(struct goodbye *g) {
        uint64_t due_usec = g->timers->vtable->now_usec(g->timers) + LOOK_USEC;

        if (g->timers->vtable->add(g->timers, due_usec, look, g, &g->timer) < 0)
                g->timer = NULL; /* then the client's leaving ends it */
}

static void look(void *data) {
        struct goodbye *g = data;
        size_t left = g->pending(g->data);

        g->timer = NULL;
        g->n_idle = left == g->left ? g->n_idle + 1 : 0;
        g->left = left;
        if (left == 0 || g->n_idle >= LOOKS_MAX)
                g->over(g->data);
        else
                goodbye_wait(g);
}

void goodbye_say(struct goodbye *g) {
        g->left = g->pending(g->data);
        goodbye_wait(g);
}

void goodbye_done(struct goodbye *g) {
        if (g->timer)
                g->timers->vtable->cancel(g->timers, STEAL(g->timer));
}
