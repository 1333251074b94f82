#include "daemon/registry/quotas.h"

#include "api/kinds/object.h"
#include "api/kinds/quota.h"
#include "api/schema/quantity.h"
#include "base/array.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/plan/quota.h"
#include "daemon/registry/quota_count.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <stdlib.h>
#include <string.h>

/* ---- one quota ---- */

const struct resource_quota_spec *quota_count_spec(const struct quota_count *c) {
        return &OBJECT_AS(resource_quota, c->object)->spec;
}

static size_t n_hard(const struct quota_count *c) {
        return quota_count_spec(c)->hard.n;
}

static void count_free(struct quota_count *c) {
        if (!c)
                return;
        free(c->name);
        free(c->used);
        object_unref(c->object);
        free(c);
}

/* Other rules: the counts are gone. Returns 0 or -ENOMEM (nothing has changed). */
static int count_set(struct quota_count *c, struct object *o) {
        size_t n = OBJECT_AS(resource_quota, o)->spec.hard.n;
        struct quantity *amounts = calloc(4 * n + 1, sizeof(*amounts));

        if (!amounts)
                return -ENOMEM;
        free(c->used);
        c->used = amounts;
        c->held = amounts + n;
        c->more = amounts + 2 * n;
        c->less = amounts + 3 * n;
        c->is_counted = false;
        object_unref(c->object);
        c->object = object_ref(o);
        return 0;
}

static struct quota_count *count_new(const char *name, struct object *o) {
        struct quota_count *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->name = strdup(name);
        if (c->name && count_set(c, o) == 0)
                return c;
        count_free(c);
        return NULL;
}

static struct quota_item item_of(const struct kind *k, const struct object *o) {
        return (struct quota_item){ .kind = k, .decoded = o ? o->meta : NULL };
}

/* c->more becomes what an object costs. */
static bool cost_now(struct quota_count *c, const struct kind *k, const struct object *o) {
        const struct quota_item item = item_of(k, o);

        return quota_cost(quota_count_spec(c), &item, c->more);
}

/* c->more becomes what a change needs beyond what was there. */
static bool cost_more(struct quota_count *c, const struct kind *k, const struct object *now,
                      const struct object *was) {
        const struct quota_item before = item_of(k, was);
        bool matches = cost_now(c, k, now);

        if (!matches || !was)
                return matches;
        (void) quota_cost(quota_count_spec(c), &before, c->less);
        for (size_t i = 0; i < n_hard(c); i++) {
                c->more[i].milli -= c->less[i].milli;
                c->more[i].milli = MAX(c->more[i].milli, (int64_t) 0);
        }
        return true;
}

/* to += by * sign. Returns whether anything has changed. */
static bool amounts_add(struct quantity *to, const struct quantity *by, size_t n, int sign) {
        bool has_changed = false;

        for (size_t i = 0; i < n; i++) {
                struct quantity one = by[i];

                one.milli *= sign;
                has_changed |= one.milli != 0;
                to[i] = quantity_add(to[i], one);
        }
        return has_changed;
}

/* ---- counting anew ---- */

/* What a record's cost depends on; the caller's. NULL in *ret: nothing but its being there. */
static int record_object(const struct record *r, struct object **ret) {
        const struct kind *k = r->resource->kind;

        *ret = NULL;
        if (!quota_needs_object(k))
                return 0;
        if (!r->object)
                return object_glance(k, r->json, r->json_len, ret, NULL);
        *ret = object_ref(r->object);
        return 0;
}

/* Adds what a record costs, or takes it off. Returns 1 when that is something, 0, or an error. */
static int count_record(struct quota_count *c, const struct record *r, int sign) {
        AUTO(object) struct object *o = NULL;
        int result = record_object(r, &o);

        if (result < 0)
                return result;
        (void) cost_now(c, r->resource->kind, o);
        return amounts_add(c->used, c->more, n_hard(c), sign);
}

static int count_kind(struct quota_count *c, const struct table *t, const char *namespace_) {
        for (size_t i = table_find(t, namespace_, "");
             i < t->n && str_eq(t->items[i]->namespace_, namespace_); i++)
                if (count_record(c, t->items[i], 1) == -ENOMEM)
                        return -ENOMEM;
        return 0;
}

struct quota_hold {
        struct list link; /* of its space */
        struct quota_space *space;
        const struct kind *kind;  /* counted */
        struct object *now, *was; /* counted */
};

int quota_count_ensure(struct quota_space *s, struct quota_count *c) {
        const struct kinds *kinds = &s->quotas->registry->kinds;

        if (c->is_counted)
                return 0;
        memset(c->used, 0, 2 * n_hard(c) * sizeof(*c->used)); /* used and held */
        for (size_t i = 0; i < kinds->n; i++) {
                struct kind_state *k = kinds->items[i];

                if (k->resource.kind->is_namespaced &&
                    quota_may_count(quota_count_spec(c), k->resource.kind) &&
                    count_kind(c, &k->table, s->namespace_) < 0)
                        return -ENOMEM;
        }
        LIST_FOREACH(i, &s->holds) {
                struct quota_hold *h = CONTAINER_OF(i, struct quota_hold, link);

                if (cost_more(c, h->kind, h->now, h->was))
                        (void) amounts_add(c->held, c->more, n_hard(c), 1);
        }
        c->is_counted = true;
        c->is_dirty = true;
        return 0;
}

/* ---- namespaces ---- */

static void space_free(void *p) {
        struct quota_space *s = p;

        for (size_t i = 0; i < s->n; i++)
                count_free(s->items[i]);
        free(s->items);
        free(s->namespace_);
        free(s);
}

static void space_check_empty(struct quota_space *s) {
        if (s->n == 0 && list_is_empty(&s->holds)) {
                (void) map_remove(&s->quotas->spaces, s->namespace_);
                space_free(s);
        }
}

static struct quota_space *space_make(struct quotas *q, const char *namespace_) {
        struct quota_space *s = map_get(&q->spaces, namespace_);

        if (s)
                return s;
        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        s->quotas = q;
        list_init(&s->holds);
        s->namespace_ = strdup(namespace_);
        if (s->namespace_ && map_put(&q->spaces, namespace_, s, NULL) == 0)
                return s;
        space_free(s);
        return NULL;
}

/* The first position whose name is not before name. */
static size_t space_find(const struct quota_space *s, const char *name) {
        size_t i = 0;

        while (i < s->n && strcmp(s->items[i]->name, name) < 0)
                i++;
        return i;
}

static int space_put(struct quota_space *s, const char *name, struct object *o) {
        size_t i = space_find(s, name);
        struct quota_count *c;

        if (i < s->n && str_eq(s->items[i]->name, name)) {
                c = s->items[i];
                c->is_dirty = true; /* somebody may have written another status */
                return schema_equal(&resource_quota_spec_schema, quota_count_spec(c),
                                    &OBJECT_AS(resource_quota, o)->spec)
                               ? 0
                               : count_set(c, o);
        }
        if (array_reserve(&s->items, &s->cap, s->n, sizeof(struct quota_count *)) < 0)
                return -ENOMEM;
        c = count_new(name, o);
        if (!c)
                return -ENOMEM;
        c->is_dirty = true;
        memmove(&s->items[i + 1], &s->items[i], (s->n - i) * sizeof(struct quota_count *));
        s->items[i] = c;
        s->n++;
        return 0;
}

static void space_remove(struct quota_space *s, const char *name) {
        size_t i = space_find(s, name);

        if (i == s->n || !str_eq(s->items[i]->name, name))
                return;
        count_free(s->items[i]);
        s->n--;
        memmove(&s->items[i], &s->items[i + 1], (s->n - i) * sizeof(struct quota_count *));
}

/* ---- following changes ---- */

static void quota_learn(struct quotas *q, const struct record *now, const struct record *was) {
        const struct record *r = now ? now : was;
        struct quota_space *s =
                now ? space_make(q, r->namespace_) : map_get(&q->spaces, r->namespace_);
        AUTO(object) struct object *o = NULL;
        int result = now && !s ? -ENOMEM : 0;

        if (now && s)
                result = object_glance(&resource_quota_kind, now->json, now->json_len, &o, NULL);
        if (now && s && result == 0)
                result = space_put(s, r->name, o);
        else if (!now && s)
                space_remove(s, r->name);
        if (result < 0)
                LOG_WARN(r->name, "this quota is not kept: memory is out; the next change of it "
                                  "tries again");
        if (s)
                space_check_empty(s);
}

static void count_learn(struct quota_count *c, const struct record *now, const struct record *was) {
        const struct kind *k = (now ? now : was)->resource->kind;
        int more, less;

        if (!c->is_counted || !quota_may_count(quota_count_spec(c), k))
                return;
        more = now ? count_record(c, now, 1) : 0;
        less = was ? count_record(c, was, -1) : 0;
        if (more < 0 || less < 0)
                c->is_counted = false;
        c->is_dirty |= more != 0 || less != 0;
}

void quotas_learn(struct quotas *q, const struct record *now, const struct record *was) {
        const struct record *r = now ? now : was;
        struct quota_space *s;

        if (r->resource->kind == &resource_quota_kind)
                quota_learn(q, now, was);
        s = q->spaces.n > 0 ? map_get(&q->spaces, r->namespace_) : NULL;
        if (!s)
                return;
        for (size_t i = 0; i < s->n; i++)
                count_learn(s->items[i], now, was);
        quota_status_soon(q);
}

/* ---- holding ---- */

bool quotas_has(const struct quotas *q, const char *namespace_) {
        return q->spaces.n > 0 && map_has(&q->spaces, namespace_);
}

/* Why a demand may not be as far as one quota goes. */
static int count_judge(struct quota_space *s, struct quota_count *c, const struct quota_demand *d,
                       char **ret_why) {
        const struct resource_quota_spec *spec = quota_count_spec(c);
        const struct quota_item item = item_of(d->kind, d->now);
        AUTO_FREE char *why = NULL;
        const char *words = "failed quota: %s: %s";
        int r;

        if (!quota_may_count(spec, d->kind))
                return 0;
        if (quota_count_ensure(s, c) < 0)
                return -ENOMEM;
        if (!cost_more(c, d->kind, d->now, d->was))
                return 0;
        r = quota_missing(spec, &item, &why);
        if (r == 0 && !why) {
                words = NULL;
                memcpy(c->less, c->used, n_hard(c) * sizeof(*c->less));
                (void) amounts_add(c->less, c->held, n_hard(c), 1);
                r = quota_exceeded(spec, c->more, c->less, &why);
        }
        if (r < 0 || !why)
                return r;
        *ret_why = words ? str_format("failed quota: %s: %s", c->name, why)
                         : str_format("exceeded quota: %s, %s", c->name, why);
        return *ret_why ? 0 : -ENOMEM;
}

static void hold_apply(struct quota_hold *h, int sign) {
        struct quota_space *s = h->space;

        for (size_t i = 0; i < s->n; i++) {
                struct quota_count *c = s->items[i];

                if (c->is_counted && cost_more(c, h->kind, h->now, h->was))
                        (void) amounts_add(c->held, c->more, n_hard(c), sign);
        }
}

int quotas_hold(struct quotas *q, const struct quota_demand *d, struct quota_hold **ret_hold,
                char **ret_why) {
        struct quota_space *s = map_get(&q->spaces, d->namespace_);
        struct quota_hold *h;
        int r = 0;

        *ret_hold = NULL;
        *ret_why = NULL;
        for (size_t i = 0; s && r == 0 && !*ret_why && i < s->n; i++)
                r = count_judge(s, s->items[i], d, ret_why);
        if (!s || r < 0 || *ret_why)
                return r;
        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->space = s;
        h->kind = kind_ref(d->kind);
        h->now = d->now ? object_ref(d->now) : NULL;
        h->was = d->was ? object_ref(d->was) : NULL;
        list_append(&s->holds, &h->link);
        hold_apply(h, 1);
        *ret_hold = h;
        return 0;
}

void quota_hold_release(struct quota_hold *h) {
        if (!h)
                return;
        hold_apply(h, -1);
        list_remove(&h->link);
        space_check_empty(h->space);
        kind_unref(h->kind);
        object_unref(h->now);
        object_unref(h->was);
        free(h);
}

/* ---- all ---- */

int quotas_new(struct registry *r, struct quotas **ret) {
        struct quotas *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        q->registry = r;
        *ret = q;
        return 0;
}

void quotas_unref(struct quotas *q) {
        if (!q)
                return;
        quota_status_done(q);
        map_done(&q->spaces, space_free);
        free(q);
}
