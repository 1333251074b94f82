#include "api/text/text.h"
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

static void write_text(struct strbuf *b, const char *text, size_t len) {
        size_t from = 0;

        strbuf_add_char(b, '"');
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char) text[i];
                char escape;

                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                escape = escape_of(c);
                strbuf_add_len(b, text + from, i - from);
                write_escape(b, c, escape);
                from = i + 1;
        }
        strbuf_add_len(b, text + from, len - from);
        strbuf_add_char(b, '"');
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
        bool is_first = true;
        const char *key;
        json_t *value;

        strbuf_add_char(b, '{');
        json_object_foreach((json_t *) object, key, value) {
                if (!is_first)
                        strbuf_add_char(b, ',');
                is_first = false;
                write_text(b, key, strlen(key));
                strbuf_add_char(b, ':');
                write_value(b, value);
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
                write_text(b, json_string_value(value), json_string_length(value));
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
        write_text(b, text, strlen(text));
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
