#include "daemon/distribution/platform.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
        const char *alias, *architecture, *variant;
} platform_aliases[] = {
        { "x86_64", "amd64", "" },   { "x86-64", "amd64", "" },
        { "i386", "386", "" },       { "i486", "386", "" },
        { "i586", "386", "" },       { "i686", "386", "" },
        { "aarch64", "arm64", "" },  { "armhf", "arm", "v7" },
        { "armel", "arm", "v6" },    { "armv8l", "arm", "v7" },
        { "armv7l", "arm", "v7" },   { "armv6l", "arm", "v6" },
        { "armv5tel", "arm", "v5" }, { "loongarch64", "loong64", "" },
};

static void platform_word(char to[PLATFORM_WORD_MAX], const char *from) {
        size_t n = strlen(str_or_empty(from));

        to[0] = '\0';
        if (n < PLATFORM_WORD_MAX)
                memcpy(to, str_or_empty(from), n + 1);
}

void platform_set(struct platform *ret, const char *os, const char *architecture,
                  const char *variant) {
        platform_word(ret->os, os);
        platform_word(ret->architecture, architecture);
        platform_word(ret->variant, variant);
        for (size_t i = 0; i < ARRAY_SIZE(platform_aliases); i++)
                if (str_eq(platform_aliases[i].alias, architecture)) {
                        platform_word(ret->architecture, platform_aliases[i].architecture);
                        if (str_is_empty(variant))
                                platform_word(ret->variant, platform_aliases[i].variant);
                }
        /* "7" and "v7" are written by different tools. */
        if (ret->variant[0] >= '1' && ret->variant[0] <= '9' &&
            strlen(ret->variant) + 1 < PLATFORM_WORD_MAX) {
                memmove(ret->variant + 1, ret->variant, strlen(ret->variant) + 1);
                ret->variant[0] = 'v';
        }
        if (strcmp(ret->architecture, "arm64") == 0 && strcmp(ret->variant, "v8") == 0)
                ret->variant[0] = '\0';
        if (strcmp(ret->architecture, "amd64") == 0 && strcmp(ret->variant, "v1") == 0)
                ret->variant[0] = '\0';
        if (strcmp(ret->architecture, "arm") == 0 && ret->variant[0] == '\0')
                platform_word(ret->variant, "v7");
}

int platform_parse(const char *text, struct platform *ret, struct err *e) {
        char words[3][PLATFORM_WORD_MAX] = { 0 };
        size_t n = 0;

        for (const char *p = text; *p; n++) {
                size_t len = strcspn(p, "/");

                if (n == 3 || len == 0 || len >= PLATFORM_WORD_MAX ||
                    strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") <
                            len)
                        return err_set(e, -EINVAL,
                                       "\"%.64s\" is no platform; write it like linux/arm64 or "
                                       "linux/arm/v7",
                                       text);
                memcpy(words[n], p, len);
                p += len;
                if (*p == '/')
                        p++;
        }
        if (n == 0)
                return err_set(e, -EINVAL, "a platform is written like linux/arm64");
        if (n == 1)
                platform_set(ret, "linux", words[0], "");
        else
                platform_set(ret, words[0], words[1], words[2]);
        return 0;
}

void platform_own(struct platform *ret) {
        struct utsname uts;

        platform_set(ret, "linux", uname(&uts) < 0 ? "unknown" : uts.machine, "");
}

/* "v7" is 7; what isn't written so is 0. */
static unsigned platform_level(const char *variant) {
        return variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' && variant[2] == '\0'
                       ? (unsigned) (variant[1] - '0')
                       : 0;
}

static bool platform_is_arch(const struct platform *p, const char *architecture) {
        return strcmp(p->architecture, architecture) == 0;
}

/* Of the same architecture: the nearest variant at or below is best. 100 is the same. */
static unsigned platform_fit_variant(const struct platform *want, const struct platform *have) {
        unsigned want_level = platform_level(want->variant), have_level;

        if (strcmp(want->variant, have->variant) == 0)
                return 100;
        have_level = platform_level(have->variant);
        if (want_level == 0 && platform_is_arch(want, "arm64"))
                want_level = 8;
        if (want_level == 0 && platform_is_arch(want, "amd64"))
                want_level = 1;
        if (have->variant[0] == '\0')
                return 50;
        if (have_level == 0 || have_level > want_level)
                return 0;
        return 60 + have_level;
}

unsigned platform_fit(const struct platform *want, const struct platform *have) {
        struct platform narrow = *want;
        unsigned fit;

        if (have->os[0] != '\0' && strcmp(have->os, want->os) != 0)
                return 0;
        if (have->architecture[0] == '\0')
                return 1;
        if (platform_is_arch(have, want->architecture))
                return platform_fit_variant(want, have);
        if (platform_is_arch(want, "amd64") && platform_is_arch(have, "386"))
                return 2;
        if (platform_is_arch(want, "arm64") && platform_is_arch(have, "arm")) {
                platform_set(&narrow, want->os, "arm", "v8");
                fit = platform_fit_variant(&narrow, have);
                return fit ? MIN(fit, 70U) - 45 : 0; /* below every 64-bit one */
        }
        return 0;
}

char *platform_format(const struct platform *p, char buf[PLATFORM_TEXT_MAX]) {
        (void) snprintf(buf, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os[0] ? p->os : "linux",
                        p->architecture[0] ? p->architecture : "unknown", p->variant[0] ? "/" : "",
                        p->variant);
        return buf;
}
