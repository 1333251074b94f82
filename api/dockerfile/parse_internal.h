#pragma once

#include "api/dockerfile/dockerfile.h"
#include "api/dockerfile/lines.h"

/* What the files that parse share. Private to this folder. */

struct parser {
        struct lines lines;
        struct line line;     /* that is being read */
        struct dockerfile *f; /* NULL: a trigger alone */
        struct arena *a;
        const char *file;
        struct diags *d;
        char escape;
        size_t n_errors;
        bool is_trigger; /* of ONBUILD: no here-documents */
};

/* Adds a finding at a place. Returns it to be completed with a hint, or NULL. */
struct diag *parser_error(struct parser *p, struct dockerfile_place place, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
struct diag *parser_warn(struct parser *p, struct dockerfile_place place, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
struct dockerfile_place parser_place(const struct parser *p, size_t at);
size_t parser_skip_blanks(const struct parser *p, size_t at);
/* Tells a text whose variables can't be read. */
void parser_check_variables(struct parser *p, const char *text, struct dockerfile_place place);

/* All below return 0 or -ENOMEM unless said otherwise; findings are the parser's. */

int words_add(struct parser *p, struct dockerfile_words *words, size_t at, size_t len);
/* From an offset on: what blanks separate. */
int words_split(struct parser *p, size_t at, struct dockerfile_words *ret);
/* The same, but blanks in quotes or behind the escape character don't separate. Quotes stay. */
int words_split_quoted(struct parser *p, size_t at, struct dockerfile_words *ret);
/* '["a", "b"]'. Returns 1, 0 when the text isn't such a list, or -ENOMEM. */
int words_read_list(struct parser *p, size_t at, struct dockerfile_words *ret);
/* "a=b c='d e'", or the old "a b c d" as one pair (not for ARG). */
int words_read_pairs(struct parser *p, size_t at, struct dockerfile_instruction *in);

/* Takes "--name=value …" off; *at is moved behind. */
int flags_read(struct parser *p, size_t *at, struct dockerfile_instruction *in);
/* The value of RUN's --mount. */
int mount_read(struct parser *p, const char *text, struct dockerfile_place place,
               struct dockerfile_instruction *in);

/* The here-documents that the line's words name, with their texts from the lines below. */
int heredocs_read(struct parser *p, size_t at, struct dockerfile_instruction *in);
/* The here-document that a word is ("<<-'END'"), or false. name: the arena's. */
bool heredoc_word(struct parser *p, const char *word, const char **ret_name, bool *ret_strips_tabs,
                  bool *ret_is_expanded);

/* Reads what follows the instruction's name. */
int instruction_read(struct parser *p, size_t at, struct dockerfile_instruction *in);
/* The verb called so, in letters of any case, or DOCKERFILE_VERBS. */
enum dockerfile_verb verb_find(const char *name, size_t len);
/* Checks stages' names, and whom --from means. */
void stages_check(struct parser *p);
