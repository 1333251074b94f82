/* struct kind made from a CustomResourceDefinition, and what api/kinds asks of it. */
#include "api/kinds/custom.h"

#include "api/kinds/crd_selectable.h"
#include "api/kinds/custom_node.h"
#include "api/kinds/object.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static void custom_free(struct refs *refs) {
        struct custom *c = CONTAINER_OF(refs, struct custom, refs);

        kind_unref(c->kind.stored_as);
        compiled_done(&c->compiled);
        json_decref(c->definition);
        free(c);
}

static const char *text_of(const json_t *object, const char *key) {
        return str_or_empty(json_string_value(json_object_get(object, key)));
}

/* A NULL-terminated list of words in the arena; NULL: memory is out. */
static const char *const *words_of(const json_t *list, struct arena *a) {
        const char **words = arena_alloc_n(a, json_array_size(list) + 1, sizeof(*words));
        size_t n = 0, i;
        json_t *one;

        json_array_foreach((json_t *) list, i, one) {
                if (words && json_is_string(one))
                        words[n++] = json_string_value(one);
        }
        return words;
}

/* ---- columns ---- */

static const struct table_column COLUMN_OF_NAME = { "Name", "string", "name", 0 };
static const struct table_column COLUMN_OF_AGE = { "Age", "date", "", 0 };

static int column_read(struct custom *c, const json_t *one, struct table_column *ret,
                       const struct column_path **ret_path, struct err *e) {
        *ret = (struct table_column){
                .name = text_of(one, "name"),
                .type = text_of(one, "type"),
                .format = text_of(one, "format"),
                .priority = (int) json_integer_value(json_object_get(one, "priority")),
        };
        return column_path_parse(text_of(one, "jsonPath"), c->compiled.arena, ret_path, e);
}

/* The name, then what the definition says; the age where it says nothing. */
static int columns_read(struct custom *c, const json_t *list, struct err *e) {
        static const char AGE_PATH[] = ".metadata.creationTimestamp";
        size_t n = json_array_size(list), i;
        struct table_column *columns = arena_alloc_n(c->compiled.arena, n + 2, sizeof(*columns));
        const json_t *one;
        int r;

        c->columns = arena_alloc_n(c->compiled.arena, n + 2, sizeof(*c->columns));
        if (!columns || !c->columns)
                return err_set(e, -ENOMEM, "memory is out");
        columns[0] = COLUMN_OF_NAME;
        json_array_foreach((json_t *) list, i, one) {
                r = column_read(c, one, &columns[i + 1], &c->columns[i + 1], e);
                if (r < 0)
                        return r;
        }
        c->kind.columns = columns;
        c->kind.n_columns = n + 1;
        if (n > 0)
                return 0;
        columns[1] = COLUMN_OF_AGE;
        c->kind.n_columns = 2;
        return column_path_parse(AGE_PATH, c->compiled.arena, &c->columns[1], e);
}

int custom_add_cells(const struct kind *k, const json_t *tree, uint64_t now_usec, json_t *cells) {
        const struct custom *c = k->custom;
        const json_t *name = json_object_get(json_object_get(tree, "metadata"), "name");

        if (column_add_cell("string", name, now_usec, cells) < 0)
                return -ENOMEM;
        for (size_t i = 1; i < k->n_columns; i++)
                if (column_add_cell(k->columns[i].type, column_path_find(c->columns[i], tree),
                                    now_usec, cells) < 0)
                        return -ENOMEM;
        return 0;
}

/* ---- making ---- */

static const json_t *version_find(const json_t *definition, const char *name) {
        const json_t *spec = json_object_get(definition, "spec"), *one;
        size_t i;

        json_array_foreach(json_object_get(spec, "versions"), i, one) {
                if (str_eq(text_of(one, "name"), name))
                        return one;
        }
        return NULL;
}

static int names_read(struct custom *c, const json_t *spec, const char *version, struct err *e) {
        const json_t *names = json_object_get(spec, "names");
        struct arena *a = c->compiled.arena;
        struct kind *k = &c->kind;

        k->group = text_of(spec, "group");
        k->version = version;
        k->api_version = arena_printf(a, "%s/%s", k->group, version);
        k->name = text_of(names, "kind");
        k->list_name = text_of(names, "listKind");
        k->plural = text_of(names, "plural");
        k->singular = text_of(names, "singular");
        k->short_names = words_of(json_object_get(names, "shortNames"), a);
        k->categories = words_of(json_object_get(names, "categories"), a);
        k->is_namespaced = str_eq(text_of(spec, "scope"), "Namespaced");
        k->is_stored = true;
        k->name_format = FORMAT_DNS_SUBDOMAIN;
        if (!k->api_version || !k->short_names || !k->categories)
                return err_set(e, -ENOMEM, "memory is out");
        return 0;
}

/* ".spec.replicas" without its dot; NULL for an empty one. */
static const char *path_of(const json_t *scale, const char *key) {
        const char *path = text_of(scale, key);

        return *path == '.' ? path + 1 : NULL;
}

static void subresources_read(struct custom *c, const json_t *list) {
        const json_t *scale = json_object_get(list, "scale");

        c->kind.has_status = json_is_object(json_object_get(list, "status"));
        c->kind.has_scale = c->has_scale = json_is_object(scale);
        c->scale.spec_replicas = path_of(scale, "specReplicasPath");
        c->scale.status_replicas = path_of(scale, "statusReplicasPath");
        c->scale.selector = path_of(scale, "labelSelectorPath");
}

static int schema_read(struct custom *c, const json_t *version, struct err *e) {
        const struct path root = path_field(NULL, "openAPIV3Schema");
        struct diags d = { 0 };
        int r;

        c->schema = json_object_get(json_object_get(version, "schema"), "openAPIV3Schema");
        if (!json_is_object(c->schema))
                return err_set(e, -EINVAL, "version %s has no schema", text_of(version, "name"));
        r = custom_compile(c->schema, &root, &d, &c->compiled);
        if (r < 0)
                (void) err_set(e, r, "memory is out");
        else if (d.n_errors > 0 || !c->compiled.root)
                r = err_set(e, -EINVAL, "%s: %s",
                            d.n > 0 ? str_or_empty(d.items[0].field) : "schema",
                            d.n > 0 ? str_or_empty(d.items[0].text) : "not a schema");
        diags_done(&d);
        return r;
}

static struct custom *custom_alloc(struct err *e) {
        struct custom *c = calloc(1, sizeof(*c));

        if (!c) {
                (void) err_set(e, -ENOMEM, "memory is out");
                return NULL;
        }
        c->refs = (struct refs){ .n = 1, .free = custom_free };
        c->kind.refs = &c->refs;
        c->kind.custom = c;
        return c;
}

static int custom_fill(struct custom *c, const struct custom_version *v, struct err *e) {
        const json_t *version = version_find(v->definition, v->name);
        int r;

        if (!version)
                return err_set(e, -EINVAL, "there is no version %s", v->name);
        c->definition = json_incref((json_t *) v->definition);
        c->kind.stored_as = kind_ref(v->stored_as);
        r = schema_read(c, version, e);
        if (r == 0)
                r = names_read(c, json_object_get(v->definition, "spec"), text_of(version, "name"),
                               e);
        if (r == 0)
                r = columns_read(c, json_object_get(version, "additionalPrinterColumns"), e);
        if (r < 0)
                return r;
        if (json_is_true(json_object_get(json_object_get(v->definition, "spec"),
                                         "preserveUnknownFields")))
                return err_set(e, -EINVAL, "spec.preserveUnknownFields must be false");
        subresources_read(c, json_object_get(version, "subresources"));
        c->kind.schema = custom_table(c->compiled.root, c->kind.name, c->compiled.root->doc,
                                      c->compiled.arena);
        return c->kind.schema ? 0 : err_set(e, -ENOMEM, "memory is out");
}

int custom_kind_new(const struct custom_version *v, const struct kind **ret, struct err *e) {
        struct custom *c = custom_alloc(e);
        int r;

        if (!c)
                return -ENOMEM;
        r = custom_fill(c, v, e);
        if (r < 0) {
                kind_unref(&c->kind);
                return r;
        }
        *ret = &c->kind;
        return 0;
}

/* ---- by names alone ---- */

static const char *const *words_copy(const char *const *words, struct arena *a) {
        const char **copy;
        size_t n = 0;

        while (words && words[n])
                n++;
        copy = arena_alloc_n(a, n + 1, sizeof(*copy));
        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = arena_strdup(a, words[i]);
                if (!copy[i])
                        return NULL;
        }
        return copy;
}

static bool named_fill(struct custom *c, const struct custom_names *n) {
        struct arena *a = c->compiled.arena = arena_new(0);
        struct kind *k = &c->kind;

        if (!a)
                return false;
        k->group = arena_strdup(a, n->group);
        k->version = arena_strdup(a, n->version);
        k->api_version = *n->group ? arena_printf(a, "%s/%s", n->group, n->version) : k->version;
        k->name = arena_strdup(a, n->kind);
        k->list_name = str_is_empty(n->list_kind) ? arena_printf(a, "%sList", n->kind)
                                                  : arena_strdup(a, n->list_kind);
        k->plural = arena_strdup(a, n->plural);
        k->singular = arena_strdup(a, str_is_empty(n->singular) ? n->kind : n->singular);
        k->short_names = words_copy(n->short_names, a);
        k->categories = words_copy(n->categories, a);
        k->is_namespaced = n->is_namespaced;
        k->is_stored = true;
        k->has_status = n->has_status;
        k->has_scale = n->has_scale;
        k->name_format = FORMAT_DNS_SUBDOMAIN;
        k->schema = custom_table(NULL, k->name, "", a);
        return k->group && k->version && k->api_version && k->name && k->list_name && k->plural &&
               k->singular && k->short_names && k->categories && k->schema &&
               columns_read(c, NULL, NULL) == 0;
}

int custom_kind_new_named(const struct custom_names *n, const struct kind **ret, struct err *e) {
        struct custom *c = custom_alloc(e);

        if (!c)
                return -ENOMEM;
        if (!named_fill(c, n)) {
                kind_unref(&c->kind);
                return err_set(e, -ENOMEM, "memory is out");
        }
        *ret = &c->kind;
        return 0;
}

const json_t *custom_schema_json(const struct kind *k) {
        return k->custom ? k->custom->schema : NULL;
}

const json_t *custom_definition(const struct kind *k) {
        return k->custom ? k->custom->definition : NULL;
}

char *custom_deprecation(const struct kind *k) {
        const json_t *version = k->custom && k->custom->definition
                                        ? version_find(k->custom->definition, k->version)
                                        : NULL;
        const char *text = text_of(version, "deprecationWarning");

        if (!json_is_true(json_object_get(version, "deprecated")))
                return NULL;
        return *text ? str_format("%s", text)
                     : str_format("%s %s is deprecated", k->api_version, k->name);
}

bool custom_is_selectable(const struct kind *k, const char *name) {
        return k->custom && k->custom->definition &&
               crd_selectable_has(version_find(k->custom->definition, k->version), name);
}

/* ---- objects ---- */

int custom_default(const struct kind *k, json_t *tree) {
        const struct custom_node *root = k->custom->compiled.root;
        json_t *meta = json_object_get(tree, "metadata");
        int r = json_is_object(meta) ? schema_default(&object_meta_schema, meta) : 0;

        return r == 0 && root ? custom_default_node(root, tree) : r;
}

int custom_validate(const struct kind *k, const json_t *tree, const json_t *was, unsigned flags,
                    struct diags *d) {
        const struct custom *c = k->custom;
        const struct path root = path_field(NULL, "");
        const json_t *meta = json_object_get(tree, "metadata");
        int r;

        if (!json_is_object(tree)) {
                (void) diag_add(d, DIAG_ERROR, DIAG_TYPE, NULL, "must be a map of fields");
                return 0;
        }
        r = meta ? schema_validate(&object_meta_schema, meta, "metadata", flags, d) : 0;
        if (r < 0 || !c->compiled.root)
                return r;
        return custom_validate_node_changed(c->compiled.root, tree, was, &root, flags, d);
}

int custom_prune(const struct kind *k, json_t *tree) {
        const struct custom_node *root = k->custom->compiled.root;
        json_t *meta = json_object_get(tree, "metadata");
        int r = json_is_object(meta) ? schema_prune(&object_meta_schema, meta) : 0;

        return r == 0 && root ? custom_prune_node(root, tree, true) : r;
}

/* ---- scale ---- */

const struct custom_scale *custom_scale_of(const struct kind *k) {
        return k->custom && k->custom->has_scale ? &k->custom->scale : NULL;
}

json_t *custom_at(const json_t *tree, const char *path) {
        char name[256];

        while (tree && path && *path) {
                size_t len = strcspn(path, ".");

                if (len >= sizeof(name))
                        return NULL;
                memcpy(name, path, len);
                name[len] = '\0';
                tree = json_object_get(tree, name);
                path += len + (path[len] == '.');
        }
        return path ? (json_t *) tree : NULL;
}

int custom_put(json_t *tree, const char *path, json_t *take_value) {
        char name[256];

        for (;;) {
                size_t len = strcspn(path, ".");
                json_t *below;

                if (len >= sizeof(name) || !json_is_object(tree)) {
                        json_decref(take_value);
                        return -EINVAL;
                }
                memcpy(name, path, len);
                name[len] = '\0';
                if (path[len] == '\0')
                        return json_object_set_new(tree, name, take_value) < 0 ? -ENOMEM : 0;
                below = json_object_get(tree, name);
                if (!below && json_object_set_new(tree, name, below = json_object()) < 0) {
                        json_decref(take_value);
                        return -ENOMEM;
                }
                tree = below;
                path += len + 1;
        }
}
