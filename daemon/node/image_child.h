#pragma once

#include "base/err.h"

/* orch-image at work for the node: what it says comes line by line. */
struct image_child;
struct context;

/* Fits every line of progress and every answer to a pull or a push. */
#define IMAGE_CHILD_LINE_MAX (256U << 10)

struct image_child_spec {
        const char *const *argv; /* NULL-terminated, "orch-image" first; borrowed for the call */
        const char
                *auth; /* given as descriptor 3 ("--auth-fd", "3" are the caller's); NULL: none */
        /* A line of standard output, without its end; borrowed. May be NULL. */
        void (*on_line)(void *userdata, const char *line);
        /* Once, and last. code: 0, or the negative errno that orch-image named (-EIO where it named
         * none); text: why. image_child_unref() is allowed in it. */
        void (*on_exit)(void *userdata, int code, const char *text);
        void *userdata;
};

/* Returns 0 or a negative errno. On the loop. */
int image_child_start(const struct context *ctx, const struct image_child_spec *spec,
                      struct image_child **ret, struct err *e);
/* Kills it where it still works. NULL is fine. */
void image_child_unref(struct image_child *c);

/* The errno behind a name at the start of text ("ENOENT cannot …"), negative, and *ret_rest behind
 * it; -EIO and all of the text where there is none. Pure. */
int image_child_code(const char *text, const char **ret_rest);
