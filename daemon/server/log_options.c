#include "daemon/server/log_options.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/path.h"

#include <errno.h>
#include <inttypes.h>

struct rule {
        const char *key;
        int64_t min;
        const char *words;
};

static const struct rule RULES[] = {
        { "tailLines", 0, "must be greater than or equal to 0" },
        { "limitBytes", 1, "must be greater than 0" },
        { "sinceSeconds", 1, "must be greater than 0" },
};

static void finding_add(struct strbuf *b, unsigned *n, const char *text) {
        strbuf_addf(b, "%s%s", *n > 0 ? ", " : "", text);
        (*n)++;
}

/* Returns 0, or 400 for what is no number. */
static unsigned rule_check(const struct rule *rule, const struct query *q, struct strbuf *b,
                           unsigned *n, struct err *e) {
        const char *value = query_get(q, rule->key);
        AUTO_FREE char *text = NULL;
        int64_t number;

        if (!value)
                return 0;
        if (str_to_int64(value, INT64_MIN, INT64_MAX, &number) < 0) {
                (void) err_set(e, -EINVAL, "%s: \"%.64s\" is not a number", rule->key, value);
                return 400;
        }
        if (number >= rule->min)
                return 0;
        text = str_format("%s: Invalid value: %" PRId64 ": %s", rule->key, number, rule->words);
        finding_add(b, n, str_or_empty(text));
        return 0;
}

unsigned log_options_check(const struct query *q, const char *pod, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const char *time = query_get(q, "sinceTime");
        uint64_t usec;
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(RULES); i++)
                if (rule_check(&RULES[i], q, &b, &n, e) > 0)
                        return 400;
        if (!str_is_empty(time) && clock_parse(time, &usec) < 0) {
                (void) err_set(e, -EINVAL,
                               "sinceTime: \"%.64s\" is not a time such as 2026-01-02T03:04:05Z",
                               time);
                return 400;
        }
        if (!str_is_empty(time) && query_get(q, "sinceSeconds"))
                finding_add(&b, &n,
                            "sinceTime: Forbidden: at most one of `sinceTime` or `sinceSeconds` "
                            "may be specified");
        if (n == 0)
                return 0;
        (void) err_set(e, -EINVAL, "PodLogOptions \"%s\" is invalid: %s%s%s", pod, n > 1 ? "[" : "",
                       str_or_empty(b.s), n > 1 ? "]" : "");
        return 422;
}
