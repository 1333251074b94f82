#include "daemon/distribution/challenge.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

#define CHALLENGE_TEXT_MAX 8192

void challenge_done(struct challenge *c) {
        free(c->realm);
        free(c->service);
        free(c->scope);
        free(c->error);
        *c = (struct challenge){ 0 };
}

/* RFC 9110, section 5.6.2. */
static bool challenge_is_token_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *challenge_skip(const char *p, const char *chars) {
        return p + strspn(p, chars);
}

static size_t challenge_token_len(const char *p) {
        size_t n = 0;

        while (challenge_is_token_char(p[n]))
                n++;
        return n;
}

/* A quoted string or a token behind "=". Returns what stands behind it, NULL when there is no end
 * or memory is out (then *ret_code). */
static const char *challenge_value(const char *p, char **ret, int *ret_code) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (*p != '"') {
                size_t n = challenge_token_len(p);

                strbuf_add_len(&b, p, n);
                p += n;
        } else {
                for (p++; *p && *p != '"'; p++) {
                        if (*p == '\\' && p[1])
                                p++;
                        strbuf_add_char(&b, *p);
                }
                if (*p++ != '"')
                        return NULL;
        }
        strbuf_add(&b, "");
        *ret = strbuf_steal(&b);
        if (!*ret)
                *ret_code = -ENOMEM;
        return *ret ? p : NULL;
}

/* Keeps a parameter that is known and wasn't given before; the others are freed. */
static void challenge_take(struct challenge *c, const char *name, size_t len, char *take_value) {
        const struct {
                const char *name;
                char **to;
        } known[] = { { "realm", &c->realm },
                      { "service", &c->service },
                      { "scope", &c->scope },
                      { "error", &c->error } };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strlen(known[i].name) == len && strncasecmp(known[i].name, name, len) == 0 &&
                    !*known[i].to) {
                        *known[i].to = take_value;
                        return;
                }
        free(take_value);
}

static enum challenge_scheme challenge_scheme_of(const char *name, size_t len) {
        if (len == strlen("Basic") && strncasecmp(name, "Basic", len) == 0)
                return CHALLENGE_BASIC;
        if (len == strlen("Bearer") && strncasecmp(name, "Bearer", len) == 0)
                return CHALLENGE_BEARER;
        return CHALLENGE_NONE;
}

/* A finished challenge replaces a worse one. One for tokens needs to say where they are. */
static void challenge_offer(struct challenge *best, struct challenge *take) {
        if (take->scheme == CHALLENGE_BEARER && str_is_empty(take->realm))
                take->scheme = CHALLENGE_NONE;
        if (take->scheme > best->scheme) {
                challenge_done(best);
                *best = *take;
                *take = (struct challenge){ 0 };
        }
        challenge_done(take);
}

/* Whether the token of that length is followed by "=" and a value: then it is a parameter, else the
 * name of a scheme. A token68 behind a scheme ends with '=' or at a comma. */
static const char *challenge_behind_equals(const char *p) {
        p = challenge_skip(p, " \t");
        if (*p != '=')
                return NULL;
        p = challenge_skip(p + 1, " \t");
        return *p == '"' || challenge_is_token_char(*p) ? p : NULL;
}

int challenge_read(const char *text, struct challenge *io) {
        AUTO_FREE char *copy = strndup(text, CHALLENGE_TEXT_MAX);
        AUTO_DONE(challenge) struct challenge now = { 0 };
        const char *p = copy;
        int code = 0;

        if (!copy)
                return -ENOMEM;
        while (p && *(p = challenge_skip(p, " \t,")) && code == 0) {
                size_t n = challenge_token_len(p);
                const char *value = n > 0 ? challenge_behind_equals(p + n) : NULL;
                char *word = NULL;

                if (n == 0) {
                        p = strpbrk(p, ",");
                } else if (value) {
                        const char *behind = challenge_value(value, &word, &code);

                        if (behind)
                                challenge_take(&now, p, n, word);
                        p = behind;
                } else {
                        challenge_offer(io, &now);
                        now.scheme = challenge_scheme_of(p, n);
                        p += n;
                }
        }
        if (code == 0)
                challenge_offer(io, &now);
        return code;
}
