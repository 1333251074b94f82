#include "api/kinds/protobuf.h"

#include "api/schema/base64.h"
#include "api/schema/path.h"
#include "api/schema/wire.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values in one object. An empty message takes two bytes on the wire and a hundred in a tree. */
#define PROTOBUF_VALUES_MAX 200000U

/* FieldsV1 and RawExtension carry JSON text. */
#define PROTOBUF_JSON_NUMBER 1

#define NSEC_PER_SEC 1000000000ULL

static const uint8_t PROTOBUF_MAGIC[] = { 'k', '8', 's', 0 };

struct protobuf {
        struct diags *d;
        struct err *e;
        unsigned n_values;
};

static int protobuf_message(struct protobuf *p, const struct schema *s, struct wire_span in,
                            const struct path *at, json_t *tree);

/* ---- scalars: *ret_value stays NULL where the value counts as absent ---- */

static int protobuf_wrong(struct protobuf *p, const struct path *at, const char *what) {
        char where[PATH_TEXT_MAX];

        return err_set(p->e, -EINVAL, "%s: %s", path_format(at, where), what);
}

static int protobuf_text(struct protobuf *p, const struct path *at, struct wire_span in,
                         json_t **ret_value) {
        if (!wire_is_text(in))
                return protobuf_wrong(p, at, "text that is not UTF-8, or has a NUL in it");
        *ret_value = json_stringn_nocheck((const char *) in.at, in.len);
        return *ret_value ? 0 : -ENOMEM;
}

static bool protobuf_keeps_zero(const struct field *f) {
        return f->shape == FIELD_LIST || f->flags & (FIELD_POINTER | FIELD_ALWAYS | FIELD_REQUIRED);
}

static int protobuf_number(const struct field *f, uint64_t n, json_t **ret_value) {
        bool is_kept =
                protobuf_keeps_zero(f) || f->type == FIELD_OPT_INT || f->type == FIELD_OPT_BOOL;

        if (n == 0 && !is_kept)
                return 0;
        if (f->type == FIELD_BOOL || f->type == FIELD_OPT_BOOL)
                *ret_value = json_boolean(n != 0);
        else
                *ret_value = json_integer((json_int_t) n);
        return *ret_value ? 0 : -ENOMEM;
}

/* metav1.Time and MicroTime: 1 seconds, 2 nanoseconds; an empty message is no time. */
static int protobuf_time(struct protobuf *p, const struct field *f, const struct path *at,
                         struct wire_span in, json_t **ret_value) {
        char text[CLOCK_TEXT_MAX];
        struct wire w = { 0 };
        int64_t seconds = 0;
        uint64_t nanos = 0, usec;
        bool is_empty = in.len == 0;
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                if (w.type == WIRE_VARINT && w.number == 1)
                        seconds = (int64_t) w.value;
                else if (w.type == WIRE_VARINT && w.number == 2)
                        nanos = w.value;
        }
        if (r < 0 || seconds < 0 || seconds > WIRE_SECONDS_MAX || nanos >= NSEC_PER_SEC)
                return protobuf_wrong(p, at, "no time between 1970 and 9999");
        if (is_empty)
                return 0;
        usec = (uint64_t) seconds * USEC_PER_SEC + nanos / 1000;
        *ret_value = json_string(f->type == FIELD_TIME ? clock_format(usec, text)
                                                       : clock_format_micro(usec, text));
        return *ret_value ? 0 : -ENOMEM;
}

/* resource.Quantity: 1 text. */
static int protobuf_quantity(struct protobuf *p, const struct path *at, struct wire_span in,
                             json_t **ret_value) {
        struct wire w = { 0 };
        struct wire_span text = { 0 };
        int r;

        while ((r = wire_next(&in, &w)) > 0)
                if (w.type == WIRE_BYTES && w.number == 1)
                        text = w.bytes;
        if (r < 0)
                return protobuf_wrong(p, at, "malformed quantity");
        return text.len > 0 ? protobuf_text(p, at, text, ret_value) : 0;
}

/* intstr.IntOrString: 1 which (0 number, 1 text), 2 number, 3 text. */
static int protobuf_int_or_string(struct protobuf *p, const struct path *at, struct wire_span in,
                                  json_t **ret_value) {
        struct wire w = { 0 };
        struct wire_span text = { 0 };
        uint64_t is_text = 0, number = 0;
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                if (w.type == WIRE_VARINT && w.number == 1)
                        is_text = w.value;
                else if (w.type == WIRE_VARINT && w.number == 2)
                        number = w.value;
                else if (w.type == WIRE_BYTES && w.number == 3)
                        text = w.bytes;
        }
        if (r < 0)
                return protobuf_wrong(p, at, "malformed number or text");
        if (is_text)
                return protobuf_text(p, at, text, ret_value);
        *ret_value = json_integer((json_int_t) (int32_t) number);
        return *ret_value ? 0 : -ENOMEM;
}

static int protobuf_bytes(struct wire_span in, json_t **ret_value) {
        AUTO_FREE char *text = malloc(base64_encoded_len(in.len) + 1);

        if (!text)
                return -ENOMEM;
        base64_encode(in.at, in.len, text);
        *ret_value = json_string(text);
        return *ret_value ? 0 : -ENOMEM;
}

/* FieldsV1 and RawExtension: JSON text in field 1. */
static int protobuf_json(struct protobuf *p, const struct path *at, struct wire_span in,
                         json_t **ret_value) {
        struct wire w = { 0 };
        struct wire_span text = { 0 };
        struct err e = { 0 };
        int r;

        while ((r = wire_next(&in, &w)) > 0)
                if (w.type == WIRE_BYTES && w.number == PROTOBUF_JSON_NUMBER)
                        text = w.bytes;
        if (r < 0)
                return protobuf_wrong(p, at, "malformed value");
        if (text.len == 0)
                return 0;
        r = text_read_json((const char *) text.at, text.len, 0, ret_value, &e);
        return r < 0 && r != -ENOMEM ? protobuf_wrong(p, at, err_text(&e)) : r;
}

/* ---- values ---- */

/* before: what an earlier part of the same field said, or NULL; protobuf wants them merged. */
static int protobuf_object(struct protobuf *p, const struct field *f, const struct path *at,
                           struct wire_span in, json_t *before, json_t **ret_value) {
        json_t *tree = before ? json_incref(before) : json_object();
        bool is_kept = protobuf_keeps_zero(f) || f->type == FIELD_OBJECT_PTR;
        int r;

        if (!tree)
                return -ENOMEM;
        r = protobuf_message(p, f->schema, in, at, tree);
        if (r < 0 || (json_object_size(tree) == 0 && !is_kept))
                json_decref(tree);
        else
                *ret_value = tree;
        return r;
}

static int protobuf_by_bytes(struct protobuf *p, const struct field *f, const struct path *at,
                             struct wire_span in, json_t **ret_value) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return in.len > 0 || protobuf_keeps_zero(f) ? protobuf_text(p, at, in, ret_value)
                                                            : 0;
        case FIELD_BYTES:
                return in.len > 0 || f->shape == FIELD_MAP ? protobuf_bytes(in, ret_value) : 0;
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return protobuf_time(p, f, at, in, ret_value);
        case FIELD_QUANTITY:
                return protobuf_quantity(p, at, in, ret_value);
        case FIELD_INT_OR_STRING:
                return protobuf_int_or_string(p, at, in, ret_value);
        case FIELD_ANY:
                return protobuf_json(p, at, in, ret_value);
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
        case FIELD_INT:
        case FIELD_OPT_INT:
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                break;
        }
        return protobuf_wrong(p, at, "another type than this field has");
}

static bool protobuf_is_number(const struct field *f) {
        return f->type == FIELD_BOOL || f->type == FIELD_OPT_BOOL || f->type == FIELD_INT ||
               f->type == FIELD_OPT_INT;
}

static bool protobuf_is_object(const struct field *f) {
        return f->type == FIELD_OBJECT || f->type == FIELD_OBJECT_PTR;
}

static int protobuf_value(struct protobuf *p, const struct field *f, const struct path *at,
                          const struct wire *w, json_t *before, json_t **ret_value) {
        if (++p->n_values > PROTOBUF_VALUES_MAX)
                return err_set(p->e, -E2BIG, "the object has more than %u values",
                               PROTOBUF_VALUES_MAX);
        if (protobuf_is_number(f))
                return w->type == WIRE_VARINT
                               ? protobuf_number(f, w->value, ret_value)
                               : protobuf_wrong(p, at, "another type than this field has");
        if (w->type != WIRE_BYTES)
                return protobuf_wrong(p, at, "another type than this field has");
        if (protobuf_is_object(f))
                return protobuf_object(p, f, at, w->bytes, before, ret_value);
        return protobuf_by_bytes(p, f, at, w->bytes, ret_value);
}

/* authentication's ExtraValue, the only map of lists: 1 a text, repeated. */
static int protobuf_extra(struct protobuf *p, const struct path *at, struct wire_span in,
                          json_t **ret_value) {
        json_auto_t *list = json_array();
        struct wire w = { 0 };
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                json_t *text = NULL;

                if (w.type != WIRE_BYTES || w.number != 1)
                        continue;
                if (++p->n_values > PROTOBUF_VALUES_MAX)
                        return err_set(p->e, -E2BIG, "the object has more than %u values",
                                       PROTOBUF_VALUES_MAX);
                r = protobuf_text(p, at, w.bytes, &text);
                if (r < 0)
                        return r;
                if (json_array_append_new(list, text) < 0)
                        return -ENOMEM;
        }
        if (r < 0)
                return protobuf_wrong(p, at, "malformed list");
        *ret_value = STEAL(list);
        return *ret_value ? 0 : -ENOMEM;
}

/* One entry of a map: 1 key, 2 value, each absent when empty. */
static int protobuf_entry(struct protobuf *p, const struct field *f, const struct path *at,
                          struct wire_span in, json_t *map) {
        struct wire w = { 0 }, value = { .type = WIRE_BYTES, .bytes = { (const uint8_t *) "", 0 } };
        struct wire_span key = { (const uint8_t *) "", 0 };
        json_t *item = NULL;
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                if (w.type == WIRE_BYTES && w.number == 1)
                        key = w.bytes;
                else if (w.number == 2)
                        value = w;
        }
        if (r < 0 || !wire_is_text(key))
                return protobuf_wrong(p, at, "malformed entry of a map");
        if (f->type == FIELD_ANY && value.type == WIRE_BYTES)
                r = protobuf_extra(p, at, value.bytes, &item);
        else if (f->type == FIELD_STRING && value.type == WIRE_BYTES)
                r = protobuf_text(p, at, value.bytes, &item);
        else
                r = protobuf_value(p, f, at, &value, NULL, &item);
        if (r == 0 && !item && f->type == FIELD_QUANTITY)
                item = json_string("0");
        if (r < 0 || !item)
                return r < 0 ? r : -ENOMEM;
        p->n_values++;
        return json_object_setn_new_nocheck(map, (const char *) key.at, key.len, item) < 0 ? -ENOMEM
                                                                                           : 0;
}

/* ---- fields ---- */

/* The list or map that a repeated field fills, made on the way. Borrowed; NULL: memory is out. */
static json_t *protobuf_collection(const struct field *f, json_t *tree) {
        json_t *all = json_object_get(tree, f->name);

        if (all)
                return all;
        all = f->shape == FIELD_LIST ? json_array() : json_object();
        return json_object_set_new(tree, f->name, all) < 0 ? NULL : all;
}

static int protobuf_list_item(struct protobuf *p, const struct field *f, const struct path *at,
                              const struct wire *w, json_t *list) {
        struct path here = path_index(at, json_array_size(list));
        struct wire one = { .number = w->number, .type = WIRE_VARINT };
        struct wire_span packed = w->bytes;
        json_t *item = NULL;
        int r;

        if (!protobuf_is_number(f) || w->type != WIRE_BYTES) {
                r = protobuf_value(p, f, &here, w, NULL, &item);
                if (r < 0 || !item)
                        return r;
                return json_array_append_new(list, item) < 0 ? -ENOMEM : 0;
        }
        while (packed.len > 0) {
                r = wire_varint(&packed, &one.value);
                if (r < 0)
                        return protobuf_wrong(p, at, "malformed list of numbers");
                r = protobuf_value(p, f, &here, &one, NULL, &item);
                if (r < 0)
                        return r;
                if (json_array_append_new(list, STEAL(item)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int protobuf_field(struct protobuf *p, const struct field *f, const struct path *up,
                          const struct wire *w, json_t *tree) {
        struct path at = path_field(up, f->name);
        json_t *all, *value = NULL;
        int r;

        if (f->shape == FIELD_ONE) {
                r = protobuf_value(p, f, &at, w, json_object_get(tree, f->name), &value);
                if (r < 0 || !value)
                        return r;
                return json_object_set_new(tree, f->name, value) < 0 ? -ENOMEM : 0;
        }
        all = protobuf_collection(f, tree);
        if (!all)
                return -ENOMEM;
        if (f->shape == FIELD_LIST)
                return protobuf_list_item(p, f, &at, w, all);
        return w->type == WIRE_BYTES ? protobuf_entry(p, f, &at, w->bytes, all)
                                     : protobuf_wrong(p, &at, "another type than this field has");
}

/* The field with this number, inside the flattened message of that one (0: none). */
static const struct field *protobuf_find(const struct schema *s, unsigned inside, uint32_t number) {
        for (size_t i = 0; i < s->n_fields; i++)
                if (s->fields[i].number == number && s->fields[i].inside == inside)
                        return &s->fields[i];
        return NULL;
}

static bool protobuf_is_flattened(const struct schema *s, uint32_t number) {
        for (size_t i = 0; i < s->n_fields; i++)
                if (s->fields[i].inside == number)
                        return true;
        return false;
}

static void protobuf_say_unknown(struct protobuf *p, const struct path *at, const struct wire *w) {
        char where[PATH_TEXT_MAX], number[32];
        struct path here;

        if (w->type == WIRE_VARINT ? w->value == 0 : w->bytes.len == 0)
                return;
        (void) snprintf(number, sizeof(number), "%u", w->number);
        here = path_key(at, number);
        (void) diag_add(p->d, DIAG_WARNING, DIAG_UNKNOWN, path_format(&here, where),
                        "unknown protobuf field; it is dropped");
}

/* inside: 0, or the number of a flattened message whose fields these are. */
static int protobuf_fields(struct protobuf *p, const struct schema *s, unsigned inside,
                           struct wire_span in, const struct path *at, json_t *tree) {
        struct wire w = { 0 };
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                const struct field *f = protobuf_find(s, inside, w.number);

                if (f)
                        r = protobuf_field(p, f, at, &w, tree);
                else if (inside == 0 && w.type == WIRE_BYTES && protobuf_is_flattened(s, w.number))
                        r = protobuf_fields(p, s, w.number, w.bytes, at, tree);
                else
                        protobuf_say_unknown(p, at, &w);
                if (r < 0)
                        return r;
        }
        return r < 0 ? protobuf_wrong(p, at, "malformed message") : 0;
}

static unsigned protobuf_depth(const struct path *at) {
        unsigned depth = 0;

        for (; at; at = at->up)
                depth++;
        return depth;
}

/* Adds what a message says to the tree. */
static int protobuf_message(struct protobuf *p, const struct schema *s, struct wire_span in,
                            const struct path *at, json_t *tree) {
        if (protobuf_depth(at) > 2 * SCHEMA_DEPTH_MAX)
                return err_set(p->e, -E2BIG, "the object is nested too deeply");
        return protobuf_fields(p, s, 0, in, at, tree);
}

int protobuf_decode(const struct schema *s, const uint8_t *data, size_t len, struct diags *d,
                    json_t **ret_tree, struct err *e) {
        const struct path root = { .name = "" };
        struct protobuf p = { .d = d, .e = e };
        json_auto_t *tree = json_object();
        int r;

        if (!tree)
                return err_set(e, -ENOMEM, "out of memory");
        r = protobuf_message(&p, s, (struct wire_span){ data, len }, &root, tree);
        if (r == -ENOMEM)
                return err_set(e, -ENOMEM, "out of memory");
        if (r < 0)
                return r;
        *ret_tree = STEAL(tree);
        return 0;
}

/* ---- the envelope ---- */

static int protobuf_word(struct wire_span in, char *buf, size_t len) {
        if (in.len >= len || !wire_is_text(in))
                return -EINVAL;
        memcpy(buf, in.at, in.len);
        buf[in.len] = '\0';
        return 0;
}

/* runtime.TypeMeta: 1 apiVersion, 2 kind. */
static int protobuf_type_meta(struct wire_span in, struct protobuf_envelope *out) {
        struct wire w = { 0 };
        int r;

        while ((r = wire_next(&in, &w)) > 0) {
                if (w.type != WIRE_BYTES)
                        continue;
                if (w.number == 1)
                        r = protobuf_word(w.bytes, out->api_version, sizeof(out->api_version));
                else if (w.number == 2)
                        r = protobuf_word(w.bytes, out->kind, sizeof(out->kind));
                if (r < 0)
                        return r;
        }
        return r;
}

int protobuf_envelope_read(const uint8_t *data, size_t len, struct protobuf_envelope *ret,
                           struct err *e) {
        struct protobuf_envelope out = { .raw = data };
        struct wire w = { 0 };
        struct wire_span in;
        int r;

        if (len < sizeof(PROTOBUF_MAGIC) ||
            memcmp(data, PROTOBUF_MAGIC, sizeof(PROTOBUF_MAGIC)) != 0)
                return err_set(e, -EINVAL,
                               "the body is no protobuf of Kubernetes: it does not begin with k8s");
        in = (struct wire_span){ data + sizeof(PROTOBUF_MAGIC), len - sizeof(PROTOBUF_MAGIC) };
        while ((r = wire_next(&in, &w)) > 0) {
                if (w.type != WIRE_BYTES)
                        continue;
                if (w.number == 1)
                        r = protobuf_type_meta(w.bytes, &out);
                else if (w.number == 2) {
                        out.raw = w.bytes.at;
                        out.raw_len = w.bytes.len;
                } else if (w.number == 3 && w.bytes.len > 0)
                        return err_set(e, -EINVAL,
                                       "the body has a content encoding; send it plain");
                if (r < 0)
                        break;
        }
        if (r < 0)
                return err_set(e, -EINVAL, "the envelope of the protobuf body is malformed");
        *ret = out;
        return 0;
}
