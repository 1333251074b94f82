#include "api/text/members.h"

static const char *skip_blanks(const char *at, const char *end) {
        while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
                at++;
        return at;
}

/* Behind a string that begins at at. */
static const char *skip_string(const char *at, const char *end) {
        for (at++; at < end && *at != '"'; at++)
                if (*at == '\\' && at + 1 < end)
                        at++;
        return at < end ? at + 1 : end;
}

/* Behind the value that begins at at. */
static const char *skip_value(const char *at, const char *end) {
        size_t depth = 0;

        while (at < end) {
                if (*at == '"') {
                        at = skip_string(at, end);
                } else if (*at == '{' || *at == '[') {
                        depth++;
                        at++;
                } else if (*at == '}' || *at == ']') {
                        if (depth == 0)
                                return at;
                        depth--;
                        at++;
                } else if (depth == 0 && *at == ',') {
                        return at;
                } else {
                        at++;
                        continue; /* a number's or word's next letter */
                }
                if (depth == 0)
                        return at;
        }
        return at;
}

bool text_members_next(struct text_span *rest, struct text_span *ret_key,
                       struct text_span *ret_value) {
        const char *end = rest->at + rest->len, *at = skip_blanks(rest->at, end), *from;

        *ret_key = (struct text_span){ .at = at };
        if (at == end || *at == '}' || *at == ']')
                return false;
        if (*at == '{' || *at == '[' || *at == ',')
                at = skip_blanks(at + 1, end);
        if (at == end || *at == '}' || *at == ']')
                return false;
        from = at;
        at = skip_value(at, end);
        *ret_value = (struct text_span){ .at = from, .len = (size_t) (at - from) };
        at = skip_blanks(at, end);
        if (*from == '"' && at < end && *at == ':') {
                *ret_key = *ret_value;
                from = skip_blanks(at + 1, end);
                at = skip_value(from, end);
                *ret_value = (struct text_span){ .at = from, .len = (size_t) (at - from) };
        }
        *rest = (struct text_span){ .at = at, .len = (size_t) (end - at) };
        return true;
}
