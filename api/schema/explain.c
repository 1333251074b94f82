#include "api/schema/schema.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define EXPLAIN_NAME_MAX 128

static int explain_no_field(const struct schema *s, const char *name, struct err *e) {
        const char *names[128], *near;
        size_t n = MIN(s->n_fields, ARRAY_SIZE(names));

        for (size_t i = 0; i < n; i++)
                names[i] = s->fields[i].name;
        near = str_nearest(name, names, n);
        if (near)
                return err_set(e, -ENOENT, "%s has no field \"%s\"; did you mean \"%s\"?", s->name,
                               name, near);
        return err_set(e, -ENOENT, "%s has no field \"%s\"", s->name, name);
}

int schema_find(const struct schema *s, const char *path, struct schema_place *ret, struct err *e) {
        struct schema_place at = { .schema = s };
        char name[EXPLAIN_NAME_MAX];

        while (*path) {
                size_t n = strcspn(path, ".");

                if (n == 0 || n >= sizeof(name))
                        return err_set(e, -ENOENT, "\"%s\" is no field path", path);
                memcpy(name, path, n);
                name[n] = '\0';
                if (!at.schema)
                        return err_set(e, -ENOENT, "field \"%s\" has no fields of its own",
                                       at.field->name);
                s = at.schema;
                at.field = schema_field(s, name);
                if (!at.field)
                        return explain_no_field(s, name, e);
                at.schema = at.field->schema;
                path += n + (path[n] == '.');
        }
        *ret = at;
        return 0;
}

static const char *explain_scalar_name(const struct field *f) {
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
        case FIELD_BYTES:
                return "string";
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
                return "boolean";
        case FIELD_INT:
        case FIELD_OPT_INT:
                return "integer";
        case FIELD_QUANTITY:
                return "Quantity";
        case FIELD_INT_OR_STRING:
                return "IntOrString";
        case FIELD_TIME:
                return "Time";
        case FIELD_MICRO_TIME:
                return "MicroTime";
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                return f->schema->name;
        case FIELD_ANY:
                break;
        }
        return "Object";
}

char *schema_type_name(const struct field *f, char *buf, size_t len) {
        static const char *const shapes[] = {
                [FIELD_ONE] = "", [FIELD_LIST] = "[]", [FIELD_MAP] = "map[string]"
        };

        (void) snprintf(buf, len, "%s%s", shapes[f->shape], explain_scalar_name(f));
        return buf;
}

/* Adds text broken at blanks into lines of 78 characters that begin with indent blanks. */
static void explain_wrap(struct strbuf *b, const char *text, int indent) {
        size_t column = 0;

        while (*text) {
                size_t n = strcspn(text, " ");

                if (column == 0 || column + 1 + n > 78) {
                        strbuf_addf(b, "%s%*s", column > 0 ? "\n" : "", indent, "");
                        column = (size_t) indent;
                } else {
                        strbuf_add_char(b, ' ');
                        column++;
                }
                strbuf_add_len(b, text, n);
                column += n;
                text += n;
                text += strspn(text, " ");
        }
        strbuf_add_char(b, '\n');
}

static void explain_values(struct strbuf *b, const struct field *f, int indent) {
        if (f->values) {
                strbuf_addf(b, "%*senum: ", indent, "");
                for (size_t i = 0; f->values[i]; i++)
                        strbuf_addf(b, "%s%s", i > 0 ? ", " : "", f->values[i]);
                strbuf_add_char(b, '\n');
        }
        if (f->default_json)
                strbuf_addf(b, "%*sdefault: %s\n", indent, "", f->default_json);
        if (f->flags & FIELD_UNACTED)
                strbuf_addf(b, "%*sorch keeps this field but does not act on it\n", indent, "");
}

static void explain_fields(struct strbuf *b, const struct schema *s, bool is_recursive,
                           int indent) {
        char type[EXPLAIN_NAME_MAX];

        for (size_t i = 0; i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];

                strbuf_addf(b, "%*s%s\t<%s>%s\n", indent, "", f->name,
                            schema_type_name(f, type, sizeof(type)),
                            f->flags & FIELD_REQUIRED ? " -required-" : "");
                if (is_recursive) {
                        if (f->schema && indent < 2 * SCHEMA_DEPTH_MAX)
                                explain_fields(b, f->schema, true, indent + 2);
                        continue;
                }
                explain_values(b, f, indent + 2);
                explain_wrap(b, f->doc, indent + 2);
                strbuf_add_char(b, '\n');
        }
}

int schema_explain(const struct kind *k, const char *path, bool is_recursive, char **ret_text,
                   struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct schema_place at = { 0 };
        char type[EXPLAIN_NAME_MAX];
        char *text;
        int r;

        r = schema_find(k->schema, path, &at, e);
        if (r < 0)
                return r;
        if (k->group[0])
                strbuf_addf(&b, "GROUP:      %s\n", k->group);
        strbuf_addf(&b, "KIND:       %s\nVERSION:    %s\n\n", k->name, k->version);
        if (at.field) {
                strbuf_addf(&b, "FIELD: %s <%s>%s\n", at.field->name,
                            schema_type_name(at.field, type, sizeof(type)),
                            at.field->flags & FIELD_REQUIRED ? " -required-" : "");
                explain_values(&b, at.field, 4);
                strbuf_add_char(&b, '\n');
        }
        strbuf_add(&b, "DESCRIPTION:\n");
        explain_wrap(&b, at.field ? at.field->doc : at.schema->doc, 4);
        if (at.schema) {
                if (at.field && strcmp(at.field->doc, at.schema->doc) != 0)
                        explain_wrap(&b, at.schema->doc, 4);
                strbuf_add(&b, "\nFIELDS:\n");
                explain_fields(&b, at.schema, is_recursive, 2);
        }
        text = strbuf_steal(&b);
        if (!text)
                return err_set(e, -ENOMEM, "out of memory");
        *ret_text = text;
        return 0;
}
