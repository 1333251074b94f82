#include "api/dockerfile/parse_internal.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VERB(v) (1U << DOCKERFILE_##v)
#define FLAGS_MAX 100

/* One flag as written. value: NULL without "=". */
struct flag {
        const char *name, *value;
        struct dockerfile_place place;
};

/* "250ms", "1m30s", "2h". Go's durations; -EINVAL, -ERANGE. */
static int duration_read(const char *text, uint64_t *ret) {
        static const struct {
                const char *unit;
                double usec;
        } units[] = { { "ms", 1e3 }, { "us", 1 },       { "ns", 1e-3 },
                      { "s", 1e6 },  { "m", 60 * 1e6 }, { "h", 3600 * 1e6 } };
        double sum = 0;

        if (!*text)
                return -EINVAL;
        while (*text) {
                char *end;
                double number;
                size_t i = 0;

                if (strspn(text, "0123456789.") == 0 || strlen(text) > 64)
                        return -EINVAL;
                number = strtod(text, &end);
                while (i < ARRAY_SIZE(units) && !str_starts_with(end, units[i].unit))
                        i++;
                if (i == ARRAY_SIZE(units))
                        return strcmp(text, "0") == 0 ? (int) (*ret = 0) : -EINVAL;
                sum += number * units[i].usec;
                text = end + strlen(units[i].unit);
        }
        if (sum > 1e15)
                return -ERANGE;
        *ret = (uint64_t) sum;
        return 0;
}

static int apply_duration(struct parser *p, struct dockerfile_instruction *in,
                          const struct flag *f) {
        const struct {
                const char *name;
                uint64_t *to;
        } members[] = { { "interval", &in->health.interval_usec },
                        { "timeout", &in->health.timeout_usec },
                        { "start-period", &in->health.start_period_usec },
                        { "start-interval", &in->health.start_interval_usec } };

        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                uint64_t usec = 0;

                if (strcmp(members[i].name, f->name) != 0)
                        continue;
                if (duration_read(f->value, &usec) < 0 || (usec > 0 && usec < USEC_PER_MSEC))
                        (void) parser_error(p, f->place,
                                            "--%s=%s is no duration of at least 1 ms: write it "
                                            "like 30s or 1m30s",
                                            f->name, f->value);
                *members[i].to = usec;
        }
        return 0;
}

static int apply_retries(struct parser *p, struct dockerfile_instruction *in,
                         const struct flag *f) {
        int64_t n = 0;

        if (str_to_int64(f->value, 0, 1000000, &n) < 0)
                (void) parser_error(p, f->place, "--retries=%s is no number from 0 to 1000000",
                                    f->value);
        in->health.retries = (unsigned) n;
        return 0;
}

static int apply_platform(struct parser *p, struct dockerfile_instruction *in,
                          const struct flag *f) {
        in->platform = f->value;
        parser_check_variables(p, f->value, f->place);
        return 0;
}

static int apply_from(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        in->from = (struct dockerfile_word){ f->value, f->place };
        if (strchr(f->value, '$'))
                (void) parser_error(p, f->place,
                                    "variables are not substituted in --from: name a stage that "
                                    "begins with \"FROM %s AS name\"",
                                    f->value);
        else if (!*f->value)
                (void) parser_error(p, f->place, "--from names no stage and no image");
        return 0;
}

static int apply_chown(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        in->chown = f->value;
        parser_check_variables(p, f->value, f->place);
        if (!*f->value)
                (void) parser_error(p, f->place, "--chown names nobody: write --chown=USER:GROUP");
        return 0;
}

static int apply_chmod(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        in->chmod = f->value;
        parser_check_variables(p, f->value, f->place);
        if (!strchr(f->value, '$') && (strspn(f->value, "01234567") != strlen(f->value) ||
                                       strlen(f->value) == 0 || strlen(f->value) > 5))
                (void) parser_error(p, f->place,
                                    "--chmod=%s is no octal mode: write it like --chmod=0755",
                                    f->value);
        return 0;
}

static int apply_checksum(struct parser *p, struct dockerfile_instruction *in,
                          const struct flag *f) {
        in->checksum = f->value;
        return 0;
}

static int apply_exclude(struct parser *p, struct dockerfile_instruction *in,
                         const struct flag *f) {
        struct dockerfile_words *words = &in->excludes;
        struct dockerfile_word *room = list_room(p->a, words->items, words->n, sizeof(*room));

        if (!room)
                return -ENOMEM;
        words->items = room;
        room[words->n++] = (struct dockerfile_word){ f->value, f->place };
        return 0;
}

static int bool_read(const char *text, bool *ret) {
        static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True", NULL };
        static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False", NULL };

        *ret = text == NULL || str_is_any(text, yes);
        return *ret || str_is_any(text, no) ? 0 : -EINVAL;
}

static int apply_switch(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        bool value;

        if (bool_read(f->value, &value) < 0) {
                (void) parser_error(p, f->place, "--%s=%s is neither true nor false", f->name,
                                    f->value);
                return 0;
        }
        if (strcmp(f->name, "link") == 0)
                in->is_link = value;
        else if (strcmp(f->name, "parents") == 0)
                in->has_parents = value;
        else if (strcmp(f->name, "unpack") == 0)
                in->is_kept_packed = !value;
        else
                in->keeps_git_dir = value;
        return 0;
}

static int apply_mount(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        return mount_read(p, f->value, f->place, in);
}

static int apply_network(struct parser *p, struct dockerfile_instruction *in,
                         const struct flag *f) {
        static const char *const names[] = { "default", "none" };

        if (strcmp(f->value, "host") == 0) {
                (void) parser_error(p, f->place,
                                    "--network=host is not possible: steps never see the "
                                    "machine's own network; write default or none");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], f->value) == 0) {
                        in->network = (enum dockerfile_network) i;
                        return 0;
                }
        (void) parser_error(p, f->place, "--network=%s is not known: write default or none",
                            f->value);
        return 0;
}

static int apply_security(struct parser *p, struct dockerfile_instruction *in,
                          const struct flag *f) {
        (void) in;
        if (strcmp(f->value, "sandbox") != 0)
                (void) parser_error(p, f->place,
                                    "--security=%s is not possible: steps always run in the "
                                    "sandbox of pods; leave the flag out",
                                    f->value);
        return 0;
}

static const struct flag_rule {
        const char *name;
        unsigned verbs;
        bool is_switch; /* may stand without a value */
        int (*apply)(struct parser *p, struct dockerfile_instruction *in, const struct flag *f);
} flag_rules[] = {
        { "platform", VERB(FROM), false, apply_platform },
        { "from", VERB(COPY), false, apply_from },
        { "chown", VERB(COPY) | VERB(ADD), false, apply_chown },
        { "chmod", VERB(COPY) | VERB(ADD), false, apply_chmod },
        { "link", VERB(COPY) | VERB(ADD), true, apply_switch },
        { "parents", VERB(COPY), true, apply_switch },
        { "exclude", VERB(COPY) | VERB(ADD), false, apply_exclude },
        { "checksum", VERB(ADD), false, apply_checksum },
        { "keep-git-dir", VERB(ADD), true, apply_switch },
        { "unpack", VERB(ADD), true, apply_switch },
        { "mount", VERB(RUN), false, apply_mount },
        { "network", VERB(RUN), false, apply_network },
        { "security", VERB(RUN), false, apply_security },
        { "interval", VERB(HEALTHCHECK), false, apply_duration },
        { "timeout", VERB(HEALTHCHECK), false, apply_duration },
        { "start-period", VERB(HEALTHCHECK), false, apply_duration },
        { "start-interval", VERB(HEALTHCHECK), false, apply_duration },
        { "retries", VERB(HEALTHCHECK), false, apply_retries },
};

static void flag_unknown(struct parser *p, const struct flag *f, enum dockerfile_verb verb) {
        const char *names[ARRAY_SIZE(flag_rules)], *near;
        struct diag *d;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(flag_rules); i++)
                if (flag_rules[i].verbs & (1U << verb))
                        names[n++] = flag_rules[i].name;
        near = str_nearest(f->name, names, n);
        d = parser_error(p, f->place, "unknown flag --%s of %s", f->name,
                         dockerfile_verb_name(verb));
        if (near)
                diag_set_hint(d, "did you mean --%s?", near);
        else if (n == 0)
                diag_set_hint(d, "%s has no flags", dockerfile_verb_name(verb));
}

static int flag_apply(struct parser *p, struct dockerfile_instruction *in, const struct flag *f) {
        for (size_t i = 0; i < ARRAY_SIZE(flag_rules); i++) {
                const struct flag_rule *rule = &flag_rules[i];

                if (strcmp(rule->name, f->name) != 0 || !(rule->verbs & (1U << in->verb)))
                        continue;
                if (f->value || rule->is_switch)
                        return rule->apply(p, in, f);
                (void) parser_error(p, f->place, "--%s needs a value: write --%s=…", f->name,
                                    f->name);
                return 0;
        }
        flag_unknown(p, f, in->verb);
        return 0;
}

/* The flag's text without its quotes and escapes, as the arena's. Moves *at behind it. */
static char *flag_text(struct parser *p, size_t *at) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char quote = '\0';

        for (; *at < p->line.len; (*at)++) {
                char c = p->line.text[*at];

                if (!quote && strchr(" \t\r\v\f", c))
                        break;
                if (c == p->escape && *at + 1 < p->line.len)
                        strbuf_add_char(&b, p->line.text[++*at]);
                else if (quote ? c == quote : c == '"' || c == '\'')
                        quote = quote ? '\0' : c;
                else
                        strbuf_add_char(&b, c);
        }
        return b.has_failed ? NULL : arena_strdup(p->a, str_or_empty(b.s));
}

int flags_read(struct parser *p, size_t *at, struct dockerfile_instruction *in) {
        for (size_t n = 0;; n++) {
                size_t start = parser_skip_blanks(p, *at);
                struct flag f = { .place = parser_place(p, start) };
                char *text, *equals;
                int r;

                *at = start;
                if (p->line.len - start < 2 || strncmp(p->line.text + start, "--", 2) != 0)
                        return 0;
                if (n == FLAGS_MAX) {
                        (void) parser_error(p, f.place, "more than %d flags", FLAGS_MAX);
                        *at = p->line.len;
                        return 0;
                }
                text = flag_text(p, at);
                if (!text)
                        return -ENOMEM;
                /* What only looks like a flag is left to the command: "RUN --". */
                if (strcmp(text, "--") == 0)
                        return 0;
                f.name = text + 2;
                equals = strchr(text, '=');
                if (equals) {
                        *equals = '\0';
                        f.value = equals + 1;
                }
                r = flag_apply(p, in, &f);
                if (r < 0)
                        return r;
        }
}
