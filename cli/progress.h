#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

/* One line on a terminal that tells how long something takes, shown after half a second and wiped
 * at the end. In a pipe nothing but progress_say() is seen. */
struct progress {
        const struct session *session;
        uint64_t since_usec;
        char text[256];
        bool is_shown;
        unsigned frame;
};

void progress_init(struct progress *p, const struct session *s);
void progress_done(struct progress *p);

/* What is going on; copied. Shown with the next tick. */
void progress_set(struct progress *p, const char *text);

/* Prints a line that stays, on standard output. */
void progress_say(struct progress *p, const char *text);

/* Call a few times a second. */
void progress_tick(struct progress *p);
