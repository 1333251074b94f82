#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>

/* Sends a container's log on a stream's connection as it is written, for logs and for attach. Holds
 * nothing but one piece: a reader that is slow is waited for, the container never is. */
struct conn;
struct follow;
struct log_reader;
struct loop;

struct follow_handlers {
        /* Whether nothing will be written any more. Asked before each last look, so that the last
         * line isn't missed. */
        bool (*is_over)(void *userdata);
        /* All is sent (r 0), or the log can't be read. Called once, never from follow_new(). */
        void (*on_end)(void *userdata, int r, const struct err *e);
        void *userdata;
};

/* take_reader: consumed, on failure too. handlers: copied. is_split: standard error goes on its own
 * channel. is_following: false when is_over() is always true, then no watch is made.
 * Begins with the loop's next turn. */
struct follow_options {
        bool is_split, is_following;
};
int follow_new(struct loop *loop, struct conn *conn, struct log_reader *take_reader,
               const struct follow_options *options, const struct follow_handlers *handlers,
               struct follow **ret);
void follow_unref(struct follow *f);
DEFINE_AUTO(follow);

/* Looks now: there is room on the connection, or the container has ended. */
void follow_look(struct follow *f);
