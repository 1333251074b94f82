#include "api/dockerfile/parse_internal.h"
#include "base/arena.h"
#include "base/str.h"

#include <string.h>

#define HEREDOCS_MAX 100

bool heredoc_word(struct parser *p, const char *word, const char **ret_name, bool *ret_strips_tabs,
                  bool *ret_is_expanded) {
        AUTO_DONE(strbuf) struct strbuf name = { 0 };
        char quote = '\0';

        word += strspn(word, "0123456789");
        if (!str_starts_with(word, "<<"))
                return false;
        word += 2;
        *ret_strips_tabs = *word == '-';
        *ret_is_expanded = true;
        if (*ret_strips_tabs)
                word++;
        if (strchr(word, '<'))
                return false;
        for (; *word; word++) {
                if (quote ? *word == quote : *word == '"' || *word == '\'') {
                        quote = quote ? '\0' : *word;
                        *ret_is_expanded = false;
                } else if (*word == p->escape && word[1]) {
                        *ret_is_expanded = false;
                        strbuf_add_char(&name, *++word);
                } else
                        strbuf_add_char(&name, *word);
        }
        if (quote || name.len == 0)
                return false;
        *ret_name = arena_strdup(p->a, name.s);
        return *ret_name != NULL;
}

static int heredoc_add(struct parser *p, const struct dockerfile_word *word,
                       struct dockerfile_instruction *in) {
        struct dockerfile_heredoc doc = { .place = word->place };
        struct dockerfile_heredoc *room;
        bool strips_tabs;
        int r;

        if (!heredoc_word(p, word->text, &doc.name, &strips_tabs, &doc.is_expanded))
                return 0;
        room = list_room(p->a, in->heredocs, in->n_heredocs, sizeof(*room));
        if (!room)
                return -ENOMEM;
        if (in->n_heredocs == HEREDOCS_MAX) {
                (void) parser_error(p, word->place, "more than %d here-documents", HEREDOCS_MAX);
                return 0;
        }
        r = lines_heredoc(&p->lines, doc.name, strips_tabs, &doc.text);
        if (r < 0)
                return r;
        if (r == 0) {
                (void) parser_error(p, word->place,
                                    "the here-document has no end: add a line \"%s\"", doc.name);
                doc.text = "";
        }
        in->heredocs = room;
        room[in->n_heredocs++] = doc;
        return 0;
}

int heredocs_read(struct parser *p, size_t at, struct dockerfile_instruction *in) {
        struct dockerfile_words words = { 0 };
        int r;

        if (!memmem(p->line.text, p->line.len, "<<", 2))
                return 0;
        r = words_split_quoted(p, at, &words);
        for (size_t i = 0; r == 0 && i < words.n; i++)
                r = heredoc_add(p, &words.items[i], in);
        return r;
}
