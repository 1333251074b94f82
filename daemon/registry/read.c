#include "daemon/registry/read.h"

#include "api/kinds/labels.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/call.h"
#include "daemon/registry/filter.h"
#include "daemon/registry/present.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/watch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A watch without timeoutSeconds ends after this long; clients come again. */
#define WATCH_TIMEOUT_S 3600

void read_get(struct call *c) {
        struct record *r = table_get(&c->kind->table, c->path.namespace_, c->path.name);

        if (!r) {
                call_fail_not_found(c);
                return;
        }
        call_respond_record(c, r);
}

/* ---- lists ---- */

/* Where a list goes on: behind this object. The token is its key, so that it never expires. */
struct position {
        const char *namespace_, *name; /* "" and "": the start */
        char *memory;
};

static void position_done(struct position *p) {
        free(p->memory);
}
DEFINE_AUTO_DONE(position);

static int position_read(const char *token, struct position *ret) {
        char *slash;

        *ret = (struct position){ .namespace_ = "", .name = "" };
        if (str_is_empty(token))
                return 0;
        ret->memory = strdup(token);
        if (!ret->memory)
                return -ENOMEM;
        slash = strchr(ret->memory, '/');
        if (!slash)
                return -EINVAL;
        *slash = '\0';
        ret->namespace_ = ret->memory;
        ret->name = slash + 1;
        return 0;
}

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
        struct body *items; /* borrowed: pieces are added behind the head */
        size_t n;
        size_t n_remaining;
        struct record *last; /* of a page that was cut, else NULL */
};

/* Walks from start on; limit 0: to the end. */
static void page_fill(struct page *p, const struct table *t, const struct filter *f, size_t start,
                      size_t limit) {
        struct record *last = NULL;

        for (size_t i = start; i < t->n; i++) {
                struct record *r = t->items[i];

                if (f->namespace_ && strcmp(r->namespace_, f->namespace_) != 0)
                        break;
                if (!filter_matches(f, r))
                        continue;
                if (limit > 0 && p->n >= limit) {
                        p->n_remaining++;
                        p->last = last;
                        continue;
                }
                present_list_item(&p->list, r, p->n++ == 0, p->items);
                last = r;
        }
}

/* The part before the items. It is known last but comes first, so it is a body of its own. */
static char *list_head(struct page *p, bool has_selector) {
        AUTO_FREE char *token = NULL;

        if (p->last) {
                token = str_format("%s/%s", p->last->namespace_, p->last->name);
                if (!token)
                        return NULL;
                p->list.continue_ = token;
                if (!has_selector)
                        p->list.n_remaining = (int64_t) p->n_remaining;
        }
        return present_list_head(&p->list);
}

static struct body *list_join(char *take_head, const struct body *items) {
        struct body *b = body_new();

        if (!b) {
                free(take_head);
                return NULL;
        }
        body_add_text(b, take_head, take_head ? strlen(take_head) : 0);
        body_add_body(b, items);
        body_add_static(b, PRESENT_LIST_END);
        return b;
}

static bool limit_read(struct call *c, size_t *ret_limit) {
        int64_t limit = 0;

        if (query_number(&c->query, "limit", &limit) < 0) {
                call_fail(c, 400, "BadRequest", "limit must be a number from 0");
                return false;
        }
        *ret_limit = (size_t) limit;
        return true;
}

void read_list(struct call *c) {
        AUTO_DONE(filter) struct filter f = { 0 };
        AUTO_DONE(position) struct position position = { 0 };
        AUTO(body) struct body *items = body_new();
        struct page page = {
                .list = {
                        .form = c->form,
                        .kind = c->asked,
                        .now_usec = c->registry->wall_usec(),
                        .revision = hub_revision(c->registry->hub),
                        .n_remaining = -1,
                },
                .items = items,
        };
        struct table *t = &c->kind->table;
        size_t limit;
        int r;

        if (!limit_read(c, &limit) || !filter_read(c, &f))
                return;
        r = position_read(query_get(&c->query, "continue"), &position);
        if (r == -EINVAL) {
                call_fail(c, 400, "BadRequest", "continue key is not valid");
                return;
        }
        if (r < 0 || !items) {
                call_fail_memory(c);
                return;
        }
        page_fill(&page, t, &f, list_start(t, &f, &position), limit);
        call_respond_body(c, list_join(list_head(&page, f.labels || f.fields), items));
}

/* ---- watches ---- */

static bool revision_read(struct call *c, uint64_t *ret) {
        int64_t n = 0;

        if (query_number(&c->query, "resourceVersion", &n) < 0) {
                call_fail(c, 400, "BadRequest", "resourceVersion: Invalid value: \"%s\"",
                          query_get(&c->query, "resourceVersion"));
                return false;
        }
        *ret = (uint64_t) n;
        return true;
}

static bool initial_is_wanted(const struct call *c, uint64_t from_revision) {
        const char *send = query_get(&c->query, "sendInitialEvents");

        return send ? query_bool(&c->query, "sendInitialEvents") : from_revision == 0;
}

void read_watch(struct call *c) {
        struct watch_options o = { 0 };
        int64_t timeout_s = WATCH_TIMEOUT_S;
        struct watch *w = NULL;

        if (!revision_read(c, &o.from_revision))
                return;
        if (query_number(&c->query, "timeoutSeconds", &timeout_s) < 0 || timeout_s > 86400 * 365) {
                call_fail(c, 400, "BadRequest", "timeoutSeconds must be a number from 0");
                return;
        }
        o.asked = c->asked;
        o.has_bookmarks = query_bool(&c->query, "allowWatchBookmarks");
        if (initial_is_wanted(c, o.from_revision))
                o.table = &c->kind->table;
        o.has_initial_end = query_bool(&c->query, "sendInitialEvents");
        if (!o.table && o.from_revision == 0)
                o.from_revision = hub_revision(c->registry->hub);
        o.timeout_usec = (uint64_t) (timeout_s ? timeout_s : WATCH_TIMEOUT_S) * USEC_PER_SEC;
        o.form = c->form;
        if (!filter_read(c, &o.filter))
                return;
        if (watch_new(c->registry->hub, &o, &w) < 0) {
                call_fail_memory(c);
                return;
        }
        call_respond_watch(c, w);
}
