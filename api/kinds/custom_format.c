/* The string formats that Kubernetes checks (k8s.io/kube-openapi, pkg/validation/strfmt). */
#include "api/kinds/custom_format.h"

#include "api/schema/base64.h"
#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/ip.h"
#include "base/macros.h"
#include "base/str.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A text like a picture of letters: 'x' hexadecimal, '9' a digit, anything else itself. */
static bool looks_like(const char *text, size_t len, const char *picture) {
        if (strlen(picture) != len)
                return false;
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char) text[i];

                if (picture[i] == 'x'   ? !isxdigit(c)
                    : picture[i] == '9' ? !isdigit(c)
                                        : c != (unsigned char) picture[i])
                        return false;
        }
        return true;
}

static int number_at(const char *text, size_t n) {
        int value = 0;

        for (size_t i = 0; i < n; i++)
                value = value * 10 + (text[i] - '0');
        return value;
}

static bool is_date(const char *text, size_t len) {
        static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        int year, month, day;

        if (len < 10 || !looks_like(text, 10, "9999-99-99"))
                return false;
        year = number_at(text, 4);
        month = number_at(text + 5, 2);
        day = number_at(text + 8, 2);
        if (month < 1 || month > 12 || day < 1)
                return false;
        return day <= DAYS[month - 1] + (month == 2 &&
                                         (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
}

static bool is_full_date(const char *text, size_t len) {
        return len == 10 && is_date(text, len);
}

/* RFC 3339, years before 1970 too. */
static bool is_date_time(const char *text, size_t len) {
        size_t i = 19;

        if (len < 20 || !is_date(text, len) || (text[10] != 'T' && text[10] != 't') ||
            !looks_like(text + 11, 8, "99:99:99") || number_at(text + 11, 2) > 23 ||
            number_at(text + 14, 2) > 59 || number_at(text + 17, 2) > 60)
                return false;
        if (text[i] == '.') {
                size_t from = ++i;

                while (i < len && isdigit((unsigned char) text[i]))
                        i++;
                if (i == from)
                        return false;
        }
        if (len - i == 1)
                return text[i] == 'Z' || text[i] == 'z';
        return len - i == 6 && (text[i] == '+' || text[i] == '-') &&
               looks_like(text + i + 1, 5, "99:99") && number_at(text + i + 1, 2) < 24 &&
               number_at(text + i + 4, 2) < 60;
}

static bool is_duration(const char *text, size_t len) {
        uint64_t usec;

        return duration_parse(text, &usec) == 0 ||
               (*text == '-' && duration_parse(text + 1, &usec) == 0);
}

static bool is_byte(const char *text, size_t len) {
        uint8_t *out = malloc(base64_decoded_max(len) + 1);
        size_t n;
        bool is_good = out && base64_decode(text, len, out, &n) == 0;

        free(out);
        return is_good;
}

static bool is_uuid_of(const char *text, size_t len, char version) {
        char plain[33];
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                if (text[i] == '-')
                        continue;
                if (n == 32 || !isxdigit((unsigned char) text[i]))
                        return false;
                plain[n++] = text[i];
        }
        return n == 32 &&
               (len == 32 || looks_like(text, len, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) &&
               (version == 0 || plain[12] == version) &&
               (version < '4' || strchr("89abAB", plain[16]));
}

static bool is_uuid(const char *text, size_t len) {
        return is_uuid_of(text, len, 0);
}

static bool is_uuid3(const char *text, size_t len) {
        return is_uuid_of(text, len, '3');
}

static bool is_uuid4(const char *text, size_t len) {
        return is_uuid_of(text, len, '4');
}

static bool is_uuid5(const char *text, size_t len) {
        return is_uuid_of(text, len, '5');
}

static bool is_ipv4(const char *text, size_t len) {
        struct ip_addr a;

        return ip_parse(text, &a) == 0 && a.family == IP_V4;
}

static bool is_ipv6(const char *text, size_t len) {
        struct ip_addr a;

        return ip_parse(text, &a) == 0 && a.family == IP_V6;
}

static bool is_cidr(const char *text, size_t len) {
        struct ip_prefix p;

        return ip_prefix_parse(text, &p) == 0;
}

static bool is_mac(const char *text, size_t len) {
        return looks_like(text, len, "xx:xx:xx:xx:xx:xx") ||
               looks_like(text, len, "xx-xx-xx-xx-xx-xx") ||
               looks_like(text, len, "xxxx.xxxx.xxxx") ||
               looks_like(text, len, "xx:xx:xx:xx:xx:xx:xx:xx") ||
               looks_like(text, len, "xx-xx-xx-xx-xx-xx-xx-xx") ||
               looks_like(text, len, "xxxx.xxxx.xxxx.xxxx");
}

static bool is_hostname(const char *text, size_t len) {
        size_t label = 0;

        if (len == 0 || len > 255)
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '.') {
                        if (label == 0 || text[i - 1] == '-')
                                return false;
                        label = 0;
                } else if ((!isalnum((unsigned char) text[i]) && text[i] != '-') || ++label > 63 ||
                           (label == 1 && text[i] == '-')) {
                        return false;
                }
        }
        return text[len - 1] != '-';
}

static bool is_email(const char *text, size_t len) {
        const char *at = strrchr(text, '@');

        return at && at > text && at[1] != '\0' && strcspn(text, " \t\r\n<>") == len;
}

/* A scheme, or a path from the root, as Go's url.ParseRequestURI(). */
static bool is_uri(const char *text, size_t len) {
        size_t scheme = 0;

        if (strcspn(text, " \t\r\n\x7f") != len || len == 0)
                return false;
        if (text[0] == '/')
                return true;
        while (isalnum((unsigned char) text[scheme]) ||
               (scheme > 0 && strchr("+-.", text[scheme]) && text[scheme]))
                scheme++;
        return scheme > 0 && isalpha((unsigned char) text[0]) && text[scheme] == ':' &&
               text[scheme + 1] != '\0';
}

static bool is_hex_colour(const char *text, size_t len) {
        size_t hash = text[0] == '#';

        return looks_like(text + hash, len - hash, "xxx") ||
               looks_like(text + hash, len - hash, "xxxxxx");
}

static bool is_object_id(const char *text, size_t len) {
        return looks_like(text, len, "xxxxxxxxxxxxxxxxxxxxxxxx");
}

static bool is_ssn(const char *text, size_t len) {
        return looks_like(text, len, "999-99-9999") || looks_like(text, len, "999 99 9999");
}

struct format {
        const char *name;
        bool (*is_valid)(const char *text, size_t len);
};

static const struct format FORMATS[] = {
        { "date-time", is_date_time },
        { "datetime", is_date_time },
        { "date", is_full_date },
        { "duration", is_duration },
        { "byte", is_byte },
        { "uuid", is_uuid },
        { "uuid3", is_uuid3 },
        { "uuid4", is_uuid4 },
        { "uuid5", is_uuid5 },
        { "ipv4", is_ipv4 },
        { "ipv6", is_ipv6 },
        { "cidr", is_cidr },
        { "mac", is_mac },
        { "hostname", is_hostname },
        { "email", is_email },
        { "uri", is_uri },
        { "hexcolor", is_hex_colour },
        { "bsonobjectid", is_object_id },
        { "ssn", is_ssn },
};

bool custom_format_is_valid(const char *format, const char *text, size_t len) {
        if (strlen(text) != len)
                return false; /* a NUL in it */
        for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++)
                if (str_eq(FORMATS[i].name, format))
                        return FORMATS[i].is_valid(text, len);
        return true;
}
