#include "api/text/span.h"

#include <string.h>

struct scan {
        const char *at, *end;
};

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct scan *s) {
        while (s->at < s->end && is_blank(*s->at))
                s->at++;
}

/* at: on the opening quote. Ends behind the closing one. */
static bool skip_string(struct scan *s) {
        for (s->at++; s->at < s->end; s->at++) {
                if (*s->at == '\\') {
                        s->at++;
                } else if (*s->at == '"') {
                        s->at++;
                        return true;
                }
        }
        s->at = s->end;
        return false;
}

/* at: on the opening bracket. Brackets of both kinds count alike: the text is JSON. */
static bool skip_nested(struct scan *s) {
        size_t depth = 0;

        while (s->at < s->end) {
                char c = *s->at;

                if (c == '"') {
                        if (!skip_string(s))
                                return false;
                        continue;
                }
                s->at++;
                if (c == '{' || c == '[')
                        depth++;
                else if ((c == '}' || c == ']') && --depth == 0)
                        return true;
        }
        return false;
}

static bool skip_value(struct scan *s) {
        if (s->at >= s->end)
                return false;
        if (*s->at == '"')
                return skip_string(s);
        if (*s->at == '{' || *s->at == '[')
                return skip_nested(s);
        while (s->at < s->end && !is_blank(*s->at) && *s->at != ',' && *s->at != '}' &&
               *s->at != ']')
                s->at++;
        return true;
}

bool text_json_member(const char *json, size_t len, const char *key, struct text_span *ret) {
        struct scan s = { .at = json, .end = json + len };
        size_t key_len = strlen(key);

        skip_blanks(&s);
        if (s.at >= s.end || *s.at != '{')
                return false;
        do {
                const char *name, *value;
                size_t name_len;

                s.at++;
                skip_blanks(&s);
                name = s.at;
                if (s.at >= s.end || *s.at != '"' || !skip_string(&s))
                        return false;
                name_len = (size_t) (s.at - name) - 2;
                skip_blanks(&s);
                if (s.at >= s.end || *s.at++ != ':')
                        return false;
                skip_blanks(&s);
                value = s.at;
                if (!skip_value(&s))
                        return false;
                if (name_len == key_len && memcmp(name + 1, key, key_len) == 0) {
                        *ret = (struct text_span){ .at = value, .len = (size_t) (s.at - value) };
                        return true;
                }
                skip_blanks(&s);
        } while (s.at < s.end && *s.at == ',');
        return false;
}
