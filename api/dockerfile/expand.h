#pragma once

#include "base/diag.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* A text never grows beyond this by substitution. */
#define EXPAND_BYTES_MAX (256U << 10)

/* Where values come from: NULL for a variable that isn't set. */
struct expand_source {
        const char *(*get)(void *userdata, const char *name);
        void *userdata;
        char escape;
        /* What is kept: the text of a here-document has no quotes of its own. */
        bool keeps_quotes;
};

/* Substitutes as BuildKit does: $x ${x} ${x:-d} ${x-d} ${x:+d} ${x+d} ${x:?e} ${x?e} ${x#p} ${x##p}
 * ${x%p} ${x%%p} ${x/p/r} ${x//p/r}; quotes go, single ones and the escape character protect.
 *
 * Returns 0, -EINVAL (e says which), -E2BIG past EXPAND_BYTES_MAX, or -ENOMEM. *out is added to.
 * Pure. */
int expand_text(const char *text, const struct expand_source *source, struct strbuf *out,
                struct err *e);

/* Whether a text could be substituted with some values. Returns as expand_text(). Pure. */
int expand_check(const char *text, char escape, struct err *e);
