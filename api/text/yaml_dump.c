#include "api/text/scalar.h"
#include "api/text/text.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void dump_value(struct strbuf *b, const json_t *v, int indent, bool is_in_list);

/* Text that YAML would read as something else, or that doesn't look like itself. */
static bool dump_needs_double(const char *s) {
        json_int_t i;
        double f;

        for (const char *p = s; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7f)
                        return true;
        /* 1:30 is a number to base 60 for some. */
        if (s[0] && s[strspn(s, "0123456789:.")] == '\0')
                return true;
        return scalar_resolve(s, &i, &f) != SCALAR_STRING;
}

static bool dump_needs_single(const char *s) {
        size_t n = strlen(s);

        if (s[0] == ' ' || s[n - 1] == ' ' || s[n - 1] == ':' || strcmp(s, "<<") == 0)
                return true;
        if (strchr(",[]{}#&*!|>'\"%@`", s[0]))
                return true;
        if (strchr("-?:", s[0]) && (s[1] == ' ' || s[1] == '\0'))
                return true;
        if (str_starts_with(s, "---") || str_starts_with(s, "..."))
                return true;
        return strstr(s, ": ") || strstr(s, " #");
}

static void dump_double(struct strbuf *b, const char *s) {
        strbuf_add_char(b, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        strbuf_addf(b, "\\%c", *s);
                else if (*s == '\n')
                        strbuf_add(b, "\\n");
                else if (*s == '\t')
                        strbuf_add(b, "\\t");
                else if (*s == '\r')
                        strbuf_add(b, "\\r");
                else if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        strbuf_addf(b, "\\x%02x", (unsigned char) *s);
                else
                        strbuf_add_char(b, *s);
        }
        strbuf_add_char(b, '"');
}

static void dump_single(struct strbuf *b, const char *s) {
        strbuf_add_char(b, '\'');
        for (; *s; s++)
                strbuf_add(b, *s == '\'' ? "''" : (char[]){ *s, '\0' });
        strbuf_add_char(b, '\'');
}

/* Whether text of several lines can stand as a block: blanks at ends of lines wouldn't survive an
 * editor, and control characters not at all. */
static bool dump_can_block(const char *s) {
        const char *p;

        if (!strchr(s, '\n') || s[strspn(s, "\n")] == '\0' || s[0] == ' ' || s[0] == '\n')
                return false;
        for (p = s; *p; p++) {
                if ((unsigned char) *p < 0x20 && *p != '\n')
                        return false;
                if (*p == ' ' && (p[1] == '\n' || p[1] == '\0'))
                        return false;
        }
        return true;
}

static void dump_block(struct strbuf *b, const char *s, int indent) {
        size_t n = strlen(s);
        const char *chomp = "-";

        if (s[n - 1] == '\n')
                chomp = n > 1 && s[n - 2] == '\n' ? "+" : "";
        strbuf_addf(b, "|%s\n", chomp);
        while (*s) {
                size_t line = strcspn(s, "\n");

                if (line > 0)
                        strbuf_addf(b, "%*s", indent, "");
                strbuf_add_len(b, s, line);
                s += line;
                if (*s == '\n') {
                        s++;
                        if (*s || chomp[0] != '-')
                                strbuf_add_char(b, '\n');
                }
        }
        /* The caller ends the line. */
        if (b->len > 0 && !b->has_failed && b->s[b->len - 1] == '\n')
                b->s[--b->len] = '\0';
}

static void dump_string(struct strbuf *b, const char *s, int indent) {
        if (dump_can_block(s))
                dump_block(b, s, indent);
        else if (dump_needs_double(s))
                dump_double(b, s);
        else if (dump_needs_single(s))
                dump_single(b, s);
        else
                strbuf_add(b, s);
}

static void dump_key(struct strbuf *b, const char *s) {
        if (dump_needs_double(s))
                dump_double(b, s);
        else if (dump_needs_single(s))
                dump_single(b, s);
        else
                strbuf_add(b, s);
}

static void dump_scalar(struct strbuf *b, const json_t *v, int indent) {
        switch (json_typeof(v)) {
        case JSON_STRING:
                dump_string(b, json_string_value(v), indent);
                break;
        case JSON_INTEGER:
                strbuf_addf(b, "%lld", (long long) json_integer_value(v));
                break;
        case JSON_REAL:
                strbuf_addf(b, "%.15g", json_real_value(v));
                break;
        case JSON_TRUE:
                strbuf_add(b, "true");
                break;
        case JSON_FALSE:
                strbuf_add(b, "false");
                break;
        case JSON_NULL:
                strbuf_add(b, "null");
                break;
        case JSON_OBJECT:
                strbuf_add(b, "{}");
                break;
        case JSON_ARRAY:
                strbuf_add(b, "[]");
                break;
        }
}

static bool dump_is_nested(const json_t *v) {
        return json_object_size(v) > 0 || json_array_size(v) > 0;
}

static int dump_compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void dump_object(struct strbuf *b, const json_t *v, int indent, bool is_in_list) {
        size_t n = json_object_size(v), i = 0;
        AUTO_FREE const char **keys = calloc(n, sizeof(*keys));
        const char *key;
        json_t *item;

        if (!keys) {
                b->has_failed = true;
                return;
        }
        json_object_foreach((json_t *) v, key, item)
                keys[i++] = key;
        qsort(keys, n, sizeof(*keys), dump_compare_keys);
        for (i = 0; i < n; i++) {
                item = json_object_get(v, keys[i]);
                if (i > 0 || !is_in_list)
                        strbuf_addf(b, "%*s", indent, "");
                dump_key(b, keys[i]);
                strbuf_add_char(b, ':');
                if (dump_is_nested(item)) {
                        strbuf_add_char(b, '\n');
                        /* Lists stand as far left as their key. */
                        dump_value(b, item, json_is_array(item) ? indent : indent + 2, false);
                        continue;
                }
                strbuf_add_char(b, ' ');
                dump_scalar(b, item, indent + 2);
                strbuf_add_char(b, '\n');
        }
}

static void dump_array(struct strbuf *b, const json_t *v, int indent, bool is_in_list) {
        json_t *item;
        size_t i;

        json_array_foreach(v, i, item) {
                if (i > 0 || !is_in_list)
                        strbuf_addf(b, "%*s", indent, "");
                strbuf_add(b, "- ");
                if (dump_is_nested(item)) {
                        dump_value(b, item, indent + 2, true);
                        continue;
                }
                dump_scalar(b, item, indent + 2);
                strbuf_add_char(b, '\n');
        }
}

/* is_in_list: the line has begun with "- " already. */
static void dump_value(struct strbuf *b, const json_t *v, int indent, bool is_in_list) {
        if (indent > 4 * TEXT_DEPTH_MAX) {
                b->has_failed = true;
        } else if (json_object_size(v) > 0) {
                dump_object(b, v, indent, is_in_list);
        } else if (json_array_size(v) > 0) {
                dump_array(b, v, indent, is_in_list);
        } else {
                dump_scalar(b, v, indent + 2);
                strbuf_add_char(b, '\n');
        }
}

char *text_yaml_dump(const json_t *tree) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        dump_value(&b, tree, 0, false);
        return strbuf_steal(&b);
}
