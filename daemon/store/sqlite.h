#pragma once

/* For the SQLite back-end only: the few calls on a database that its files share. */

#include "base/err.h"
#include "daemon/store/engine.h"

#include <sqlite3.h>

/* db       opened, configured and of the right schema; owned, closed on failure too
 * lock_fd  owned: held until the engine is freed
 * path     copied: for messages. */
int sqlite_engine_new(sqlite3 *take_db, int take_lock_fd, const char *path, struct engine **ret,
                      struct err *e);

/* A negative errno for an SQLite result, explained in one sentence that names the remedy. path: the
 * database file. */
int sqlite_explain(sqlite3 *db, int rc, const char *path, struct err *e);

/* Runs SQL without results. Returns 0 or what sqlite_explain() says. */
int sqlite_run(sqlite3 *db, const char *sql, const char *path, struct err *e);
