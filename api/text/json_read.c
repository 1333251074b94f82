#include "api/text/text.h"
#include "api/text/word.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* RFC 8259 into jansson's trees. jansson's own reader fetches each byte through three calls, 140
 * instructions a byte; bodies and stored objects are read here (docs/adr/0140). */

#define DEPTH_OWN_MAX 2048 /* as jansson: text that this program wrote itself */
#define NUMBER_MAX 64

struct reader {
        const unsigned char *text, *at, *end;
        unsigned depth, max_depth;
        bool has_duplicates;
        bool rejects_duplicates, is_out_of_memory;
        const char *problem;   /* static; NULL: none so far */
        struct strbuf scratch; /* text that has escapes */
};

static json_t *read_value(struct reader *r);

static json_t *fail(struct reader *r, const char *problem) {
        if (!r->problem)
                r->problem = problem;
        return NULL;
}

static json_t *fail_memory(struct reader *r) {
        r->is_out_of_memory = true;
        return fail(r, "out of memory");
}

static void skip_blanks(struct reader *r) {
        while (r->at < r->end &&
               (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
                r->at++;
}

/* ---- text ---- */

/* Bytes of the UTF-8 sequence at p, 0 where there is none: overlong forms, surrogates and what lies
 * beyond U+10FFFF are none (RFC 3629, section 4). */
static size_t utf8_len(const unsigned char *p, const unsigned char *end) {
        size_t n = *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

        if (n == 0 || (size_t) (end - p) < n)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
                return 0;
        return n;
}

bool text_is_utf8(const char *text) {
        const unsigned char *at = (const unsigned char *) text, *end = at + strlen(text);

        while (at < end) {
                size_t n = *at < 0x80 ? 1 : utf8_len(at, end);

                if (n == 0)
                        return false;
                at += n;
        }
        return true;
}

/* Walks over plain text and UTF-8. False: there is a byte that may not stand in a text. */
static bool run_skip(struct reader *r) {
        size_t n;

        for (;;) {
                while (r->end - r->at >= 8) {
                        uint64_t odd = text_word_odd(text_word_load(r->at));

                        r->at += odd ? text_word_first(odd) : 8;
                        if (odd)
                                break;
                }
                if (r->at == r->end || *r->at == '"' || *r->at == '\\')
                        return true;
                if (*r->at < 0x20)
                        return fail(r, "a control character in a text");
                n = *r->at < 0x80 ? 1 : utf8_len(r->at, r->end);
                if (n == 0)
                        return fail(r, "invalid UTF-8");
                r->at += n;
        }
}

/* Four hexadecimal digits, or -1. */
static int read_hex(struct reader *r) {
        int value = 0;

        if (r->end - r->at < 4)
                return -1;
        for (unsigned i = 0; i < 4; i++) {
                unsigned char c = *r->at++;

                if (c >= '0' && c <= '9')
                        value = value * 16 + c - '0';
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        value = value * 16 + (c | 0x20) - 'a' + 10;
                else
                        return -1;
        }
        return value;
}

static void scratch_add_code(struct reader *r, uint32_t c) {
        char utf8[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        for (size_t i = n; i-- > 1; c >>= 6)
                utf8[i] = (char) (0x80 | (c & 0x3f));
        utf8[0] = (char) (n == 1 ? c : (0xf00U >> n & 0xf0U) | c);
        strbuf_add_len(&r->scratch, utf8, n);
}

/* Behind "\u". */
static bool read_code(struct reader *r) {
        int high = read_hex(r), low;

        if (high < 0)
                return fail(r, "\\u wants four hexadecimal digits");
        if (high == 0)
                return fail(r, "\\u0000 is not allowed");
        if (high >= 0xdc00 && high <= 0xdfff)
                return fail(r, "half of a surrogate pair");
        if (high < 0xd800 || high > 0xdfff) {
                scratch_add_code(r, (uint32_t) high);
                return true;
        }
        if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u')
                return fail(r, "half of a surrogate pair");
        r->at += 2;
        low = read_hex(r);
        if (low < 0xdc00 || low > 0xdfff)
                return fail(r, "half of a surrogate pair");
        scratch_add_code(r, 0x10000 + (((uint32_t) high - 0xd800) << 10) + (uint32_t) low - 0xdc00);
        return true;
}

/* Behind the backslash. */
static bool read_escape(struct reader *r) {
        static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
        const char *which;
        unsigned char c;

        if (r->at == r->end)
                return fail(r, "a text has no end");
        c = *r->at++;
        if (c == 'u')
                return read_code(r);
        which = c ? strchr(FROM, c) : NULL;
        if (!which)
                return fail(r, "an unknown escape in a text");
        strbuf_add_char(&r->scratch, TO[which - FROM]);
        return true;
}

/* Behind the opening quote. *ret: borrowed from the input, or from scratch until the next text. */
static bool read_text(struct reader *r, const char **ret, size_t *ret_len) {
        const unsigned char *from = r->at;

        if (!run_skip(r))
                return false;
        if (r->at < r->end && *r->at == '"') {
                *ret = (const char *) from;
                *ret_len = (size_t) (r->at++ - from);
                return true;
        }
        strbuf_reset(&r->scratch);
        while (r->at < r->end) {
                strbuf_add_len(&r->scratch, from, (size_t) (r->at - from));
                if (*r->at++ == '"') {
                        *ret = str_or_empty(r->scratch.s);
                        *ret_len = r->scratch.len;
                        return !r->scratch.has_failed || fail_memory(r);
                }
                if (!read_escape(r))
                        return false;
                from = r->at;
                if (!run_skip(r))
                        return false;
        }
        return fail(r, "a text has no end");
}

static json_t *read_string(struct reader *r) {
        const char *text = NULL;
        size_t len = 0;
        json_t *value;

        r->at++;
        if (!read_text(r, &text, &len))
                return NULL;
        value = json_stringn_nocheck(text, len);
        return value ? value : fail_memory(r);
}

/* ---- numbers ---- */

static size_t digits_skip(struct reader *r) {
        const unsigned char *from = r->at;

        while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
                r->at++;
        return (size_t) (r->at - from);
}

static json_t *make_integer(struct reader *r, const unsigned char *from) {
        bool is_negative = *from == '-';
        json_int_t n = 0;
        json_t *value;

        for (from += is_negative; from < r->at; from++)
                if (__builtin_mul_overflow(n, 10, &n) ||
                    __builtin_sub_overflow(n, *from - '0', &n)) /* negative: there is one more */
                        return fail(r, "an integer is too large");
        if (!is_negative && __builtin_sub_overflow(0, n, &n))
                return fail(r, "an integer is too large");
        value = json_integer(n);
        return value ? value : fail_memory(r);
}

static json_t *make_real(struct reader *r, const unsigned char *from) {
        AUTO_FREE char *text = strndup((const char *) from, (size_t) (r->at - from));
        json_t *value;
        double n;

        if (!text)
                return fail_memory(r);
        n = strtod(text, NULL);
        value = json_real(n); /* refuses what isn't finite */
        if (!value && __builtin_isinf(n))
                return fail(r, "a number is too large");
        return value ? value : fail_memory(r);
}

static json_t *read_number(struct reader *r) {
        const unsigned char *from = r->at;
        bool is_real = false;

        r->at += *r->at == '-';
        if (r->at < r->end && *r->at == '0')
                r->at++;
        else if (digits_skip(r) == 0)
                return fail(r, "no JSON value");
        if (r->at < r->end && *r->at == '.') {
                r->at++;
                is_real = true;
                if (digits_skip(r) == 0)
                        return fail(r, "a number ends with its point");
        }
        if (r->at < r->end && (*r->at | 0x20) == 'e') {
                r->at++;
                is_real = true;
                r->at += r->at < r->end && (*r->at == '+' || *r->at == '-');
                if (digits_skip(r) == 0)
                        return fail(r, "a number's exponent has no digits");
        }
        return is_real ? make_real(r, from) : make_integer(r, from);
}

/* ---- the rest ---- */

static json_t *read_word(struct reader *r, const char *word, json_t *take_value) {
        size_t len = strlen(word);

        if ((size_t) (r->end - r->at) < len || memcmp(r->at, word, len) != 0)
                return fail(r, "no JSON value");
        r->at += len;
        return take_value;
}

static bool next_is(struct reader *r, char c) {
        skip_blanks(r);
        if (r->at == r->end || *r->at != c)
                return false;
        r->at++;
        return true;
}

static bool array_fill(struct reader *r, json_t *array) {
        if (next_is(r, ']'))
                return true;
        do {
                json_t *value = read_value(r);

                if (!value)
                        return false;
                if (json_array_append_new(array, value) < 0)
                        return fail_memory(r);
        } while (next_is(r, ','));
        return next_is(r, ']') || fail(r, "a list goes on with \",\" or ends with \"]\"");
}

static bool member_add(struct reader *r, json_t *object) {
        size_t n = json_object_size(object), len = 0;
        AUTO_FREE char *copy = NULL;
        const char *key = NULL;
        json_t *value;

        if (!next_is(r, '"'))
                return fail(r, "a map's key must be a text");
        if (!read_text(r, &key, &len))
                return false;
        /* The value's texts may want scratch. */
        if (key == r->scratch.s && !(key = copy = strndup(key, len)))
                return fail_memory(r);
        if (!next_is(r, ':'))
                return fail(r, "\":\" is missing behind a map's key");
        value = read_value(r);
        if (!value)
                return false;
        if (json_object_setn_new_nocheck(object, key, len, value) < 0)
                return fail_memory(r);
        if (json_object_size(object) > n)
                return true;
        r->has_duplicates = true;
        return !r->rejects_duplicates || fail(r, "duplicate object key");
}

static bool object_fill(struct reader *r, json_t *object) {
        if (next_is(r, '}'))
                return true;
        do {
                if (!member_add(r, object))
                        return false;
        } while (next_is(r, ','));
        return next_is(r, '}') || fail(r, "a map goes on with \",\" or ends with \"}\"");
}

static json_t *read_container(struct reader *r, json_t *take_value,
                              bool (*fill)(struct reader *r, json_t *value)) {
        if (!take_value)
                return fail_memory(r);
        r->at++;
        if (++r->depth > r->max_depth || !fill(r, take_value)) {
                json_decref(take_value);
                return fail(r, "nested too deeply");
        }
        r->depth--;
        return take_value;
}

static json_t *read_value(struct reader *r) {
        skip_blanks(r);
        if (r->at == r->end)
                return fail(r, "it ends too early");
        switch (*r->at) {
        case '{':
                return read_container(r, json_object(), object_fill);
        case '[':
                return read_container(r, json_array(), array_fill);
        case '"':
                return read_string(r);
        case 't':
                return read_word(r, "true", json_true());
        case 'f':
                return read_word(r, "false", json_false());
        case 'n':
                return read_word(r, "null", json_null());
        default:
                return read_number(r);
        }
}

static json_t *read_all(struct reader *r) {
        json_t *value = read_value(r);

        if (!value)
                return NULL;
        skip_blanks(r);
        if (r->at == r->end)
                return value;
        json_decref(value);
        return fail(r, "something follows its end");
}

static void place_of(const struct reader *r, unsigned *ret_line, unsigned *ret_column) {
        *ret_line = 1;
        *ret_column = 1;
        for (const unsigned char *p = r->text; p < r->at; p++) {
                ++*ret_column;
                if (*p != '\n')
                        continue;
                ++*ret_line;
                *ret_column = 1;
        }
}

static int read_tell(const struct reader *r, struct err *e) {
        unsigned line, column;

        if (r->is_out_of_memory)
                return err_set(e, -ENOMEM, "out of memory");
        if (r->depth > r->max_depth)
                return err_set(e, -EINVAL, "nested deeper than %u levels", r->max_depth);
        place_of(r, &line, &column);
        return err_set(e, -EINVAL, "not valid JSON: line %u, column %u: %s", line, column,
                       r->problem);
}

static int text_read(struct reader *r, const char *text, size_t len, json_t **ret, struct err *e) {
        json_t *tree;
        int result = 0;

        r->text = r->at = (const unsigned char *) text;
        r->end = r->text + len;
        tree = read_all(r);
        if (!tree)
                result = read_tell(r, e);
        strbuf_done(&r->scratch);
        if (result == 0)
                *ret = tree;
        return result;
}

int text_read_json(const char *text, size_t len, size_t max_bytes, json_t **ret, struct err *e) {
        struct reader r = { .max_depth = TEXT_DEPTH_MAX, .rejects_duplicates = true };

        if (max_bytes == 0)
                max_bytes = TEXT_BYTES_MAX;
        if (len > max_bytes)
                return err_set(e, -EFBIG, "larger than %zu bytes", max_bytes);
        return text_read(&r, text, len, ret, e);
}

int text_read_json_last(const char *text, size_t len, size_t max_bytes, json_t **ret,
                        bool *ret_has_duplicates, struct err *e) {
        struct reader r = { .max_depth = TEXT_DEPTH_MAX };
        int result;

        if (len > max_bytes)
                return err_set(e, -EFBIG, "larger than %zu bytes", max_bytes);
        result = text_read(&r, text, len, ret, e);
        *ret_has_duplicates = r.has_duplicates;
        return result;
}

json_t *text_parse_json(const char *text, size_t len) {
        struct reader r = { .max_depth = DEPTH_OWN_MAX };
        json_t *tree = NULL;

        return text_read(&r, text, len, &tree, NULL) < 0 ? NULL : tree;
}
