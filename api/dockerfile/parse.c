#include "api/dockerfile/dockerfile.h"
#include "api/dockerfile/expand.h"
#include "api/dockerfile/parse_internal.h"
#include "api/text/text.h"
#include "base/arena.h"
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PARSER_FINDING_MAX 512

static struct diag *parser_finding(struct parser *p, enum diag_severity severity,
                                   struct dockerfile_place place, const char *text) {
        struct diag *d = diag_add(p->d, severity, DIAG_SYNTAX, NULL, "%s", text);

        if (severity == DIAG_ERROR)
                p->n_errors++;
        diag_set_place(d, p->file, place.line, place.column);
        return d;
}

struct diag *parser_error(struct parser *p, struct dockerfile_place place, const char *fmt, ...) {
        char text[PARSER_FINDING_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return parser_finding(p, DIAG_ERROR, place, text);
}

struct diag *parser_warn(struct parser *p, struct dockerfile_place place, const char *fmt, ...) {
        char text[PARSER_FINDING_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return parser_finding(p, DIAG_WARNING, place, text);
}

struct dockerfile_place parser_place(const struct parser *p, size_t at) {
        return line_place(&p->line, at);
}

void parser_check_variables(struct parser *p, const char *text, struct dockerfile_place place) {
        struct err e = { 0 };

        if (strpbrk(text, "$\"'") && expand_check(text, p->escape, &e) < 0)
                (void) parser_error(p, place, "%s", err_text(&e));
}

static void parser_unknown(struct parser *p, const char *name, size_t len) {
        const char *names[DOCKERFILE_VERBS];
        const char *near;
        char word[32];
        struct diag *d;

        (void) snprintf(word, sizeof(word), "%.*s", (int) MIN(len, sizeof(word) - 1), name);
        for (size_t i = 0; i < DOCKERFILE_VERBS; i++)
                names[i] = dockerfile_verb_name((enum dockerfile_verb) i);
        near = str_nearest(word, names, DOCKERFILE_VERBS);
        d = parser_error(p, parser_place(p, 0), "unknown instruction \"%s\"", word);
        if (near)
                diag_set_hint(d, "did you mean %s?", near);
        else
                diag_set_hint(d,
                              "a line that belongs to the one before needs a \"%c\" at the "
                              "end of that",
                              p->escape);
}

static int parser_add_stage(struct parser *p, size_t first) {
        struct dockerfile *f = p->f;
        struct dockerfile_stage *room = list_room(p->a, f->stages, f->n_stages, sizeof(*room));

        if (!room)
                return -ENOMEM;
        if (f->n_stages == DOCKERFILE_STAGES_MAX)
                (void) parser_error(p, parser_place(p, 0), "more than %d stages",
                                    DOCKERFILE_STAGES_MAX);
        f->stages = room;
        room[f->n_stages++] = (struct dockerfile_stage){ .first = first };
        return 0;
}

/* Puts what was read where it belongs: before the first stage, or into the last. */
static int parser_place_in_stage(struct parser *p, const struct dockerfile_instruction *in) {
        struct dockerfile *f = p->f;
        int r = 0;

        if (in->verb == DOCKERFILE_FROM)
                r = parser_add_stage(p, f->n);
        if (r < 0)
                return r;
        if (f->n_stages > 0)
                f->stages[f->n_stages - 1].n++;
        else if (in->verb == DOCKERFILE_ARG)
                f->n_global++;
        else
                (void) parser_error(p, in->place, "%s stands before the first FROM: only ARG may",
                                    dockerfile_verb_name(in->verb));
        return 0;
}

static int parser_line(struct parser *p) {
        struct dockerfile_instruction in = { .place = parser_place(p, 0) };
        struct dockerfile_instruction *room;
        size_t len = 0;
        int r;

        while (len < p->line.len && !strchr(" \t\r\v\f", p->line.text[len]))
                len++;
        in.verb = verb_find(p->line.text, len);
        if (in.verb == DOCKERFILE_VERBS) {
                parser_unknown(p, p->line.text, len);
                return 0;
        }
        in.text = arena_printf(p->a, "%s%s", dockerfile_verb_name(in.verb), p->line.text + len);
        room = list_room(p->a, p->f->items, p->f->n, sizeof(*room));
        if (!in.text || !room)
                return -ENOMEM;
        p->f->items = room;
        r = parser_place_in_stage(p, &in);
        if (r == 0)
                r = instruction_read(p, len, &in);
        if (r == 0)
                room[p->f->n++] = in;
        return r;
}

static int parser_run(struct parser *p) {
        int r = lines_begin(&p->lines);

        p->escape = p->f->escape = p->lines.escape;
        while (r == 0 && (r = lines_next(&p->lines, &p->line)) == 1) {
                if (p->f->n == DOCKERFILE_INSTRUCTIONS_MAX) {
                        (void) parser_error(p, parser_place(p, 0), "more than %d instructions",
                                            DOCKERFILE_INSTRUCTIONS_MAX);
                        return 0;
                }
                r = parser_line(p);
        }
        if (r < 0)
                return r;
        if (p->f->n_stages == 0 && p->n_errors == 0)
                (void) parser_error(p, (struct dockerfile_place){ 1, 1 },
                                    "no stage: begin with FROM IMAGE, or FROM scratch");
        stages_check(p);
        return 0;
}

static int parser_check_text(struct parser *p, const char *text, size_t len) {
        AUTO_FREE char *copy = strndup(text, len);

        if (!copy)
                return -ENOMEM;
        if (strlen(copy) == len && text_is_utf8(copy))
                return 0;
        (void) parser_error(p, (struct dockerfile_place){ 1, 1 },
                            "the file is not UTF-8 text: is it a Dockerfile?");
        return -EINVAL;
}

int dockerfile_parse(const char *text, size_t len, const char *file, struct dockerfile **ret,
                     struct diags *d) {
        AUTO(dockerfile) struct dockerfile *f = calloc(1, sizeof(*f));
        struct parser p = { .file = file, .d = d, .f = f, .escape = '\\' };
        int r;

        if (len > DOCKERFILE_BYTES_MAX)
                return -EFBIG;
        if (!f || !(f->arena = arena_new(0)) || (file && !(f->file = strdup(file))))
                return -ENOMEM;
        p.a = f->arena;
        r = parser_check_text(&p, text, len);
        if (r < 0)
                return r;
        p.lines = (struct lines){ .text = text, .len = len, .file = file, .d = d, .a = p.a };
        r = parser_run(&p);
        if (r < 0)
                return r;
        if (p.n_errors + p.lines.n_errors > 0)
                return -EINVAL;
        *ret = STEAL(f);
        return 0;
}

int dockerfile_parse_trigger(struct arena *a, const char *text, struct dockerfile_instruction **ret,
                             struct diags *d) {
        struct parser p = { .d = d, .a = a, .escape = '\\', .is_trigger = true };
        struct dockerfile_instruction *in = arena_alloc(a, sizeof(*in));
        size_t len = strcspn(text, " \t");
        int r;

        if (!in || !(p.line.text = arena_strdup(a, text)))
                return -ENOMEM;
        if (strlen(text) > DOCKERFILE_BYTES_MAX)
                return -EFBIG;
        p.line.len = strlen(text);
        in->verb = verb_find(text, len);
        in->text = p.line.text;
        if (in->verb == DOCKERFILE_VERBS || in->verb == DOCKERFILE_FROM ||
            in->verb == DOCKERFILE_ONBUILD) {
                (void) parser_error(&p, in->place, "the base image's ONBUILD is no instruction: %s",
                                    text);
                return -EINVAL;
        }
        r = instruction_read(&p, len, in);
        if (r == 0)
                *ret = in;
        return r < 0 ? r : p.n_errors > 0 ? -EINVAL : 0;
}

void dockerfile_unref(struct dockerfile *f) {
        if (!f)
                return;
        arena_unref(f->arena);
        free(f->file);
        free(f);
}
