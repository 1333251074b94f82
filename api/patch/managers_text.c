/* managedFields as JSON text. */
#include "api/patch/managers.h"
#include "api/patch/tree.h"
#include "api/text/members.h"

#include <stdlib.h>
#include <string.h>

#define MANAGERS_MAX 1000

/* ---- reading ---- */

/* An entry's members, all texts, as they stand in the array. */
struct entry {
        const char *manager, *operation, *api_version, *time, *type, *subresource;
        struct text_span fields;
};

/* Nothing is escaped, and nothing needs a look at its encoding. */
static bool is_plain(struct text_span text) {
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] == '\\' || (unsigned char) text.at[i] >= 0x7f)
                        return false;
        return true;
}

/* A string's text, in the arena; "" for anything else. */
static const char *span_text(struct managers *m, struct text_span value) {
        const char *copy;
        json_t *decoded;

        if (value.len < 2 || *value.at != '"')
                return "";
        if (is_plain(value)) {
                copy = arena_strndup(m->maker.arena, value.at + 1, value.len - 2);
        } else {
                decoded = json_loadb(value.at, value.len, JSON_DECODE_ANY, NULL);
                copy = arena_strdup(m->maker.arena, str_or_empty(json_string_value(decoded)));
                json_decref(decoded);
        }
        if (!copy)
                m->maker.has_failed = true;
        return str_or_empty(copy);
}

static bool key_is(struct text_span key, const char *name) {
        size_t len = strlen(name);

        return key.len == len + 2 && memcmp(key.at + 1, name, len) == 0;
}

static struct entry entry_read(struct managers *m, struct text_span text) {
        struct entry e = { .manager = "",
                           .operation = "",
                           .api_version = "",
                           .time = "",
                           .type = "",
                           .subresource = "" };
        const struct {
                const char *name, **to;
        } MEMBERS[] = {
                { "manager", &e.manager },        { "operation", &e.operation },
                { "apiVersion", &e.api_version }, { "time", &e.time },
                { "fieldsType", &e.type },        { "subresource", &e.subresource },
        };
        struct text_span key, value;

        while (text_members_next(&text, &key, &value)) {
                if (key_is(key, "fieldsV1"))
                        e.fields = value;
                for (size_t i = 0; i < ARRAY_SIZE(MEMBERS); i++)
                        if (key_is(key, MEMBERS[i].name))
                                *MEMBERS[i].to = span_text(m, value);
        }
        return e;
}

static int parse_entry(struct managers *m, struct text_span text, struct err *e) {
        const struct entry x = entry_read(m, text);
        const struct apply_author by = {
                .manager = x.manager,
                .api_version = x.api_version,
                .subresource = x.subresource,
                .time = *x.time ? x.time : NULL,
        };
        struct manager *one;

        if (!str_eq(x.operation, "Apply") && !str_eq(x.operation, "Update"))
                return err_set(e, -EINVAL,
                               "operation: Invalid value: \"%s\": must be `Apply` or `Update`",
                               x.operation);
        if (!str_eq(x.type, "FieldsV1"))
                return err_set(e, -EINVAL, "fieldsType: Invalid value: \"%s\": must be `FieldsV1`",
                               x.type);
        if (strlen(x.manager) > MANAGER_NAME_MAX)
                return err_set(e, -EINVAL, "manager: Too long: may not be more than %d bytes",
                               MANAGER_NAME_MAX);
        /* Of two entries for one manager the last one counts. */
        one = managers_find(m, &by, str_eq(x.operation, "Apply"));
        if (!one)
                one = managers_add(m, &by, str_eq(x.operation, "Apply"));
        if (!one)
                return tree_no_memory(e);
        if (x.fields.len == 0)
                return 0;
        return field_set_parse(&m->maker, x.fields.at, x.fields.len, &one->fields, e);
}

/* [{}]: what clients send to be rid of all managers. */
static bool is_reset(struct text_span list) {
        struct text_span key, entry, inner, value;

        if (!text_members_next(&list, &key, &entry))
                return false;
        inner = entry;
        return entry.len > 0 && *entry.at == '{' && !text_members_next(&inner, &key, &value) &&
               !text_members_next(&list, &key, &entry);
}

int managers_parse(struct managers *m, const char *text, size_t len, struct err *e) {
        struct text_span rest = { .at = text, .len = len }, key, entry;
        int r;

        if (len == 0 || is_reset(rest))
                return 0;
        while (text_members_next(&rest, &key, &entry)) {
                if (m->n >= MANAGERS_MAX)
                        return err_set(e, -EINVAL, "there may be at most %d managers",
                                       MANAGERS_MAX);
                r = parse_entry(m, entry, e);
                if (r < 0)
                        return r;
        }
        return m->maker.has_failed ? tree_no_memory(e) : 0;
}

/* ---- writing ---- */

static int manager_compare(const void *a, const void *b) {
        const struct manager *x = a, *y = b;
        int order;

        if (x->is_apply != y->is_apply)
                return x->is_apply ? -1 : 1;
        order = strcmp(str_or_empty(x->time), str_or_empty(y->time));
        if (order == 0)
                order = strcmp(x->name, y->name);
        if (order == 0)
                order = strcmp(x->subresource, y->subresource);
        return order ? order : strcmp(x->api_version, y->api_version);
}

static void add_text(struct strbuf *b, const char *name, const char *value) {
        json_t *text;
        char *dump;

        strbuf_add_char(b, '"');
        strbuf_add(b, name);
        strbuf_add_len(b, "\":", 2);
        if (value[strcspn(value, "\"\\\x7f")] == '\0') {
                strbuf_add_char(b, '"');
                strbuf_add(b, value);
                strbuf_add_len(b, "\",", 2);
                return;
        }
        text = json_string(value);
        dump = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
        strbuf_add(b, dump ? dump : "\"\"");
        strbuf_add_char(b, ',');
        if (!dump)
                b->has_failed = true;
        free(dump);
        json_decref(text);
}

void manager_format_head(const struct manager *one, struct strbuf *b) {
        strbuf_add_char(b, '{');
        add_text(b, "manager", one->name);
        add_text(b, "operation", one->is_apply ? "Apply" : "Update");
        add_text(b, "apiVersion", one->api_version);
        if (one->time)
                add_text(b, "time", one->time);
        if (*one->subresource)
                add_text(b, "subresource", one->subresource);
        strbuf_add(b, "\"fieldsType\":\"FieldsV1\",\"fieldsV1\":");
}

static void format_manager(const struct manager *one, struct strbuf *b) {
        manager_format_head(one, b);
        field_set_format(one->fields, b);
        strbuf_add_char(b, '}');
}

char *managers_format(struct managers *m) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (m->maker.has_failed)
                return NULL;
        if (m->n == 0)
                return strdup("");
        qsort(m->items, m->n, sizeof(*m->items), manager_compare);
        for (size_t i = 0; i < m->n; i++) {
                strbuf_add_char(&b, i == 0 ? '[' : ',');
                format_manager(&m->items[i], &b);
        }
        strbuf_add_char(&b, ']');
        return strbuf_steal(&b);
}
