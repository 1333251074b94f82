#include "daemon/store/store_memory.h"

#include "base/array.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/store/engine.h"
#include "daemon/store/local.h"

#include <stdlib.h>
#include <string.h>

/* Rows of all revisions in their order, chained by key. */
struct memory_row {
        struct memory_row *older; /* of the same key */
        struct store_kv kv;
        bool is_deletion, is_dead;
        char data[]; /* key, NUL, value, NUL */
};

struct memory_engine {
        struct engine base;
        struct memory_row **rows;
        size_t rows_cap, n_rows;
        size_t n_rows_before; /* the transaction */
        struct map newest;    /* key -> struct memory_row */
        int64_t *leases;      /* their ids */
        size_t leases_cap, n_leases;
        int64_t last_lease;
};

static struct memory_engine *memory_of(struct engine *en) {
        return CONTAINER_OF(en, struct memory_engine, base);
}

static int memory_no_memory(struct err *e) {
        return err_set(e, -ENOMEM, "out of memory for the store");
}

static void memory_free(struct engine *base) {
        struct memory_engine *en = memory_of(base);

        for (size_t i = 0; i < en->n_rows; i++)
                free(en->rows[i]);
        free(en->rows);
        free(en->leases);
        map_done(&en->newest, NULL);
        free(en);
}

static int memory_begin(struct engine *base, struct err *e) {
        struct memory_engine *en = memory_of(base);

        (void) e;
        en->n_rows_before = en->n_rows;
        return 0;
}

static int memory_commit(struct engine *base, struct err *e) {
        (void) base;
        (void) e;
        return 0;
}

static void memory_rollback(struct engine *base) {
        struct memory_engine *en = memory_of(base);

        while (en->n_rows > en->n_rows_before) {
                struct memory_row *row = en->rows[--en->n_rows];

                /* Replacing a value needs no memory. */
                if (row->older)
                        (void) map_put(&en->newest, row->kv.key, row->older, NULL);
                else
                        (void) map_remove(&en->newest, row->kv.key);
                free(row);
        }
}

/* kv with its texts copied into arena. with_value: else NULL. */
static int memory_copy(const struct store_kv *kv, bool with_value, struct arena *arena,
                       struct store_kv *ret) {
        char *value;

        *ret = *kv;
        ret->key = arena_strdup(arena, kv->key);
        ret->value = NULL;
        ret->value_len = 0;
        if (!ret->key)
                return -ENOMEM;
        if (!with_value || !kv->value)
                return 0;
        value = arena_alloc(arena, kv->value_len + 1);
        if (!value)
                return -ENOMEM;
        memcpy(value, kv->value, kv->value_len);
        ret->value = value;
        ret->value_len = kv->value_len;
        return 0;
}

static int memory_find(struct engine *base, const char *key, struct arena *arena,
                       struct store_kv *ret, struct err *e) {
        struct memory_row *row = map_get(&memory_of(base)->newest, key);

        if (!row || row->is_deletion)
                return 0;
        if (!arena) {
                *ret = row->kv;
                ret->key = NULL;
                ret->value = NULL;
                ret->value_len = 0;
                return 1;
        }
        return memory_copy(&row->kv, true, arena, ret) < 0 ? memory_no_memory(e) : 1;
}

static struct memory_row *memory_row_new(const struct engine_row *row) {
        size_t key_len = strlen(row->kv.key), value_len = row->is_deletion ? 0 : row->kv.value_len;
        struct memory_row *fresh = calloc(1, sizeof(*fresh) + key_len + value_len + 2);

        if (!fresh)
                return NULL;
        fresh->kv = row->kv;
        fresh->is_deletion = row->is_deletion;
        memcpy(fresh->data, row->kv.key, key_len + 1);
        fresh->kv.key = fresh->data;
        fresh->kv.value = NULL;
        if (!row->is_deletion) {
                memcpy(fresh->data + key_len + 1, row->kv.value, value_len);
                fresh->kv.value = fresh->data + key_len + 1;
        }
        return fresh;
}

static int memory_add(struct engine *base, const struct engine_row *row, struct err *e) {
        struct memory_engine *en = memory_of(base);
        struct memory_row *fresh;
        void *older = NULL;

        if (array_reserve(&en->rows, &en->rows_cap, en->n_rows, sizeof(struct memory_row *)) < 0)
                return memory_no_memory(e);
        fresh = memory_row_new(row);
        if (!fresh)
                return memory_no_memory(e);
        if (map_put(&en->newest, fresh->kv.key, fresh, &older) < 0) {
                free(fresh);
                return memory_no_memory(e);
        }
        fresh->older = older;
        en->rows[en->n_rows++] = fresh;
        return 0;
}

static int memory_compare_keys(const void *a, const void *b) {
        const struct memory_row *const *x = a, *const *y = b;

        return strcmp((*x)->kv.key, (*y)->kv.key);
}

/* The row that a reader of revision sees, or NULL. */
static struct memory_row *memory_as_of(struct memory_row *row, int64_t revision) {
        while (row && row->kv.mod_revision > revision)
                row = row->older;
        return row && !row->is_deletion ? row : NULL;
}

static int memory_fill(struct memory_row *const *found, size_t n, const struct engine_range *range,
                       struct arena *arena, struct store_result *ret) {
        struct store_kv *items = arena_alloc_n(arena, MIN(n, range->limit), sizeof(*items));
        size_t n_bytes = 0, i;

        if (!items)
                return -ENOMEM;
        for (i = 0; i < n && i < range->limit && n_bytes < range->bytes_max; i++) {
                if (memory_copy(&found[i]->kv, true, arena, &items[i]) < 0)
                        return -ENOMEM;
                n_bytes += items[i].value_len;
        }
        ret->items = items;
        ret->n = i;
        ret->has_more = i < n;
        return 0;
}

static int memory_range(struct engine *base, const struct engine_range *range, struct arena *arena,
                        struct store_result *ret, struct err *e) {
        struct memory_engine *en = memory_of(base);
        AUTO_FREE struct memory_row **found = calloc(en->newest.n + 1, sizeof(*found));
        size_t n = 0;

        if (!found)
                return memory_no_memory(e);
        MAP_FOREACH(i, &en->newest) {
                struct memory_row *row = memory_as_of(i->value, range->revision);

                if (row && str_starts_with(row->kv.key, range->prefix) &&
                    (!range->after || strcmp(row->kv.key, range->after) > 0))
                        found[n++] = row;
        }
        qsort(found, n, sizeof(struct memory_row *), memory_compare_keys);
        return memory_fill(found, n, range, arena, ret) < 0 ? memory_no_memory(e) : 0;
}

/* The first row at or behind revision. */
static size_t memory_first_row(const struct memory_engine *en, int64_t revision) {
        size_t low = 0, high = en->n_rows;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (en->rows[middle]->kv.mod_revision < revision)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Where a piece of history that starts at first ends: behind a whole revision. */
static size_t memory_piece_end(const struct memory_engine *en, size_t first,
                               const struct engine_history *what) {
        size_t n_bytes = 0, i;

        for (i = first; i < en->n_rows; i++) {
                bool is_new = i == first ||
                              en->rows[i]->kv.mod_revision != en->rows[i - 1]->kv.mod_revision;

                if (is_new && (i - first >= what->rows_max || n_bytes >= what->bytes_max))
                        break;
                n_bytes += en->rows[i]->kv.value_len;
        }
        return i;
}

static int memory_history(struct engine *base, const struct engine_history *what,
                          struct arena *arena, struct engine_events *ret, struct err *e) {
        struct memory_engine *en = memory_of(base);
        size_t first = memory_first_row(en, what->from_revision);
        size_t end = memory_piece_end(en, first, what);
        struct store_event *events = arena_alloc_n(arena, end - first, sizeof(*events));
        size_t n = 0;

        if (!events)
                return memory_no_memory(e);
        for (size_t i = first; i < end; i++) {
                const struct memory_row *row = en->rows[i];

                if (!str_starts_with(row->kv.key, what->prefix))
                        continue;
                events[n].kind = row->is_deletion ? STORE_EVENT_DELETE : STORE_EVENT_PUT;
                if (memory_copy(&row->kv, true, arena, &events[n].kv) < 0)
                        return memory_no_memory(e);
                n++;
        }
        *ret = (struct engine_events){
                .events = events,
                .n = n,
                .next_revision = end < en->n_rows ? en->rows[end]->kv.mod_revision : 0,
        };
        return 0;
}

static size_t memory_lease_index(const struct memory_engine *en, int64_t id) {
        for (size_t i = 0; i < en->n_leases; i++)
                if (en->leases[i] == id)
                        return i;
        return SIZE_MAX;
}

static int memory_lease_add(struct engine *base, uint64_t ttl_sec, int64_t *ret_id, struct err *e) {
        struct memory_engine *en = memory_of(base);

        (void) ttl_sec; /* nothing is opened again */
        if (array_reserve(&en->leases, &en->leases_cap, en->n_leases, sizeof(*en->leases)) < 0)
                return memory_no_memory(e);
        *ret_id = ++en->last_lease;
        en->leases[en->n_leases++] = *ret_id;
        return 0;
}

static int memory_lease_remove(struct engine *base, int64_t id, struct err *e) {
        struct memory_engine *en = memory_of(base);
        size_t i = memory_lease_index(en, id);

        (void) e;
        if (i == SIZE_MAX)
                return 0;
        en->leases[i] = en->leases[--en->n_leases];
        return 1;
}

static int memory_lease_has(struct engine *base, int64_t id, struct err *e) {
        (void) e;
        return memory_lease_index(memory_of(base), id) != SIZE_MAX;
}

static int memory_lease_keys(struct engine *base, int64_t id, struct arena *arena,
                             const char ***ret_keys, size_t *ret_n, struct err *e) {
        struct memory_engine *en = memory_of(base);
        const char **keys = NULL;
        size_t n = 0;

        keys = arena_alloc_n(arena, en->newest.n, sizeof(*keys));
        if (!keys)
                return memory_no_memory(e);
        MAP_FOREACH(i, &en->newest) {
                const struct memory_row *row = i->value;

                if (row->is_deletion || row->kv.lease != id)
                        continue;
                keys[n] = arena_strdup(arena, row->kv.key);
                if (!keys[n++])
                        return memory_no_memory(e);
        }
        *ret_keys = keys;
        *ret_n = n;
        return 0;
}

static int memory_leases(struct engine *base, engine_lease_fn found, void *userdata,
                         struct err *e) {
        (void) base; /* a fresh one has none */
        (void) found;
        (void) userdata;
        (void) e;
        return 0;
}

static int memory_compact(struct engine *base, int64_t revision, struct err *e) {
        (void) e;
        base->compacted = revision;
        return 0;
}

/* Marks what no reader at or above revision can see. Returns whether nothing of the key is left. */
static bool memory_bury(struct memory_row *newest, int64_t revision) {
        struct memory_row **at = &newest;

        while (*at && (*at)->kv.mod_revision > revision)
                at = &(*at)->older;
        if (!*at)
                return false;
        if (!(*at)->is_deletion)
                at = &(*at)->older;
        for (struct memory_row *row = *at; row; row = row->older)
                row->is_dead = true;
        *at = NULL;
        return newest == NULL;
}

static int memory_sweep(struct engine *base, struct err *e) {
        struct memory_engine *en = memory_of(base);
        size_t n = 0;

        (void) e;
        MAP_FOREACH(i, &en->newest) {
                if (memory_bury(i->value, base->compacted))
                        (void) map_remove(&en->newest, i->key);
        }
        for (size_t i = 0; i < en->n_rows; i++) {
                if (en->rows[i]->is_dead)
                        free(en->rows[i]);
                else
                        en->rows[n++] = en->rows[i];
        }
        en->n_rows = n;
        en->n_rows_before = n; /* a commit follows, which can't fail */
        return 0;
}

static void memory_nothing(struct engine *base) {
        (void) base;
}

static const struct engine_ops memory_ops = {
        .free = memory_free,
        .begin = memory_begin,
        .commit = memory_commit,
        .rollback = memory_rollback,
        .find = memory_find,
        .add = memory_add,
        .range = memory_range,
        .history = memory_history,
        .lease_add = memory_lease_add,
        .lease_remove = memory_lease_remove,
        .lease_has = memory_lease_has,
        .lease_keys = memory_lease_keys,
        .leases = memory_leases,
        .compact = memory_compact,
        .sweep = memory_sweep,
        .tidy = memory_nothing,
        .rest = memory_nothing,
};

int store_open_memory(struct loop *l, const struct store_memory_options *options,
                      struct store **ret, struct err *e) {
        struct memory_engine *en = calloc(1, sizeof(*en));
        struct store_local_options local = { 0 };

        if (!en)
                return memory_no_memory(e);
        en->base.ops = &memory_ops;
        en->base.revision = 1;
        if (options) {
                local.keep_revisions = options->keep_revisions;
                local.now_usec = options->now_usec;
                local.clock = options->clock;
        }
        return store_local_new(l, &en->base, &local, ret, e);
}

size_t store_memory_step(struct store *s, size_t n) {
        return store_local_step(s, n);
}
