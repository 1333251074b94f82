#include "api/dockerfile/parse_internal.h"
#include "api/dockerfile/pattern.h"
#include "base/arena.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *rest_of(const struct parser *p, size_t at) {
        return p->line.text + parser_skip_blanks(p, at);
}

static bool is_shellish(enum dockerfile_verb verb) {
        return verb == DOCKERFILE_RUN || verb == DOCKERFILE_CMD || verb == DOCKERFILE_ENTRYPOINT ||
               verb == DOCKERFILE_HEALTHCHECK;
}

/* ---- what is executed ---- */

/* A here-document alone is the script; one among other words is the shell's to read. */
static int command_add_heredocs(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct dockerfile_words words = { 0 };
        const char *name;
        bool strips_tabs, is_expanded;
        int r = words_split_quoted(p, at, &words);

        if (r < 0)
                return r;
        if (words.n == 1 &&
            heredoc_word(p, words.items[0].text, &name, &strips_tabs, &is_expanded)) {
                in->command.text = in->heredocs[0].text;
                if (str_starts_with(in->command.text, "#!"))
                        in->command.form = DOCKERFILE_FORM_SCRIPT;
                return 0;
        }
        strbuf_add(&b, in->command.text);
        for (size_t i = 0; i < in->n_heredocs; i++)
                strbuf_addf(&b, "\n%s%s", in->heredocs[i].text, in->heredocs[i].name);
        in->command.text = b.has_failed ? NULL : arena_strdup(p->a, b.s);
        return in->command.text ? 0 : -ENOMEM;
}

static int read_command(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        struct dockerfile_command *command = &in->command;
        const char *text = rest_of(p, at);
        int r;

        if (!*text) {
                (void) parser_error(p, in->place, "%s needs at least one argument",
                                    dockerfile_verb_name(in->verb));
                return 0;
        }
        r = words_read_list(p, at, &command->words);
        if (r < 0)
                return r;
        if (r == 1) {
                command->form = DOCKERFILE_FORM_EXEC;
                if (command->words.n == 0 && in->verb != DOCKERFILE_CMD &&
                    in->verb != DOCKERFILE_ENTRYPOINT)
                        (void) parser_error(p, in->place, "%s: the list is empty",
                                            dockerfile_verb_name(in->verb));
                return 0;
        }
        command->form = DOCKERFILE_FORM_SHELL;
        command->text = text;
        if (is_shellish(in->verb) && text[0] == '[' &&
            strchr("\"'", text[1 + strspn(text + 1, " ")]))
                (void) parser_warn(p, parser_place(p, parser_skip_blanks(p, at)),
                                   "this looks like a list but is no JSON, so the shell gets it: "
                                   "use double quotes and no comma at the end");
        if (in->verb == DOCKERFILE_RUN && in->n_heredocs > 0)
                return command_add_heredocs(p, at, in);
        return 0;
}

static int read_shell(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = words_read_list(p, at, &in->command.words);

        if (r < 0)
                return r;
        in->command.form = DOCKERFILE_FORM_EXEC;
        if (r == 0 || in->command.words.n == 0)
                (void) parser_error(p, in->place,
                                    "SHELL needs a JSON list: write SHELL [\"/bin/sh\", \"-c\"]");
        return 0;
}

static int read_healthcheck(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        size_t start = parser_skip_blanks(p, at), end = start;

        while (end < p->line.len && isalpha((unsigned char) p->line.text[end]))
                end++;
        if (end - start == 4 && strncasecmp(p->line.text + start, "NONE", 4) == 0) {
                in->health.is_none = true;
                if (*rest_of(p, end))
                        (void) parser_error(p, parser_place(p, end),
                                            "HEALTHCHECK NONE takes no arguments");
                return 0;
        }
        if (end - start == 3 && strncasecmp(p->line.text + start, "CMD", 3) == 0)
                return read_command(p, end, in);
        diag_set_hint(parser_error(p, parser_place(p, start), "HEALTHCHECK: unknown type \"%.*s\"",
                                   (int) MIN(end - start, (size_t) 40), p->line.text + start),
                      "write HEALTHCHECK CMD command, or HEALTHCHECK NONE");
        return 0;
}

/* ---- words ---- */

static void check_words(struct parser *p, const struct dockerfile_words *words) {
        for (size_t i = 0; i < words->n; i++)
                parser_check_variables(p, words->items[i].text, words->items[i].place);
}

/* The whole rest of the line is one word. */
static int read_one(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        size_t start = parser_skip_blanks(p, at);
        int r;

        if (start >= p->line.len) {
                (void) parser_error(p, in->place, "%s needs exactly one argument",
                                    dockerfile_verb_name(in->verb));
                return 0;
        }
        r = words_add(p, &in->words, start, p->line.len - start);
        if (r == 0 && in->verb != DOCKERFILE_MAINTAINER)
                check_words(p, &in->words);
        if (in->verb == DOCKERFILE_MAINTAINER)
                (void) parser_warn(p, in->place,
                                   "MAINTAINER is out of date: write LABEL "
                                   "org.opencontainers.image.authors=…");
        return r;
}

static int read_words(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = words_read_list(p, at, &in->words);

        if (r == 0)
                r = words_split(p, at, &in->words);
        if (r < 0)
                return r;
        if (in->words.n == 0)
                (void) parser_error(p, in->place, "%s needs at least one argument",
                                    dockerfile_verb_name(in->verb));
        check_words(p, &in->words);
        return 0;
}

static bool is_port(const char *text) {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;

        if (end == text || !isdigit((unsigned char) *text))
                return false;
        if (*end == '-' && isdigit((unsigned char) end[1]))
                last = strtoul(end + 1, &end, 10);
        return first <= last && last <= 65535 &&
               (*end == '\0' || strcasecmp(end, "/tcp") == 0 || strcasecmp(end, "/udp") == 0 ||
                strcasecmp(end, "/sctp") == 0);
}

static int read_expose(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = read_words(p, at, in);

        for (size_t i = 0; r == 0 && i < in->words.n; i++) {
                const struct dockerfile_word *w = &in->words.items[i];

                if (!strpbrk(w->text, "$\"'") && !is_port(w->text))
                        (void) parser_error(p, w->place,
                                            "\"%s\" is no port: write 80, 80/udp or 8000-8010",
                                            w->text);
        }
        return r;
}

/* "<<EOF" is no path: its text is in heredocs. */
static void drop_heredoc_words(struct parser *p, struct dockerfile_instruction *in) {
        struct dockerfile_words *words = &in->words;
        bool strips_tabs, is_expanded;
        const char *name;
        size_t n = 0;

        for (size_t i = 0; i < words->n; i++)
                if (in->n_heredocs == 0 || i + 1 == words->n ||
                    !heredoc_word(p, words->items[i].text, &name, &strips_tabs, &is_expanded))
                        words->items[n++] = words->items[i];
        words->n = n;
}

static int read_copy(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = words_read_list(p, at, &in->words);

        if (r == 0)
                r = words_split(p, at, &in->words);
        if (r < 0)
                return r;
        if (in->words.n < 2) {
                (void) parser_error(p, in->place,
                                    "%s needs at least two arguments: what to copy, and where to",
                                    dockerfile_verb_name(in->verb));
                return 0;
        }
        drop_heredoc_words(p, in);
        check_words(p, &in->words);
        for (size_t i = 0; i + 1 < in->words.n; i++) {
                const struct dockerfile_word *w = &in->words.items[i];

                if (!strchr(w->text, '$') && !pattern_is_valid(w->text))
                        (void) parser_error(p, w->place,
                                            "the pattern \"%s\" is broken: a bracket "
                                            "isn't closed",
                                            w->text);
                if (in->verb == DOCKERFILE_COPY && strstr(w->text, "://"))
                        (void) parser_error(p, w->place, "COPY takes files only: write ADD %s",
                                            w->text);
        }
        return 0;
}

/* ---- the rest ---- */

static int read_pairs(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        return words_read_pairs(p, at, in);
}

static bool is_stage_name(const char *name) {
        if (!(name[0] >= 'a' && name[0] <= 'z'))
                return false;
        return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
}

static int read_from_name(struct parser *p, struct dockerfile_instruction *in) {
        const struct dockerfile_word *as = &in->words.items[1], *name = &in->words.items[2];
        char *lower = arena_strdup(p->a, name->text);

        if (!lower)
                return -ENOMEM;
        for (char *c = lower; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        if (strcasecmp(as->text, "AS") != 0)
                diag_set_hint(
                        parser_error(p, as->place, "FROM: \"%s\" where AS was expected", as->text),
                        "write FROM IMAGE AS NAME");
        else if (strcmp(lower, "scratch") == 0)
                (void) parser_error(p, name->place,
                                    "a stage can't be called scratch: that is the "
                                    "empty image");
        else if (!is_stage_name(lower))
                (void) parser_error(p, name->place,
                                    "invalid stage name \"%s\": begin with a "
                                    "letter, then letters, digits, - _ .",
                                    name->text);
        in->stage_name = lower;
        return 0;
}

static int read_from(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = words_split(p, at, &in->words);

        if (r < 0)
                return r;
        if (in->words.n != 1 && in->words.n != 3) {
                (void) parser_error(p, in->place,
                                    "FROM needs one or three arguments: FROM IMAGE, "
                                    "or FROM IMAGE AS NAME");
                return 0;
        }
        parser_check_variables(p, in->words.items[0].text, in->words.items[0].place);
        return in->words.n == 3 ? read_from_name(p, in) : 0;
}

static int read_onbuild(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        size_t start = parser_skip_blanks(p, at), end = start;
        struct dockerfile_instruction *t;
        enum dockerfile_verb verb;
        int r;

        while (end < p->line.len && isalpha((unsigned char) p->line.text[end]))
                end++;
        verb = verb_find(p->line.text + start, end - start);
        if (start >= p->line.len || verb == DOCKERFILE_VERBS || verb == DOCKERFILE_FROM ||
            verb == DOCKERFILE_ONBUILD || verb == DOCKERFILE_MAINTAINER) {
                (void) parser_error(p, parser_place(p, MIN(start, p->line.len)),
                                    "ONBUILD takes one instruction, and none of FROM, ONBUILD, "
                                    "MAINTAINER");
                return 0;
        }
        t = arena_alloc(p->a, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->verb = verb;
        t->place = parser_place(p, start);
        t->text = arena_printf(p->a, "%s%s", dockerfile_verb_name(verb), p->line.text + end);
        in->trigger = t;
        if (memmem(p->line.text, p->line.len, "<<", 2) && verb != DOCKERFILE_ENV)
                (void) parser_warn(p, t->place, "here-documents are not read in ONBUILD");
        if (!t->text)
                return -ENOMEM;
        p->is_trigger = true;
        r = instruction_read(p, end, t);
        p->is_trigger = false;
        return r;
}

static const struct {
        const char *name;
        int (*read)(struct parser *p, size_t at, struct dockerfile_instruction *in);
        bool has_heredocs;
} verbs[] = {
        [DOCKERFILE_FROM] = { "FROM", read_from, false },
        [DOCKERFILE_RUN] = { "RUN", read_command, true },
        [DOCKERFILE_COPY] = { "COPY", read_copy, true },
        [DOCKERFILE_ADD] = { "ADD", read_copy, true },
        [DOCKERFILE_ARG] = { "ARG", read_pairs, false },
        [DOCKERFILE_ENV] = { "ENV", read_pairs, false },
        [DOCKERFILE_LABEL] = { "LABEL", read_pairs, false },
        [DOCKERFILE_WORKDIR] = { "WORKDIR", read_one, false },
        [DOCKERFILE_USER] = { "USER", read_one, false },
        [DOCKERFILE_EXPOSE] = { "EXPOSE", read_expose, false },
        [DOCKERFILE_VOLUME] = { "VOLUME", read_words, false },
        [DOCKERFILE_CMD] = { "CMD", read_command, false },
        [DOCKERFILE_ENTRYPOINT] = { "ENTRYPOINT", read_command, false },
        [DOCKERFILE_SHELL] = { "SHELL", read_shell, false },
        [DOCKERFILE_STOPSIGNAL] = { "STOPSIGNAL", read_one, false },
        [DOCKERFILE_HEALTHCHECK] = { "HEALTHCHECK", read_healthcheck, false },
        [DOCKERFILE_ONBUILD] = { "ONBUILD", read_onbuild, false },
        [DOCKERFILE_MAINTAINER] = { "MAINTAINER", read_one, false },
};

const char *dockerfile_verb_name(enum dockerfile_verb verb) {
        return verb < DOCKERFILE_VERBS ? verbs[verb].name : "?";
}

enum dockerfile_verb verb_find(const char *name, size_t len) {
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (strlen(verbs[i].name) == len && strncasecmp(verbs[i].name, name, len) == 0)
                        return (enum dockerfile_verb) i;
        return DOCKERFILE_VERBS;
}

int instruction_read(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        int r = flags_read(p, &at, in);

        if (r == 0 && verbs[in->verb].has_heredocs && !p->is_trigger)
                r = heredocs_read(p, at, in);
        return r < 0 ? r : verbs[in->verb].read(p, at, in);
}
