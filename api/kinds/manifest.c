#include "api/kinds/manifest.h"

#include "api/kinds/crd.h"
#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"

#include <string.h>

/* What a file is read with. */
struct manifest_reader {
        const char *file;
        const char *namespace;
        struct manifests *out;
        struct diags *d;
};

void manifests_done(struct manifests *m) {
        for (size_t i = 0; i < m->n; i++) {
                json_decref(m->items[i].tree);
                places_unref(m->items[i].places);
                free(m->items[i].file);
        }
        free(m->items);
        *m = (struct manifests){ 0 };
}

/* Says that a document has no kind that orch knows. */
static void manifest_say_no_kind(struct manifest_reader *r, const json_t *tree) {
        const char *version = json_string_value(json_object_get(tree, "apiVersion"));
        const char *name = json_string_value(json_object_get(tree, "kind")), *near;
        struct diag *d;

        if (!json_is_object(tree)) {
                (void) diag_add(r->d, DIAG_ERROR, DIAG_TYPE, NULL,
                                "a manifest must be a map of fields with apiVersion and kind");
        } else if (!version || !name) {
                (void) diag_add(r->d, DIAG_ERROR, DIAG_REQUIRED, version ? "kind" : "apiVersion",
                                "Required value: a manifest needs apiVersion and kind");
        } else {
                d = diag_add(r->d, DIAG_ERROR, DIAG_NOT_SUPPORTED, "kind",
                             "no kind \"%s\" in version \"%s\"", name, version);
                for (size_t i = 0; kind_all()[i]; i++)
                        if (str_eq(kind_all()[i]->name, name))
                                diag_set_hint(d, "%s is in %s", name, kind_all()[i]->api_version);
                near = kind_nearest_word(name);
                if (d && !d->hint && near)
                        diag_set_hint(d, "did you mean \"%s\"?", kind_by_word(near)->name);
        }
}

static int manifest_check(struct manifest_reader *r, const struct kind *k, const json_t *tree) {
        json_t *copy = json_deep_copy(tree);
        int err;

        if (!copy)
                return -ENOMEM;
        err = kind_default(k, copy, NULL);
        if (err == 0)
                err = kind_validate(k, copy, 0, r->d);
        json_decref(copy);
        return err;
}

static int manifest_set_namespace(const struct manifest_reader *r, const struct kind *k,
                                  json_t *tree) {
        json_t *meta = json_object_get(tree, "metadata");

        if (!r->namespace || !k->is_namespaced || !json_is_object(meta) ||
            !str_is_empty(json_string_value(json_object_get(meta, "namespace"))))
                return 0;
        return json_object_set_new(meta, "namespace", json_string(r->namespace)) < 0 ? -ENOMEM : 0;
}

static int manifest_keep(struct manifest_reader *r, const struct kind *k, json_t *tree,
                         struct places *take_places, unsigned line) {
        AUTO(places) struct places *places = take_places;
        struct manifests *m = r->out;
        AUTO_FREE char *file = r->file ? strdup(r->file) : NULL;

        if ((r->file && !file) || manifest_set_namespace(r, k, tree) < 0 ||
            array_reserve(&m->items, &m->cap, m->n, sizeof(*m->items)) < 0)
                return -ENOMEM;
        m->items[m->n++] = (struct manifest){
                .kind = k,
                .tree = json_incref(tree),
                .places = STEAL(places),
                .file = STEAL(file),
                .line = line,
        };
        return 0;
}

/* Findings below an element of a List begin with its path. */
static int manifest_prefix(struct diags *d, size_t first, size_t index) {
        for (size_t i = first; i < d->n; i++) {
                struct diag *one = &d->items[i];
                char *field =
                        str_format("items[%zu]%s%s", index, str_is_empty(one->field) ? "" : ".",
                                   str_or_empty(one->field));

                if (!field)
                        return -ENOMEM;
                free(one->field);
                one->field = field;
        }
        return 0;
}

static const struct kind *manifest_kind(const struct manifest_reader *r, const json_t *tree) {
        const char *version = json_string_value(json_object_get(tree, "apiVersion"));
        const char *name = json_string_value(json_object_get(tree, "kind"));
        const struct kind *k = kind_find(version, name);

        if (k || !version || !name || !r->out->find)
                return k;
        return r->out->find(r->out->data, r->out, version, name);
}

/* One object. doc: the document that it is the whole of, whose places go to it; NULL: none. */
static int manifest_object(struct manifest_reader *r, json_t *tree, struct text_document *doc,
                           unsigned line) {
        const struct kind *k = manifest_kind(r, tree);
        bool is_known = k && k->is_stored;
        size_t first = r->d->n;
        int err = 0;

        if (is_known)
                err = manifest_check(r, k, tree);
        else
                manifest_say_no_kind(r, tree);
        if (doc)
                places_apply(doc->places, r->file, r->d, first);
        if (err < 0 || !is_known)
                return err;
        return manifest_keep(r, k, tree, doc ? STEAL(doc->places) : NULL, line);
}

static int manifest_list(struct manifest_reader *r, const json_t *list, unsigned line) {
        json_t *item;
        size_t i;
        int err;

        json_array_foreach(json_object_get(list, "items"), i, item) {
                size_t first = r->d->n;

                err = manifest_object(r, item, NULL, line);
                if (err == 0)
                        err = manifest_prefix(r->d, first, i);
                if (err < 0)
                        return err;
        }
        return 0;
}

static bool manifest_is_list(const json_t *tree) {
        const char *name = json_string_value(json_object_get(tree, "kind"));

        return str_ends_with(name, "List") && json_is_array(json_object_get(tree, "items"));
}

static bool manifest_is_definition(const json_t *tree) {
        return str_eq(json_string_value(json_object_get(tree, "kind")), crd_kind.name);
}

static int manifest_document(struct manifest_reader *r, struct text_document *doc) {
        size_t first = r->d->n;
        int err;

        if (!manifest_is_list(doc->tree))
                return manifest_object(r, doc->tree, doc, doc->line);
        err = manifest_list(r, doc->tree, doc->line);
        places_apply(doc->places, r->file, r->d, first);
        return err;
}

int manifest_read(const char *text, size_t len, const char *file, const char *namespace,
                  struct manifests *m, struct diags *d) {
        struct manifest_reader r = { .file = file, .namespace = namespace, .out = m, .d = d };
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        int err;

        err = text_read_yaml(text, len, file, 0, &docs, d);
        if (err < 0 && err != -EINVAL)
                return err;
        for (int pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < docs.n; i++) {
                        if (manifest_is_definition(docs.items[i].tree) != (pass == 0))
                                continue;
                        err = manifest_document(&r, &docs.items[i]);
                        if (err < 0)
                                return err;
                }
        return 0;
}
