/* managedFields as a list of managers, and what writes that are no applies do to it. */
#include "api/patch/managers.h"

#include "api/patch/tree.h"
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

int managers_init(struct managers *m) {
        *m = (struct managers){ .maker.arena = arena_new(8 * 1024) };
        return m->maker.arena ? 0 : -ENOMEM;
}

void managers_done(struct managers *m) {
        arena_unref(m->maker.arena);
        free(m->items);
        *m = (struct managers){ 0 };
}

struct manager *managers_add(struct managers *m, const struct apply_author *by, bool is_apply) {
        struct arena *a = m->maker.arena;
        struct manager *one;

        if (array_reserve(&m->items, &m->cap, m->n, sizeof(*m->items)) < 0) {
                m->maker.has_failed = true;
                return NULL;
        }
        one = &m->items[m->n];
        *one = (struct manager){
                .name = arena_strdup(a, by->manager),
                .api_version = arena_strdup(a, by->api_version),
                .time = by->time ? arena_strdup(a, by->time) : NULL,
                .subresource = arena_strdup(a, by->subresource),
                .is_apply = is_apply,
                .fields = field_set_empty(),
        };
        if (!one->name || !one->api_version || !one->subresource) {
                m->maker.has_failed = true;
                return NULL;
        }
        m->n++;
        return one;
}

bool manager_is(const struct manager *one, const struct apply_author *by, bool is_apply) {
        return one->is_apply == is_apply && str_eq(one->name, by->manager) &&
               str_eq(one->subresource, by->subresource) &&
               (is_apply || str_eq(one->api_version, by->api_version));
}

struct manager *managers_find(struct managers *m, const struct apply_author *by, bool is_apply) {
        for (size_t i = 0; i < m->n; i++)
                if (manager_is(&m->items[i], by, is_apply))
                        return &m->items[i];
        return NULL;
}

void managers_drop_empty(struct managers *m) {
        size_t kept = 0;

        for (size_t i = 0; i < m->n; i++)
                if (!field_set_is_empty(m->items[i].fields))
                        m->items[kept++] = m->items[i];
        m->n = kept;
}

bool managers_equal(const struct managers *a, const struct managers *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++) {
                const struct manager *x = &a->items[i], *y;
                const struct apply_author by = {
                        .manager = x->name,
                        .api_version = x->api_version,
                        .subresource = x->subresource,
                };

                y = managers_find((struct managers *) b, &by, x->is_apply);
                if (!y || !str_eq(x->api_version, y->api_version) ||
                    !field_set_equal(x->fields, y->fields))
                        return false;
        }
        return true;
}

/* ---- what is never owned ---- */

/* In the order of field_set's keys. */
static const char *const UNOWNED_META[] = {
        "f:creationTimestamp", "f:generation",      "f:managedFields", "f:name",
        "f:namespace",         "f:resourceVersion", "f:selfLink",      "f:uid",
};

const struct field_set *managers_strip(struct field_maker *m, const struct field_set *set) {
        struct field_set meta[ARRAY_SIZE(UNOWNED_META)];
        struct field_set top[] = {
                { .key = "f:apiVersion", .next = &top[1], .is_member = true },
                { .key = "f:kind", .next = &top[2], .is_member = true },
                { .key = "f:metadata", .first = meta, .is_member = true },
        };
        const struct field_set unowned = { .key = "", .first = top };

        for (size_t i = 0; i < ARRAY_SIZE(meta); i++)
                meta[i] = (struct field_set){
                        .key = UNOWNED_META[i],
                        .next = i + 1 < ARRAY_SIZE(meta) ? &meta[i + 1] : NULL,
                        .is_member = true,
                };
        return field_set_difference(m, set, &unowned);
}

bool managers_meta_is_unowned(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(UNOWNED_META); i++)
                if (str_eq(UNOWNED_META[i] + 2, name))
                        return true;
        return false;
}

/* ---- writes that are no applies ---- */

/* Where the oldest Update entries end up when there are too many. */
static struct manager *oldest_update(struct managers *m, const struct apply_author *by) {
        struct manager *oldest = NULL;

        for (size_t i = 0; i < m->n; i++) {
                struct manager *one = &m->items[i];

                if (one->is_apply || str_eq(one->name, MANAGERS_ANCIENT) ||
                    manager_is(one, by, false))
                        continue;
                if (!oldest || strcmp(str_or_empty(one->time), str_or_empty(oldest->time)) < 0)
                        oldest = one;
        }
        return oldest;
}

static size_t count_updates(const struct managers *m) {
        size_t n = 0;

        for (size_t i = 0; i < m->n; i++)
                n += !m->items[i].is_apply;
        return n;
}

/* Too many cooks: the oldest become one nameless past. */
static void managers_cap(struct managers *m, const struct apply_author *by) {
        while (count_updates(m) > MANAGERS_UPDATE_MAX) {
                struct manager *old = oldest_update(m, by), *ancient, copy;
                struct apply_author past = { .manager = MANAGERS_ANCIENT, .subresource = "" };

                if (!old)
                        return;
                copy = *old;
                past.api_version = copy.api_version;
                past.time = copy.time;
                old->fields = field_set_empty();
                managers_drop_empty(m);
                ancient = managers_find(m, &past, false);
                if (!ancient)
                        ancient = managers_add(m, &past, false);
                if (!ancient)
                        return;
                ancient->fields = field_set_union(&m->maker, ancient->fields, copy.fields);
                if (copy.time && strcmp(copy.time, str_or_empty(ancient->time)) > 0)
                        ancient->time = copy.time;
        }
}

bool managers_lose(struct managers *m, const struct apply_delta *d, const struct apply_author *by,
                   bool is_apply) {
        const struct field_set *both = field_set_union(&m->maker, d->changed, d->removed);
        const struct field_set *own = is_apply ? field_set_empty() : d->removed;
        bool is_changed = false;

        for (size_t i = 0; i < m->n; i++) {
                struct manager *one = &m->items[i];
                const struct field_set *lost = manager_is(one, by, is_apply) ? own : both;
                const struct field_set *left = field_set_difference(&m->maker, one->fields, lost);

                is_changed |= !field_set_equal(left, one->fields);
                one->fields = left;
        }
        return is_changed;
}

int managers_update(struct managers *m, const struct apply_type *type, const json_t *was,
                    const json_t *now, const struct apply_author *by) {
        struct apply_delta d = apply_compare(&m->maker, type, was, now);
        struct manager *own;
        bool is_changed;

        /* Nobody has kept account of this object: the first apply begins to. */
        if (was && m->n == 0)
                return 0;
        d.changed = managers_strip(&m->maker, d.changed);
        d.removed = managers_strip(&m->maker, d.removed);
        if (field_set_is_empty(d.changed) && field_set_is_empty(d.removed))
                return m->maker.has_failed ? -ENOMEM : 0;
        is_changed = managers_lose(m, &d, by, false);
        if (!field_set_is_empty(d.changed)) {
                own = managers_find(m, by, false);
                if (!own)
                        own = managers_add(m, by, false);
                if (!own)
                        return -ENOMEM;
                own->fields = field_set_union(&m->maker, own->fields, d.changed);
                own->time = by->time ? arena_strdup(m->maker.arena, by->time) : NULL;
                is_changed = true;
        }
        managers_drop_empty(m);
        managers_cap(m, by);
        return m->maker.has_failed ? -ENOMEM : is_changed;
}
