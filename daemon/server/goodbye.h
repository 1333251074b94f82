#pragma once

#include <stddef.h>

/* The last word has been said; what is left is that the client takes it and leaves. One that reads
 * slowly gets all of it; one that doesn't read, or doesn't leave, isn't waited for. */
struct timer;
struct timers;

struct goodbye {
        struct timers *timers;
        struct timer *timer;                 /* NULL: not said */
        size_t left;                         /* pending() when the timer was set last */
        unsigned n_idle;                     /* how often it was the same */
        size_t (*pending)(const void *data); /* bytes that the client didn't take yet */
        void (*over)(void *data);            /* enough waited; the goodbye is gone */
        void *data;
};

/* All but timer, left and n_idle is filled in. */
void goodbye_say(struct goodbye *g);
/* The client has left by itself. Harmless when nothing was said. */
void goodbye_done(struct goodbye *g);
