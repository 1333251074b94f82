#include "daemon/registry/hub.h"

#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/refs.h"
#include "base/str.h"
#include "daemon/registry/present.h"
#include "daemon/registry/rendering.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/table.h"
#include "daemon/registry/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BOOKMARK_EVERY_USEC (60 * USEC_PER_SEC)

/* One change. Counted by a number that grows by one, its place in the ring is that number modulo
 * the ring's size. */
struct event {
        uint64_t revision;
        enum change change;
        struct record *now, *old;
        size_t bytes;
};

struct hub {
        struct timers *timers;
        struct timer *bookmark_timer;
        struct event *ring;
        size_t cap, max_bytes, bytes;
        uint64_t first, next;        /* numbers of the oldest event and of the one to come */
        uint64_t *evicted_revisions; /* by resource: its changes up to here may be missing */
        unsigned n_resources;
        uint64_t revision;
        struct list watches;
        struct renderings *renderings; /* owned */
        bool has_stopped;
};

/* A watch is a number in the ring, preceded by the objects that were there at its start.
 *
 *   initial --all sent--> reading --ring's end--> idle (the number doesn't count)
 *                            ^--matching change-----'      any: ended, failed (410) */
struct watch {
        struct list link;
        struct hub *hub;
        struct filter filter;
        const struct kind *asked; /* counted */
        struct record **initial;  /* owned references; from initial_at on */
        size_t n_initial, initial_at;
        uint64_t number; /* next event to look at, unless is_idle */
        uint64_t told_revision;
        bool is_idle, is_over, has_failed, has_bookmarks;
        bool wants_initial_end, wants_bookmark;
        struct timer *timeout;
        struct record *current; /* owned: what the last event told is made of */
        void (*on_ready)(void *data);
        void *data;
        struct form form;
        bool has_told_columns;       /* of a Table: they come once */
        struct rendering *rendering; /* owned: what the last event told is, in the form */
        char *line;                  /* owned: the last bookmark or error */
};

static const char PREFIX_ADDED[] = "{\"type\":\"ADDED\",\"object\":";
static const char PREFIX_MODIFIED[] = "{\"type\":\"MODIFIED\",\"object\":";
static const char PREFIX_DELETED[] = "{\"type\":\"DELETED\",\"object\":";
static const char PREFIX_BOOKMARK[] = "{\"type\":\"BOOKMARK\",\"object\":";
static const char PREFIX_ERROR[] = "{\"type\":\"ERROR\",\"object\":";

/* ---- the ring ---- */

int hub_new(const struct hub_options *options, struct hub **ret_hub) {
        AUTO(hub) struct hub *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        list_init(&h->watches);
        h->ring = calloc(options->max_events, sizeof(*h->ring));
        h->evicted_revisions = calloc(options->n_resources, sizeof(*h->evicted_revisions));
        h->renderings = renderings_new(options->wall_usec);
        if (!h->ring || !h->evicted_revisions || !h->renderings)
                return -ENOMEM;
        h->timers = options->timers;
        h->cap = options->max_events;
        h->max_bytes = options->max_bytes;
        h->revision = options->revision;
        h->n_resources = options->n_resources;
        for (unsigned i = 0; i < h->n_resources; i++)
                h->evicted_revisions[i] = options->revision;
        *ret_hub = STEAL(h);
        return 0;
}

static struct event *event_at(const struct hub *h, uint64_t number) {
        return &h->ring[number % h->cap];
}

static void event_evict(struct hub *h) {
        struct event *e = event_at(h, h->first);

        h->evicted_revisions[e->now->resource->index] = e->revision;
        h->bytes -= e->bytes;
        record_unref(e->now);
        record_unref(e->old);
        *e = (struct event){ 0 };
        h->first++;
}

void hub_unref(struct hub *h) {
        if (!h)
                return;
        if (h->bookmark_timer)
                h->timers->vtable->cancel(h->timers, h->bookmark_timer);
        while (h->first < h->next)
                event_evict(h);
        free(h->ring);
        free(h->evicted_revisions);
        renderings_unref(h->renderings);
        free(h);
}

const struct renderings *hub_renderings(const struct hub *h) {
        return h->renderings;
}

size_t hub_n_watches(const struct hub *h) {
        size_t n = 0;

        LIST_FOREACH(i, &h->watches)
                n++;
        return n;
}

uint64_t hub_revision(const struct hub *h) {
        return h->revision;
}

/* on_ready may free the watch, so nothing of it is touched afterwards. */
static void watch_wake(struct watch *w) {
        w->is_idle = false;
        if (w->on_ready)
                w->on_ready(w->data);
}

static void bookmarks_due(void *data) {
        struct hub *h = data;

        h->bookmark_timer = NULL;
        LIST_FOREACH(i, &h->watches) {
                struct watch *w = CONTAINER_OF(i, struct watch, link);

                if (!w->has_bookmarks || !w->is_idle || w->told_revision >= h->revision)
                        continue;
                w->wants_bookmark = true;
                w->number = h->next;
                watch_wake(w);
        }
}

/* Bookmarks follow changes: with nothing changing there is no timer either. */
static void bookmarks_schedule(struct hub *h) {
        if (h->bookmark_timer || list_is_empty(&h->watches))
                return;
        (void) h->timers->vtable->add(h->timers,
                                      h->timers->vtable->now_usec(h->timers) + BOOKMARK_EVERY_USEC,
                                      bookmarks_due, h, &h->bookmark_timer);
}

/* What a watch is to be told of a change: -1 nothing, else a change seen through its filter. */
static int change_seen(const struct filter *f, const struct event *e) {
        bool is_in, was_in;

        if (e->now->resource != f->resource)
                return -1;
        is_in = e->change != CHANGE_DELETED && filter_matches(f, e->now);
        was_in = e->old && filter_matches(f, e->old);
        if (is_in)
                return was_in ? CHANGE_MODIFIED : CHANGE_ADDED;
        return was_in ? CHANGE_DELETED : -1;
}

void hub_publish(struct hub *h, enum change change, struct record *now, struct record *old) {
        size_t bytes = record_bytes(now) + (old ? record_bytes(old) : 0);
        uint64_t number = h->next;
        struct event *e;

        while (h->first < h->next &&
               (h->next - h->first >= h->cap || h->bytes + bytes > h->max_bytes))
                event_evict(h);
        e = event_at(h, h->next++);
        *e = (struct event){
                .revision = now->revision,
                .change = change,
                .now = record_ref(now),
                .old = old ? record_ref(old) : NULL,
                .bytes = bytes,
        };
        h->bytes += bytes;
        h->revision = now->revision;
        LIST_FOREACH(i, &h->watches) {
                struct watch *w = CONTAINER_OF(i, struct watch, link);

                if (!w->is_idle || change_seen(&w->filter, e) < 0)
                        continue;
                w->number = number;
                watch_wake(w);
        }
        bookmarks_schedule(h);
}

void hub_advance(struct hub *h, uint64_t revision) {
        h->revision = revision;
}

static void watch_end(struct watch *w) {
        w->is_over = true;
        if (!w->is_idle)
                return;
        w->number = w->hub->next;
        watch_wake(w);
}

void hub_stop(struct hub *h) {
        h->has_stopped = true;
        LIST_FOREACH(i, &h->watches)
                watch_end(CONTAINER_OF(i, struct watch, link));
}

int hub_add_resource(struct hub *h, const struct resource *r) {
        uint64_t *grown;

        if (r->index >= h->n_resources) {
                grown = realloc(h->evicted_revisions, (r->index + 1) * sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                h->evicted_revisions = grown;
                h->n_resources = r->index + 1;
        }
        h->evicted_revisions[r->index] = h->revision;
        return 0;
}

void hub_end_resource(struct hub *h, const struct resource *r) {
        LIST_FOREACH(i, &h->watches) {
                struct watch *w = CONTAINER_OF(i, struct watch, link);

                if (w->filter.resource == r)
                        watch_end(w);
        }
}

/* ---- one watch ---- */

static void timeout_due(void *data) {
        struct watch *w = data;

        w->timeout = NULL;
        w->is_over = true;
        if (!w->is_idle)
                return;
        w->number = w->hub->next;
        w->wants_bookmark = w->has_bookmarks;
        watch_wake(w);
}

/* The objects of now, pinned: a reader sees one moment, however slowly it reads. */
static int initial_take(struct watch *w, const struct table *t) {
        size_t from = 0, cap = 0;

        if (w->filter.namespace_)
                from = table_find(t, w->filter.namespace_, "");
        for (size_t i = from; i < t->n; i++) {
                struct record *r = t->items[i];

                if (w->filter.namespace_ && strcmp(r->namespace_, w->filter.namespace_) != 0)
                        break;
                if (!filter_matches(&w->filter, r))
                        continue;
                if (array_reserve(&w->initial, &cap, w->n_initial, sizeof(struct record *)) < 0)
                        return -ENOMEM;
                w->initial[w->n_initial++] = record_ref(r);
        }
        return 0;
}

/* The first event after a revision. */
static uint64_t number_after(const struct hub *h, uint64_t revision) {
        uint64_t low = h->first, high = h->next;

        while (low < high) {
                uint64_t middle = low + (high - low) / 2;

                if (event_at(h, middle)->revision <= revision)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static uint64_t evicted_revision(const struct watch *w) {
        return w->hub->evicted_revisions[w->filter.resource->index];
}

int watch_new(struct hub *h, struct watch_options *take_options, struct watch **ret_watch) {
        struct watch_options *o = take_options;
        AUTO(watch) struct watch *w = calloc(1, sizeof(*w));

        if (!w) {
                filter_done(&o->filter);
                return -ENOMEM;
        }
        w->hub = h;
        w->filter = o->filter;
        o->filter = (struct filter){ 0 };
        w->asked = kind_ref(o->asked ? o->asked : w->filter.resource->kind);
        refs_get(w->filter.resource->refs);
        list_init(&w->link);
        w->has_bookmarks = o->has_bookmarks;
        w->form = o->form;
        w->wants_initial_end = o->has_initial_end && o->table;
        w->is_over = h->has_stopped;
        w->number = h->next;
        w->told_revision = o->table ? h->revision : o->from_revision;
        if (o->table && initial_take(w, o->table) < 0)
                return -ENOMEM;
        if (!o->table) {
                w->has_failed =
                        o->from_revision < evicted_revision(w) || o->from_revision > h->revision;
                w->number = number_after(h, o->from_revision);
        }
        if (o->timeout_usec > 0 &&
            h->timers->vtable->add(h->timers,
                                   h->timers->vtable->now_usec(h->timers) + o->timeout_usec,
                                   timeout_due, w, &w->timeout) < 0)
                return -ENOMEM;
        list_append(&h->watches, &w->link);
        *ret_watch = STEAL(w);
        return 0;
}

void watch_unref(struct watch *w) {
        struct refs *resource;

        if (!w)
                return;
        list_remove(&w->link);
        if (w->timeout)
                w->hub->timers->vtable->cancel(w->hub->timers, w->timeout);
        for (size_t i = 0; i < w->n_initial; i++)
                record_unref(w->initial[i]);
        free(w->initial);
        record_unref(w->current);
        rendering_unref(w->rendering);
        free(w->line);
        kind_unref(w->asked);
        resource = w->filter.resource->refs;
        filter_done(&w->filter);
        refs_put(resource);
        free(w);
}

const struct resource *watch_resource(const struct watch *w) {
        return w->filter.resource;
}

void watch_on_ready(struct watch *w, void (*fn)(void *data), void *data) {
        w->on_ready = fn;
        w->data = data;
}

/* Without memory for the next line the watch ends; its reader will come again. */
static enum watch_state memory_tell(struct watch *w) {
        w->is_over = true;
        return WATCH_END;
}

static enum watch_state event_tell(struct watch *w, struct watch_event *ret, const char *prefix,
                                   struct record *r) {
        bool is_first = !w->has_told_columns && w->form.as == FORM_TABLE;

        /* The ring may lose it before a slow reader has all of it. */
        record_unref(w->current);
        w->current = record_ref(r);
        *ret = (struct watch_event){
                .prefix = prefix,
                .prefix_len = strlen(prefix),
                .object = r->json,
                .object_len = r->json_len,
                .record = r,
        };
        if (w->form.as == FORM_OBJECT && w->asked == r->resource->kind)
                return WATCH_EVENT;
        rendering_unref(STEAL(w->rendering));
        if (renderings_get(w->hub->renderings, &w->form, w->asked, r, is_first, &w->rendering) < 0)
                return memory_tell(w);
        w->has_told_columns = true;
        ret->object = w->rendering->text;
        ret->object_len = w->rendering->len;
        return WATCH_EVENT;
}

/* take_line: NULL counts as memory that is out. */
static enum watch_state line_tell(struct watch *w, struct watch_event *ret, const char *prefix,
                                  char *take_line) {
        free(w->line);
        w->line = take_line;
        if (!w->line)
                return memory_tell(w);
        *ret = (struct watch_event){
                .prefix = prefix,
                .prefix_len = strlen(prefix),
                .object = w->line,
                .object_len = strlen(w->line),
        };
        return WATCH_EVENT;
}

static enum watch_state bookmark_tell(struct watch *w, struct watch_event *ret) {
        /* Up to here everything has been told: the ring was read to its end, or only the objects
         * of the start were. */
        uint64_t revision = w->wants_initial_end ? w->told_revision : w->hub->revision;
        AUTO_FREE char *metadata = str_format(
                "{\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null%s}", revision,
                w->wants_initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"
                                     : "");
        bool is_first = !w->has_told_columns && w->form.as == FORM_TABLE;

        w->wants_initial_end = false;
        w->wants_bookmark = false;
        w->told_revision = revision;
        w->has_told_columns = true;
        return line_tell(w, ret, PREFIX_BOOKMARK,
                         metadata ? present_bookmark(&w->form, w->asked, metadata, is_first)
                                  : NULL);
}

static enum watch_state expired_tell(struct watch *w, struct watch_event *ret) {
        w->has_failed = false;
        w->is_over = true;
        w->number = w->hub->next;
        return line_tell(
                w, ret, PREFIX_ERROR,
                str_format("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
                           "\"Failure\",\"message\":\"too old resource version: %" PRIu64
                           " (%" PRIu64 ")\",\"reason\":\"Expired\",\"code\":410}",
                           w->told_revision, evicted_revision(w)));
}

static enum watch_state ring_tell(struct watch *w, struct watch_event *ret) {
        static const char *const PREFIXES[] = {
                [CHANGE_ADDED] = PREFIX_ADDED,
                [CHANGE_MODIFIED] = PREFIX_MODIFIED,
                [CHANGE_DELETED] = PREFIX_DELETED,
        };

        while (w->number < w->hub->next) {
                struct event *e = event_at(w->hub, w->number++);
                int seen = change_seen(&w->filter, e);

                if (seen < 0)
                        continue;
                w->told_revision = e->revision;
                return event_tell(w, ret, PREFIXES[seen], e->now);
        }
        return WATCH_IDLE;
}

enum watch_state watch_next(struct watch *w, struct watch_event *ret) {
        w->is_idle = false;
        /* A watch that is over and far behind ends without the rest: its reader will come again. */
        if (!w->has_failed && w->number < w->hub->first)
                w->has_failed = true;
        if (w->initial_at < w->n_initial)
                return event_tell(w, ret, PREFIX_ADDED, w->initial[w->initial_at++]);
        if (w->wants_initial_end)
                return bookmark_tell(w, ret);
        if (w->has_failed)
                return expired_tell(w, ret);
        if (ring_tell(w, ret) == WATCH_EVENT)
                return WATCH_EVENT;
        if (w->wants_bookmark)
                return bookmark_tell(w, ret);
        if (w->is_over)
                return WATCH_END;
        w->is_idle = true;
        return WATCH_IDLE;
}
