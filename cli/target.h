#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

struct kind;
struct session;

/* What a command speaks of: "pods", "pods,svc", "pod web-1 web-2", "deploy/web svc/web". */
struct target {
        const struct kind *kind;
        const char *name; /* borrowed from the words; NULL: all of the kind */
};

struct targets {
        struct target *items; /* owned */
        size_t n, cap;
        char *types; /* owned copy that kinds were cut from */
};

void targets_done(struct targets *t);
DEFINE_AUTO_DONE(targets);

/* Reads words. "all" stands for the kinds of that category.
 * Returns 0, -EINVAL (a usage error, with a suggestion) or -ENOMEM. */
int target_parse(struct session *s, const char *const *words, size_t n, struct targets *ret,
                 struct err *e);

/* Exactly one object: "TYPE/NAME" or "TYPE NAME". default_kind: "NAME" alone means that kind; may
 * be NULL. */
int target_parse_one(struct session *s, const char *const *words, size_t n,
                     const struct kind *default_kind, struct target *ret, struct err *e);

/* The kind of a word. Returns 0 or -EINVAL (a usage error, with a suggestion). */
int target_kind(struct session *s, const char *word, const struct kind **ret, struct err *e);

/* "pod" or "deployment.apps", as kubectl writes it before "/NAME". The caller's, or NULL. */
char *target_kind_name(const struct kind *k);
