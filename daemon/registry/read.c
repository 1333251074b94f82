#include "daemon/registry/read.h"

#include "daemon/registry/body.h"
#include "daemon/registry/call.h"
#include "daemon/registry/filter.h"
#include "daemon/registry/list_body.h"
#include "daemon/registry/list_options.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/watch.h"

#include <string.h>

void read_get(struct call *c) {
        struct record *r = table_get(&c->kind->table, c->path.namespace_, c->path.name);

        if (!list_options_check_get(c))
                return;
        if (r)
                call_respond_record(c, r);
        else
                call_fail_not_found(c);
}

/* ---- lists ---- */

static size_t list_start(const struct table *t, const struct filter *f, const struct position *p) {
        size_t i;

        if (*p->name == '\0')
                return f->namespace_ ? table_find(t, f->namespace_, "") : 0;
        i = table_find(t, p->namespace_, p->name);
        if (i < t->n && record_compare(t->items[i], p->namespace_, p->name) == 0)
                i++;
        return i;
}

struct page {
        struct present_list list;
        bool has_selector, has_failed;
        struct record_list records;
        size_t n_remaining; /* behind a page that was cut */
};

/* Walks from start on; limit 0: to the end. */
static void page_fill(struct page *p, const struct table *t, const struct filter *f, size_t start,
                      size_t limit) {
        for (size_t i = start; i < t->n && !p->has_failed; i++) {
                struct record *r = t->items[i];

                if (f->namespace_ && strcmp(r->namespace_, f->namespace_) != 0)
                        break;
                if (!filter_matches(f, r))
                        continue;
                if (limit > 0 && p->records.n >= limit) {
                        p->n_remaining++;
                        /* How many more there are is told only where all count. */
                        if (p->has_selector)
                                break;
                        continue;
                }
                p->has_failed = record_list_add(&p->records, r) < 0;
        }
}

/* NULL when memory is out. */
static struct body *page_body(struct page *p) {
        AUTO_FREE char *token = NULL;
        const struct record *last;

        if (p->has_failed)
                return NULL;
        if (p->n_remaining > 0) {
                last = p->records.items[p->records.n - 1];
                token = position_write(p->list.revision, last->namespace_, last->name);
                if (!token)
                        return NULL;
                p->list.continue_ = token;
                if (!p->has_selector)
                        p->list.n_remaining = (int64_t) p->n_remaining;
        }
        return list_body_new(&p->list, &p->records);
}

void read_list(struct call *c) {
        AUTO_DONE(list_options) struct list_options o = { 0 };
        AUTO_DONE(filter) struct filter f = { 0 };
        struct page page = {
                .list = {
                        .form = c->form,
                        .kind = c->asked,
                        .now_usec = c->registry->wall_usec(),
                        .revision = hub_revision(c->registry->hub),
                        .n_remaining = -1,
                },
        };
        struct table *t = &c->kind->table;

        if (!list_options_read(c, false, &o) || !filter_read(c, &f))
                return;
        if (o.position.revision > 0)
                page.list.revision = o.position.revision;
        page.has_selector = f.labels || f.fields;
        page_fill(&page, t, &f, list_start(t, &f, &o.position), o.limit);
        call_respond_body(c, page_body(&page));
        record_list_done(&page.records);
}

/* ---- watches ---- */

void read_watch(struct call *c) {
        AUTO_DONE(list_options) struct list_options options = { 0 };
        struct watch_options o = { 0 };
        struct watch *w = NULL;

        if (!list_options_read(c, true, &options))
                return;
        o = (struct watch_options){
                .asked = c->asked,
                .from_revision = options.revision,
                .table = options.sends_initial ? &c->kind->table : NULL,
                .has_bookmarks = options.has_bookmarks,
                .has_initial_end = options.has_initial_end,
                .timeout_usec = options.timeout_usec,
                .form = c->form,
        };
        if (!o.table && o.from_revision == 0)
                o.from_revision = hub_revision(c->registry->hub);
        if (!filter_read(c, &o.filter))
                return;
        if (watch_new(c->registry->hub, &o, &w) < 0) {
                call_fail_memory(c);
                return;
        }
        call_respond_watch(c, w);
}
