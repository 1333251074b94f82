#include "api/text/scalar.h"

#include "base/macros.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Longer texts are no numbers worth reading. */
#define SCALAR_NUMBER_MAX 64

static bool scalar_is_among(const char *text, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(text, words[i]) == 0)
                        return true;
        return false;
}

static bool scalar_is_word(const char *text, enum scalar_kind *ret, json_int_t *ret_int) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
        static const char *const trues[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
                                             "True", "TRUE", "on",  "On",  "ON" };
        static const char *const falses[] = { "n",     "N",     "no",  "No",  "NO", "false",
                                              "False", "FALSE", "off", "Off", "OFF" };
        static const char *const others[] = { ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                              "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN" };

        *ret_int = 0;
        if (scalar_is_among(text, nulls, ARRAY_SIZE(nulls))) {
                *ret = SCALAR_NULL;
        } else if (scalar_is_among(text, trues, ARRAY_SIZE(trues))) {
                *ret = SCALAR_BOOL;
                *ret_int = 1;
        } else if (scalar_is_among(text, falses, ARRAY_SIZE(falses))) {
                *ret = SCALAR_BOOL;
        } else if (scalar_is_among(text, others, ARRAY_SIZE(others))) {
                *ret = SCALAR_NOT_JSON;
        } else {
                return false;
        }
        return true;
}

/* Digits of a base, all of them. */
static bool scalar_parse_base(const char *digits, int base, bool is_negative, json_int_t *ret) {
        unsigned long long v;
        char *end;

        if (digits[0] == '\0' || digits[0] == '-' || digits[0] == '+')
                return false;
        errno = 0;
        v = strtoull(digits, &end, base);
        if (*end != '\0' || errno == ERANGE || v > (unsigned long long) INT64_MAX)
                return false;
        *ret = is_negative ? -(json_int_t) v : (json_int_t) v;
        return true;
}

static bool scalar_is_int(const char *s, json_int_t *ret) {
        bool is_negative = s[0] == '-';

        if (s[0] == '-' || s[0] == '+')
                s++;
        if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
                return scalar_parse_base(s + 2, 16, is_negative, ret);
        if (s[0] == '0' && (s[1] == 'b' || s[1] == 'B'))
                return scalar_parse_base(s + 2, 2, is_negative, ret);
        if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
                return scalar_parse_base(s + 2, 8, is_negative, ret);
        if (s[0] == '0' && s[1] != '\0')
                return scalar_parse_base(s + 1, 8, is_negative, ret);
        return scalar_parse_base(s, 10, is_negative, ret);
}

/* [-+]?(.digits|digits(.digits?)?)([eE][-+]?digits)? */
static bool scalar_is_float(const char *s, double *ret) {
        static const char digits[] = "0123456789";
        const char *p = s + (*s == '-' || *s == '+');
        size_t before = strspn(p, digits), after = 0;

        p += before;
        if (*p == '.') {
                after = strspn(p + 1, digits);
                p += 1 + after;
        }
        if (before + after == 0)
                return false;
        if (*p == 'e' || *p == 'E') {
                p++;
                p += *p == '-' || *p == '+';
                if (strspn(p, digits) == 0)
                        return false;
                p += strspn(p, digits);
        }
        if (*p != '\0')
                return false;
        *ret = strtod(s, NULL);
        return true;
}

/* 2026-01-02, with or without a time behind it. */
static bool scalar_is_timestamp(const char *s) {
        static const char shape[] = "dddd-dd-dd";

        for (size_t i = 0; shape[i]; i++)
                if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
                        return false;
        s += sizeof(shape) - 1;
        return *s == '\0' || ((*s == 'T' || *s == 't' || *s == ' ') && strchr(s, ':'));
}

enum scalar_kind scalar_resolve(const char *text, json_int_t *ret_int, double *ret_float) {
        char number[SCALAR_NUMBER_MAX];
        enum scalar_kind kind;
        size_t n = 0;

        if (scalar_is_word(text, &kind, ret_int))
                return kind;
        if (!strchr("0123456789+-.", text[0]) || strlen(text) >= sizeof(number))
                return SCALAR_STRING;
        if (scalar_is_timestamp(text))
                return SCALAR_TIMESTAMP;
        for (const char *p = text; *p; p++) /* YAML 1.1 allows 1_000 */
                if (*p != '_')
                        number[n++] = *p;
        number[n] = '\0';
        if (scalar_is_int(number, ret_int))
                return SCALAR_INT;
        if (!scalar_is_float(text, ret_float))
                return SCALAR_STRING;
        if (!isfinite(*ret_float))
                return SCALAR_NOT_JSON;
        if (*ret_float != floor(*ret_float) || fabs(*ret_float) > 9007199254740992.0)
                return SCALAR_FLOAT;
        *ret_int = (json_int_t) *ret_float; /* 1e3 is the number 1000 in JSON */
        return SCALAR_INT;
}
