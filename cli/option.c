#include "cli/option.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define CANDIDATES_MAX 96
#define HELP_COLUMN 34

void words_done(struct words *w) {
        free(w->items);
        *w = (struct words){ 0 };
}

static void *member(const struct option_group *g, const struct option *o) {
        return (char *) g->args + o->offset;
}

int option_duration_parse(const char *text, int64_t *ret_usec) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "ms", USEC_PER_MSEC }, { "h", 3600 * USEC_PER_SEC },  { "m", 60 * USEC_PER_SEC },
                { "s", USEC_PER_SEC },   { "d", 86400 * USEC_PER_SEC },
        };
        const char *at = text;
        double sum = 0;

        if (*at == '\0')
                return -EINVAL;
        while (*at) {
                char *end = NULL;
                double value;
                size_t i;

                if (*at < '0' || *at > '9')
                        return -EINVAL;
                value = strtod(at, &end);
                if (*end == '\0') {
                        if (at != text)
                                return -EINVAL;
                        sum = value * (double) USEC_PER_SEC;
                        break;
                }
                for (i = 0; i < ARRAY_SIZE(units); i++)
                        if (str_starts_with(end, units[i].name))
                                break;
                if (i == ARRAY_SIZE(units))
                        return -EINVAL;
                sum += value * (double) units[i].usec;
                at = end + strlen(units[i].name);
        }
        if (sum > 1e17)
                return -EINVAL;
        *ret_usec = (int64_t) sum;
        return 0;
}

static int set_flag(const struct option *o, void *at, const char *value, struct err *e) {
        if (!value || str_eq(value, "true") || str_eq(value, "1"))
                *(bool *) at = true;
        else if (str_eq(value, "false") || str_eq(value, "0"))
                *(bool *) at = false;
        else
                return err_set(e, -EINVAL, "--%s takes true or false, not \"%s\"", o->name, value);
        return 0;
}

static int set_choice(const struct option *o, void *at, const char *value, struct err *e) {
        struct strbuf all = { 0 };

        for (size_t i = 0; o->values[i]; i++) {
                if (str_eq(o->values[i], value)) {
                        *(const char **) at = o->values[i];
                        return 0;
                }
                strbuf_addf(&all, "%s%s", i ? ", " : "", o->values[i]);
        }
        (void) err_set(e, -EINVAL, "--%s takes one of %s, not \"%s\"", o->name, str_or_empty(all.s),
                       value);
        strbuf_done(&all);
        return -EINVAL;
}

static int set_number(const struct option *o, void *at, const char *value, struct err *e) {
        struct option_number n = { .is_set = true };

        if (o->type == OPTION_DURATION) {
                if (option_duration_parse(value, &n.value) < 0)
                        return err_set(e, -EINVAL,
                                       "--%s takes a time such as 30s or 5m, not \"%s\"", o->name,
                                       value);
        } else if (str_to_int64(value, INT64_MIN, INT64_MAX, &n.value) < 0) {
                return err_set(e, -EINVAL, "--%s takes a number, not \"%s\"", o->name, value);
        }
        *(struct option_number *) at = n;
        return 0;
}

static int set_texts(const struct option *o, void *at, const char *value, struct err *e) {
        struct option_texts *texts = at;

        if (texts->n == OPTION_TEXTS_MAX)
                return err_set(e, -EINVAL, "--%s can be given %d times at most", o->name,
                               OPTION_TEXTS_MAX);
        texts->items[texts->n++] = value;
        return 0;
}

static int option_set(const struct option_group *g, const struct option *o, const char *value,
                      struct err *e) {
        void *at = member(g, o);

        switch (o->type) {
        case OPTION_FLAG:
                return set_flag(o, at, value, e);
        case OPTION_TEXT:
                *(const char **) at = value;
                return 0;
        case OPTION_TEXTS:
                return set_texts(o, at, value, e);
        case OPTION_NUMBER:
        case OPTION_DURATION:
                return set_number(o, at, value, e);
        case OPTION_CHOICE:
                return set_choice(o, at, value ? value : o->values[0], e);
        }
        return -EINVAL;
}

void option_set_defaults(const struct option_group *g) {
        for (size_t i = 0; i < g->n; i++)
                if (g->options[i].default_text)
                        (void) option_set(g, &g->options[i], g->options[i].default_text, NULL);
}

struct found {
        const struct option_group *group;
        const struct option *option;
};

static struct found find_long(const struct option_group *groups, size_t n, const char *name,
                              size_t len) {
        for (size_t g = n; g-- > 0;)
                for (size_t i = 0; i < groups[g].n; i++)
                        if (strlen(groups[g].options[i].name) == len &&
                            strncmp(groups[g].options[i].name, name, len) == 0)
                                return (struct found){ &groups[g], &groups[g].options[i] };
        return (struct found){ 0 };
}

static struct found find_letter(const struct option_group *groups, size_t n, char letter) {
        for (size_t g = n; g-- > 0;)
                for (size_t i = 0; i < groups[g].n; i++)
                        if (groups[g].options[i].letter == letter)
                                return (struct found){ &groups[g], &groups[g].options[i] };
        return (struct found){ 0 };
}

static int unknown_option(const struct option_group *groups, size_t n, const char *word,
                          struct err *e) {
        const char *names[CANDIDATES_MAX], *near;
        size_t n_names = 0, len = strcspn(word + 2, "=");
        AUTO_FREE char *name = strndup(word + 2, len);

        for (size_t g = 0; g < n; g++)
                for (size_t i = 0; i < groups[g].n && n_names < CANDIDATES_MAX; i++)
                        names[n_names++] = groups[g].options[i].name;
        near = name ? str_nearest(name, names, n_names) : NULL;
        if (near)
                return err_set(e, -EINVAL, "unknown option --%s; did you mean --%s?", name, near);
        return err_set(e, -EINVAL, "unknown option --%s", str_or_empty(name));
}

/* The state of one parse. */
struct parse {
        char *const *argv;
        int argc, at;
        const struct option_group *groups;
        size_t n_groups;
};

static int take_value(struct parse *p, const struct option *o, const char **ret, struct err *e) {
        if (p->at + 1 >= p->argc)
                return err_set(e, -EINVAL, "--%s needs a value: %s", o->name, o->meta);
        *ret = p->argv[++p->at];
        return 0;
}

static int parse_long(struct parse *p, struct err *e) {
        const char *word = p->argv[p->at], *equals = strchr(word, '=');
        size_t len = equals ? (size_t) (equals - word) - 2 : strlen(word) - 2;
        struct found f = find_long(p->groups, p->n_groups, word + 2, len);
        const char *value = equals ? equals + 1 : NULL;

        if (!f.option)
                return unknown_option(p->groups, p->n_groups, word, e);
        if (!value && f.option->type != OPTION_FLAG && !f.option->is_value_optional) {
                int r = take_value(p, f.option, &value, e);

                if (r < 0)
                        return r;
        }
        return option_set(f.group, f.option, value, e);
}

/* "-it", "-nNAME", "-n NAME", "-n=NAME". */
static int parse_letters(struct parse *p, struct err *e) {
        for (const char *c = p->argv[p->at] + 1; *c; c++) {
                struct found f = find_letter(p->groups, p->n_groups, *c);
                const char *value = NULL;
                int r;

                if (!f.option)
                        return err_set(e, -EINVAL, "unknown option -%c", *c);
                if (f.option->type != OPTION_FLAG && c[1]) {
                        value = c + 1 + (c[1] == '=');
                        return option_set(f.group, f.option, value, e);
                }
                if (f.option->type != OPTION_FLAG && !f.option->is_value_optional) {
                        r = take_value(p, f.option, &value, e);
                        if (r < 0)
                                return r;
                }
                r = option_set(f.group, f.option, value, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

int option_parse(const struct option_line *line, const struct option_group *groups, size_t n_groups,
                 struct words *ret_words, struct err *e) {
        struct parse p = { line->argv, line->argc, 0, groups, n_groups };
        AUTO_DONE(words) struct words w = { 0 };
        bool is_literal = false;

        w.items = calloc((size_t) line->argc + 1, sizeof(*w.items));
        if (!w.items)
                return err_errno(e, -ENOMEM, "cannot read the command line");
        for (; p.at < line->argc; p.at++) {
                const char *word = line->argv[p.at];
                int r = 0;

                if (is_literal || word[0] != '-' || word[1] == '\0') {
                        w.items[w.n++] = word;
                        is_literal = is_literal || line->stops_at_word;
                } else if (str_eq(word, "--")) {
                        is_literal = w.has_dashes = true;
                        w.n_before_dashes = w.n;
                } else {
                        r = word[1] == '-' ? parse_long(&p, e) : parse_letters(&p, e);
                }
                if (r < 0)
                        return r;
        }
        if (!w.has_dashes)
                w.n_before_dashes = w.n;
        *ret_words = w;
        w = (struct words){ 0 };
        return 0;
}

void option_help(const struct option *options, size_t n, struct strbuf *out) {
        for (size_t i = 0; i < n; i++) {
                const struct option *o = &options[i];
                size_t start = out->len;

                if (o->letter)
                        strbuf_addf(out, "  -%c, --%s", o->letter, o->name);
                else
                        strbuf_addf(out, "      --%s", o->name);
                if (o->is_value_optional)
                        strbuf_addf(out, "[=%s]", o->meta);
                else if (o->meta)
                        strbuf_addf(out, " %s", o->meta);
                do
                        strbuf_add_char(out, ' ');
                while (!out->has_failed && out->len - start < HELP_COLUMN);
                strbuf_add(out, o->doc);
                if (o->default_text)
                        strbuf_addf(out, " (%s)", o->default_text);
                strbuf_add_char(out, '\n');
        }
}
