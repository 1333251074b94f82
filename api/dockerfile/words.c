#include "api/dockerfile/parse_internal.h"
#include "api/text/text.h"
#include "base/arena.h"
#include "base/str.h"

#include <string.h>

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

size_t parser_skip_blanks(const struct parser *p, size_t at) {
        while (at < p->line.len && is_blank(p->line.text[at]))
                at++;
        return at;
}

static int words_append(struct parser *p, struct dockerfile_words *words, const char *text,
                        size_t at) {
        struct dockerfile_word *room = list_room(p->a, words->items, words->n, sizeof(*room));

        if (!room || !text)
                return -ENOMEM;
        words->items = room;
        room[words->n++] = (struct dockerfile_word){ .text = text, .place = parser_place(p, at) };
        if (words->n == DOCKERFILE_WORDS_MAX)
                (void) parser_error(p, room[words->n - 1].place,
                                    "more than %d words in one instruction: split it",
                                    DOCKERFILE_WORDS_MAX);
        return 0;
}

int words_add(struct parser *p, struct dockerfile_words *words, size_t at, size_t len) {
        return words_append(p, words, arena_strndup(p->a, p->line.text + at, len), at);
}

int words_split(struct parser *p, size_t at, struct dockerfile_words *ret) {
        for (;;) {
                size_t start = parser_skip_blanks(p, at);
                int r;

                if (start >= p->line.len || ret->n >= DOCKERFILE_WORDS_MAX)
                        return 0;
                for (at = start; at < p->line.len && !is_blank(p->line.text[at]);)
                        at++;
                r = words_add(p, ret, start, at - start);
                if (r < 0)
                        return r;
        }
}

/* Behind the word that begins at an offset. */
static size_t word_end(const struct parser *p, size_t at) {
        char quote = '\0';

        for (; at < p->line.len; at++) {
                char c = p->line.text[at];

                if (c == p->escape && quote != '\'' && at + 1 < p->line.len)
                        at++;
                else if (quote)
                        quote = c == quote ? '\0' : quote;
                else if (c == '"' || c == '\'')
                        quote = c;
                else if (is_blank(c))
                        break;
        }
        return at;
}

int words_split_quoted(struct parser *p, size_t at, struct dockerfile_words *ret) {
        for (;;) {
                size_t start = parser_skip_blanks(p, at);
                int r;

                if (start >= p->line.len || ret->n >= DOCKERFILE_WORDS_MAX)
                        return 0;
                at = word_end(p, start);
                r = words_add(p, ret, start, at - start);
                if (r < 0)
                        return r;
        }
}

/* Where the next string of a list begins, from an offset on; moves it behind that string. */
static size_t list_string_at(const struct parser *p, size_t *at) {
        size_t start;

        while (*at < p->line.len && p->line.text[*at] != '"')
                (*at)++;
        start = (*at)++;
        while (*at < p->line.len && p->line.text[*at] != '"')
                *at += p->line.text[*at] == '\\' ? 2 : 1;
        (*at)++;
        return MIN(start, p->line.len);
}

int words_read_list(struct parser *p, size_t at, struct dockerfile_words *ret) {
        json_t *list = NULL, *item;
        bool are_texts = true;
        int result = 0;
        size_t i;

        at = parser_skip_blanks(p, at);
        if (at >= p->line.len || p->line.text[at] != '[' ||
            text_read_json(p->line.text + at, p->line.len - at, 0, &list, NULL) < 0)
                return 0;
        json_array_foreach(list, i, item)
                are_texts &= json_is_string(item);
        if (json_is_array(list) && are_texts) {
                result = 1;
                json_array_foreach(list, i, item) {
                        size_t start = list_string_at(p, &at);

                        if (result == 1 && ret->n < DOCKERFILE_WORDS_MAX &&
                            words_append(p, ret, arena_strdup(p->a, json_string_value(item)),
                                         start) < 0)
                                result = -ENOMEM;
                }
        }
        json_decref(list);
        return result;
}

/* ---- pairs ---- */

static int pairs_add(struct parser *p, struct dockerfile_instruction *in,
                     const struct dockerfile_word *word) {
        struct dockerfile_pairs *pairs = &in->pairs;
        const char *equals = strchr(word->text, '=');
        struct dockerfile_pair *room = list_room(p->a, pairs->items, pairs->n, sizeof(*room));
        size_t len = equals ? (size_t) (equals - word->text) : strlen(word->text);

        if (!room)
                return -ENOMEM;
        pairs->items = room;
        room[pairs->n] = (struct dockerfile_pair){
                .key = { arena_strndup(p->a, word->text, len), word->place },
                .value = equals ? equals + 1 : NULL,
        };
        if (!room[pairs->n].key.text)
                return -ENOMEM;
        if (len == 0)
                (void) parser_error(p, word->place,
                                    "a name is missing before \"=\": write "
                                    "NAME=value");
        parser_check_variables(p, room[pairs->n].key.text, word->place);
        if (equals)
                parser_check_variables(p, equals + 1, word->place);
        pairs->n++;
        return 0;
}

static int pairs_read_old(struct parser *p, size_t at, struct dockerfile_instruction *in,
                          const struct dockerfile_word *first) {
        struct dockerfile_word word;

        at = parser_skip_blanks(p, parser_skip_blanks(p, at) + strlen(first->text));
        if (at >= p->line.len) {
                (void) parser_error(p, first->place, "%s %s has no value: write %s %s=value",
                                    dockerfile_verb_name(in->verb), first->text,
                                    dockerfile_verb_name(in->verb), first->text);
                return 0;
        }
        word.place = first->place;
        word.text = arena_printf(p->a, "%s=%s", first->text, p->line.text + at);
        return word.text ? pairs_add(p, in, &word) : -ENOMEM;
}

int words_read_pairs(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        struct dockerfile_words words = { 0 };
        int r = words_split_quoted(p, at, &words);

        if (r < 0)
                return r;
        if (words.n == 0) {
                (void) parser_error(p, in->place,
                                    "%s needs at least one argument: write %s "
                                    "NAME=value",
                                    dockerfile_verb_name(in->verb), dockerfile_verb_name(in->verb));
                return 0;
        }
        if (in->verb != DOCKERFILE_ARG && !strchr(words.items[0].text, '='))
                return pairs_read_old(p, at, in, &words.items[0]);
        for (size_t i = 0; r == 0 && i < words.n; i++) {
                if (in->verb != DOCKERFILE_ARG && !strchr(words.items[i].text, '='))
                        (void) parser_error(p, words.items[i].place,
                                            "no \"=\" in \"%s\": write NAME=value, and a value "
                                            "with blanks in quotes",
                                            words.items[i].text);
                else
                        r = pairs_add(p, in, &words.items[i]);
        }
        return r;
}
