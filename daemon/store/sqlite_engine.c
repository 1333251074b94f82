#include "base/array.h"
#include "base/str.h"
#include "daemon/store/sqlite.h"
#include "daemon/store/sqlite_statements.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pages (4 KiB) in the log before they are moved into the database. */
#define SQLITE_LOG_PAGES 1000

/* Rows that one step of the sweep looks at: as many as a group may add. */
#define SQLITE_SWEEP_ROWS 256

struct sqlite_engine {
        struct engine base;
        struct sqlite_statements statements;
        int lock_fd;
        int log_pages;    /* in the log after the last commit */
        int64_t swept_id; /* rows up to here have done what compaction asks of them */
};

static struct sqlite_engine *sqlite_of(struct engine *en) {
        return CONTAINER_OF(en, struct sqlite_engine, base);
}

static void sqlite_free(struct engine *base) {
        struct sqlite_engine *en = sqlite_of(base);

        sqlite_statements_done(&en->statements);
        if (en->lock_fd >= 0)
                (void) close(en->lock_fd);
        free(en);
}

static int sqlite_begin(struct engine *base, struct err *e) {
        return sqlite_once(&sqlite_of(base)->statements, SQL_BEGIN, e);
}

static void sqlite_rollback(struct engine *base) {
        struct sqlite_engine *en = sqlite_of(base);

        /* After some failures SQLite has rolled back already. */
        if (!sqlite3_get_autocommit(en->statements.db))
                (void) sqlite_once(&en->statements, SQL_ROLLBACK, NULL);
}

static int sqlite_commit(struct engine *base, struct err *e) {
        int r = sqlite_once(&sqlite_of(base)->statements, SQL_COMMIT, e);

        if (r < 0)
                sqlite_rollback(base);
        return r;
}

/* The columns that SQL_FIND and all that are like it begin with. */
static bool sqlite_read(struct sqlite_use *u, struct store_kv *ret) {
        *ret = (struct store_kv){
                .mod_revision = sqlite3_column_int64(u->stmt, 0) >> SQLITE_SUB_BITS,
                .create_revision = sqlite3_column_int64(u->stmt, 1),
                .version = sqlite3_column_int64(u->stmt, 2),
                .lease = sqlite3_column_int64(u->stmt, 3),
        };
        return sqlite3_column_int(u->stmt, 4) == 0;
}

static int sqlite_copy_value(struct sqlite_use *u, struct arena *arena, struct store_kv *ret) {
        ret->value = sqlite_copy(u, 5, arena, &ret->value_len);
        return ret->value ? 0 : -ENOMEM;
}

static int sqlite_copy_key(struct sqlite_use *u, struct arena *arena, struct store_kv *ret) {
        size_t len;

        ret->key = sqlite_copy(u, 6, arena, &len);
        return ret->key ? 0 : -ENOMEM;
}

static int sqlite_find(struct engine *base, const char *key, struct arena *arena,
                       struct store_kv *ret, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r;

        r = sqlite_use(&en->statements, arena ? SQL_GET : SQL_FIND, &u, e);
        if (r < 0)
                return r;
        sqlite_bind_key(&u, 1, key);
        r = sqlite_step(&en->statements, &u, e);
        if (r <= 0 || !sqlite_read(&u, ret))
                return MIN(r, 0);
        if (!arena)
                return 1;
        ret->key = arena_strdup(arena, key);
        if (!ret->key || sqlite_copy_value(&u, arena, ret) < 0)
                return sqlite_no_memory(e);
        return 1;
}

static int sqlite_add(struct engine *base, const struct engine_row *row, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r;

        r = sqlite_use(&en->statements, SQL_ADD, &u, e);
        if (r < 0)
                return r;
        (void) sqlite3_bind_int64(u.stmt, 1, sqlite_id(row->kv.mod_revision, row->sub));
        sqlite_bind_key(&u, 2, row->kv.key);
        (void) sqlite3_bind_int64(u.stmt, 3, row->kv.create_revision);
        (void) sqlite3_bind_int64(u.stmt, 4, row->kv.version);
        (void) sqlite3_bind_int64(u.stmt, 5, row->kv.lease);
        if (!row->is_deletion)
                (void) sqlite3_bind_blob(u.stmt, 6, row->kv.value, (int) row->kv.value_len,
                                         SQLITE_STATIC);
        return sqlite_step(&en->statements, &u, e);
}

/* The smallest text above all that begin with prefix: keys hold no NUL, so 0xff… does for "". */
static size_t sqlite_prefix_end(const char *prefix, char end[STORE_KEY_MAX + 1]) {
        size_t len = strlen(prefix);

        memcpy(end, prefix, len);
        while (len > 0 && (unsigned char) end[len - 1] == 0xff)
                len--;
        if (len == 0) {
                memset(end, 0xff, STORE_KEY_MAX + 1);
                return STORE_KEY_MAX + 1;
        }
        end[len - 1] = (char) ((unsigned char) end[len - 1] + 1);
        return len;
}

static void sqlite_bind_range(struct sqlite_use *u, const struct engine_range *range,
                              char end[STORE_KEY_MAX + 1]) {
        size_t end_len = sqlite_prefix_end(range->prefix, end);

        /* after and its NUL: the smallest text above it. */
        if (range->after && strcmp(range->after, range->prefix) >= 0)
                (void) sqlite3_bind_blob(u->stmt, 1, range->after, (int) strlen(range->after) + 1,
                                         SQLITE_STATIC);
        else
                (void) sqlite3_bind_blob(u->stmt, 1, range->prefix, (int) strlen(range->prefix),
                                         SQLITE_STATIC);
        (void) sqlite3_bind_blob(u->stmt, 2, end, (int) end_len, SQLITE_STATIC);
        (void) sqlite3_bind_int64(u->stmt, 3, sqlite_id(range->revision + 1, 0));
}

/* A growing list of things in an arena: what has been outgrown stays there until the request ends.
 */
static void *sqlite_grow(struct arena *arena, void *items, size_t n, size_t *cap, size_t size) {
        size_t want = *cap == 0 ? 16 : *cap * 2;
        void *fresh;

        if (n < *cap)
                return items;
        fresh = arena_alloc_n(arena, want, size);
        if (!fresh)
                return NULL;
        if (n > 0)
                memcpy(fresh, items, n * size);
        *cap = want;
        return fresh;
}

static int sqlite_range(struct engine *base, const struct engine_range *range, struct arena *arena,
                        struct store_result *ret, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        char end[STORE_KEY_MAX + 1];
        struct store_kv *items = NULL;
        size_t n = 0, cap = 0, n_bytes = 0;
        int r;

        r = sqlite_use(&en->statements, SQL_RANGE, &u, e);
        if (r < 0)
                return r;
        sqlite_bind_range(&u, range, end);
        while ((r = sqlite_step(&en->statements, &u, e)) > 0) {
                if (n >= range->limit || n_bytes >= range->bytes_max)
                        break;
                items = sqlite_grow(arena, items, n, &cap, sizeof(*items));
                if (!items)
                        return sqlite_no_memory(e);
                (void) sqlite_read(&u, &items[n]);
                if (sqlite_copy_key(&u, arena, &items[n]) < 0 ||
                    sqlite_copy_value(&u, arena, &items[n]) < 0)
                        return sqlite_no_memory(e);
                /* The query has no ORDER BY, which would sort everything before the first row: the
                 * inner query and the fixed order of the join give it, unless the index is damaged.
                 */
                if (n > 0 && strcmp(items[n - 1].key, items[n].key) >= 0)
                        return sqlite_explain(en->statements.db, SQLITE_CORRUPT_INDEX,
                                              en->statements.path, e);
                n_bytes += items[n++].value_len;
        }
        if (r < 0)
                return r;
        ret->items = items;
        ret->n = n;
        ret->has_more = r > 0;
        return 0;
}

static bool sqlite_has_prefix(struct sqlite_use *u, const char *prefix) {
        size_t len = strlen(prefix);

        return (size_t) sqlite3_column_bytes(u->stmt, 6) >= len &&
               (len == 0 || memcmp(sqlite3_column_blob(u->stmt, 6), prefix, len) == 0);
}

static int sqlite_read_event(struct sqlite_use *u, struct arena *arena, struct store_event *ret) {
        ret->kind = sqlite_read(u, &ret->kv) ? STORE_EVENT_PUT : STORE_EVENT_DELETE;
        if (sqlite_copy_key(u, arena, &ret->kv) < 0)
                return -ENOMEM;
        return ret->kind == STORE_EVENT_PUT ? sqlite_copy_value(u, arena, &ret->kv) : 0;
}

static int sqlite_history(struct engine *base, const struct engine_history *what,
                          struct arena *arena, struct engine_events *ret, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        size_t n = 0, cap = 0, n_rows = 0, n_bytes = 0;
        struct store_event *events = NULL;
        int64_t revision = 0, next = 0;
        int r;

        r = sqlite_use(&en->statements, SQL_HISTORY, &u, e);
        if (r < 0)
                return r;
        (void) sqlite3_bind_int64(u.stmt, 1, sqlite_id(what->from_revision, 0));
        while ((r = sqlite_step(&en->statements, &u, e)) > 0) {
                int64_t row_revision = sqlite3_column_int64(u.stmt, 0) >> SQLITE_SUB_BITS;

                if (row_revision != revision &&
                    (n_rows >= what->rows_max || n_bytes >= what->bytes_max)) {
                        next = row_revision;
                        break;
                }
                revision = row_revision;
                n_rows++;
                if (!sqlite_has_prefix(&u, what->prefix))
                        continue;
                events = sqlite_grow(arena, events, n, &cap, sizeof(*events));
                if (!events || sqlite_read_event(&u, arena, &events[n]) < 0)
                        return sqlite_no_memory(e);
                n_bytes += events[n++].kv.value_len;
        }
        if (r < 0)
                return r;
        *ret = (struct engine_events){
                .events = events,
                .n = n,
                .next_revision = next,
        };
        return 0;
}

static int sqlite_lease_add(struct engine *base, uint64_t ttl_sec, int64_t *ret_id, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        int r = sqlite_with_number(&en->statements, SQL_LEASE_ADD, (int64_t) ttl_sec, e);

        if (r < 0)
                return r;
        *ret_id = sqlite3_last_insert_rowid(en->statements.db);
        return 0;
}

static int sqlite_lease_remove(struct engine *base, int64_t id, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        int r = sqlite_with_number(&en->statements, SQL_LEASE_REMOVE, id, e);

        return r < 0 ? r : sqlite3_changes(en->statements.db) > 0;
}

static int sqlite_lease_has(struct engine *base, int64_t id, struct err *e) {
        return sqlite_with_number(&sqlite_of(base)->statements, SQL_LEASE_HAS, id, e);
}

static int sqlite_lease_keys(struct engine *base, int64_t id, struct arena *arena,
                             const char ***ret_keys, size_t *ret_n, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        const char **keys = NULL;
        size_t n = 0, cap = 0, len;
        int r;

        r = sqlite_use(&en->statements, SQL_LEASE_KEYS, &u, e);
        if (r < 0)
                return r;
        (void) sqlite3_bind_int64(u.stmt, 1, id);
        while ((r = sqlite_step(&en->statements, &u, e)) > 0) {
                keys = sqlite_grow(arena, keys, n, &cap, sizeof(*keys));
                if (!keys)
                        return sqlite_no_memory(e);
                keys[n] = sqlite_copy(&u, 0, arena, &len);
                if (!keys[n++])
                        return sqlite_no_memory(e);
        }
        if (r < 0)
                return r;
        *ret_keys = keys;
        *ret_n = n;
        return 0;
}

static int sqlite_leases(struct engine *base, engine_lease_fn found, void *userdata,
                         struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r;

        r = sqlite_use(&en->statements, SQL_LEASES, &u, e);
        if (r < 0)
                return r;
        while ((r = sqlite_step(&en->statements, &u, e)) > 0) {
                r = found(userdata, sqlite3_column_int64(u.stmt, 0),
                          (uint64_t) sqlite3_column_int64(u.stmt, 1));
                if (r < 0)
                        return err_set(e, r, "out of memory for a lease");
        }
        return r;
}

static int sqlite_meta_set(struct sqlite_engine *en, const char *name, int64_t value,
                           struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r = sqlite_use(&en->statements, SQL_META_SET, &u, e);

        if (r < 0)
                return r;
        (void) sqlite3_bind_text(u.stmt, 1, name, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(u.stmt, 2, value);
        return sqlite_step(&en->statements, &u, e);
}

static int sqlite_meta_get(struct sqlite_engine *en, const char *name, int64_t *ret,
                           struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r = sqlite_use(&en->statements, SQL_META_GET, &u, e);

        if (r < 0)
                return r;
        (void) sqlite3_bind_text(u.stmt, 1, name, -1, SQLITE_STATIC);
        r = sqlite_step(&en->statements, &u, e);
        *ret = r > 0 ? sqlite3_column_int64(u.stmt, 0) : 0;
        return MIN(r, 0);
}

static int sqlite_compact(struct engine *base, int64_t revision, struct err *e) {
        int r = sqlite_meta_set(sqlite_of(base), "compacted", revision, e);

        if (r < 0)
                return r;
        base->compacted = revision;
        return 0;
}

/* A row that is compacted makes the older ones of its key superfluous, and itself if it is a
 * deletion. */
static int sqlite_sweep_row(struct sqlite_engine *en, struct sqlite_use *scan, struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int64_t id = sqlite3_column_int64(scan->stmt, 0);
        int r;

        r = sqlite_use(&en->statements, SQL_SWEEP_OLDER, &u, e);
        if (r < 0)
                return r;
        (void) sqlite3_bind_blob(u.stmt, 1, sqlite3_column_blob(scan->stmt, 1),
                                 sqlite3_column_bytes(scan->stmt, 1), SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(u.stmt, 2, id);
        r = sqlite_step(&en->statements, &u, e);
        if (r < 0 || sqlite3_column_int(scan->stmt, 2) == 0)
                return r;
        return sqlite_with_number(&en->statements, SQL_SWEEP_ROW, id, e);
}

static int sqlite_sweep(struct engine *base, struct err *e) {
        struct sqlite_engine *en = sqlite_of(base);
        int64_t end_id = sqlite_id(base->compacted + 1, 0), last_id = en->swept_id;
        AUTO_DONE(sqlite_use) struct sqlite_use scan = { 0 };
        int n = 0, r;

        if (en->swept_id >= end_id - 1)
                return 0;
        r = sqlite_use(&en->statements, SQL_SWEEP_SCAN, &scan, e);
        if (r < 0)
                return r;
        (void) sqlite3_bind_int64(scan.stmt, 1, en->swept_id);
        (void) sqlite3_bind_int64(scan.stmt, 2, end_id);
        (void) sqlite3_bind_int(scan.stmt, 3, SQLITE_SWEEP_ROWS);
        while ((r = sqlite_step(&en->statements, &scan, e)) > 0) {
                last_id = sqlite3_column_int64(scan.stmt, 0);
                n++;
                r = sqlite_sweep_row(en, &scan, e);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (n < SQLITE_SWEEP_ROWS)
                last_id = end_id - 1;
        r = sqlite_meta_set(en, "swept", last_id, e);
        if (r < 0)
                return r;
        en->swept_id = last_id;
        return n == SQLITE_SWEEP_ROWS;
}

static int sqlite_on_commit(void *userdata, sqlite3 *db, const char *name, int n_pages) {
        struct sqlite_engine *en = userdata;

        (void) db;
        (void) name;
        en->log_pages = n_pages;
        return SQLITE_OK;
}

/* What a failed move leaves undone is tried after the next commit: the log has it all. */
static void sqlite_tidy(struct engine *base) {
        struct sqlite_engine *en = sqlite_of(base);

        if (en->log_pages < SQLITE_LOG_PAGES)
                return;
        en->log_pages = 0;
        (void) sqlite3_wal_checkpoint_v2(en->statements.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
                                         NULL);
}

static void sqlite_rest(struct engine *base) {
        (void) sqlite3_db_release_memory(sqlite_of(base)->statements.db);
        (void) malloc_trim(64UL * 1024);
}

static const struct engine_ops sqlite_ops = {
        .free = sqlite_free,
        .begin = sqlite_begin,
        .commit = sqlite_commit,
        .rollback = sqlite_rollback,
        .find = sqlite_find,
        .add = sqlite_add,
        .range = sqlite_range,
        .history = sqlite_history,
        .lease_add = sqlite_lease_add,
        .lease_remove = sqlite_lease_remove,
        .lease_has = sqlite_lease_has,
        .lease_keys = sqlite_lease_keys,
        .leases = sqlite_leases,
        .compact = sqlite_compact,
        .sweep = sqlite_sweep,
        .tidy = sqlite_tidy,
        .rest = sqlite_rest,
};

/* Where the store was when it was closed, or cut off. */
static int sqlite_load(struct sqlite_engine *en, struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int64_t newest;
        int r;

        r = sqlite_meta_get(en, "compacted", &en->base.compacted, e);
        if (r >= 0)
                r = sqlite_meta_get(en, "swept", &en->swept_id, e);
        if (r >= 0)
                r = sqlite_use(&en->statements, SQL_NEWEST, &u, e);
        if (r >= 0)
                r = sqlite_step(&en->statements, &u, e);
        if (r < 0)
                return r;
        /* The row of the newest revision may have been a deletion that was compacted. */
        newest = sqlite3_column_int64(u.stmt, 0) >> SQLITE_SUB_BITS;
        newest = MAX(newest, en->base.compacted);
        en->base.revision = MAX(newest, 1);
        return 0;
}

int sqlite_engine_new(sqlite3 *take_db, int take_lock_fd, const char *path, struct engine **ret,
                      struct err *e) {
        struct sqlite_engine *en = calloc(1, sizeof(*en));
        int r;

        if (!en) {
                (void) sqlite3_close(take_db);
                (void) close(take_lock_fd);
                return err_set(e, -ENOMEM, "out of memory for the store");
        }
        en->base.ops = &sqlite_ops;
        en->statements.db = take_db;
        en->statements.path = strdup(path);
        en->lock_fd = take_lock_fd;
        (void) sqlite3_wal_hook(en->statements.db, sqlite_on_commit, en);

        r = en->statements.path ? sqlite_load(en, e)
                                : err_set(e, -ENOMEM, "out of memory for the store");
        if (r < 0) {
                sqlite_free(&en->base);
                return r;
        }
        *ret = &en->base;
        return 0;
}
