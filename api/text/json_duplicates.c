#include "api/text/members.h"
#include "api/text/text.h"
#include "base/map.h"
#include "base/str.h"

#include <jansson.h>
#include <stdlib.h>

#define DUPLICATES_MAX 100

struct finder {
        struct strbuf path;
        size_t n;
        void (*fn)(void *data, const char *path);
        void *data;
};

static void find_below(struct finder *f, struct text_span value);

/* A key without quotes and escapes, the caller's; NULL: memory is out. */
static char *key_text(struct text_span key) {
        json_t *text = json_loadb(key.at, key.len, JSON_DECODE_ANY, NULL);
        char *copy = json_is_string(text) ? strdup(json_string_value(text)) : NULL;

        json_decref(text);
        return copy;
}

/* Looks into a part, whose place stands behind the path meanwhile. */
static void find_part(struct finder *f, struct text_span part, size_t len) {
        if (!f->path.has_failed)
                find_below(f, part);
        f->path.len = len;
        if (f->path.s)
                f->path.s[len] = '\0';
}

static void find_in_map(struct finder *f, struct text_span rest) {
        struct text_span key, value;
        struct map seen = { 0 };
        size_t len = f->path.len;

        while (f->n < DUPLICATES_MAX && text_members_next(&rest, &key, &value)) {
                AUTO_FREE char *name = key_text(key);

                if (!name)
                        break;
                strbuf_addf(&f->path, "%s%s", len > 0 ? "." : "", name);
                if (map_has(&seen, name) && !f->path.has_failed) {
                        f->n++;
                        f->fn(f->data, f->path.s);
                } else if (map_put(&seen, name, f, NULL) < 0) {
                        break;
                }
                find_part(f, value, len);
        }
        map_done(&seen, NULL);
}

static void find_below(struct finder *f, struct text_span value) {
        struct text_span rest = value, key, item;
        size_t len = f->path.len, i = 0;

        if (value.len > 0 && *value.at == '{')
                find_in_map(f, value);
        if (value.len == 0 || *value.at != '[')
                return;
        while (text_members_next(&rest, &key, &item)) {
                strbuf_addf(&f->path, "[%zu]", i++);
                find_part(f, item, len);
        }
}

void text_json_duplicates(const char *text, size_t len, void (*fn)(void *data, const char *path),
                          void *data) {
        struct finder f = { .fn = fn, .data = data };

        while (len > 0 && (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')) {
                text++;
                len--;
        }
        find_below(&f, (struct text_span){ .at = text, .len = len });
        strbuf_done(&f.path);
}
