#include "api/kinds/regex.h"

#include "base/macros.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_HEAP_KIB 8192U
#define MATCH_DEPTH 50000U
#define MATCH_USUAL_BASE 200U
#define MATCH_USUAL_PER_BYTE 64U
#define MATCH_DEAR 1000000U

struct regex {
        pcre2_code *code;
        struct regex *next;
};

/* Groups that RE2 hasn't got. PCRE2 has no switch for them. */
static bool group_is_foreign(const char *behind) {
        static const char *const FOREIGN[] = { "?=", "?!", "?<=", "?<!", "?>", "?|", "?(",
                                               "?R", "?&", "?#",  "?+",  "?-", "*" };

        if (behind[0] == '?' && (behind[1] == '-' || (behind[1] >= '0' && behind[1] <= '9')))
                return behind[1] != '-' || (behind[2] >= '0' && behind[2] <= '9');
        for (size_t i = 0; i < ARRAY_SIZE(FOREIGN); i++)
                if (strncmp(behind, FOREIGN[i], strlen(FOREIGN[i])) == 0)
                        return true;
        return false;
}

static bool pattern_is_foreign(const char *p) {
        bool is_in_class = false;

        for (; *p; p++) {
                if (*p == '\\' && p[1] != '\0') {
                        p++;
                        if (!is_in_class && strchr("KRXGhHVZk", *p))
                                return true;
                } else if (*p == '[' && !is_in_class) {
                        is_in_class = true;
                        p += p[1] == '^';
                        p += p[1] == ']'; /* a first "]" is a letter */
                } else if (*p == ']') {
                        is_in_class = false;
                } else if (*p == '(' && !is_in_class && group_is_foreign(p + 1)) {
                        return true;
                } else if (strchr("*+?}", *p) && p[1] == '+' && !is_in_class) {
                        return true; /* possessive */
                }
        }
        return false;
}

int regex_new(const char *pattern, struct regex **ret, struct err *e) {
        pcre2_code *code;
        PCRE2_UCHAR text[128];
        PCRE2_SIZE at;
        uint32_t n_back = 0;
        struct regex *r;
        int code_error;

        if (strlen(pattern) > REGEX_PATTERN_MAX_BYTES)
                return err_set(e, -E2BIG, "a pattern may have at most %u bytes",
                               REGEX_PATTERN_MAX_BYTES);
        if (pattern_is_foreign(pattern))
                return err_set(e, -EINVAL, "invalid or unsupported Perl syntax");
        code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
                                     PCRE2_NO_AUTO_CAPTURE,
                             &code_error, &at, NULL);
        if (!code) {
                if (pcre2_get_error_message(code_error, text, sizeof(text)) < 0)
                        text[0] = '\0';
                return err_set(e, -EINVAL, "error parsing regexp: %s at %zu", (char *) text, at);
        }
        (void) pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &n_back);
        r = n_back == 0 ? calloc(1, sizeof(*r)) : NULL;
        if (!r) {
                pcre2_code_free(code);
                return n_back > 0 ? err_set(e, -EINVAL, "invalid escape sequence: back reference")
                                  : err_set(e, -ENOMEM, "memory is out");
        }
        r->code = code;
        *ret = r;
        return 0;
}

void regex_free(struct regex *r) {
        if (!r)
                return;
        pcre2_code_free(r->code);
        free(r);
}

static int match_once(const struct regex *r, const char *text, size_t len, uint32_t limit) {
        pcre2_match_context *context = pcre2_match_context_create(NULL);
        pcre2_match_data *data = pcre2_match_data_create(1, NULL);
        int found = PCRE2_ERROR_NOMEMORY;

        if (context && data) {
                (void) pcre2_set_match_limit(context, limit);
                (void) pcre2_set_depth_limit(context, MATCH_DEPTH);
                (void) pcre2_set_heap_limit(context, MATCH_HEAP_KIB);
                found = pcre2_match(r->code, (PCRE2_SPTR) text, len, 0, 0, data, context);
        }
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
        return found;
}

int regex_matches(const struct regex *r, const char *text, size_t len, uint32_t *budget) {
        size_t usual = MATCH_USUAL_BASE + MATCH_USUAL_PER_BYTE * len;
        uint32_t dear = MIN(*budget, MATCH_DEAR);
        int found = match_once(r, text, len, (uint32_t) MIN(usual, (size_t) MATCH_DEAR));

        if (found == PCRE2_ERROR_MATCHLIMIT && dear > 0) {
                *budget -= dear;
                found = match_once(r, text, len, dear);
        }
        if (found >= 0)
                return 1;
        if (found == PCRE2_ERROR_NOMEMORY)
                return -ENOMEM;
        return found == PCRE2_ERROR_NOMATCH ? 0 : -ETIME;
}

struct regex *regex_chain(struct regex *r, struct regex *next) {
        r->next = next;
        return r;
}

struct regex *regex_next(const struct regex *r) {
        return r->next;
}
