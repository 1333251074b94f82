#include "daemon/plan/rollout.h"

#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

static int64_t rollout_clamp(int64_t v) {
        return v < 0 ? 0 : MIN(v, (int64_t) INT32_MAX);
}

int64_t rollout_percent(int64_t percent, int64_t total, bool is_rounded_up) {
        int64_t product;

        percent = rollout_clamp(percent);
        total = rollout_clamp(total);
        product = percent * total;
        return rollout_clamp(is_rounded_up ? (product + 99) / 100 : product / 100);
}

void rollout_limits_settle(struct rollout_limits *l) {
        l->replicas = rollout_clamp(l->replicas);
        l->max_surge = rollout_clamp(l->max_surge);
        l->max_unavailable = rollout_clamp(l->max_unavailable);
        if (l->max_surge == 0 && l->max_unavailable == 0)
                l->max_unavailable = 1;
        l->max_unavailable = MIN(l->max_unavailable, l->replicas);
}

/* What a set may have running at this moment. */
static int64_t rollout_most(const struct rollout_set *s) {
        return s->is_new ? s->spec : MAX(s->spec, s->running);
}

/* What a set surely keeps available once the ReplicaSet controller has caught up. */
static int64_t rollout_least_available(const struct rollout_set *s) {
        return MIN(s->spec, s->available);
}

static int64_t rollout_new_replicas(const struct rollout_limits *l, const struct rollout_set *sets,
                                    size_t n, int64_t now) {
        int64_t total = 0, room;

        for (size_t i = 0; i < n; i++)
                total += rollout_most(&sets[i]);
        room = l->replicas + l->max_surge - total;
        if (now >= l->replicas)
                return l->replicas; /* a new set never has more than the Deployment */
        if (room <= 0)
                return now;
        return now + MIN(room, l->replicas - now);
}

/* Oldest first, names break ties. */
static int rollout_cmp_age(const void *a, const void *b) {
        const struct rollout_set *x = a, *y = b;

        if (x->created_usec != y->created_usec)
                return x->created_usec < y->created_usec ? -1 : 1;
        return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

/* Takes pods away from old sets that aren't available anyway: they serve nobody, so removing them
 * costs nothing and makes room. Returns how many went. */
static int64_t rollout_clean_unhealthy(struct rollout_set *sets, size_t n, int64_t most) {
        int64_t gone = 0;

        for (size_t i = 0; i < n && gone < most; i++) {
                int64_t unhealthy, cut;

                if (sets[i].is_new)
                        continue;
                unhealthy = sets[i].spec - rollout_least_available(&sets[i]);
                cut = MIN(unhealthy, most - gone);
                sets[i].want -= cut;
                gone += cut;
        }
        return gone;
}

/* Takes available pods away from old sets down to the floor. */
static void rollout_shrink_old(const struct rollout_limits *l, struct rollout_set *sets, size_t n) {
        int64_t available = 0, spare;

        for (size_t i = 0; i < n; i++)
                available += MIN(sets[i].want, rollout_least_available(&sets[i]));
        spare = available - (l->replicas - l->max_unavailable);
        for (size_t i = 0; i < n && spare > 0; i++) {
                int64_t cut;

                if (sets[i].is_new)
                        continue;
                cut = MIN(sets[i].want, spare);
                sets[i].want -= cut;
                spare -= cut;
        }
}

void rollout_step(const struct rollout_limits *l, struct rollout_set *sets, size_t n,
                  int64_t *ret_new_replicas) {
        int64_t total = 0, new_unavailable = 0, new_now = 0, spare, new_want;
        bool has_new = false, are_settled = true;

        qsort(sets, n, sizeof(*sets), rollout_cmp_age);
        for (size_t i = 0; i < n; i++) {
                sets[i].want = sets[i].spec;
                are_settled &= sets[i].is_settled;
                if (sets[i].is_new) {
                        has_new = true;
                        new_now = sets[i].spec;
                        new_unavailable = new_now - rollout_least_available(&sets[i]);
                }
        }
        *ret_new_replicas = new_now;
        if (!are_settled)
                return;
        new_want = rollout_new_replicas(l, sets, n, new_now);
        *ret_new_replicas = new_want;
        for (size_t i = 0; i < n; i++)
                if (sets[i].is_new)
                        sets[i].want = new_want;
        if (!has_new || new_want != new_now)
                return; /* one thing at a time: up first, down when that is seen */

        for (size_t i = 0; i < n; i++)
                total += sets[i].spec;
        spare = total - (l->replicas - l->max_unavailable) - new_unavailable;
        if (spare <= 0)
                return;
        (void) rollout_clean_unhealthy(sets, n, spare);
        rollout_shrink_old(l, sets, n);
}

bool rollout_stop_old(struct rollout_set *sets, size_t n) {
        bool all_stopped = true;

        for (size_t i = 0; i < n; i++) {
                sets[i].want = sets[i].is_new ? sets[i].spec : 0;
                all_stopped &= sets[i].is_new || sets[i].spec == 0;
        }
        return all_stopped;
}

/* The one set that a change of replicas concerns alone: the only active one, or where none is
 * active the new one, or the youngest. NULL: several are active. */
static struct rollout_set *rollout_only(struct rollout_set *sets, size_t n) {
        struct rollout_set *only = NULL, *fresh = NULL;
        size_t n_active = 0;

        for (size_t i = 0; i < n; i++) {
                if (sets[i].spec > 0) {
                        n_active++;
                        only = &sets[i];
                }
                if (sets[i].is_new || !fresh ||
                    (!fresh->is_new && rollout_cmp_age(&sets[i], fresh) > 0))
                        fresh = &sets[i];
        }
        if (n_active > 1)
                return NULL;
        return n_active == 1 ? only : fresh;
}

/* More pods: the largest first, the newer first among equals; fewer: the older first. */
static int rollout_cmp_newer(const void *a, const void *b) {
        const struct rollout_set *x = a, *y = b;

        if (x->spec != y->spec)
                return x->spec > y->spec ? -1 : 1;
        return -rollout_cmp_age(a, b);
}

static int rollout_cmp_older(const void *a, const void *b) {
        const struct rollout_set *x = a, *y = b;

        if (x->spec != y->spec)
                return x->spec > y->spec ? -1 : 1;
        return rollout_cmp_age(a, b);
}

static int64_t rollout_divide(int64_t a, int64_t b) {
        int64_t half = b / 2; /* to the nearest, as math.Round() */

        return (a + half) / b;
}

/* The share of a set in a change of size, in pods. */
static int64_t rollout_share(const struct rollout_limits *l, const struct rollout_set *s,
                             int64_t last_replicas) {
        int64_t base = s->annotated_max > 0 ? s->annotated_max : last_replicas;
        int64_t size;

        if (l->replicas == 0)
                return -s->spec;
        if (base <= 0)
                return 0;
        size = rollout_divide(s->spec * (l->replicas + l->max_surge), base);
        return size - s->spec;
}

/* Whether this many more pods stay below the ceiling although a set that shrinks still has some
 * that it needn't have. */
static bool rollout_can_grow(const struct rollout_limits *l, const struct rollout_set *sets,
                             size_t n, int64_t add) {
        int64_t total = add;

        for (size_t i = 0; i < n; i++) {
                if (!sets[i].is_settled)
                        return false;
                total += MAX(sets[i].spec, sets[i].running);
        }
        return total <= l->replicas + l->max_surge;
}

static bool rollout_scale_share(const struct rollout_limits *l, struct rollout_set *sets, size_t n,
                                int64_t last_replicas) {
        int64_t total = 0, add, added = 0, left;
        size_t first = n;

        for (size_t i = 0; i < n; i++)
                total += sets[i].spec;
        add = (l->replicas > 0 ? l->replicas + l->max_surge : 0) - total;
        if (add == 0)
                return true;
        if (add > 0 && !rollout_can_grow(l, sets, n, add))
                return false;
        qsort(sets, n, sizeof(*sets), add > 0 ? rollout_cmp_newer : rollout_cmp_older);
        for (size_t i = 0; i < n; i++) {
                int64_t share = 0, allowed = add - added;

                if (sets[i].spec == 0)
                        continue;
                if (first == n)
                        first = i;
                if (allowed != 0)
                        share = rollout_share(l, &sets[i], last_replicas);
                share = add > 0 ? MAX(MIN(share, allowed), (int64_t) 0)
                                : MIN(MAX(share, allowed), (int64_t) 0);
                sets[i].want = sets[i].spec + share;
                added += share;
        }
        left = add - added;
        if (first < n)
                sets[first].want = rollout_clamp(sets[first].want + left);
        return true;
}

bool rollout_scale(const struct rollout_limits *l, struct rollout_set *sets, size_t n,
                   int64_t last_replicas) {
        struct rollout_set *only = rollout_only(sets, n);
        const struct rollout_set *fresh = NULL;

        for (size_t i = 0; i < n; i++) {
                sets[i].want = sets[i].spec;
                if (sets[i].is_new)
                        fresh = &sets[i];
        }
        if (only) {
                if (l->replicas > only->spec &&
                    !rollout_can_grow(l, sets, n, l->replicas - only->spec))
                        return false;
                only->want = l->replicas;
                return true;
        }
        if (fresh && fresh->is_settled && fresh->spec == l->replicas &&
            fresh->available == l->replicas) {
                (void) rollout_stop_old(sets, n); /* the rollout is over but for the old pods */
                return true;
        }
        return rollout_scale_share(l, sets, n, last_replicas);
}
