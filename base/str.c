#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#define STR_DISTANCE_MAX 64

bool strbuf_reserve(struct strbuf *b, size_t more) {
        size_t cap = b->cap ? b->cap : 64;
        char *s;

        if (b->has_failed)
                return false;
        if (more < SIZE_MAX / 4 - b->len) {
                if (b->len + more + 1 <= b->cap)
                        return true;
                while (cap < b->len + more + 1)
                        cap *= 2;
                s = realloc(b->s, cap);
                if (s) {
                        b->s = s;
                        b->cap = cap;
                        return true;
                }
        }
        b->has_failed = true;
        return false;
}

void strbuf_done(struct strbuf *b) {
        free(b->s);
        *b = (struct strbuf){ 0 };
}

void strbuf_reset(struct strbuf *b) {
        b->len = 0;
        if (b->s)
                b->s[0] = '\0';
}

void strbuf_add_len(struct strbuf *b, const void *s, size_t len) {
        /* Nearly always there is room already. */
        if ((len >= b->cap - b->len || b->has_failed) && !strbuf_reserve(b, len))
                return;
        if (len > 0)
                memcpy(b->s + b->len, s, len);
        b->len += len;
        b->s[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s) {
        strbuf_add_len(b, s, strlen(s));
}

void strbuf_add_char(struct strbuf *b, char c) {
        if (b->len + 1 >= b->cap || b->has_failed) {
                strbuf_add_len(b, &c, 1);
                return;
        }
        b->s[b->len++] = c;
        b->s[b->len] = '\0';
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...) {
        va_list ap, again;
        int n;

        if (!strbuf_reserve(b, 0))
                return;
        va_start(ap, fmt);
        va_copy(again, ap);
        n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
        va_end(ap);
        if (n < 0) {
                b->s[b->len] = '\0';
                b->has_failed = true;
        } else if ((size_t) n < b->cap - b->len) {
                b->len += (size_t) n;
        } else if (strbuf_reserve(b, (size_t) n)) {
                (void) vsnprintf(b->s + b->len, (size_t) n + 1, fmt, again);
                b->len += (size_t) n;
        } else {
                b->s[b->len] = '\0';
        }
        va_end(again);
}

char *strbuf_steal(struct strbuf *b) {
        char *s;

        strbuf_add_len(b, "", 0);
        if (b->has_failed) {
                strbuf_done(b);
                return NULL;
        }
        s = b->s;
        *b = (struct strbuf){ 0 };
        return s;
}

bool str_is_any(const char *s, const char *const *words) {
        for (; *words; words++)
                if (str_eq(s, *words))
                        return true;
        return false;
}

bool str_starts_with(const char *s, const char *prefix) {
        return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix) {
        size_t n = s ? strlen(s) : 0, m = strlen(suffix);

        return s && n >= m && strcmp(s + n - m, suffix) == 0;
}

char *str_format(const char *fmt, ...) {
        char *s = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return NULL;
        s = malloc((size_t) n + 1);
        if (!s)
                return NULL;
        va_start(ap, fmt);
        (void) vsnprintf(s, (size_t) n + 1, fmt, ap);
        va_end(ap);
        return s;
}

int str_to_int64(const char *s, int64_t min, int64_t max, int64_t *ret) {
        char *end;
        long long v;

        if (str_is_empty(s) || (s[0] != '-' && (s[0] < '0' || s[0] > '9')))
                return -EINVAL;
        errno = 0;
        v = strtoll(s, &end, 10);
        if (*end != '\0' || end == s)
                return -EINVAL;
        if (errno == ERANGE || v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

size_t str_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);
        size_t row[3][STR_DISTANCE_MAX + 1];

        if (n > STR_DISTANCE_MAX || m > STR_DISTANCE_MAX)
                return SIZE_MAX;
        for (size_t j = 0; j <= m; j++)
                row[0][j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

                now[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        now[j] =
                                MIN(MIN(up[j], now[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                now[j] = MIN(now[j], up2[j - 2] + 1);
                }
        }
        return row[n % 3][m];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n) {
        size_t best = SIZE_MAX;
        const char *nearest = NULL;

        for (size_t i = 0; i < n; i++) {
                size_t d = strcasecmp(word, candidates[i]) == 0 ? 0
                                                                : str_distance(word, candidates[i]);

                if (d < best) {
                        best = d;
                        nearest = candidates[i];
                }
        }
        return nearest && best <= 1 + strlen(word) / 4 ? nearest : NULL;
}

static bool str_is_name_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool str_is_dns_label(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 63 || !str_is_name_char(s[0]) || !str_is_name_char(s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!str_is_name_char(s[i]) && s[i] != '-')
                        return false;
        return true;
}

bool str_is_dns_subdomain(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 253)
                return false;
        for (size_t i = 0; i < n; i++) {
                bool is_edge = i == 0 || i == n - 1 || s[i - 1] == '.' || s[i + 1] == '.';

                if (str_is_name_char(s[i]))
                        continue;
                if (is_edge || (s[i] != '-' && s[i] != '.'))
                        return false;
        }
        return true;
}
