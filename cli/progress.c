#include "cli/progress.h"

#include "base/clock.h"
#include "cli/session.h"

#include <stdio.h>

#define QUIET_USEC (500 * USEC_PER_MSEC)

void progress_init(struct progress *p, const struct session *s) {
        *p = (struct progress){ .session = s, .since_usec = clock_now_usec() };
}

static void wipe(struct progress *p) {
        if (!p->is_shown)
                return;
        p->is_shown = false;
        (void) fputs("\r\033[K", stderr);
        (void) fflush(stderr);
}

void progress_done(struct progress *p) {
        wipe(p);
}

void progress_set(struct progress *p, const char *text) {
        (void) snprintf(p->text, sizeof(p->text), "%s", text);
}

void progress_say(struct progress *p, const char *text) {
        wipe(p);
        (void) printf("%s\n", text);
        (void) fflush(stdout);
}

void progress_tick(struct progress *p) {
        static const char frames[] = "|/-\\";
        uint64_t took_usec = clock_now_usec() - p->since_usec;
        unsigned room = p->session->columns > 16 ? p->session->columns - 12 : 68;

        if (!p->session->err_is_terminal || took_usec < QUIET_USEC || !p->text[0])
                return;
        p->is_shown = true;
        (void) fprintf(stderr, "\r\033[K%c %.*s %us", frames[p->frame++ % 4], (int) room, p->text,
                       (unsigned) (took_usec / USEC_PER_SEC));
        (void) fflush(stderr);
}
