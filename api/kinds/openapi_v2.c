#include "api/kinds/openapi_v2.h"

#include "api/schema/openapi.h"
#include "api/schema/schema.h"
#include "api/text/text.h"

#include <stdlib.h>
#include <string.h>

#define DEFINITIONS_REF "#/definitions/"

/* ---- from v3 ---- */

static int ref_rewrite(json_t *schema) {
        const char *ref = json_string_value(json_object_get(schema, "$ref"));

        if (!ref || !str_starts_with(ref, OPENAPI_REF))
                return 0;
        return json_object_set_new(schema, "$ref",
                                   json_pack("s+", DEFINITIONS_REF, ref + strlen(OPENAPI_REF)));
}

/* A reference in a wrap of its own: {"allOf":[{"$ref":…}],"description":…}. */
static int wrap_undo(json_t *schema) {
        json_t *all = json_object_get(schema, "allOf");
        json_t *ref = json_object_get(json_array_get(all, 0), "$ref");

        if (!ref || json_array_size(all) != 1)
                return 0;
        if (json_object_set(schema, "$ref", ref) < 0)
                return -1;
        return json_object_del(schema, "allOf");
}

static int schema_rewrite(json_t *schema, unsigned depth);

static int members_rewrite(json_t *map, unsigned depth) {
        const char *key;
        json_t *value;

        json_object_foreach(map, key, value)
                if (schema_rewrite(value, depth) < 0)
                        return -1;
        return 0;
}

/* Where several types are possible, v2 speaks of a text: clients take numbers for one, too. */
static int choice_rewrite(json_t *schema) {
        bool has_type = json_object_get(schema, "type");
        bool is_scalar =
                json_object_get(json_array_get(json_object_get(schema, "oneOf"), 0), "type");

        if (!has_type && is_scalar &&
            json_object_set_new(schema, "type", json_string("string")) < 0)
                return -1;
        return 0;
}

static int schema_rewrite(json_t *schema, unsigned depth) {
        static const char *const UNKNOWN[] = { "oneOf",     "anyOf",      "not",    "nullable",
                                               "writeOnly", "deprecated", "example" };

        if (!json_is_object(schema) || depth > SCHEMA_DEPTH_MAX * 2)
                return 0;
        if (wrap_undo(schema) < 0 || ref_rewrite(schema) < 0 || choice_rewrite(schema) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(UNKNOWN); i++)
                (void) json_object_del(schema, UNKNOWN[i]);
        if (members_rewrite(json_object_get(schema, "properties"), depth + 1) < 0 ||
            schema_rewrite(json_object_get(schema, "items"), depth + 1) < 0)
                return -1;
        return schema_rewrite(json_object_get(schema, "additionalProperties"), depth + 1);
}

json_t *openapi_v2_schema(json_t *take_schema) {
        if (take_schema && schema_rewrite(take_schema, 0) == 0)
                return take_schema;
        json_decref(take_schema);
        return NULL;
}

/* ---- the wire ---- */

enum { VARINT = 0, BYTES = 2 };

#define LENGTH_ROOM 4

static void put_varint(struct strbuf *b, uint64_t n) {
        for (; n > 127; n >>= 7)
                strbuf_add_char(b, (char) (n | 128));
        strbuf_add_char(b, (char) n);
}

static void put_key(struct strbuf *b, uint32_t number, uint32_t type) {
        put_varint(b, number << 3 | type);
}

static void put_text(struct strbuf *b, uint32_t number, const char *text) {
        size_t len = strlen(text);

        put_key(b, number, BYTES);
        put_varint(b, len);
        strbuf_add_len(b, text, len);
}

/* Messages are written in place: their length is known last. Returns where the content begins. */
static size_t message_begin(struct strbuf *b, uint32_t number) {
        put_key(b, number, BYTES);
        strbuf_add_len(b, "\x80\x80\x80\x00", LENGTH_ROOM);
        return b->len;
}

/* Short ones move up to their length's one byte; others have it in four, which is as good. */
static void message_end(struct strbuf *b, size_t from) {
        size_t len = b->len - from;

        if (b->has_failed)
                return;
        if (len < 128) {
                b->s[from - LENGTH_ROOM] = (char) len;
                memmove(b->s + from - LENGTH_ROOM + 1, b->s + from, len);
                b->len -= LENGTH_ROOM - 1;
                b->s[b->len] = '\0';
                return;
        }
        for (size_t i = 0; i < LENGTH_ROOM; i++)
                b->s[from - LENGTH_ROOM + i] =
                        (char) ((len >> (7 * i) & 127) | (i + 1 < LENGTH_ROOM ? 128 : 0));
}

/* Any { yaml = 2 }: JSON is YAML, too. */
static void put_any(struct strbuf *b, uint32_t number, const json_t *value) {
        size_t any = message_begin(b, number), text = message_begin(b, 2);

        text_json_add(b, value);
        message_end(b, text);
        message_end(b, any);
}

/* NamedAny { name = 1, value = 2 } */
static void put_extension(struct strbuf *b, uint32_t number, const char *name,
                          const json_t *value) {
        size_t named = message_begin(b, number);

        put_text(b, 1, name);
        put_any(b, 2, value);
        message_end(b, named);
}

/* ---- schemas ---- */

static void put_schema(struct strbuf *b, uint32_t number, const json_t *schema, unsigned depth);

static void put_named_schema(struct strbuf *b, uint32_t number, const char *name,
                             const json_t *schema, unsigned depth) {
        size_t named = message_begin(b, number);

        put_text(b, 1, name);
        put_schema(b, 2, schema, depth);
        message_end(b, named);
}

static void put_texts(struct strbuf *b, uint32_t number, const json_t *list) {
        const json_t *one;
        size_t i;

        json_array_foreach((json_t *) list, i, one) {
                if (json_is_string(one))
                        put_text(b, number, json_string_value(one));
        }
}

static void put_children(struct strbuf *b, const json_t *schema, unsigned depth) {
        json_t *more = json_object_get(schema, "additionalProperties");
        json_t *items = json_object_get(schema, "items"), *value;
        json_t *properties = json_object_get(schema, "properties");
        const char *key;
        size_t at;

        if (json_is_object(more)) {
                at = message_begin(b, 21);
                put_schema(b, 1, more, depth);
                message_end(b, at);
        }
        if (json_is_object(items)) {
                at = message_begin(b, 23);
                put_schema(b, 1, items, depth);
                message_end(b, at);
        }
        if (!properties)
                return;
        at = message_begin(b, 25);
        json_object_foreach(properties, key, value)
                put_named_schema(b, 1, key, value, depth);
        message_end(b, at);
}

static void put_extensions(struct strbuf *b, const json_t *schema) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) schema, key, value)
                if (str_starts_with(key, "x-"))
                        put_extension(b, 31, key, value);
}

static void put_schema(struct strbuf *b, uint32_t number, const json_t *schema, unsigned depth) {
        static const struct {
                uint32_t number;
                const char *name;
        } TEXTS[] = { { 1, "$ref" }, { 2, "format" }, { 4, "description" } };
        const json_t *type = json_object_get(schema, "type");
        size_t message = message_begin(b, number), at;

        for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
                const char *text = json_string_value(json_object_get(schema, TEXTS[i].name));

                if (text)
                        put_text(b, TEXTS[i].number, text);
        }
        put_texts(b, 19, json_object_get(schema, "required"));
        if (json_is_string(type)) {
                at = message_begin(b, 22);
                put_text(b, 1, json_string_value(type));
                message_end(b, at);
        }
        if (depth < SCHEMA_DEPTH_MAX * 2)
                put_children(b, schema, depth + 1);
        put_extensions(b, schema);
        message_end(b, message);
}

/* ---- the document ---- */

void openapi_v2_put_head(struct strbuf *b, const char *title, const char *version) {
        size_t info;

        put_text(b, 1, "2.0");
        info = message_begin(b, 2);
        put_text(b, 1, title);
        put_text(b, 2, version);
        message_end(b, info);
}

/* ParametersItem.parameter.non_body_parameter.query_parameter_sub_schema */
static void put_parameter(struct strbuf *b, const char *name) {
        size_t item = message_begin(b, 8), parameter = message_begin(b, 1);
        size_t non_body = message_begin(b, 2), query = message_begin(b, 3);

        put_text(b, 2, "query");
        put_text(b, 4, name);
        put_text(b, 6, "string");
        message_end(b, query);
        message_end(b, non_body);
        message_end(b, parameter);
        message_end(b, item);
}

static void put_path(struct strbuf *b, const struct openapi_v2_path *p) {
        json_t *kind = json_pack("{s:s,s:s,s:s}", "group", p->group, "version", p->version, "kind",
                                 p->kind);
        size_t named = message_begin(b, 2), item, patch;

        put_text(b, 1, p->path);
        item = message_begin(b, 2);
        patch = message_begin(b, 8);
        for (size_t i = 0; p->parameters[i]; i++)
                put_parameter(b, p->parameters[i]);
        if (kind)
                put_extension(b, 13, "x-kubernetes-group-version-kind", kind);
        else
                b->has_failed = true;
        message_end(b, patch);
        message_end(b, item);
        message_end(b, named);
        json_decref(kind);
}

void openapi_v2_put_paths(struct strbuf *b, const struct openapi_v2_path *paths, size_t n) {
        size_t all = message_begin(b, 8);

        for (size_t i = 0; i < n; i++)
                put_path(b, &paths[i]);
        message_end(b, all);
}

size_t openapi_v2_definitions_begin(struct strbuf *b) {
        return message_begin(b, 9);
}

void openapi_v2_put_definition(struct strbuf *b, const char *name, const json_t *schema) {
        put_named_schema(b, 1, name, schema, 0);
}

void openapi_v2_definitions_end(struct strbuf *b, size_t mark) {
        message_end(b, mark);
}
