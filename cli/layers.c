#include "cli/layers.h"

#include "cli/image.h"

#include <stdio.h>
#include <string.h>

#define BAR_WIDTH 24

const struct layer_news *layers_take(struct layers *l, const json_t *progress) {
        json_int_t layer = json_integer_value(json_object_get(progress, "layer"));
        json_int_t of = json_integer_value(json_object_get(progress, "of"));
        const char *digest = str_or_empty(json_string_value(json_object_get(progress, "digest")));
        const char *state = str_or_empty(json_string_value(json_object_get(progress, "state")));
        struct layer_news *news;
        bool is_new;

        if (layer < 1 || layer > of || of > LAYERS_MAX || strlen(state) >= sizeof(news->state))
                return NULL;
        if (str_starts_with(digest, "sha256:"))
                digest += strlen("sha256:");
        l->n = MAX(l->n, (size_t) of);
        news = &l->items[layer - 1];
        is_new = strcmp(news->state, state) != 0;
        (void) snprintf(news->digest, sizeof(news->digest), "%.12s", digest);
        (void) snprintf(news->state, sizeof(news->state), "%s", state);
        news->bytes = json_integer_value(json_object_get(progress, "bytes"));
        news->size = json_integer_value(json_object_get(progress, "size"));
        return is_new ? news : NULL;
}

static const char *layer_words(const struct layer_news *news) {
        return strcmp(news->state, "exists") == 0 ? "already there" : news->state;
}

void layers_say(const struct layer_news *news, struct strbuf *b) {
        char size[IMAGE_SIZE_MAX];

        strbuf_addf(b, "%s: %s", news->digest, layer_words(news));
        if (strcmp(news->state, "done") == 0)
                strbuf_addf(b, " (%s)", image_format_size(news->size, size));
        strbuf_add_char(b, '\n');
}

static bool layer_is_over(const struct layer_news *news) {
        return strcmp(news->state, "done") == 0 || strcmp(news->state, "exists") == 0;
}

static void layer_draw(const struct layer_news *news, struct strbuf *b) {
        char have[IMAGE_SIZE_MAX], all[IMAGE_SIZE_MAX];
        int filled = news->size > 0 ? (int) (BAR_WIDTH * MIN(news->bytes, news->size) / news->size)
                                    : BAR_WIDTH;

        strbuf_addf(b, "\r\033[K%s %-12s", news->digest, layer_words(news));
        if (!layer_is_over(news) && strcmp(news->state, "waiting") != 0)
                strbuf_addf(b, " [%.*s%*s] %s of %s", filled, "########################",
                            BAR_WIDTH - filled, "", image_format_size(news->bytes, have),
                            image_format_size(news->size, all));
        strbuf_add_char(b, '\n');
}

void layers_draw(struct layers *l, size_t rows, struct strbuf *b) {
        bool is_narrow = l->n > rows;
        size_t n = 0;

        if (l->n_drawn > 0)
                strbuf_addf(b, "\033[%zuA", l->n_drawn);
        for (size_t i = 0; i < l->n && n < rows; i++) {
                const struct layer_news *news = &l->items[i];

                /* Where not all fit, those that are through make room. */
                if (news->state[0] == '\0' || (is_narrow && layer_is_over(news)))
                        continue;
                layer_draw(news, b);
                n++;
        }
        /* A shorter picture leaves nothing of the one before. */
        if (n < l->n_drawn)
                strbuf_add(b, "\033[J");
        l->n_drawn = n;
}

void layers_wipe(struct layers *l, struct strbuf *b) {
        if (l->n_drawn > 0)
                strbuf_addf(b, "\033[%zuA\r\033[J", l->n_drawn);
        l->n_drawn = 0;
}
