#include "daemon/registry/kinds.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/registry/state.h"

#include <stdlib.h>
#include <string.h>

static void served_done(const struct kind **served, size_t n) {
        for (size_t i = 0; i < n; i++)
                kind_unref(served[i]);
        free(served);
}

static void state_free(struct refs *refs) {
        struct kind_state *s = CONTAINER_OF(refs, struct kind_state, refs);

        kind_unref(s->resource.kind);
        served_done(s->served, s->n_served);
        free(s);
}

static int served_copy(const struct kind *const *served, size_t n, const struct kind ***ret) {
        *ret = calloc(n + 1, sizeof(**ret));
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                (*ret)[i] = kind_ref(served[i]);
        return 0;
}

int kinds_add(struct kinds *k, const struct kind *stored, const struct kind *const *served,
              size_t n_served, struct kind_state **ret) {
        struct kind_state *s;

        if (array_reserve(&k->items, &k->cap, k->n, sizeof(struct kind_state *)) < 0)
                return -ENOMEM;
        s = calloc(1, sizeof(*s));
        if (!s || served_copy(served, n_served, &s->served) < 0) {
                free(s);
                return -ENOMEM;
        }
        s->n_served = n_served;
        s->resource = resource_of(kind_ref(stored));
        s->resource.index = k->next_index++;
        s->resource.refs = &s->refs;
        s->refs = (struct refs){ .n = 1, .free = state_free };
        k->items[k->n++] = s;
        k->generation++;
        if (ret)
                *ret = s;
        return 0;
}

int kinds_replace(struct kinds *k, struct kind_state *state, const struct kind *stored,
                  const struct kind *const *served, size_t n_served) {
        const struct kind **copy, *old = state->resource.kind;
        struct resource fresh = resource_of(kind_ref(stored));

        if (served_copy(served, n_served, &copy) < 0) {
                kind_unref(stored);
                return -ENOMEM;
        }
        served_done(state->served, state->n_served);
        state->served = copy;
        state->n_served = n_served;
        fresh.index = state->resource.index;
        fresh.refs = state->resource.refs;
        state->resource = fresh;
        kind_unref(old);
        k->generation++;
        return 0;
}

void kinds_remove(struct kinds *k, struct kind_state *state) {
        size_t i = 0;

        while (i < k->n && k->items[i] != state)
                i++;
        if (i == k->n)
                return;
        memmove(&k->items[i], &k->items[i + 1], (k->n - i - 1) * sizeof(*k->items));
        k->n--;
        k->generation++;
        state->is_removed = true;
        table_done(&state->table); /* records count on the state */
        refs_put(&state->refs);
}

/* A kind of tables with the further versions that name it. */
static int table_kind_add(struct kinds *k, const struct kind *stored) {
        const struct kind *served[8] = { stored };
        size_t n = 1;

        for (const struct kind *const *v = kind_all(); *v; v++)
                if ((*v)->stored_as == stored && n < ARRAY_SIZE(served))
                        served[n++] = *v;
        return kinds_add(k, stored, served, n, NULL);
}

int kinds_init(struct kinds *k) {
        for (const struct kind *const *stored = kind_all(); *stored; stored++)
                if (!(*stored)->stored_as && table_kind_add(k, *stored) < 0)
                        return -ENOMEM;
        return 0;
}

void kinds_done(struct kinds *k) {
        while (k->n > 0)
                kinds_remove(k, k->items[k->n - 1]);
        free(k->items);
        *k = (struct kinds){ 0 };
}

struct kind_state *kind_state_of(const struct resource *r) {
        return CONTAINER_OF((struct resource *) r, struct kind_state, resource);
}

static struct kind_state *kinds_find(struct kinds *kinds, const char *group, const char *version,
                                     const char *plural, const struct kind **ret_asked) {
        for (size_t i = 0; i < kinds->n; i++) {
                struct kind_state *s = kinds->items[i];

                for (size_t v = 0; v < s->n_served; v++) {
                        const struct kind *k = s->served[v];

                        if (!str_eq(k->plural, plural) || !str_eq(k->group, group) ||
                            (version && !str_eq(k->version, version)))
                                continue;
                        *ret_asked = k;
                        return s;
                }
        }
        return NULL;
}

struct kind_state *registry_kind_asked(struct registry *r, const char *group, const char *version,
                                       const char *plural, const struct kind **ret_asked) {
        return kinds_find(&r->kinds, group, version, plural, ret_asked);
}

struct kind_state *registry_review(struct registry *r, const char *group, const char *version,
                                   const char *plural, const struct kind **ret_asked) {
        return kinds_find(&r->reviews, group, version, plural, ret_asked);
}

struct kind_state *registry_kind(struct registry *r, const char *group, const char *version,
                                 const char *plural) {
        const struct kind *asked;

        return registry_kind_asked(r, group, version, plural, &asked);
}

struct kind_state *registry_kind_stored(struct registry *r, const char *group, const char *plural) {
        for (size_t i = 0; i < r->kinds.n; i++) {
                const struct kind *k = r->kinds.items[i]->resource.kind;

                if (str_eq(k->plural, plural) && str_eq(k->group, group))
                        return r->kinds.items[i];
        }
        return NULL;
}

struct kind_state *registry_kind_named(struct registry *r, const char *group, const char *name) {
        for (size_t i = 0; i < r->kinds.n; i++) {
                const struct kind *k = r->kinds.items[i]->resource.kind;

                if (str_eq(k->name, name) && str_eq(k->group, group))
                        return r->kinds.items[i];
        }
        return NULL;
}

const struct kind *registry_kind_next(const struct registry *r, struct kind_cursor *at) {
        while (at->kind < r->kinds.n) {
                const struct kind_state *s = r->kinds.items[at->kind];

                if (at->version < s->n_served)
                        return s->served[at->version++];
                at->kind++;
                at->version = 0;
        }
        return NULL;
}

uint64_t registry_kinds_generation(const struct registry *r) {
        return r->kinds.generation;
}
