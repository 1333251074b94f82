#include "api/text/places.h"
#include "api/text/scalar.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/map.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define YAML_DOCUMENTS_MAX 10000

/* Longer field paths aren't noted nor shown: names of such length would cost their square. */
#define YAML_PATH_MAX 1024

/* What one text is read with. All failures are findings; r remembers the worst code. */
struct reader {
        yaml_parser_t parser;
        const char *file;
        struct diags *d;
        struct places *places;
        struct strbuf path;
        struct map anchors; /* of json_t *, owned */
        size_t budget;      /* what aliases may still expand to, in bytes or so */
        int r;              /* 0, -EINVAL: go on no further, -ENOMEM */
};

/* The value of the event and what lies below; NULL after a failure. Takes the event. */
static json_t *read_value(struct reader *rd, yaml_event_t *ev, unsigned depth);

static struct diag *PRINTF_LIKE(3, 4)
        read_say(struct reader *rd, const yaml_mark_t *at, const char *fmt, ...) {
        char text[512];
        struct diag *d;
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        d = diag_add(rd->d, DIAG_ERROR, DIAG_SYNTAX,
                     rd->path.len > 0 && rd->path.len <= YAML_PATH_MAX ? rd->path.s : NULL, "%s",
                     text);
        diag_set_place(d, rd->file, (unsigned) at->line + 1, (unsigned) at->column + 1);
        return d;
}

/* A finding after which there is no reading on. */
static void *read_stop(struct reader *rd, int r) {
        if (rd->r == 0)
                rd->r = r;
        return NULL;
}

static bool read_event(struct reader *rd, yaml_event_t *ev) {
        yaml_mark_t at;
        struct diag *d;

        if (rd->r < 0)
                return false;
        if (yaml_parser_parse(&rd->parser, ev))
                return true;
        if (rd->parser.error == YAML_MEMORY_ERROR) {
                (void) read_stop(rd, -ENOMEM);
                return false;
        }
        at = rd->parser.problem_mark;
        strbuf_reset(&rd->path);
        d = read_say(rd, &at, "not valid YAML: %s%s%s", str_or_empty(rd->parser.problem),
                     rd->parser.context ? " " : "", str_or_empty(rd->parser.context));
        if (rd->parser.problem && strstr(rd->parser.problem, "cannot start any token"))
                diag_set_hint(d,
                              "indent with blanks, not with tabs, and quote text that begins with "
                              "@ or `");
        (void) read_stop(rd, -EINVAL);
        return false;
}

static json_t *read_json(struct reader *rd, json_t *value) {
        if (!value)
                (void) read_stop(rd, -ENOMEM);
        return value;
}

/* Notes where the current path begins. */
static void read_note(struct reader *rd, const yaml_mark_t *at) {
        if (rd->path.len > YAML_PATH_MAX)
                return;
        if (rd->path.has_failed ||
            places_add(rd->places, str_or_empty(rd->path.s), at->line + 1, at->column + 1) < 0)
                (void) read_stop(rd, -ENOMEM);
}

static void read_path_cut(struct reader *rd, size_t len) {
        if (rd->path.s && !rd->path.has_failed) {
                rd->path.len = len;
                rd->path.s[len] = '\0';
        }
}

static json_t *read_plain(struct reader *rd, const yaml_event_t *ev, const char *text) {
        json_int_t i = 0;
        double f = 0;

        switch (scalar_resolve(text, &i, &f)) {
        case SCALAR_NULL:
                return json_null();
        case SCALAR_BOOL:
                return json_boolean(i);
        case SCALAR_INT:
                return read_json(rd, json_integer(i));
        case SCALAR_FLOAT:
                return read_json(rd, json_real(f));
        case SCALAR_NOT_JSON:
                (void) read_say(rd, &ev->start_mark, "%s is no number that JSON knows", text);
                return json_null();
        case SCALAR_STRING:
        case SCALAR_TIMESTAMP:
                break;
        }
        return read_json(rd, json_string(text));
}

/* Tags that say what the text would mean anyway are fine; others are refused. */
static bool read_tag_is_string(struct reader *rd, const yaml_event_t *ev, bool *ret_is_resolved) {
        static const char prefix[] = "tag:yaml.org,2002:";
        const char *tag = (const char *) ev->data.scalar.tag;
        const char *name;

        *ret_is_resolved = false;
        if (!tag)
                return false;
        if (strcmp(tag, "!") == 0)
                return true;
        name = str_starts_with(tag, prefix) ? tag + sizeof(prefix) - 1 : "";
        if (str_eq(name, "str") || str_eq(name, "binary"))
                return true;
        if (str_eq(name, "int") || str_eq(name, "float") || str_eq(name, "bool") ||
            str_eq(name, "null"))
                *ret_is_resolved = true;
        else
                (void) read_say(rd, &ev->start_mark, "tag %s is not supported", tag);
        return false;
}

static json_t *read_scalar(struct reader *rd, const yaml_event_t *ev) {
        const char *text = (const char *) ev->data.scalar.value;
        bool is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, is_resolved;

        if (strlen(text) != ev->data.scalar.length) {
                (void) read_say(rd, &ev->start_mark, "text holds a NUL character");
                return json_null();
        }
        if (read_tag_is_string(rd, ev, &is_resolved) || (!is_plain && !is_resolved))
                return read_json(rd, json_string(text));
        return read_plain(rd, ev, text);
}

/* What a copy of the tree would cost; stops counting past the budget. */
static size_t read_cost(const json_t *tree, size_t budget) {
        size_t cost = 32 + json_string_length(tree), i;
        const char *key;
        json_t *item;

        json_array_foreach(tree, i, item) {
                if (cost > budget)
                        return cost;
                cost += read_cost(item, budget - cost);
        }
        json_object_foreach((json_t *) tree, key, item) {
                if (cost > budget)
                        return cost;
                cost += strlen(key) + read_cost(item, cost > budget ? 0 : budget - cost);
        }
        return cost;
}

static unsigned read_depth(const json_t *tree) {
        unsigned deepest = 0;
        const char *key;
        json_t *item;
        size_t i;

        json_array_foreach(tree, i, item)
                deepest = MAX(deepest, read_depth(item));
        json_object_foreach((json_t *) tree, key, item)
                deepest = MAX(deepest, read_depth(item));
        return json_is_array(tree) || json_is_object(tree) ? deepest + 1 : 0;
}

static json_t *read_alias(struct reader *rd, const yaml_event_t *ev, unsigned depth) {
        const char *name = (const char *) ev->data.alias.anchor;
        const json_t *target = map_get(&rd->anchors, name);
        size_t cost;

        if (!target) {
                (void) read_say(rd, &ev->start_mark, "anchor %s is not defined before this alias",
                                name);
                return json_null();
        }
        cost = read_cost(target, rd->budget);
        if (cost > rd->budget) {
                (void) read_say(rd, &ev->start_mark,
                                "aliases expand to more than a document may hold");
                return read_stop(rd, -EINVAL);
        }
        rd->budget -= cost;
        if (depth + read_depth(target) > TEXT_DEPTH_MAX) {
                (void) read_say(rd, &ev->start_mark, "nested deeper than %d levels",
                                TEXT_DEPTH_MAX);
                return read_stop(rd, -EINVAL);
        }
        return read_json(rd, json_deep_copy(target));
}

static json_t *read_sequence(struct reader *rd, unsigned depth) {
        json_t *list = read_json(rd, json_array());
        size_t len = rd->path.len;
        yaml_event_t ev;

        for (size_t i = 0; list && read_event(rd, &ev); i++) {
                json_t *item;

                if (ev.type == YAML_SEQUENCE_END_EVENT) {
                        yaml_event_delete(&ev);
                        return list;
                }
                strbuf_addf(&rd->path, "[%zu]", i);
                read_note(rd, &ev.start_mark);
                item = read_value(rd, &ev, depth);
                if (!item)
                        break;
                if (json_array_append_new(list, item) < 0)
                        (void) read_stop(rd, -ENOMEM);
                read_path_cut(rd, len);
        }
        json_decref(list);
        return NULL;
}

/* A key as text: numbers and booleans become what JSON would print. The caller's; NULL: failure. */
static char *read_key(struct reader *rd, const yaml_event_t *ev) {
        char number[32];
        json_t *value;
        char *key;

        if (ev->type != YAML_SCALAR_EVENT) {
                (void) read_say(rd, &ev->start_mark, "a key must be a word, not a list or a map");
                return read_stop(rd, -EINVAL);
        }
        value = read_scalar(rd, ev);
        if (json_is_string(value)) {
                key = strdup(json_string_value(value));
        } else if (json_is_null(value)) {
                (void) read_say(rd, &ev->start_mark, "a key must not be empty");
                key = strdup("null");
        } else if (json_is_boolean(value)) {
                key = strdup(json_is_true(value) ? "true" : "false");
        } else if (json_is_integer(value)) {
                (void) snprintf(number, sizeof(number), "%lld",
                                (long long) json_integer_value(value));
                key = strdup(number);
        } else {
                key = strdup((const char *) ev->data.scalar.value);
        }
        json_decref(value);
        return key ? key : read_stop(rd, -ENOMEM);
}

/* Adds what a merge key (<<) brings, where the map doesn't say it itself. Takes from. */
static void read_merge(struct reader *rd, json_t *map, json_t *take_from, const yaml_mark_t *at) {
        json_t *item;
        size_t i;

        if (json_is_object(take_from)) {
                if (json_object_update_missing(map, take_from) < 0)
                        (void) read_stop(rd, -ENOMEM);
        } else if (json_is_array(take_from)) {
                json_array_foreach(take_from, i, item) {
                        if (!json_is_object(item))
                                (void) read_say(rd, at,
                                                "a merge key needs a map or a list of maps");
                        else if (json_object_update_missing(map, item) < 0)
                                (void) read_stop(rd, -ENOMEM);
                }
        } else {
                (void) read_say(rd, at, "a merge key needs a map or a list of maps");
        }
        json_decref(take_from);
}

static bool read_is_merge(const yaml_event_t *ev) {
        return ev->type == YAML_SCALAR_EVENT && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
               strcmp((const char *) ev->data.scalar.value, "<<") == 0;
}

/* One "key: value" into the map, or a merge into *merged. Takes the key's event. */
static void read_pair(struct reader *rd, yaml_event_t *ev, unsigned depth, json_t *map,
                      json_t *merged) {
        bool is_merge = read_is_merge(ev), is_repeated;
        AUTO_FREE char *key = read_key(rd, ev);
        yaml_mark_t at = ev->start_mark;
        yaml_event_t value_ev;
        json_t *value;

        yaml_event_delete(ev);
        if (!key)
                return;
        strbuf_addf(&rd->path, "%s%s", rd->path.len > 0 ? "." : "", key);
        read_note(rd, &at);
        is_repeated = !is_merge && json_object_get(map, key);
        if (is_repeated)
                (void) read_say(rd, &at, "key \"%s\" is given twice", key);
        if (!read_event(rd, &value_ev))
                return;
        value = read_value(rd, &value_ev, depth);
        if (!value)
                return;
        if (is_repeated)
                json_decref(value);
        else if (is_merge)
                read_merge(rd, merged, value, &at);
        else if (json_object_set_new(map, key, value) < 0)
                (void) read_stop(rd, -ENOMEM);
}

static json_t *read_mapping(struct reader *rd, unsigned depth) {
        json_t *map = read_json(rd, json_object()), *merged = read_json(rd, json_object());
        size_t len = rd->path.len;
        yaml_event_t ev;

        while (map && merged && read_event(rd, &ev)) {
                if (ev.type == YAML_MAPPING_END_EVENT) {
                        yaml_event_delete(&ev);
                        if (json_object_update_missing(map, merged) < 0)
                                break;
                        json_decref(merged);
                        return map;
                }
                read_pair(rd, &ev, depth, map, merged);
                read_path_cut(rd, len);
        }
        json_decref(map);
        json_decref(merged);
        return read_stop(rd, -ENOMEM);
}

static void read_anchor(struct reader *rd, const char *anchor, json_t *value) {
        void *old = NULL;

        if (!value)
                return;
        if (map_put(&rd->anchors, anchor, json_incref(value), &old) < 0) {
                json_decref(value);
                (void) read_stop(rd, -ENOMEM);
        }
        json_decref(old);
}

static json_t *read_value(struct reader *rd, yaml_event_t *ev, unsigned depth) {
        const yaml_char_t *anchor = NULL;
        json_t *value = NULL;

        if (depth >= TEXT_DEPTH_MAX && ev->type != YAML_SCALAR_EVENT) {
                (void) read_say(rd, &ev->start_mark, "nested deeper than %d levels",
                                TEXT_DEPTH_MAX);
                (void) read_stop(rd, -EINVAL);
        } else if (ev->type == YAML_SCALAR_EVENT) {
                anchor = ev->data.scalar.anchor;
                value = read_scalar(rd, ev);
        } else if (ev->type == YAML_ALIAS_EVENT) {
                value = read_alias(rd, ev, depth);
        } else if (ev->type == YAML_SEQUENCE_START_EVENT) {
                anchor = ev->data.sequence_start.anchor;
                value = read_sequence(rd, depth + 1);
        } else if (ev->type == YAML_MAPPING_START_EVENT) {
                anchor = ev->data.mapping_start.anchor;
                value = read_mapping(rd, depth + 1);
        }
        if (anchor)
                read_anchor(rd, (const char *) anchor, value);
        yaml_event_delete(ev);
        if (!value)
                (void) read_stop(rd, -EINVAL);
        return value;
}

static void read_forget_anchors(struct reader *rd) {
        MAP_FOREACH(i, &rd->anchors)
                json_decref(i->value);
        map_done(&rd->anchors, NULL);
}

/* One document, from behind its start event. */
static void read_document(struct reader *rd, unsigned line, struct text_documents *docs) {
        AUTO(places) struct places *places = places_new();
        yaml_event_t ev;
        json_t *tree = NULL;

        rd->places = places;
        strbuf_reset(&rd->path);
        if (!places || array_reserve(&docs->items, &docs->cap, docs->n, sizeof(*docs->items)) < 0) {
                (void) read_stop(rd, -ENOMEM);
                return;
        }
        if (read_event(rd, &ev)) {
                line = (unsigned) ev.start_mark.line + 1;
                read_note(rd, &ev.start_mark);
                tree = read_value(rd, &ev, 0);
        }
        read_forget_anchors(rd);
        if (rd->r < 0 || json_is_null(tree)) { /* empty, or half read */
                json_decref(tree);
                return;
        }
        docs->items[docs->n++] =
                (struct text_document){ .tree = tree, .places = STEAL(places), .line = line };
}

static void read_stream(struct reader *rd, struct text_documents *docs) {
        yaml_event_t ev;
        bool is_end = false;

        while (!is_end && read_event(rd, &ev)) {
                yaml_mark_t at = ev.start_mark;
                bool is_start = ev.type == YAML_DOCUMENT_START_EVENT;

                is_end = ev.type == YAML_STREAM_END_EVENT;
                yaml_event_delete(&ev);
                if (!is_start)
                        continue;
                if (docs->n >= YAML_DOCUMENTS_MAX) {
                        (void) read_say(rd, &at, "more than %d documents", YAML_DOCUMENTS_MAX);
                        (void) read_stop(rd, -EINVAL);
                        return;
                }
                read_document(rd, (unsigned) at.line + 1, docs);
        }
}

void text_documents_done(struct text_documents *docs) {
        for (size_t i = 0; i < docs->n; i++) {
                json_decref(docs->items[i].tree);
                places_unref(docs->items[i].places);
        }
        free(docs->items);
        *docs = (struct text_documents){ 0 };
}

int text_read_yaml(const char *text, size_t len, const char *file, size_t max_bytes,
                   struct text_documents *docs, struct diags *d) {
        struct reader rd = { .file = file, .d = d };
        size_t errors_before = d->n_errors;

        if (max_bytes == 0)
                max_bytes = TEXT_BYTES_MAX;
        if (len > max_bytes) {
                diag_set_place(diag_add(d, DIAG_ERROR, DIAG_SYNTAX, NULL,
                                        "larger than %zu bytes; split it into several files",
                                        max_bytes),
                               file, 0, 0);
                return -EFBIG;
        }
        if (!yaml_parser_initialize(&rd.parser))
                return -ENOMEM;
        rd.budget = max_bytes;
        yaml_parser_set_input_string(&rd.parser, (const unsigned char *) text, len);
        read_stream(&rd, docs);
        yaml_parser_delete(&rd.parser);
        strbuf_done(&rd.path);
        if (rd.r == -ENOMEM || d->has_failed)
                return -ENOMEM;
        return rd.r < 0 || d->n_errors > errors_before ? -EINVAL : 0;
}
