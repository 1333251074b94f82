#pragma once

#include "base/diag.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* Paths as COPY and .dockerignore match them. */

/* Whether a name or path matches "*", "?", "[a-z]", "[^a]" and "\c" (Go's filepath.Match: "*" and
 * "?" don't match '/'). A broken pattern matches nothing. Pure; its time is bounded by the product
 * of both lengths. */
bool pattern_match(const char *pattern, const char *path);

/* The same for plain text, as the shell's ${x#pattern}: '*' and '?' match '/', too. */
bool pattern_match_text(const char *pattern, const char *text);

/* How many bytes of text's head match so, at least or at most; SIZE_MAX: none do. */
size_t pattern_match_head(const char *pattern, const char *text, bool is_longest);

/* As pattern_match(), and "**" matches any number of parts, none too. */
bool pattern_match_deep(const char *pattern, const char *path);

/* Whether there is anything in it that isn't itself. */
bool pattern_has_wildcard(const char *pattern);

/* Whether brackets and escapes end. */
bool pattern_is_valid(const char *pattern);

/* ---- .dockerignore ---- */

#define IGNORE_BYTES_MAX (256U << 10)
#define IGNORE_PATTERNS_MAX 4000

struct ignore_rule {
        char *pattern; /* cleaned, no '/' at its ends */
        bool is_exception;
};

/* A list of rules, the last that matches wins (Dockerfile reference, ".dockerignore files"). */
struct ignore {
        struct ignore_rule *items;
        size_t n, cap;
        bool has_exceptions;
};

void ignore_done(struct ignore *ignore);
DEFINE_AUTO_DONE(ignore);

/* Reads a file of such rules. Returns 0, -EINVAL (d says which line), -EFBIG or -ENOMEM. Pure. */
int ignore_parse(const char *text, size_t len, const char *file, struct ignore *ret,
                 struct diags *d);

/* Whether a path of the context ("a/b", relative, clean) is left out, by itself or by a folder that
 * it is in. Pure. */
bool ignore_matches(const struct ignore *ignore, const char *path);

/* Whether a folder that is left out may still hold something that isn't (an exception could name
 * it): then it must be looked into. Pure. */
bool ignore_may_hold(const struct ignore *ignore, const char *path);
