#include "daemon/store/sqlite_statements.h"

#include "daemon/store/sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const sqlite_texts[SQL_N] = {
        [SQL_BEGIN] = "BEGIN",
        [SQL_COMMIT] = "COMMIT",
        [SQL_ROLLBACK] = "ROLLBACK",
        [SQL_FIND] = "SELECT id, create_revision, version, lease, value IS NULL FROM kv "
                     "WHERE key = ?1 ORDER BY id DESC LIMIT 1",
        [SQL_GET] = "SELECT id, create_revision, version, lease, value IS NULL, value FROM kv "
                    "WHERE key = ?1 ORDER BY id DESC LIMIT 1",
        [SQL_ADD] = "INSERT INTO kv(id, key, create_revision, version, lease, value) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        [SQL_RANGE] = "SELECT kv.id, kv.create_revision, kv.version, kv.lease, 0, kv.value, kv.key "
                      "FROM (SELECT key AS k, max(id) AS newest FROM kv INDEXED BY kv_key "
                      "WHERE key >= ?1 AND key < ?2 AND id < ?3 GROUP BY key ORDER BY key) "
                      "CROSS JOIN kv ON kv.id = newest WHERE kv.value IS NOT NULL",
        [SQL_HISTORY] = "SELECT id, create_revision, version, lease, value IS NULL, value, key "
                        "FROM kv WHERE id >= ?1 ORDER BY id",
        [SQL_LEASE_ADD] = "INSERT INTO lease(ttl_sec) VALUES(?1)",
        [SQL_LEASE_REMOVE] = "DELETE FROM lease WHERE id = ?1",
        [SQL_LEASE_HAS] = "SELECT 1 FROM lease WHERE id = ?1",
        [SQL_LEASE_KEYS] = "SELECT key FROM kv INDEXED BY kv_lease WHERE lease = ?1 AND lease != 0 "
                           "AND NOT EXISTS (SELECT 1 FROM kv AS newer WHERE newer.key = kv.key "
                           "AND newer.id > kv.id) ORDER BY key",
        [SQL_LEASES] = "SELECT id, ttl_sec FROM lease ORDER BY id",
        [SQL_META_SET] = "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)",
        [SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
        [SQL_NEWEST] = "SELECT max(id) FROM kv",
        [SQL_SWEEP_SCAN] = "SELECT id, key, value IS NULL FROM kv WHERE id > ?1 AND id < ?2 "
                           "ORDER BY id LIMIT ?3",
        [SQL_SWEEP_OLDER] = "DELETE FROM kv WHERE key = ?1 AND id < ?2",
        [SQL_SWEEP_ROW] = "DELETE FROM kv WHERE id = ?1",
};

void sqlite_statements_done(struct sqlite_statements *s) {
        for (size_t i = 0; i < SQL_N; i++)
                (void) sqlite3_finalize(s->prepared[i]);
        (void) sqlite3_close(s->db); /* moves the log into the database */
        free(s->path);
}

int sqlite_fail(struct sqlite_statements *s, struct err *e) {
        return sqlite_explain(s->db, sqlite3_extended_errcode(s->db), s->path, e);
}

int sqlite_no_memory(struct err *e) {
        return err_set(e, -ENOMEM, "out of memory for an answer of the store");
}

void sqlite_use_done(struct sqlite_use *u) {
        if (!u->stmt)
                return;
        (void) sqlite3_reset(u->stmt); /* repeats the error of step, which was seen there */
        (void) sqlite3_clear_bindings(u->stmt);
}

int sqlite_use(struct sqlite_statements *s, enum sqlite_statement which, struct sqlite_use *ret,
               struct err *e) {
        if (!s->prepared[which] &&
            sqlite3_prepare_v3(s->db, sqlite_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                               &s->prepared[which], NULL) != SQLITE_OK)
                return sqlite_fail(s, e);
        ret->stmt = s->prepared[which];
        return 0;
}

int sqlite_step(struct sqlite_statements *s, struct sqlite_use *u, struct err *e) {
        int rc = sqlite3_step(u->stmt);

        if (rc == SQLITE_ROW)
                return 1;
        return rc == SQLITE_DONE ? 0 : sqlite_fail(s, e);
}

int sqlite_once(struct sqlite_statements *s, enum sqlite_statement which, struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r = sqlite_use(s, which, &u, e);

        return r < 0 ? r : sqlite_step(s, &u, e);
}

/* Bindings fail only where an index is wrong or memory for a copy is out: there is no copy. */
void sqlite_bind_key(struct sqlite_use *u, int i, const char *key) {
        (void) sqlite3_bind_blob(u->stmt, i, key, (int) strlen(key), SQLITE_STATIC);
}

int64_t sqlite_id(int64_t revision, unsigned sub) {
        /* Past the largest there is no row: saturate instead of wrapping. */
        if (revision > INT64_MAX >> SQLITE_SUB_BITS)
                return INT64_MAX;
        return (int64_t) ((uint64_t) revision << SQLITE_SUB_BITS) + sub;
}

int sqlite_with_number(struct sqlite_statements *s, enum sqlite_statement which, int64_t number,
                       struct err *e) {
        AUTO_DONE(sqlite_use) struct sqlite_use u = { 0 };
        int r = sqlite_use(s, which, &u, e);

        if (r < 0)
                return r;
        (void) sqlite3_bind_int64(u.stmt, 1, number);
        return sqlite_step(s, &u, e);
}

char *sqlite_copy(struct sqlite_use *u, int i, struct arena *arena, size_t *ret_len) {
        const void *data = sqlite3_column_blob(u->stmt, i);
        size_t len = (size_t) sqlite3_column_bytes(u->stmt, i);
        char *copy;

        if (!data && len > 0)
                return NULL;
        copy = arena_alloc(arena, len + 1);
        if (copy && len > 0)
                memcpy(copy, data, len);
        *ret_len = len;
        return copy;
}
