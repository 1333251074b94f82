#include "daemon/registry/decode.h"

#include "api/kinds/bodies.h"
#include "api/kinds/object.h"
#include "api/kinds/protobuf.h"
#include "api/schema/schema.h"
#include "api/text/text.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

json_t *tree_object(json_t *tree, const char *key) {
        json_t *member = json_object_get(tree, key);

        if (json_is_object(member))
                return member;
        member = json_object();
        if (json_object_set_new(tree, key, member) < 0)
                return NULL;
        return member;
}

const char *tree_text(const json_t *tree, const char *key) {
        return json_string_value(json_object_get(tree, key));
}

static bool type_is(const char *content_type, const char *type) {
        size_t len = strlen(type);

        return strncasecmp(content_type, type, len) == 0 &&
               (content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ');
}

static bool fail_body(struct call *c, int r, const char *why) {
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 400, "BadRequest", "the object provided is unrecognized: %s", why);
        return false;
}

static void duplicate_told(void *data, const char *path) {
        struct call *c = data;
        AUTO_FREE char *text = str_format("duplicate field \"%s\"", path);
        char *all;

        if (!text)
                return;
        if (c->field_validation == FIELDS_WARN)
                call_warn(c, text);
        if (c->field_validation != FIELDS_STRICT)
                return;
        all = c->duplicates ? str_format("%s, %s", c->duplicates, text) : strdup(text);
        if (!all)
                return;
        free(c->duplicates);
        c->duplicates = all;
}

static int read_text(struct call *c, json_t **ret_tree, struct err *e) {
        bool has_duplicates = false;
        int r = text_read_json_last(c->body, c->body_len, REST_BODY_MAX_BYTES, ret_tree,
                                    &has_duplicates, e);

        if (r == 0 && has_duplicates && c->field_validation != FIELDS_IGNORE)
                text_json_duplicates(c->body, c->body_len, duplicate_told, c);
        return r;
}

bool decode_text(struct call *c, json_t **ret_tree) {
        struct err e = { 0 };
        int r = read_text(c, ret_tree, &e);

        if (r == 0)
                return true;
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 400, "BadRequest", "%s", err_text(&e));
        return false;
}

static bool decode_json(struct call *c, json_t **ret_tree) {
        struct err e = { 0 };
        json_t *tree = NULL;
        int r;

        r = read_text(c, &tree, &e);
        if (r < 0 || !json_is_object(tree)) {
                json_decref(tree);
                return fail_body(c, r, r < 0 ? err_text(&e) : "the body is no JSON object");
        }
        *ret_tree = tree;
        return true;
}

static bool decode_yaml(struct call *c, json_t **ret_tree) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        AUTO_FREE char *why = NULL;
        struct diags d = { 0 };
        int r;

        r = text_read_yaml(c->body, c->body_len, NULL, REST_BODY_MAX_BYTES, &docs, &d);
        if (r < 0 && d.n > 0)
                why = strdup(str_or_empty(d.items[0].text));
        diags_done(&d);
        if (r < 0 || docs.n != 1 || !json_is_object(docs.items[0].tree))
                return fail_body(c, r, why ? why : "the body is no YAML map");
        *ret_tree = json_incref(docs.items[0].tree);
        return true;
}

/* The table of what the envelope says. Go clients send DeleteOptions in the version of the object's
 * group. */
static const struct schema *envelope_schema(const struct call *c,
                                            const struct protobuf_envelope *envelope) {
        const struct kind *mine = c->asked, *found;

        if (str_eq(envelope->kind, delete_options_kind.name))
                return delete_options_kind.schema;
        if (str_eq(envelope->kind, mine->name) && str_eq(envelope->api_version, mine->api_version))
                return mine->schema;
        found = kind_find(envelope->api_version, envelope->kind);
        return found ? found->schema : NULL;
}

static void warn_all(struct call *c, const struct diags *d);

static bool decode_protobuf(struct call *c, json_t **ret_tree) {
        struct protobuf_envelope envelope = { 0 };
        const struct schema *schema;
        struct diags d = { 0 };
        struct err e = { 0 };
        json_t *tree = NULL;
        int r;

        r = protobuf_envelope_read((const uint8_t *) c->body, c->body_len, &envelope, &e);
        if (r < 0)
                return fail_body(c, r, err_text(&e));
        schema = envelope_schema(c, &envelope);
        if (!schema) {
                call_fail(c, 400, "BadRequest", "no kind \"%s\" is registered for version \"%s\"",
                          envelope.kind, envelope.api_version);
                return false;
        }
        r = protobuf_decode(schema, envelope.raw, envelope.raw_len, &d, &tree, &e);
        if (r == 0 &&
            (json_object_set_new(tree, "apiVersion", json_string(envelope.api_version)) < 0 ||
             json_object_set_new(tree, "kind", json_string(envelope.kind)) < 0))
                r = -ENOMEM;
        if (r == 0)
                warn_all(c, &d);
        diags_done(&d);
        if (r < 0) {
                json_decref(tree);
                return fail_body(c, r, err_text(&e));
        }
        *ret_tree = tree;
        return true;
}

bool decode_body(struct call *c, json_t **ret_tree) {
        const char *type = str_is_empty(c->content_type) ? "application/json" : c->content_type;
        bool is_protobuf = type_is(type, PROTOBUF_MEDIA_TYPE);
        bool is_yaml = type_is(type, "application/yaml");

        if (!is_protobuf && !is_yaml && !type_is(type, "application/json") &&
            !str_ends_with(type, "+json")) {
                call_fail(c, 415, "UnsupportedMediaType",
                          "the body of the request was in an unknown format - accepted media types "
                          "include: application/json, application/yaml, " PROTOBUF_MEDIA_TYPE);
                return false;
        }
        if (!c->body) {
                call_fail(c, 400, "BadRequest", "the request has no body");
                return false;
        }
        if (is_yaml)
                return decode_yaml(c, ret_tree);
        return is_protobuf ? decode_protobuf(c, ret_tree) : decode_json(c, ret_tree);
}

bool decode_kind_matches(struct call *c, const json_t *tree) {
        const struct kind *k = c->asked;
        const char *version = tree_text(tree, "apiVersion"), *name = tree_text(tree, "kind");

        if (!str_is_empty(version) && !str_eq(version, k->api_version)) {
                call_fail(
                        c, 400, "BadRequest",
                        "the API version in the data (%s) does not match the expected API version "
                        "(%s)",
                        version, k->api_version);
                return false;
        }
        if (!str_is_empty(name) && !str_eq(name, k->name)) {
                call_fail(c, 400, "BadRequest",
                          "%s in version \"%s\" cannot be handled as a %s: kind is %s", name,
                          k->version, k->name, name);
                return false;
        }
        return true;
}

/* All findings of one reason as "unknown field \"a\", unknown field \"b\"". NULL: none. */
static char *unknown_fields(const struct diags *d, enum diag_reason reason) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < d->n; i++) {
                const struct diag *one = &d->items[i];

                if (one->reason != reason || one->severity != DIAG_ERROR)
                        continue;
                if (b.len > 0)
                        strbuf_add(&b, ", ");
                if (reason == DIAG_UNKNOWN)
                        strbuf_addf(&b, "unknown field \"%s\"", str_or_empty(one->field));
                else
                        strbuf_addf(&b, "%s: %s", str_or_empty(one->field),
                                    str_or_empty(one->text));
        }
        return b.len > 0 ? strbuf_steal(&b) : NULL;
}

static void warn_all(struct call *c, const struct diags *d) {
        for (size_t i = 0; i < d->n; i++) {
                const struct diag *one = &d->items[i];
                AUTO_FREE char *text = NULL;

                if (one->severity != DIAG_WARNING)
                        continue;
                if (one->reason == DIAG_UNKNOWN && c->field_validation == FIELDS_IGNORE)
                        continue;
                if (one->reason == DIAG_UNKNOWN)
                        text = str_format("unknown field \"%s\"", str_or_empty(one->field));
                else
                        text = str_format("%s: %s", str_or_empty(one->field),
                                          str_or_empty(one->text));
                if (text)
                        call_warn(c, text);
        }
}

/* The object that a patch makes is nobody's words: Kubernetes blames the patch. */
static void fail_patch(struct call *c, const char *types, const char *unknown) {
        AUTO_FREE char *strict =
                types ? NULL : str_format("strict decoding error: %s", str_or_empty(unknown));

        call_fail_patched(c, types ? types : str_or_empty(strict));
}

/* Answers for errors among the findings. */
static bool findings_accept(struct call *c, const struct diags *d) {
        const struct kind *k = c->asked;
        AUTO_FREE char *unknown = unknown_fields(d, DIAG_UNKNOWN);
        AUTO_FREE char *types = unknown_fields(d, DIAG_TYPE);

        if ((types || unknown) && str_eq(c->method, "PATCH") && !c->is_apply) {
                fail_patch(c, types, unknown);
                return false;
        }
        if (types) {
                call_fail(c, 400, "BadRequest",
                          "%s in version \"%s\" cannot be handled as a %s: %s", k->name, k->version,
                          k->name, types);
                return false;
        }
        if (unknown || c->duplicates) {
                call_fail(c, 400, "BadRequest",
                          "%s in version \"%s\" cannot be handled as a %s: strict decoding error: "
                          "%s%s%s",
                          k->name, k->version, k->name, str_or_empty(unknown),
                          unknown && c->duplicates ? ", " : "", str_or_empty(c->duplicates));
                return false;
        }
        if (d->n_errors > 0 || d->has_failed) {
                call_fail_invalid(c, d);
                return false;
        }
        return true;
}

bool decode_check(struct call *c, json_t *tree, const json_t *was) {
        const struct kind *k = c->asked;
        unsigned flags = c->field_validation == FIELDS_STRICT ? 0 : SCHEMA_ALLOW_UNKNOWN;
        struct diags d = { 0 };
        struct err e = { 0 };
        bool is_good;
        int r;

        if (*c->path.subresource)
                flags |= SCHEMA_NO_WARNINGS; /* the author of the spec has been told already */
        r = kind_default_changed(k, tree, was, &e);
        if (r == 0)
                r = kind_validate_changed(k, tree, was, flags, &d);
        if (r == 0) {
                warn_all(c, &d);
                is_good = findings_accept(c, &d);
                diags_done(&d);
                if (!is_good)
                        return false;
                r = kind_prune(k, tree);
                if (r == 0)
                        return true;
        }
        diags_done(&d);
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 400, "BadRequest", "%s", err_text(&e));
        return false;
}

bool decode_check_update(struct call *c, const json_t *old, const json_t *fresh) {
        const struct kind *k = c->asked;
        AUTO(object) struct object *before = NULL;
        AUTO(object) struct object *after = NULL;
        struct diags d = { 0 };
        struct err e = { 0 };
        bool is_good;

        if (kind_only_status_is_new(k, fresh, old))
                return true;
        if (object_new_from_json(k, old, false, &before, &e) < 0 ||
            object_new_from_json(k, fresh, false, &after, &e) < 0) {
                call_fail(c, 500, "InternalError", "Internal error occurred: %s", err_text(&e));
                return false;
        }
        kind_validate_update(k, before, after, &d);
        is_good = findings_accept(c, &d);
        diags_done(&d);
        return is_good;
}
