#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A growing string. Errors stick: after a failed allocation every further call does nothing and
 * strbuf_steal() returns NULL, so a whole text is built without a check a line.
 * "struct strbuf b = {0};" is a good start; AUTO_DONE(strbuf) releases it. */
struct strbuf {
        char *s; /* NUL-terminated once anything was added; owned */
        size_t len;
        size_t cap;
        bool has_failed;
};

void strbuf_done(struct strbuf *b);
DEFINE_AUTO_DONE(strbuf);
void strbuf_add(struct strbuf *b, const char *s);
void strbuf_add_len(struct strbuf *b, const void *s, size_t len);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the content, keeps the memory. */
void strbuf_reset(struct strbuf *b);
/* Makes room for more bytes; false (and sticky) on failure. */
bool strbuf_reserve(struct strbuf *b, size_t more);
/* The text, the caller's to free; NULL when an allocation failed. Leaves b empty. */
char *strbuf_steal(struct strbuf *b);

static inline bool str_eq(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether s is one of words, which end with NULL. */
bool str_is_any(const char *s, const char *const *words);

static inline bool str_is_empty(const char *s) {
        return !s || s[0] == '\0';
}

bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);

/* s, or "" for NULL. */
static inline const char *str_or_empty(const char *s) {
        return s ? s : "";
}

/* printf into fresh memory. Returns the caller's string or NULL when memory is out. */
char *str_format(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Decimal number in [min, max], whole string, no blanks. Returns 0, -EINVAL or -ERANGE. */
int str_to_int64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* The edit distance (Damerau-Levenshtein, restricted) of two names, SIZE_MAX where either is longer
 * than 64 bytes. For "did you mean". */
size_t str_distance(const char *a, const char *b);

/* The nearest of n candidates when it is near enough to be a slip of the pen, else NULL.
 * Borrowed from candidates. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

/* RFC 1123 label (at most 63) and subdomain (at most 253), as Kubernetes names objects. */
bool str_is_dns_label(const char *s);
bool str_is_dns_subdomain(const char *s);
