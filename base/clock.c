#include "base/clock.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_read(clockid_t id) {
        struct timespec ts = { 0 };

        (void) clock_gettime(id, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t clock_now_usec(void) {
        return clock_read(CLOCK_BOOTTIME);
}

uint64_t clock_wall_usec(void) {
        return clock_read(CLOCK_REALTIME);
}

/* Two digits and what stands behind them. Not snprintf(): times are written with each object. */
static char *clock_put(char *at, unsigned two_digits, char behind) {
        *at++ = (char) ('0' + two_digits / 10);
        *at++ = (char) ('0' + two_digits % 10);
        if (behind)
                *at++ = behind;
        return at;
}

/* Days since 1970 to a civil date (Hinnant's algorithm). Not gmtime_r() and strftime(): those load
 * the time zone, which orch-pod, one for each pod, would pay for in memory. */
static size_t clock_format_day(uint64_t sec, char *buf) {
        uint64_t days = MIN(sec / 86400, (uint64_t) 2932896) + 719468; /* up to the year 9999 */
        unsigned era = (unsigned) (days / 146097), of_era = (unsigned) (days % 146097);
        unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
        unsigned shifted = (5 * of_year + 2) / 153; /* March is 0 */
        unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
        unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
        unsigned rest = (unsigned) (sec % 86400);
        char *at = buf;

        year += era * 400 + (month <= 2);
        at = clock_put(at, year / 100, '\0');
        at = clock_put(at, year % 100, '-');
        at = clock_put(at, month, '-');
        at = clock_put(at, day, 'T');
        at = clock_put(at, rest / 3600, ':');
        at = clock_put(at, rest / 60 % 60, ':');
        at = clock_put(at, rest % 60, '\0');
        return (size_t) (at - buf);
}

char *clock_format(uint64_t wall_usec, char *buf) {
        size_t n = clock_format_day(wall_usec / USEC_PER_SEC, buf);

        buf[n] = 'Z';
        buf[n + 1] = '\0';
        return buf;
}

char *clock_format_micro(uint64_t wall_usec, char *buf) {
        size_t n = clock_format_day(wall_usec / USEC_PER_SEC, buf);

        (void) snprintf(buf + n, CLOCK_TEXT_MAX - n, ".%06uZ",
                        (unsigned) (wall_usec % USEC_PER_SEC));
        return buf;
}

char *clock_format_nano(uint64_t wall_nsec, char *buf) {
        size_t n = clock_format_day(wall_nsec / 1000000000U, buf);

        (void) snprintf(buf + n, CLOCK_TEXT_MAX - n, ".%09uZ",
                        (unsigned) (wall_nsec % 1000000000U));
        return buf;
}

/* Exactly width digits at *p, moved past them. */
static int clock_digits(const char **p, int width, int min, int max, int *ret) {
        int v = 0;

        for (int i = 0; i < width; i++, (*p)++) {
                if (**p < '0' || **p > '9')
                        return -EINVAL;
                v = v * 10 + (**p - '0');
        }
        if (v < min || v > max)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int clock_expect(const char **p, const char *any_of) {
        if (**p == '\0' || !strchr(any_of, **p))
                return -EINVAL;
        (*p)++;
        return 0;
}

static int clock_parse_fraction(const char **p, uint64_t *ret_usec) {
        uint64_t usec = 0;
        int n = 0;

        *ret_usec = 0;
        if (**p != '.')
                return 0;
        for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, n++)
                if (n < 6)
                        usec = usec * 10 + (uint64_t) (**p - '0');
        if (n == 0 || n > 9)
                return -EINVAL;
        for (; n < 6; n++)
                usec *= 10;
        *ret_usec = usec;
        return 0;
}

static int clock_parse_offset(const char **p, int64_t *ret_sec) {
        int hours, minutes, sign;

        *ret_sec = 0;
        if (**p == 'Z' || **p == 'z') {
                (*p)++;
                return 0;
        }
        if (**p != '+' && **p != '-')
                return -EINVAL;
        sign = *(*p)++ == '-' ? -1 : 1;
        if (clock_digits(p, 2, 0, 23, &hours) < 0 || clock_expect(p, ":") < 0 ||
            clock_digits(p, 2, 0, 59, &minutes) < 0)
                return -EINVAL;
        *ret_sec = sign * (hours * 3600 + minutes * 60);
        return 0;
}

int clock_parse(const char *text, uint64_t *ret_wall_usec) {
        static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        const char *p = text;
        int64_t sec, offset_sec;
        struct tm tm = { 0 };
        uint64_t usec;
        int year, month;

        if (clock_digits(&p, 4, 1970, 9999, &year) < 0 || clock_expect(&p, "-") < 0 ||
            clock_digits(&p, 2, 1, 12, &month) < 0 || clock_expect(&p, "-") < 0 ||
            clock_digits(&p, 2, 1, month_days[month - 1], &tm.tm_mday) < 0 ||
            clock_expect(&p, "Tt ") < 0 || clock_digits(&p, 2, 0, 23, &tm.tm_hour) < 0 ||
            clock_expect(&p, ":") < 0 || clock_digits(&p, 2, 0, 59, &tm.tm_min) < 0 ||
            clock_expect(&p, ":") < 0 || clock_digits(&p, 2, 0, 60, &tm.tm_sec) < 0 ||
            clock_parse_fraction(&p, &usec) < 0 || clock_parse_offset(&p, &offset_sec) < 0 ||
            *p != '\0')
                return -EINVAL;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        sec = (int64_t) timegm(&tm) - offset_sec;
        if (sec < 0)
                return -EINVAL;
        *ret_wall_usec = (uint64_t) sec * USEC_PER_SEC + usec;
        return 0;
}
