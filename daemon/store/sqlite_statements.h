#pragma once

/* For the SQLite back-end only: every statement that its engine runs, prepared when first used. */

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* A row's id is its revision and its place within it, so that the table is in the order of events
 * and the index on keys, which ends in the id, is in the order of revisions. */
#define SQLITE_SUB_BITS 16

enum sqlite_statement {
        SQL_BEGIN,
        SQL_COMMIT,
        SQL_ROLLBACK,
        SQL_FIND,
        SQL_GET,
        SQL_ADD,
        SQL_RANGE,
        SQL_HISTORY,
        SQL_LEASE_ADD,
        SQL_LEASE_REMOVE,
        SQL_LEASE_HAS,
        SQL_LEASE_KEYS,
        SQL_LEASES,
        SQL_META_SET,
        SQL_META_GET,
        SQL_NEWEST,
        SQL_SWEEP_SCAN,
        SQL_SWEEP_OLDER,
        SQL_SWEEP_ROW,
        SQL_N,
};

struct sqlite_statements {
        sqlite3 *db; /* owned */
        char *path;  /* owned; of the database, for messages */
        sqlite3_stmt *prepared[SQL_N];
};

/* Closes the database, too. */
void sqlite_statements_done(struct sqlite_statements *s);

/* Explains the database's last failure and returns it as a negative errno. */
int sqlite_fail(struct sqlite_statements *s, struct err *e);

/* Returns -ENOMEM, explained. */
int sqlite_no_memory(struct err *e);

/* A statement that resets itself at the end of its scope. */
struct sqlite_use {
        sqlite3_stmt *stmt;
};

void sqlite_use_done(struct sqlite_use *u);
DEFINE_AUTO_DONE(sqlite_use);

/* Begins with a statement; sqlite_use_done() ends with it. Returns 0 or what sqlite_fail() says. */
int sqlite_use(struct sqlite_statements *s, enum sqlite_statement which, struct sqlite_use *ret,
               struct err *e);

/* 1: a row, 0: done, or what sqlite_fail() says. */
int sqlite_step(struct sqlite_statements *s, struct sqlite_use *u, struct err *e);

/* Runs a statement without arguments, or with one number, for its first step. Returns 1 when it
 * gave a row. */
int sqlite_once(struct sqlite_statements *s, enum sqlite_statement which, struct err *e);
int sqlite_with_number(struct sqlite_statements *s, enum sqlite_statement which, int64_t number,
                       struct err *e);

/* Argument i, borrowed until the use ends. */
void sqlite_bind_key(struct sqlite_use *u, int i, const char *key);

/* Copies column i, with a NUL behind it. NULL: memory is out. */
char *sqlite_copy(struct sqlite_use *u, int i, struct arena *arena, size_t *ret_len);

/* The id of a row. */
int64_t sqlite_id(int64_t revision, unsigned sub);
