#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A command's options are a table; parsing, help and completion are made from it. */

enum option_type {
        OPTION_FLAG,     /* bool: --x, --x=true|false */
        OPTION_TEXT,     /* const char * */
        OPTION_TEXTS,    /* struct option_texts: may be given more than once */
        OPTION_NUMBER,   /* struct option_number */
        OPTION_DURATION, /* struct option_number, microseconds: "30s", "5m", "1h30m", "0", "45" */
        OPTION_CHOICE,   /* const char *: one of values; "--x" alone is the first of them when
                            is_value_optional */
};

#define OPTION_TEXTS_MAX 64

struct option_texts {
        const char *items[OPTION_TEXTS_MAX];
        size_t n;
};

struct option_number {
        bool is_set;
        int64_t value;
};

struct option {
        char letter; /* 0: none */
        const char *name;
        enum option_type type;
        size_t offset;             /* of the member in the command's arguments */
        const char *meta;          /* "FILE"; NULL: a flag */
        const char *doc;           /* one line */
        const char *const *values; /* NULL-terminated */
        bool is_value_optional;
        const char *default_text; /* applied before parsing; NULL: none */
};

/* Yields the offset of a member and doesn't compile when it has another type. */
#define OPTION_AT(self, m, t)                                                                      \
        (offsetof(self, m) +                                                                       \
         0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((self *) 0)->m), t) ? 1 : -1]))

#define OPTION_OF_FLAG(self, m, c, long_name, text, ...)                                           \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_FLAG,                           \
                .offset = OPTION_AT(self, m, bool), .doc = (text), ##__VA_ARGS__                   \
        }
#define OPTION_OF_TEXT(self, m, c, long_name, arg, text, ...)                                      \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_TEXT, .meta = (arg),            \
                .offset = OPTION_AT(self, m, const char *), .doc = (text), ##__VA_ARGS__           \
        }
#define OPTION_OF_TEXTS(self, m, c, long_name, arg, text, ...)                                     \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_TEXTS, .meta = (arg),           \
                .offset = OPTION_AT(self, m, struct option_texts), .doc = (text), ##__VA_ARGS__    \
        }
#define OPTION_OF_NUMBER(self, m, c, long_name, arg, text, ...)                                    \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_NUMBER, .meta = (arg),          \
                .offset = OPTION_AT(self, m, struct option_number), .doc = (text), ##__VA_ARGS__   \
        }
#define OPTION_OF_DURATION(self, m, c, long_name, arg, text, ...)                                  \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_DURATION, .meta = (arg),        \
                .offset = OPTION_AT(self, m, struct option_number), .doc = (text), ##__VA_ARGS__   \
        }
#define OPTION_OF_CHOICE(self, m, c, long_name, arg, text, ...)                                    \
        {                                                                                          \
                .letter = (c), .name = (long_name), .type = OPTION_CHOICE, .meta = (arg),          \
                .offset = OPTION_AT(self, m, const char *), .doc = (text), ##__VA_ARGS__           \
        }

/* One table and where its values go. */
struct option_group {
        const struct option *options;
        size_t n;
        void *args;
};

/* What is left of a command line: words borrowed from argv. */
struct words {
        const char **items; /* owned */
        size_t n;
        size_t n_before_dashes; /* words before "--"; n when there is none */
        bool has_dashes;
};

void words_done(struct words *w);
DEFINE_AUTO_DONE(words);

/* Fills in the defaults. */
void option_set_defaults(const struct option_group *g);

struct option_line {
        char *const *argv;
        int argc;
        bool stops_at_word; /* nothing behind the first word is parsed (global options before the
                               command) */
};

/* Parses options of all groups (later groups win) and gathers the words between them.
 *
 * Returns 0, -EINVAL (e names the option, with a suggestion) or -ENOMEM. */
int option_parse(const struct option_line *line, const struct option_group *groups, size_t n_groups,
                 struct words *ret_words, struct err *e);

/* "  -n, --namespace NAME    doc" lines. */
void option_help(const struct option *options, size_t n, struct strbuf *out);

/* "1h30m", "90s", "500ms", "45" (seconds). Returns 0 or -EINVAL. */
int option_duration_parse(const char *text, int64_t *ret_usec);
