/* From JSON text into structs without a tree between: what is printed as a table is decoded for
 * three fields of it. */
#include "api/schema/member.h"
#include "api/schema/quantity.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define SCALAR_MAX 64U

struct reading {
        const char *at, *end;
        struct arena *arena;
        unsigned depth;
};

static int reading_wrong(struct err *e) {
        return err_set(e, -EINVAL, "the text isn't what its table says");
}

static bool reading_is(struct reading *r, char c) {
        while (r->at < r->end &&
               (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
                r->at++;
        return r->at < r->end && *r->at == c;
}

static bool reading_take(struct reading *r, char c) {
        if (!reading_is(r, c))
                return false;
        r->at++;
        return true;
}

/* A string's inside, escapes and all. False: it doesn't end. */
static bool reading_span(struct reading *r, const char **ret, size_t *ret_len, bool *ret_escaped) {
        const char *quote;

        *ret_escaped = false;
        if (!reading_take(r, '"'))
                return false;
        *ret = r->at;
        while ((quote = memchr(r->at, '"', (size_t) (r->end - r->at)))) {
                const char *slash = memchr(r->at, '\\', (size_t) (quote - r->at));

                if (!slash) {
                        *ret_len = (size_t) (quote - *ret);
                        r->at = quote + 1;
                        return true;
                }
                *ret_escaped = true;
                if (r->end - slash < 2)
                        return false;
                r->at = slash + 2;
        }
        return false;
}

/* Over one value of any type. */
static bool reading_skip(struct reading *r) {
        unsigned depth = 0;
        const char *text;
        bool is_escaped;
        size_t len;

        do {
                if (reading_is(r, '"')) {
                        if (!reading_span(r, &text, &len, &is_escaped))
                                return false;
                } else if (r->at >= r->end) {
                        return false;
                } else if (*r->at == '{' || *r->at == '[') {
                        depth++;
                        r->at++;
                } else if (*r->at == '}' || *r->at == ']') {
                        if (depth-- == 0)
                                return false;
                        r->at++;
                } else if (*r->at == ',' || *r->at == ':') {
                        if (depth == 0)
                                return false;
                        r->at++;
                } else {
                        text = r->at;
                        /* A NUL ends, too: strchr() finds it in any text. */
                        while (r->at < r->end && !strchr(",:]}\"{[ \n\t\r", *r->at))
                                r->at++;
                        if (r->at == text)
                                return false;
                }
        } while (depth > 0);
        return true;
}

/* Rare, so jansson may do it. */
static int reading_unescape(struct reading *r, const char *text, size_t len, const char **ret,
                            struct err *e) {
        json_t *value = json_loadb(text - 1, len + 2, JSON_DECODE_ANY, NULL);

        if (!json_is_string(value)) {
                json_decref(value);
                return reading_wrong(e);
        }
        *ret = arena_strndup(r->arena, json_string_value(value), json_string_length(value));
        json_decref(value);
        return *ret ? 0 : -ENOMEM;
}

static int reading_string(struct reading *r, const char **ret, struct err *e) {
        const char *text;
        bool is_escaped;
        size_t len;

        if (!reading_span(r, &text, &len, &is_escaped))
                return reading_wrong(e);
        if (is_escaped)
                return reading_unescape(r, text, len, ret, e);
        *ret = arena_strndup(r->arena, text, len);
        return *ret ? 0 : -ENOMEM;
}

/* A number or a word, or the inside of a string, in buf. */
static int reading_scalar(struct reading *r, char buf[SCALAR_MAX], bool *ret_quoted,
                          struct err *e) {
        const char *text;
        bool is_escaped;
        size_t len;

        *ret_quoted = reading_is(r, '"');
        if (*ret_quoted) {
                if (!reading_span(r, &text, &len, &is_escaped) || is_escaped)
                        return reading_wrong(e);
        } else {
                text = r->at;
                if (!reading_skip(r))
                        return reading_wrong(e);
                len = (size_t) (r->at - text);
        }
        if (len >= SCALAR_MAX)
                return reading_wrong(e);
        memcpy(buf, text, len);
        buf[len] = '\0';
        return 0;
}

static int reading_bool(struct reading *r, bool *ret, struct err *e) {
        char buf[SCALAR_MAX];
        bool is_quoted;

        if (reading_scalar(r, buf, &is_quoted, e) < 0 || is_quoted ||
            (!str_eq(buf, "true") && !str_eq(buf, "false")))
                return reading_wrong(e);
        *ret = buf[0] == 't';
        return 0;
}

static int reading_int(struct reading *r, int64_t *ret, struct err *e) {
        char buf[SCALAR_MAX];
        bool is_quoted;

        if (reading_scalar(r, buf, &is_quoted, e) < 0 || is_quoted ||
            str_to_int64(buf, INT64_MIN, INT64_MAX, ret) < 0)
                return reading_wrong(e);
        return 0;
}

static int reading_quantity(struct reading *r, struct quantity *out, struct err *e) {
        char buf[SCALAR_MAX];
        bool is_quoted;

        if (reading_scalar(r, buf, &is_quoted, e) < 0 || quantity_parse(buf, out) < 0)
                return reading_wrong(e);
        return 0;
}

static int reading_time(struct reading *r, uint64_t *out, struct err *e) {
        char buf[SCALAR_MAX];
        bool is_quoted;

        if (reading_scalar(r, buf, &is_quoted, e) < 0 || !is_quoted || clock_parse(buf, out) < 0)
                return reading_wrong(e);
        return 0;
}

static int reading_int_or_string(struct reading *r, struct int_or_string *out, struct err *e) {
        if (reading_is(r, '"')) {
                out->kind = INT_OR_STRING_STRING;
                return reading_string(r, &out->text, e);
        }
        out->kind = INT_OR_STRING_INT;
        return reading_int(r, &out->number, e);
}

static int reading_object(struct reading *r, const struct schema *s, void *out, struct err *e);

static int reading_pointer(struct reading *r, const struct schema *s, void **out, struct err *e) {
        *out = arena_alloc(r->arena, s->size);
        return *out ? reading_object(r, s, *out, e) : -ENOMEM;
}

static int reading_one(struct reading *r, const struct field *f, void *out, struct err *e) {
        int result;

        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return reading_string(r, out, e);
        case FIELD_BOOL:
                return reading_bool(r, out, e);
        case FIELD_OPT_BOOL:
                result = reading_bool(r, &((struct opt_bool *) out)->value, e);
                ((struct opt_bool *) out)->is_set = result == 0;
                return result;
        case FIELD_INT:
                return reading_int(r, out, e);
        case FIELD_OPT_INT:
                result = reading_int(r, &((struct opt_int *) out)->value, e);
                ((struct opt_int *) out)->is_set = result == 0;
                return result;
        case FIELD_QUANTITY:
                return reading_quantity(r, out, e);
        case FIELD_INT_OR_STRING:
                return reading_int_or_string(r, out, e);
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return reading_time(r, out, e);
        case FIELD_OBJECT:
                return reading_object(r, f->schema, out, e);
        case FIELD_OBJECT_PTR:
                return reading_pointer(r, f->schema, out, e);
        case FIELD_BYTES:
        case FIELD_ANY:
                break;
        }
        return reading_wrong(e);
}

/* How many values, or pairs, the list or map at hand has. Looks ahead only. */
static bool reading_count(const struct reading *r, char close, size_t *ret) {
        struct reading ahead = *r;
        bool is_map = close == '}';

        *ret = 0;
        ahead.at++;
        if (reading_is(&ahead, close))
                return true;
        do {
                if (is_map && (!reading_skip(&ahead) || !reading_take(&ahead, ':')))
                        return false;
                if (!reading_skip(&ahead))
                        return false;
                (*ret)++;
        } while (reading_take(&ahead, ','));
        return reading_is(&ahead, close);
}

static int reading_list(struct reading *r, const struct field *f, struct member_list *out,
                        struct err *e) {
        size_t size = member_element_size(f), n;
        int result;

        if (!reading_is(r, '[') || !reading_count(r, ']', &n))
                return reading_wrong(e);
        r->at++;
        if (n > 0) {
                out->items = arena_alloc_n(r->arena, n, size);
                if (!out->items)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                result = reading_one(r, f, (char *) out->items + i * size, e);
                if (result < 0)
                        return result;
                if (i + 1 < n && !reading_take(r, ','))
                        return reading_wrong(e);
        }
        out->n = n;
        return reading_take(r, ']') ? 0 : reading_wrong(e);
}

static bool reading_null(struct reading *r) {
        return reading_is(r, 'n') && reading_skip(r);
}

static int reading_pair(struct reading *r, const struct field *f, void *pair, struct err *e) {
        if (f->type == FIELD_STRING)
                return reading_string(r, &((struct string_pair *) pair)->value, e);
        if (f->type == FIELD_QUANTITY)
                return reading_quantity(r, &((struct quantity_pair *) pair)->value, e);
        /* Nobody prints bytes; how many there are is asked. */
        return reading_skip(r) ? 0 : reading_wrong(e);
}

static int reading_map(struct reading *r, const struct field *f, struct member_list *out,
                       struct err *e) {
        size_t size = member_element_size(f), n, used = 0;
        int result;

        if (!reading_is(r, '{') || !reading_count(r, '}', &n))
                return reading_wrong(e);
        r->at++;
        if (n > 0) {
                out->items = arena_alloc_n(r->arena, n, size);
                if (!out->items)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                char *pair = (char *) out->items + used * size;
                const char *key;

                result = reading_string(r, &key, e);
                if (result < 0)
                        return result;
                if (!reading_take(r, ':'))
                        return reading_wrong(e);
                if (!reading_null(r)) {
                        memcpy(pair, &key, sizeof(key)); /* comes first in every kind of pair */
                        result = reading_pair(r, f, pair, e);
                        if (result < 0)
                                return result;
                        used++;
                }
                if (i + 1 < n && !reading_take(r, ','))
                        return reading_wrong(e);
        }
        out->n = used;
        return reading_take(r, '}') ? 0 : reading_wrong(e);
}

/* The field of a key as it stands in the text. Tables and texts have one order, mostly: the search
 * goes on where the last one ended. */
static const struct field *reading_field(const struct schema *s, const char *key, size_t len,
                                         size_t *hint) {
        for (size_t i = 0; i < s->n_fields; i++) {
                size_t n = *hint + i < s->n_fields ? *hint + i : *hint + i - s->n_fields;
                const struct field *f = &s->fields[n];

                if (f->name[0] == key[0] && strlen(f->name) == len &&
                    memcmp(f->name, key, len) == 0) {
                        *hint = n;
                        return f;
                }
        }
        return NULL;
}

static int reading_member(struct reading *r, const struct field *f, void *out, struct err *e) {
        if (!f || f->offset == FIELD_NO_MEMBER || reading_is(r, 'n'))
                return reading_skip(r) ? 0 : reading_wrong(e);
        if (f->shape == FIELD_LIST)
                return reading_list(r, f, member_at(f, out), e);
        if (f->shape == FIELD_MAP)
                return reading_map(r, f, member_at(f, out), e);
        return reading_one(r, f, member_at(f, out), e);
}

static int reading_object(struct reading *r, const struct schema *s, void *out, struct err *e) {
        size_t len, hint = 0;
        const char *key;
        bool is_escaped;
        int result;

        memset(out, 0, s->size);
        if (++r->depth > SCHEMA_DEPTH_MAX || !reading_take(r, '{'))
                return reading_wrong(e);
        if (!reading_is(r, '}')) {
                do {
                        if (!reading_span(r, &key, &len, &is_escaped) || !reading_take(r, ':'))
                                return reading_wrong(e);
                        result = reading_member(r, reading_field(s, key, len, &hint), out, e);
                        if (result < 0)
                                return result;
                } while (reading_take(r, ','));
        }
        r->depth--;
        return reading_take(r, '}') ? 0 : reading_wrong(e);
}

int schema_decode_text(const struct schema *s, const char *json, size_t len, struct arena *a,
                       void *out, struct err *e) {
        struct reading r = { .at = json, .end = json + len, .arena = a };
        int result = reading_object(&r, s, out, e);

        return result == -ENOMEM ? err_set(e, -ENOMEM, "out of memory") : result;
}
