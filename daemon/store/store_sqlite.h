#pragma once

#include "base/err.h"

#include <stdint.h>

struct loop;
struct store;

struct store_sqlite_options {
        int64_t keep_revisions; /* compacts by itself, keeping so many at least; 0: never */
        const char *vfs;        /* an SQLite VFS by name, for tests; NULL: the default */
        uint64_t (*now_usec)(void *clock); /* for leases; NULL: clock_now_usec() */
        void *clock;
};

/* Opens, or makes, the database in directory (which is made, too, mode 0700): store.db,
 * store.db-wal and lock.
 *
 * options  NULL for defaults; read during the call.
 *
 * Blocks for a few milliseconds. Returns 0, -EBUSY when another process uses the directory,
 * -EUCLEAN when the file is damaged or no store, -EPROTONOSUPPORT when a newer orch wrote it,
 * -EROFS, -EACCES, -ENOSPC, -EIO, -ENOMEM. The sentence in e names the remedy. */
int store_open_sqlite(struct loop *l, const char *directory,
                      const struct store_sqlite_options *options, struct store **ret,
                      struct err *e);
