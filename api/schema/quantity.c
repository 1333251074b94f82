#include "api/schema/quantity.h"

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* Texts longer than this are no amounts but attacks. */
#define QUANTITY_LEN_MAX 64
#define QUANTITY_NANO_PER_UNIT 1000000000
#define QUANTITY_NANO_MAX ((__int128) INT64_MAX * QUANTITY_NANO_PER_UNIT)

/* An exact amount: Kubernetes caps at 2^63-1 units and rounds up at a nano, so this holds them all.
 */
struct amount {
        __int128 nano;
        enum quantity_style style;
};

/* Multiplies a value from 0 on, saturating. */
static __int128 quantity_scale_up(__int128 v, __int128 by) {
        return v > QUANTITY_NANO_MAX / by ? QUANTITY_NANO_MAX : v * by;
}

/* Multiplies by 10^exp, rounding up. */
static __int128 quantity_scale_ten(__int128 v, int exp, bool *is_inexact) {
        for (; exp > 0 && v > 0 && v < QUANTITY_NANO_MAX; exp--)
                v = quantity_scale_up(v, 10);
        for (; exp < 0 && v > 0; exp++) {
                *is_inexact = *is_inexact || v % 10 != 0;
                v /= 10;
        }
        return v;
}

/* Reads what follows the digits. *ret_shift: powers of 1024; *ret_exp: powers of ten. */
static int quantity_parse_suffix(const char *s, int *ret_shift, int *ret_exp,
                                 enum quantity_style *ret_style) {
        static const char letters[] = "KMGTPE";
        static const char decimals[] = "numkMGTPE";
        static const int exponents[] = { -9, -6, -3, 3, 6, 9, 12, 15, 18 };
        const char *p;
        int64_t exp;

        *ret_shift = *ret_exp = 0;
        *ret_style = QUANTITY_DECIMAL;
        if (s[0] == '\0')
                return 0;
        if (s[1] == 'i' && s[2] == '\0' && (p = strchr(letters, s[0]))) {
                *ret_shift = (int) (p - letters) + 1;
                *ret_style = QUANTITY_BINARY;
                return 0;
        }
        if (s[1] == '\0' && (p = strchr(decimals, s[0]))) {
                *ret_exp = exponents[p - decimals];
                return 0;
        }
        if (s[0] != 'e' && s[0] != 'E')
                return -EINVAL;
        if (str_to_int64(s[1] == '+' ? s + 2 : s + 1, -100, 100, &exp) < 0)
                return -EINVAL;
        if (s[1] == '+' && s[2] == '-')
                return -EINVAL;
        *ret_exp = (int) exp;
        *ret_style = QUANTITY_EXPONENT;
        return 0;
}

/* Reads digits with at most one point. Returns how many characters, 0 when there is no digit. */
static size_t quantity_parse_digits(const char *s, __int128 *ret_value, int *ret_exp) {
        bool has_point = false, has_digit = false;
        size_t i;

        *ret_value = 0;
        *ret_exp = 0;
        for (i = 0; (s[i] >= '0' && s[i] <= '9') || (s[i] == '.' && !has_point); i++) {
                if (s[i] == '.') {
                        has_point = true;
                        continue;
                }
                has_digit = true;
                /* Past 28 digits nothing changes but the scale: the cap is 28 digits of nanos. */
                if (*ret_value > QUANTITY_NANO_MAX) {
                        *ret_exp += !has_point;
                        continue;
                }
                *ret_value = *ret_value * 10 + (s[i] - '0');
                *ret_exp -= has_point;
        }
        return has_digit ? i : 0;
}

static int quantity_parse_amount(const char *text, struct amount *ret) {
        enum quantity_style style;
        bool is_negative = false, is_inexact = false;
        int shift, exp, digits_exp;
        __int128 v;
        size_t n;

        if (!text || strnlen(text, QUANTITY_LEN_MAX + 1) > QUANTITY_LEN_MAX)
                return -EINVAL;
        if (text[0] == '-' || text[0] == '+')
                is_negative = *text++ == '-';
        n = quantity_parse_digits(text, &v, &digits_exp);
        if (n == 0 || quantity_parse_suffix(text + n, &shift, &exp, &style) < 0)
                return -EINVAL;
        while (shift-- > 0)
                v = quantity_scale_up(v, 1024);
        v = quantity_scale_ten(v, digits_exp + exp + 9, &is_inexact);
        if (is_inexact)
                v++;
        v = MIN(v, QUANTITY_NANO_MAX);
        ret->nano = is_negative ? -v : v;
        ret->style = style;
        return 0;
}

int quantity_parse(const char *text, struct quantity *ret) {
        struct amount a;
        __int128 milli;

        if (quantity_parse_amount(text, &a) < 0)
                return -EINVAL;
        milli = a.nano / 1000000;
        if (a.nano % 1000000 != 0)
                milli += a.nano > 0 ? 1 : -1;
        milli = MIN(MAX(milli, (__int128) INT64_MIN), (__int128) INT64_MAX);
        *ret = (struct quantity){ .is_set = true,
                                  .style = (uint8_t) a.style,
                                  .milli = (int64_t) milli };
        return 0;
}

bool quantity_is_valid(const char *text) {
        struct amount a;

        return quantity_parse_amount(text, &a) == 0;
}

static char *quantity_print(bool is_negative, __int128 v, const char *suffix, char *buf) {
        /* printf knows no 128 bits: the part above 10^18 comes first, where there is one. */
        const __int128 low_end = 1000000000000000000;
        const char *sign = is_negative ? "-" : "";

        if (v >= low_end)
                (void) snprintf(buf, QUANTITY_TEXT_MAX, "%s%lld%018lld%s", sign,
                                (long long) (v / low_end), (long long) (v % low_end), suffix);
        else
                (void) snprintf(buf, QUANTITY_TEXT_MAX, "%s%lld%s", sign, (long long) v, suffix);
        return buf;
}

/* v: whole units from 1024 on. */
static char *quantity_format_binary(bool is_negative, __int128 v, char *buf) {
        static const char *const suffixes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
        size_t i = 0;

        while (v % 1024 == 0 && i + 1 < ARRAY_SIZE(suffixes)) {
                v /= 1024;
                i++;
        }
        return quantity_print(is_negative, v, suffixes[i], buf);
}

/* v: nanos. */
static char *quantity_format_decimal(bool is_negative, __int128 v, bool is_exponent, char *buf) {
        static const char *const letters[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };
        static const char *const powers[] = { "e-9", "e-6", "e-3", "",    "e3",
                                              "e6",  "e9",  "e12", "e15", "e18" };
        size_t i = 0;

        if (v == 0)
                return quantity_print(false, 0, "", buf);
        while (v % 1000 == 0 && i + 1 < ARRAY_SIZE(letters)) {
                v /= 1000;
                i++;
        }
        return quantity_print(is_negative, v, is_exponent ? powers[i] : letters[i], buf);
}

static char *quantity_format_amount(const struct amount *a, char *buf) {
        bool is_negative = a->nano < 0;
        __int128 v = is_negative ? -a->nano : a->nano;
        __int128 units = v / QUANTITY_NANO_PER_UNIT + (v % QUANTITY_NANO_PER_UNIT != 0);

        /* As in Kubernetes, small binary amounts are printed as decimal ones. */
        if (a->style == QUANTITY_BINARY && v >= (__int128) 1024 * QUANTITY_NANO_PER_UNIT)
                return quantity_format_binary(is_negative, units, buf);
        return quantity_format_decimal(is_negative, v, a->style == QUANTITY_EXPONENT, buf);
}

int quantity_canonical(const char *text, char *buf) {
        struct amount a;

        if (quantity_parse_amount(text, &a) < 0)
                return -EINVAL;
        (void) quantity_format_amount(&a, buf);
        return 0;
}

char *quantity_format(struct quantity q, char *buf) {
        const struct amount a = { .nano = (__int128) q.milli * 1000000, .style = q.style };

        return quantity_format_amount(&a, buf);
}

struct quantity quantity_add(struct quantity a, struct quantity b) {
        struct quantity sum = { .is_set = a.is_set || b.is_set,
                                .style = a.is_set && a.milli != 0 ? a.style : b.style };

        if (!b.is_set)
                return a;
        if (__builtin_add_overflow(a.milli, b.milli, &sum.milli))
                sum.milli = b.milli > 0 ? INT64_MAX : INT64_MIN;
        return sum;
}

char *quantity_format_milli(int64_t milli, char *buf) {
        __int128 v = (__int128) milli * 1000000;

        return quantity_format_decimal(v < 0, v < 0 ? -v : v, false, buf);
}

char *quantity_format_bytes(int64_t bytes, char *buf) {
        __int128 v = bytes;

        if (v < 0)
                v = -v;
        if (v < 1024)
                return quantity_print(bytes < 0, v, "", buf);
        return quantity_format_binary(bytes < 0, v, buf);
}

int64_t quantity_value(struct quantity q) {
        if (!q.is_set)
                return 0;
        return q.milli / 1000 + (q.milli % 1000 > 0);
}

int64_t int_or_string_resolve(const struct int_or_string *v, int64_t total, bool is_up,
                              int64_t otherwise) {
        int64_t pct, product;
        char digits[24];
        size_t n;

        if (v->kind == INT_OR_STRING_INT)
                return MAX(v->number, (int64_t) 0);
        if (v->kind != INT_OR_STRING_STRING || !v->text)
                return otherwise;
        n = strlen(v->text);
        if (n < 2 || n >= sizeof(digits) || v->text[n - 1] != '%')
                return otherwise;
        memcpy(digits, v->text, n - 1);
        digits[n - 1] = '\0';
        if (str_to_int64(digits, 0, INT32_MAX, &pct) < 0)
                return otherwise;
        if (__builtin_mul_overflow(pct, MAX(total, (int64_t) 0), &product))
                return otherwise;
        return is_up ? product / 100 + (product % 100 != 0) : product / 100;
}

int duration_parse(const char *text, uint64_t *ret_usec) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = { { "h", 3600000000 },
                      { "ms", 1000 },
                      { "m", 60000000 },
                      { "s", 1000000 },
                      { "us", 1 } };
        unsigned __int128 sum = 0;

        if (str_eq(text, "0")) {
                *ret_usec = 0;
                return 0;
        }
        if (str_is_empty(text) || strnlen(text, QUANTITY_LEN_MAX + 1) > QUANTITY_LEN_MAX)
                return -EINVAL;
        while (*text) {
                __int128 v;
                bool is_inexact = false;
                int exp;
                size_t i, n = quantity_parse_digits(text, &v, &exp);

                if (n == 0)
                        return -EINVAL;
                text += n;
                for (i = 0; i < ARRAY_SIZE(units); i++)
                        if (str_starts_with(text, units[i].name))
                                break;
                if (i == ARRAY_SIZE(units))
                        return -EINVAL;
                text += strlen(units[i].name);
                v = quantity_scale_up(v, (__int128) units[i].usec);
                sum += (unsigned __int128) quantity_scale_ten(v, exp, &is_inexact);
                if (sum > INT64_MAX)
                        return -ERANGE;
        }
        *ret_usec = (uint64_t) sum;
        return 0;
}
