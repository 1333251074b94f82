#include "api/text/text.h"
#include "api/text/word.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The same bytes as json_dumps(JSON_COMPACT | JSON_ENCODE_ANY), without its search for cycles and
 * its call a byte. */

#define NUMBER_MAX 32

static void write_value(struct strbuf *b, const json_t *value);

/* Bytes that need an escape: the letter behind the backslash, 'u' for \u00XX. */
static char escape_of(unsigned char c) {
        static const char ESCAPES[0x20] = {
                ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
        };

        if (c == '"' || c == '\\')
                return (char) c;
        if (c >= 0x20)
                return 0;
        return ESCAPES[c] ? ESCAPES[c] : 'u';
}

static void write_escape(struct strbuf *b, unsigned char c, char escape) {
        char text[2] = { '\\', escape };

        if (escape == 'u')
                strbuf_addf(b, "\\u%04X", c);
        else
                strbuf_add_len(b, text, 2);
}

/* How many bytes from at on need no escape. */
static size_t plain_len(const char *at, const char *end) {
        const char *from = at;

        while (end - at >= 8) {
                uint64_t specials = text_word_specials(text_word_load(at));

                if (specials)
                        return (size_t) (at - from) + text_word_first(specials);
                at += 8;
        }
        while (at < end && !escape_of((unsigned char) *at))
                at++;
        return (size_t) (at - from);
}

/* The text, and what follows its closing quote. */
static void write_text(struct strbuf *b, const char *text, size_t len, const char *behind) {
        const char *end = text + len;
        size_t n = plain_len(text, end);

        /* Nearly always nothing is to be escaped. */
        if (n == len && strbuf_reserve(b, len + 3)) {
                b->s[b->len++] = '"';
                memcpy(b->s + b->len, text, len);
                b->len += len;
                b->s[b->len++] = '"';
                if (*behind)
                        b->s[b->len++] = *behind;
                b->s[b->len] = '\0';
                return;
        }
        strbuf_add_char(b, '"');
        for (;;) {
                strbuf_add_len(b, text, n);
                text += n;
                if (text == end)
                        break;
                write_escape(b, (unsigned char) *text, escape_of((unsigned char) *text));
                text++;
                n = plain_len(text, end);
        }
        strbuf_add_char(b, '"');
        strbuf_add(b, behind);
}

static void write_integer(struct strbuf *b, json_int_t n) {
        char digits[NUMBER_MAX];
        char *at = digits + sizeof(digits);
        uint64_t left = n < 0 ? 0 - (uint64_t) n : (uint64_t) n;

        do
                *--at = (char) ('0' + left % 10);
        while ((left /= 10) > 0);
        if (n < 0)
                *--at = '-';
        strbuf_add_len(b, at, (size_t) (digits + sizeof(digits) - at));
}

static void write_real(struct strbuf *b, const json_t *value) {
        char text[NUMBER_MAX * 2];
        size_t len = json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY);

        if (len == 0 || len > sizeof(text))
                b->has_failed = true;
        else
                strbuf_add_len(b, text, len);
}

static void write_object(struct strbuf *b, const json_t *object) {
        json_t *of = (json_t *) object;
        void *at = json_object_iter(of);

        strbuf_add_char(b, '{');
        while (at) {
                write_text(b, json_object_iter_key(at), json_object_iter_key_len(at), ":");
                write_value(b, json_object_iter_value(at));
                at = json_object_iter_next(of, at);
                if (at)
                        strbuf_add_char(b, ',');
        }
        strbuf_add_char(b, '}');
}

static void write_array(struct strbuf *b, const json_t *array) {
        strbuf_add_char(b, '[');
        for (size_t i = 0; i < json_array_size(array); i++) {
                if (i > 0)
                        strbuf_add_char(b, ',');
                write_value(b, json_array_get(array, i));
        }
        strbuf_add_char(b, ']');
}

static void write_value(struct strbuf *b, const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                write_object(b, value);
                return;
        case JSON_ARRAY:
                write_array(b, value);
                return;
        case JSON_STRING:
                write_text(b, json_string_value(value), json_string_length(value), "");
                return;
        case JSON_INTEGER:
                write_integer(b, json_integer_value(value));
                return;
        case JSON_REAL:
                write_real(b, value);
                return;
        case JSON_TRUE:
                strbuf_add(b, "true");
                return;
        case JSON_FALSE:
                strbuf_add(b, "false");
                return;
        case JSON_NULL:
                strbuf_add(b, "null");
                return;
        }
}

void text_json_add(struct strbuf *b, const json_t *value) {
        write_value(b, value);
}

void text_json_add_text(struct strbuf *b, const char *text) {
        write_text(b, text, strlen(text), "");
}

char *text_json_dump(const json_t *tree, size_t *ret_len) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (!tree)
                return NULL;
        write_value(&b, tree);
        if (ret_len)
                *ret_len = b.len;
        return strbuf_steal(&b);
}
