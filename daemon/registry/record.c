#include "daemon/registry/record.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/text/span.h"
#include "api/text/text.h"
#include "base/refs.h"
#include "base/slab.h"
#include "base/str.h"
#include "daemon/registry/resource.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_LABELS_MAX 1024U

/* Keys that lead, so that what people look for first comes first. */
static const char *const META_ORDER[] = { "name", "namespace", "uid", "resourceVersion" };
static const char *const ROOT_ORDER[] = { "apiVersion", "kind", "metadata" };

static const char *text_of(const json_t *object, const char *key) {
        return str_or_empty(json_string_value(json_object_get(object, key)));
}

struct writer {
        struct strbuf text;
        bool is_first;
        char revision[24];
        size_t managed_at, managed_len; /* where metadata.managedFields came to lie */
};

static void member_write(struct writer *w, const char *key) {
        if (!w->is_first)
                strbuf_add_char(&w->text, ',');
        w->is_first = false;
        text_json_add_text(&w->text, key);
        strbuf_add_char(&w->text, ':');
}

static bool is_ordered(const char *key, const char *const *order, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(order[i], key))
                        return true;
        return false;
}

static void meta_write(struct writer *w, const json_t *meta) {
        const char *key;
        size_t from;
        json_t *value;

        strbuf_add_char(&w->text, '{');
        w->is_first = true;
        for (size_t i = 0; i < ARRAY_SIZE(META_ORDER); i++) {
                bool is_revision = str_eq(META_ORDER[i], "resourceVersion");

                value = json_object_get(meta, META_ORDER[i]);
                if (!value && !is_revision)
                        continue;
                member_write(w, META_ORDER[i]);
                if (is_revision)
                        text_json_add_text(&w->text, w->revision);
                else
                        text_json_add(&w->text, value);
        }
        json_object_foreach((json_t *) meta, key, value) {
                if (is_ordered(key, META_ORDER, ARRAY_SIZE(META_ORDER)))
                        continue;
                member_write(w, key);
                from = w->text.len;
                /* Text that has not been parsed for this write (managed.h). */
                if (json_is_string(value) && str_eq(key, "managedFields"))
                        strbuf_add_len(&w->text, json_string_value(value),
                                       json_string_length(value));
                else
                        text_json_add(&w->text, value);
                if (str_eq(key, "managedFields")) {
                        w->managed_at = from;
                        w->managed_len = w->text.len - from;
                }
        }
        strbuf_add_char(&w->text, '}');
        w->is_first = false;
}

/* What goes into a record, all borrowed. */
struct parts {
        const json_t *labels;
        size_t n_labels;
        const char *namespace_, *name, *uid;
        const char *fields[RECORD_FIELDS_MAX];
        char numbers[RECORD_FIELDS_MAX][24];
        const char *json;
        size_t json_len, managed_at, managed_len;
};

/* The object as one line with resourceVersion in it, or NULL when memory is out. What belongs to
 * the text goes into p. */
static char *tree_dump(const json_t *tree, uint64_t revision, struct parts *p) {
        struct writer w = { .is_first = true };
        const char *key;
        json_t *value;

        (void) snprintf(w.revision, sizeof(w.revision), "%" PRIu64, revision);
        strbuf_add_char(&w.text, '{');
        for (size_t i = 0; i < ARRAY_SIZE(ROOT_ORDER); i++) {
                value = json_object_get(tree, ROOT_ORDER[i]);
                if (!value)
                        continue;
                member_write(&w, ROOT_ORDER[i]);
                if (str_eq(ROOT_ORDER[i], "metadata"))
                        meta_write(&w, value);
                else
                        text_json_add(&w.text, value);
        }
        json_object_foreach((json_t *) tree, key, value) {
                if (is_ordered(key, ROOT_ORDER, ARRAY_SIZE(ROOT_ORDER)))
                        continue;
                member_write(&w, key);
                text_json_add(&w.text, value);
        }
        strbuf_add_char(&w.text, '}');
        p->json_len = w.text.len;
        p->managed_at = w.managed_at;
        p->managed_len = w.managed_len;
        return strbuf_steal(&w.text);
}

struct pack {
        char *at;
};

static const char *pack_text(struct pack *p, const char *s) {
        size_t size = strlen(s) + 1;
        char *copy = p->at;

        memcpy(copy, s, size);
        p->at += size;
        return copy;
}

static int parts_gather(struct parts *p, const struct resource *resource, const json_t *tree,
                        struct err *e) {
        const json_t *meta = json_object_get(tree, "metadata");

        p->namespace_ = resource->kind->is_namespaced ? text_of(meta, "namespace") : "";
        p->name = text_of(meta, "name");
        p->uid = text_of(meta, "uid");
        p->labels = json_object_get(meta, "labels");
        p->n_labels = json_object_size(p->labels);
        if (p->name[0] == '\0' || p->n_labels > RECORD_LABELS_MAX)
                return err_set(e, -EINVAL, "an object needs a name and at most %u labels",
                               RECORD_LABELS_MAX);
        for (size_t i = 0; i < resource->n_fields; i++)
                p->fields[i] = field_value(tree, resource->fields[i], p->numbers[i],
                                           sizeof(p->numbers[i]));
        return 0;
}

static size_t parts_text_bytes(const struct parts *p, size_t n_fields) {
        size_t bytes =
                strlen(p->namespace_) + strlen(p->name) + strlen(p->uid) + 3 + p->json_len + 1;
        const char *key;
        json_t *value;

        for (size_t i = 0; i < n_fields; i++)
                bytes += strlen(p->fields[i]) + 1;
        json_object_foreach((json_t *) p->labels, key, value)
                bytes += strlen(key) + strlen(str_or_empty(json_string_value(value))) + 2;
        return bytes;
}

static struct record *parts_pack(const struct parts *p, const struct resource *resource,
                                 uint64_t revision) {
        size_t labels_bytes = p->n_labels * sizeof(struct record_label);
        size_t fields_bytes = resource->n_fields * sizeof(char *);
        size_t bytes = sizeof(struct record) + labels_bytes + fields_bytes +
                       parts_text_bytes(p, resource->n_fields);
        struct record *r = slab_alloc(bytes);
        struct record_label *labels;
        const char **fields, *key;
        struct pack pack;
        json_t *value;
        size_t n = 0;

        if (!r)
                return NULL;
        labels = (struct record_label *) (r + 1);
        fields = (const char **) (labels + p->n_labels);
        pack.at = (char *) (fields + resource->n_fields);
        *r = (struct record){ .n_refs = 1, .revision = revision, .resource = resource };
        refs_get(resource->refs);
        r->namespace_ = pack_text(&pack, p->namespace_);
        r->name = pack_text(&pack, p->name);
        r->uid = pack_text(&pack, p->uid);
        json_object_foreach((json_t *) p->labels, key, value) {
                labels[n].key = pack_text(&pack, key);
                labels[n++].value = pack_text(&pack, str_or_empty(json_string_value(value)));
        }
        for (size_t i = 0; i < resource->n_fields; i++)
                fields[i] = pack_text(&pack, p->fields[i]);
        memcpy(pack.at, p->json, p->json_len);
        pack.at[p->json_len] = '\0';
        r->labels = labels;
        r->n_labels = (uint32_t) n;
        r->fields = fields;
        r->json = pack.at;
        r->json_len = p->json_len;
        r->managed_at = (uint32_t) p->managed_at;
        r->managed_len = (uint32_t) p->managed_len;
        return r;
}

int record_new(const struct resource *resource, const json_t *tree, uint64_t revision,
               struct record **ret_record, struct err *e) {
        AUTO_FREE char *text = NULL;
        struct parts p = { 0 };
        struct record *record;
        int r;

        r = parts_gather(&p, resource, tree, e);
        if (r < 0)
                return r;
        text = tree_dump(tree, revision, &p);
        if (!text)
                return err_set(e, -ENOMEM, "memory is out");
        p.json = text;
        record = parts_pack(&p, resource, revision);
        if (!record)
                return err_set(e, -ENOMEM, "memory is out");
        *ret_record = record;
        return 0;
}

/* Of a text that was written elsewhere or earlier. */
static void parts_find_managed(struct parts *p) {
        struct text_span meta, managed;

        if (!text_json_member(p->json, p->json_len, "metadata", &meta) ||
            !text_json_member(meta.at, meta.len, "managedFields", &managed))
                return;
        p->managed_at = (size_t) (managed.at - p->json);
        p->managed_len = managed.len;
}

int record_parse(const struct resource *resource, const char *json, size_t len,
                 struct record **ret_record, struct err *e) {
        json_t *tree = text_parse_json(json, len);
        struct parts p = { .json = json, .json_len = len };
        struct record *record = NULL;
        int64_t revision = 0;
        int r;

        if (!tree)
                return err_set(e, -EINVAL, "stored %s is no JSON", resource->kind->plural);
        parts_find_managed(&p);
        r = parts_gather(&p, resource, tree, e);
        if (r == 0)
                r = str_to_int64(text_of(json_object_get(tree, "metadata"), "resourceVersion"), 1,
                                 INT64_MAX, &revision);
        if (r == 0 && !(record = parts_pack(&p, resource, (uint64_t) revision)))
                r = -ENOMEM;
        json_decref(tree);
        if (r < 0)
                return err_errno(e, r, "stored %s can't be read", resource->kind->plural);
        *ret_record = record;
        return 0;
}

int record_decode(struct record *r, const json_t *tree, size_t *bytes) {
        char revision[24];

        (void) snprintf(revision, sizeof(revision), "%" PRIu64, r->revision);
        return object_new_outline(r->resource->kind, tree, revision, bytes, &r->object, NULL);
}

void record_forget_object(struct record *r) {
        object_unref(STEAL(r->object));
}

struct record *record_ref(struct record *r) {
        r->n_refs++;
        return r;
}

void record_unref(struct record *r) {
        struct refs *resource;

        if (!r || --r->n_refs > 0)
                return;
        resource = r->resource->refs;
        object_unref(r->object);
        slab_free(r, record_bytes(r));
        refs_put(resource);
}

json_t *record_tree(const struct record *r) {
        return text_parse_json(r->json, r->json_len);
}

size_t record_bytes(const struct record *r) {
        return (size_t) (r->json + r->json_len + 1 - (const char *) r);
}

int record_compare(const struct record *a, const char *namespace_, const char *name) {
        int order = strcmp(a->namespace_, namespace_);

        return order ? order : strcmp(a->name, name);
}
