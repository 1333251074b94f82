#include "daemon/registry/present.h"

#include "api/kinds/object.h"
#include "api/text/span.h"
#include "api/text/text.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Kinds without columns of their own have these. */
static const struct table_column NAME_AND_AGE[] = {
        { .name = "Name", .type = "string", .format = "name" },
        { .name = "Age", .type = "string", .format = "" },
};

/* ---- columns ---- */

static void add_column(struct strbuf *b, const struct table_column *c) {
        strbuf_add(b, "{\"name\":");
        text_json_add_text(b, c->name);
        strbuf_add(b, ",\"type\":");
        text_json_add_text(b, c->type);
        strbuf_add(b, ",\"format\":");
        text_json_add_text(b, str_or_empty(c->format));
        strbuf_add(b, ",\"description\":");
        text_json_add_text(b, str_or_empty(c->description));
        strbuf_addf(b, ",\"priority\":%d}", c->priority);
}

static void add_columns(struct strbuf *b, const struct kind *k) {
        const struct table_column *columns = k->n_columns > 0 ? k->columns : NAME_AND_AGE;
        size_t n = k->n_columns > 0 ? k->n_columns : ARRAY_SIZE(NAME_AND_AGE);

        strbuf_add_char(b, '[');
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        strbuf_add_char(b, ',');
                add_column(b, &columns[i]);
        }
        strbuf_add_char(b, ']');
}

/* ---- rows ---- */

/* An object that is to be told. */
struct subject {
        const struct kind *kind;
        const char *json;
        size_t len;
};

static int cells_of_any(const struct object *o, uint64_t now_usec, json_t *cells) {
        char age[AGE_TEXT_MAX];

        (void) age_format(o->meta->creation_timestamp, now_usec, age);
        if (json_array_append_new(cells, json_string(str_or_empty(o->meta->name))) < 0 ||
            json_array_append_new(cells, json_string(age)) < 0)
                return -ENOMEM;
        return 0;
}

/* What can't be decoded any more (an old version's object) is a row of blanks, not a failed list.
 */
static int cells_unknown(const struct kind *k, json_t *cells) {
        size_t n = k->n_columns > 0 ? k->n_columns : ARRAY_SIZE(NAME_AND_AGE);

        while (json_array_size(cells) < n)
                if (json_array_append_new(cells, json_string("<unknown>")) < 0)
                        return -ENOMEM;
        return 0;
}

static int cells_fill(const struct subject *s, uint64_t now_usec, json_t *cells) {
        const struct kind *k = s->kind;
        AUTO(object) struct object *o = NULL;
        int r;

        /* Columns of a custom kind are paths into its text. */
        r = k->custom ? object_new_from_text(k, s->json, s->len, true, &o, NULL)
                      : object_glance(k, s->json, s->len, &o, NULL);
        if (r == -ENOMEM)
                return r;
        if (r == 0)
                r = k->n_columns > 0 ? kind_add_cells(k, o, now_usec, cells)
                                     : cells_of_any(o, now_usec, cells);
        return r < 0 ? r : cells_unknown(k, cells);
}

static void add_cells(struct strbuf *b, const struct subject *s, uint64_t now_usec) {
        json_t *cells = json_array();

        if (cells && cells_fill(s, now_usec, cells) == 0)
                text_json_add(b, cells);
        else
                b->has_failed = true;
        json_decref(cells);
}

static struct text_span metadata_of(const struct subject *s) {
        struct text_span span;

        if (!text_json_member(s->json, s->len, "metadata", &span))
                return (struct text_span){ .at = "{}", .len = 2 };
        return span;
}

static void add_partial_head(struct strbuf *b, const struct form *f) {
        strbuf_addf(b, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"%s\",\"metadata\":",
                    form_api_version(f));
}

/* The part of a row before its object, and behind it. */
static void add_row_head(struct strbuf *b, const struct form *f, const struct subject *s,
                         uint64_t now_usec) {
        strbuf_add(b, "{\"cells\":");
        add_cells(b, s, now_usec);
        if (f->include != FORM_INCLUDE_NONE)
                strbuf_add(b, ",\"object\":");
        if (f->include == FORM_INCLUDE_METADATA)
                add_partial_head(b, f);
}

static const char *row_tail(const struct form *f) {
        return f->include == FORM_INCLUDE_METADATA ? "}}" : "}";
}

/* What of an object's text stands inside the form. Empty: nothing. */
static struct text_span inner_of(const struct form *f, const struct subject *s) {
        if (f->as == FORM_PARTIAL || (f->as == FORM_TABLE && f->include == FORM_INCLUDE_METADATA))
                return metadata_of(s);
        if (f->as == FORM_TABLE && f->include == FORM_INCLUDE_NONE)
                return (struct text_span){ .at = "", .len = 0 };
        return (struct text_span){ .at = s->json, .len = s->len };
}

static void add_item_head(struct strbuf *b, const struct form *f, const struct subject *s,
                          uint64_t now_usec) {
        if (f->as == FORM_TABLE)
                add_row_head(b, f, s, now_usec);
        else if (f->as == FORM_PARTIAL)
                add_partial_head(b, f);
}

static const char *item_tail(const struct form *f) {
        return f->as == FORM_TABLE ? row_tail(f) : f->as == FORM_PARTIAL ? "}" : "";
}

/* ---- tables ---- */

static void add_table_head(struct strbuf *b, const struct form *f, const struct kind *k,
                           const char *metadata, bool has_columns) {
        strbuf_addf(b,
                    "{\"kind\":\"Table\",\"apiVersion\":\"%s\",\"metadata\":%s,"
                    "\"columnDefinitions\":",
                    form_api_version(f), metadata);
        if (has_columns)
                add_columns(b, k);
        else
                strbuf_add(b, "null");
        strbuf_add(b, ",\"rows\":[");
}

static char *revision_metadata(uint64_t revision) {
        return str_format("{\"resourceVersion\":\"%" PRIu64 "\"}", revision);
}

static void body_add_strbuf(struct body *b, struct strbuf *take_text) {
        size_t len = take_text->len;

        body_add_text(b, strbuf_steal(take_text), len);
}

void present_record(const struct form *f, const struct kind *asked, struct record *r,
                    uint64_t now_usec, struct body *b) {
        AUTO(record) struct record *view = view_record(r, asked);
        AUTO_DONE(strbuf) struct strbuf head = { 0 };
        AUTO_FREE char *metadata = NULL;
        struct subject s;
        struct text_span inner;

        if (!view) {
                body_add_text(b, NULL, 0);
                return;
        }
        if (f->as == FORM_OBJECT) {
                body_add_record(b, view);
                return;
        }
        s = (struct subject){ asked, view->json, view->json_len };
        metadata = revision_metadata(r->revision);
        if (f->as == FORM_TABLE)
                add_table_head(&head, f, asked, str_or_empty(metadata), true);
        head.has_failed = head.has_failed || !metadata;
        add_item_head(&head, f, &s, now_usec);
        body_add_strbuf(b, &head);
        inner = inner_of(f, &s);
        body_add_record_part(b, view, inner.at, inner.len);
        body_add_static(b, item_tail(f));
        if (f->as == FORM_TABLE)
                body_add_static(b, PRESENT_LIST_END);
}

/* All in one text. revision_metadata is the Table's; NULL: it has none. */
static char *subject_format(const struct form *f, const struct subject *s, uint64_t now_usec,
                            const char *metadata, bool has_columns) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct text_span inner = inner_of(f, s);

        if (f->as == FORM_TABLE)
                add_table_head(&b, f, s->kind, metadata, has_columns);
        add_item_head(&b, f, s, now_usec);
        strbuf_add_len(&b, inner.at, inner.len);
        strbuf_add(&b, item_tail(f));
        if (f->as == FORM_TABLE)
                strbuf_add(&b, PRESENT_LIST_END);
        return strbuf_steal(&b);
}

void present_text(const struct form *f, const struct kind *k, char *take_json, uint64_t now_usec,
                  struct body *b) {
        const struct subject s = { k, take_json, take_json ? strlen(take_json) : 0 };
        char *text;

        if (!take_json || f->as == FORM_OBJECT) {
                body_add_text(b, take_json, s.len);
                return;
        }
        text = subject_format(f, &s, now_usec, "{}", true);
        free(take_json);
        body_add_text(b, text, text ? strlen(text) : 0);
}

char *present_event(const struct form *f, const struct kind *asked, struct record *r,
                    uint64_t now_usec, bool has_columns) {
        AUTO(record) struct record *view = view_record(r, asked);
        AUTO_FREE char *metadata = revision_metadata(r->revision);
        struct subject s;

        if (!view || !metadata)
                return NULL;
        s = (struct subject){ asked, view->json, view->json_len };
        return subject_format(f, &s, now_usec, metadata, has_columns);
}

char *present_bookmark(const struct form *f, const struct kind *k, const char *metadata,
                       bool has_columns) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (f->as == FORM_OBJECT)
                return str_format("{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s}",
                                  k->name, k->api_version, metadata);
        if (f->as == FORM_TABLE)
                add_table_head(&b, f, k, metadata, has_columns);
        if (f->as == FORM_TABLE)
                strbuf_add(&b, "{\"cells\":[],\"object\":");
        add_partial_head(&b, f);
        strbuf_addf(&b, "%s}", metadata);
        if (f->as == FORM_TABLE)
                strbuf_add(&b, "}" PRESENT_LIST_END);
        return strbuf_steal(&b);
}

/* ---- lists ---- */

char *present_list_head(const struct present_list *list) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 }, metadata = { 0 };
        const struct form *f = &list->form;

        strbuf_addf(&metadata, "{\"resourceVersion\":\"%" PRIu64 "\"", list->revision);
        if (list->continue_) {
                strbuf_add(&metadata, ",\"continue\":");
                text_json_add_text(&metadata, list->continue_);
        }
        if (list->n_remaining >= 0)
                strbuf_addf(&metadata, ",\"remainingItemCount\":%" PRId64, list->n_remaining);
        strbuf_add_char(&metadata, '}');
        if (metadata.has_failed)
                return NULL;
        if (f->as == FORM_TABLE)
                add_table_head(&b, f, list->kind, metadata.s, true);
        else
                strbuf_addf(
                        &b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":%s,\"items\":[",
                        f->as == FORM_PARTIAL ? "PartialObjectMetadataList" : list->kind->list_name,
                        f->as == FORM_PARTIAL ? form_api_version(f) : list->kind->api_version,
                        metadata.s);
        return strbuf_steal(&b);
}

void present_list_item(const struct present_list *list, struct record *r, bool is_first,
                       struct body *b) {
        AUTO(record) struct record *view = view_record(r, list->kind);
        AUTO_DONE(strbuf) struct strbuf head = { 0 };
        const struct form *f = &list->form;
        struct subject s;
        struct text_span inner;

        if (!view) {
                body_add_text(b, NULL, 0);
                return;
        }
        if (f->as == FORM_OBJECT) {
                if (!is_first)
                        body_add_static(b, ",");
                body_add_record(b, view);
                return;
        }
        s = (struct subject){ list->kind, view->json, view->json_len };
        if (!is_first)
                strbuf_add_char(&head, ',');
        add_item_head(&head, f, &s, list->now_usec);
        body_add_strbuf(b, &head);
        inner = inner_of(f, &s);
        if (inner.len > 0)
                body_add_record_part(b, view, inner.at, inner.len);
        body_add_static(b, item_tail(f));
}

void present_list_text(const struct present_list *list, char *take_json, bool is_first,
                       struct body *b) {
        const struct subject s = { list->kind, take_json, take_json ? strlen(take_json) : 0 };
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        struct text_span inner;

        if (!take_json) {
                body_add_text(b, NULL, 0);
                return;
        }
        if (!is_first)
                strbuf_add_char(&text, ',');
        inner = inner_of(&list->form, &s);
        add_item_head(&text, &list->form, &s, list->now_usec);
        strbuf_add_len(&text, inner.at, inner.len);
        strbuf_add(&text, item_tail(&list->form));
        free(take_json);
        body_add_strbuf(b, &text);
}
