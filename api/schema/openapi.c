#include "api/schema/openapi.h"

#include "base/str.h"

#include <string.h>

#define QUANTITY "io.k8s.apimachinery.pkg.api.resource.Quantity"
#define INT_OR_STRING "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
#define TIME OPENAPI_META "Time"
#define MICRO_TIME OPENAPI_META "MicroTime"

struct writer {
        const struct openapi_names *names;
        unsigned depth; /* of tables written where they are used */
};

static json_t *openapi_table(struct writer *w, const struct schema *s);

/* take_value NULL: memory is out, which *failed then says. */
static void set(json_t *to, const char *key, json_t *take_value, bool *failed) {
        if (json_object_set_new(to, key, take_value) < 0)
                *failed = true;
}

static json_t *openapi_ref(const char *name) {
        return json_pack("{s:s+}", "$ref", OPENAPI_REF, name);
}

static json_t *openapi_typed(const char *type, const char *format) {
        return format ? json_pack("{s:s,s:s}", "type", type, "format", format)
                      : json_pack("{s:s}", "type", type);
}

static json_t *openapi_object(struct writer *w, const struct schema *s) {
        const char *name = w->names->name_of(w->names->data, s);
        json_t *table;

        if (name)
                return openapi_ref(name);
        if (w->depth >= SCHEMA_DEPTH_MAX)
                return openapi_typed("object", NULL);
        w->depth++;
        table = openapi_table(w, s);
        w->depth--;
        return table;
}

/* The type of a single value. */
static json_t *openapi_value(struct writer *w, const struct field *f) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                return openapi_typed("string", NULL);
        case FIELD_BYTES:
                return openapi_typed("string", "byte");
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
                return openapi_typed("boolean", NULL);
        case FIELD_INT:
        case FIELD_OPT_INT:
                return openapi_typed("integer",
                                     f->max > 0 && f->max <= INT32_MAX ? "int32" : "int64");
        case FIELD_QUANTITY:
                return openapi_ref(QUANTITY);
        case FIELD_INT_OR_STRING:
                return openapi_ref(INT_OR_STRING);
        case FIELD_TIME:
                return openapi_ref(TIME);
        case FIELD_MICRO_TIME:
                return openapi_ref(MICRO_TIME);
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                return openapi_object(w, f->schema);
        case FIELD_ANY:
                break;
        }
        return json_pack("{s:b}", "x-kubernetes-preserve-unknown-fields", 1);
}

static json_t *openapi_words(const char *const *values) {
        json_t *list = json_array();

        for (; list && *values; values++)
                if (json_array_append_new(list, json_string(*values)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

/* In OpenAPI 3.0 nothing may stand beside $ref, so what is said of one goes around it. */
static json_t *openapi_wrap(json_t *take_value) {
        if (!json_object_get(take_value, "$ref"))
                return take_value;
        return json_pack("{s:[o]}", "allOf", take_value);
}

/* Which keys tell a list's elements apart; kubectl merges by them and replaces lists without. */
static void openapi_list_marks(json_t *to, const struct field *f, bool *failed) {
        const char *type = f->merge_key ? "map" : f->flags & FIELD_SET ? "set" : "atomic";

        if ((f->flags & FIELD_ATOMIC) && !(f->flags & FIELD_SET))
                type = "atomic";
        set(to, "x-kubernetes-list-type", json_string(type), failed);
        if (str_eq(type, "map"))
                set(to, "x-kubernetes-list-map-keys",
                    f->merge_key2 ? json_pack("[s,s]", f->merge_key, f->merge_key2)
                                  : json_pack("[s]", f->merge_key),
                    failed);
        if (f->patch == FIELD_PATCH_MERGE && f->merge_key)
                set(to, "x-kubernetes-patch-merge-key", json_string(f->merge_key), failed);
}

static const char *openapi_patch_strategy(const struct field *f) {
        if (f->patch == FIELD_PATCH_MERGE)
                return f->flags & FIELD_RETAIN_KEYS ? "merge,retainKeys" : "merge";
        if (f->flags & FIELD_RETAIN_KEYS)
                return "retainKeys";
        return f->patch == FIELD_PATCH_REPLACE ? "replace" : NULL;
}

static void openapi_marks(json_t *to, const struct field *f, bool *failed) {
        const char *strategy = openapi_patch_strategy(f);

        if (f->shape == FIELD_LIST)
                openapi_list_marks(to, f, failed);
        else if ((f->flags & FIELD_ATOMIC) && (f->shape == FIELD_MAP || f->schema))
                set(to, "x-kubernetes-map-type", json_string("atomic"), failed);
        if (strategy)
                set(to, "x-kubernetes-patch-strategy", json_string(strategy), failed);
}

static json_t *openapi_describe(const struct field *f) {
        AUTO_FREE char *text = NULL;

        if (!(f->flags & FIELD_UNACTED))
                return json_string(str_or_empty(f->doc));
        text = str_format("%s orch keeps this field but does not act on it.", str_or_empty(f->doc));
        return text ? json_string(text) : NULL;
}

static json_t *openapi_field(struct writer *w, const struct field *f) {
        json_t *value = openapi_value(w, f), *to = NULL;
        bool failed = false;

        if (!value)
                return NULL;
        if (f->values)
                set(value, "enum", openapi_words(f->values), &failed);
        switch ((enum field_shape) f->shape) {
        case FIELD_ONE:
                to = openapi_wrap(value);
                break;
        case FIELD_LIST:
                to = json_pack("{s:s,s:o}", "type", "array", "items", value);
                break;
        case FIELD_MAP:
                to = json_pack("{s:s,s:o}", "type", "object", "additionalProperties", value);
                break;
        }
        if (!to)
                return NULL;
        /* Beside a type that says the same, explain would say it twice. */
        if (!f->schema || !str_eq(f->doc, f->schema->doc) || (f->flags & FIELD_UNACTED))
                set(to, "description", openapi_describe(f), &failed);
        if (f->default_json)
                set(to, "default", schema_default_value(f), &failed);
        openapi_marks(to, f, &failed);
        if (!failed)
                return to;
        json_decref(to);
        return NULL;
}

static json_t *openapi_required(const struct schema *s) {
        json_t *list = json_array();

        for (size_t i = 0; list && i < s->n_fields; i++) {
                if (!(s->fields[i].flags & FIELD_REQUIRED))
                        continue;
                if (json_array_append_new(list, json_string(s->fields[i].name)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static json_t *openapi_table(struct writer *w, const struct schema *s) {
        json_t *properties = json_object(), *required = openapi_required(s), *to = json_object();
        bool failed = !properties || !required || !to;

        for (size_t i = 0; !failed && i < s->n_fields; i++)
                set(properties, s->fields[i].name, openapi_field(w, &s->fields[i]), &failed);
        if (!failed) {
                set(to, "description", json_string(str_or_empty(s->doc)), &failed);
                set(to, "type", json_string("object"), &failed);
                set(to, "properties", json_incref(properties), &failed);
                if (json_array_size(required) > 0)
                        set(to, "required", json_incref(required), &failed);
                if (s->is_atomic)
                        set(to, "x-kubernetes-map-type", json_string("atomic"), &failed);
        }
        json_decref(properties);
        json_decref(required);
        if (!failed)
                return to;
        json_decref(to);
        return NULL;
}

json_t *schema_to_openapi(const struct schema *s, const struct openapi_names *names) {
        struct writer w = { .names = names };

        return openapi_table(&w, s);
}

json_t *openapi_scalars(void) {
        return json_pack("{s:{s:s,s:[{s:s},{s:s}]},s:{s:s,s:s,s:[{s:s},{s:s}]},s:{s:s,s:s,s:s,s:b},"
                         "s:{s:s,s:s,s:s,s:b}}",
                         QUANTITY, "description", "An amount, as \"500m\", \"64Mi\" or a number.",
                         "oneOf", "type", "string", "type", "number", INT_OR_STRING, "description",
                         "A number, or a text such as \"25%\" or the name of a port.", "format",
                         "int-or-string", "oneOf", "type", "integer", "type", "string", TIME,
                         "description", "A moment, RFC 3339 with whole seconds.", "type", "string",
                         "format", "date-time", "nullable", 1, MICRO_TIME, "description",
                         "A moment, RFC 3339 with microseconds.", "type", "string", "format",
                         "date-time", "nullable", 1);
}
