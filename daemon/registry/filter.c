#include "daemon/registry/filter.h"

#include "api/kinds/custom.h"
#include "api/kinds/labels.h"
#include "api/text/span.h"
#include "api/text/text.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void filter_done(struct filter *f) {
        free(f->namespace_);
        free(f->name);
        selector_unref(f->labels);
        selector_unref(f->fields);
        *f = (struct filter){ 0 };
}

static const char *label_get(void *data, const char *key) {
        const struct record *r = data;

        for (uint32_t i = 0; i < r->n_labels; i++)
                if (strcmp(r->labels[i].key, key) == 0)
                        return r->labels[i].value;
        return NULL;
}

/* A record whose fields are asked for one after another. */
struct field_reader {
        const struct record *record;
        json_t *value; /* of the last one that was read from its text; NULL: none */
        char number[24];
};

/* The value at a path into the text, as selectors compare it. */
static const char *text_get(struct field_reader *f, const char *path) {
        struct text_span at = { f->record->json, f->record->json_len };
        AUTO_FREE char *names = strdup(path);
        char *rest = names, *name;

        while ((name = strsep(&rest, ".")))
                if (!text_json_member(at.at, at.len, name, &at))
                        return "";
        json_decref(f->value);
        f->value = names ? text_parse_json(at.at, at.len) : NULL;
        return field_value(f->value, "", f->number, sizeof(f->number));
}

static const char *rare_get(struct field_reader *f, const struct resource_rare *rare) {
        const char *value = text_get(f, rare->path);

        if (str_is_empty(value) && rare->else_path)
                value = text_get(f, rare->else_path);
        return str_is_empty(value) ? str_or_empty(rare->absent) : value;
}

static const char *field_get(void *data, const char *key) {
        struct field_reader *f = data;
        const struct record *r = f->record;
        const struct resource_rare *rare;
        int i;

        if (strcmp(key, "metadata.name") == 0)
                return r->name;
        if (strcmp(key, "metadata.namespace") == 0)
                return r->namespace_;
        i = resource_field(r->resource, key);
        if (i >= 0)
                return r->fields[i];
        rare = resource_rare(r->resource, key);
        return rare ? rare_get(f, rare) : text_get(f, key);
}

static bool fields_match(const struct filter *f, const struct record *r) {
        struct field_reader reader = { .record = r };
        bool is_match = selector_matches_with(f->fields, field_get, &reader);

        json_decref(reader.value);
        return is_match;
}

bool filter_matches(const struct filter *f, const struct record *r) {
        if (r->resource != f->resource)
                return false;
        if (f->namespace_ && strcmp(f->namespace_, r->namespace_) != 0)
                return false;
        if (f->name && strcmp(f->name, r->name) != 0)
                return false;
        if (f->labels && !selector_matches_with(f->labels, label_get, (void *) r))
                return false;
        return !f->fields || fields_match(f, r);
}

static bool labels_read(struct call *c, struct filter *f) {
        const char *text = query_get(&c->query, "labelSelector");
        struct err e = { 0 };
        int r;

        if (str_is_empty(text))
                return true;
        r = selector_parse(text, &f->labels, &e);
        if (r == -ENOMEM)
                call_fail_memory(c);
        else if (r < 0)
                call_fail(c, 400, "BadRequest", "unable to parse requirement: %s", err_text(&e));
        return r == 0;
}

/* Other names of fields that Events are chosen by, in whichever version. */
static const char *const EVENT_NAMES[][2] = {
        { "regarding.kind", "involvedObject.kind" },
        { "regarding.namespace", "involvedObject.namespace" },
        { "regarding.name", "involvedObject.name" },
        { "regarding.uid", "involvedObject.uid" },
        { "regarding.apiVersion", "involvedObject.apiVersion" },
        { "regarding.resourceVersion", "involvedObject.resourceVersion" },
        { "regarding.fieldPath", "involvedObject.fieldPath" },
        { "reportingController", "reportingComponent" },
};

/* Names fields as the stored version does. */
static void fields_rename(const struct kind *asked, struct selector *fields) {
        if (!str_eq(asked->name, "Event") || asked->custom)
                return;
        for (size_t i = 0; i < fields->n; i++)
                for (size_t j = 0; j < ARRAY_SIZE(EVENT_NAMES); j++)
                        if (str_eq(fields->terms[i].key, EVENT_NAMES[j][0]))
                                fields->terms[i].key = EVENT_NAMES[j][1];
}

static bool field_is_known(const struct call *c, const struct resource *r, const char *key) {
        return str_eq(key, "metadata.name") || str_eq(key, "metadata.namespace") ||
               resource_field(r, key) >= 0 || resource_rare(r, key) ||
               custom_is_selectable(c->asked, key);
}

static bool fields_read(struct call *c, struct filter *f) {
        const char *text = query_get(&c->query, "fieldSelector");
        struct err e = { 0 };
        int r;

        if (str_is_empty(text))
                return true;
        r = selector_parse_fields(text, &f->fields, &e);
        if (r == -ENOMEM) {
                call_fail_memory(c);
                return false;
        }
        if (r < 0) {
                call_fail(c, 400, "BadRequest", "invalid selector: '%s'; %s", text, err_text(&e));
                return false;
        }
        fields_rename(c->asked, f->fields);
        for (size_t i = 0; i < f->fields->n; i++) {
                const char *key = f->fields->terms[i].key;

                if (field_is_known(c, f->resource, key))
                        continue;
                if (f->resource->n_fields > 0 || f->resource->n_rare > 0 || c->asked->custom)
                        call_fail(c, 400, "BadRequest", "field label not supported: %s", key);
                else
                        call_fail(c, 400, "BadRequest",
                                  "\"%s\" is not a known field selector: only \"metadata.name\", "
                                  "\"metadata.namespace\"",
                                  key);
                return false;
        }
        return true;
}

bool filter_read(struct call *c, struct filter *ret_filter) {
        AUTO_DONE(filter) struct filter f = { .resource = &c->kind->resource };

        if (*c->path.namespace_)
                f.namespace_ = strdup(c->path.namespace_);
        if (*c->path.name)
                f.name = strdup(c->path.name);
        if ((*c->path.namespace_ && !f.namespace_) || (*c->path.name && !f.name)) {
                call_fail_memory(c);
                return false;
        }
        if (!labels_read(c, &f) || !fields_read(c, &f))
                return false;
        *ret_filter = f;
        f = (struct filter){ 0 };
        return true;
}
