#include "daemon/registry/list_body.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "daemon/registry/body.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"

#include <stdlib.h>
#include <string.h>

/* So many are made at a time: rows, whose cells are decoded, take 10 us each. */
#define ITEMS_A_TIME 8U

struct walk {
        struct present_list list;
        struct record_list records;
        size_t at;
        bool has_ended;
};

int record_list_add(struct record_list *l, struct record *r) {
        if (array_reserve(&l->items, &l->cap, l->n, sizeof(*l->items)) < 0)
                return -ENOMEM;
        l->items[l->n++] = record_ref(r);
        return 0;
}

void record_list_done(struct record_list *l) {
        for (size_t i = 0; i < l->n; i++)
                record_unref(l->items[i]);
        free(l->items);
        *l = (struct record_list){ 0 };
}

static void walk_free(void *data) {
        struct walk *w = data;

        record_list_done(&w->records);
        kind_unref(w->list.kind);
        free(w);
}

/* The pieces hold the records from here on. */
static bool walk_next(void *data, struct body *b) {
        struct walk *w = data;
        size_t end = MIN(w->at + ITEMS_A_TIME, w->records.n);

        if (w->has_ended)
                return false;
        for (; w->at < end; w->at++) {
                struct record *r = STEAL(w->records.items[w->at]);

                present_list_item(&w->list, r, w->at == 0, b);
                record_unref(r);
        }
        w->has_ended = w->at == w->records.n;
        if (w->has_ended)
                body_add_static(b, PRESENT_LIST_END);
        return true;
}

/* Objects as they are stored are as long as their texts; what else there is shows when it is made.
 */
static size_t walk_len(const struct walk *w) {
        size_t len = strlen(PRESENT_LIST_END) + (w->records.n > 0 ? w->records.n - 1 : 0);

        for (size_t i = 0; i < w->records.n; i++) {
                const struct record *r = w->records.items[i];

                if (w->list.form.as != FORM_OBJECT || r->resource->kind != w->list.kind)
                        return BODY_LEN_UNKNOWN;
                len += r->json_len;
        }
        return len;
}

struct body *list_body_new(const struct present_list *list, struct record_list *take_records) {
        static const struct body_source SOURCE = { .next = walk_next, .free = walk_free };
        AUTO(body) struct body *b = body_new();
        struct walk *w = calloc(1, sizeof(*w));
        char *head = present_list_head(list);
        bool is_short = take_records->n <= ITEMS_A_TIME;

        if (!b || !w || !head) {
                record_list_done(take_records);
                free(head);
                free(w);
                return NULL;
        }
        w->list = *list;
        w->list.continue_ = NULL;
        (void) kind_ref(list->kind);
        w->records = *take_records;
        *take_records = (struct record_list){ 0 };
        body_add_text(b, head, strlen(head));
        if (!is_short) {
                body_set_source(b, &SOURCE, w, walk_len(w));
                return STEAL(b);
        }
        (void) walk_next(w, b);
        walk_free(w);
        return STEAL(b);
}
