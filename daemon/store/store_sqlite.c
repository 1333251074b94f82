#include "daemon/store/store_sqlite.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/store/local.h"
#include "daemon/store/sqlite.h"
#include "daemon/store/store.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* "orch": tells our files from other SQLite databases. */
#define STORE_APPLICATION_ID 0x6f726368
#define STORE_SCHEMA_VERSION 1

#define STORE_TEXT_(x) #x
#define STORE_TEXT(x) STORE_TEXT_(x)

/* EXCLUSIVE keeps the index of the log in memory: no third file, no lock calls; nobody else may
 * look in anyway. Deleted bytes aren't zeroed: that would double what flash has to take. */
static const char store_configure[] = "PRAGMA locking_mode=EXCLUSIVE;"
                                      "PRAGMA secure_delete=OFF;"
                                      "PRAGMA cache_size=-1024;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA synchronous=FULL;"
                                      "PRAGMA wal_autocheckpoint=0;"
                                      "PRAGMA journal_size_limit=16777216;"
                                      "PRAGMA trusted_schema=OFF;";

static const char store_create[] =
        "PRAGMA auto_vacuum=NONE;"
        "PRAGMA journal_mode=WAL;"
        "BEGIN IMMEDIATE;"
        "CREATE TABLE kv(id INTEGER PRIMARY KEY, key BLOB NOT NULL, create_revision INTEGER NOT "
        "NULL,"
        " version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB);"
        "CREATE INDEX kv_key ON kv(key);"
        "CREATE INDEX kv_lease ON kv(lease) WHERE lease != 0;"
        "CREATE TABLE lease(id INTEGER PRIMARY KEY AUTOINCREMENT, ttl_sec INTEGER NOT NULL);"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "PRAGMA application_id=" STORE_TEXT(
                STORE_APPLICATION_ID) ";"
                                      "PRAGMA user_version=" STORE_TEXT(
                                              STORE_SCHEMA_VERSION) ";"
                                                                    "COMMIT;";

/* Takes the lock that a second server on the directory would want, and leaves our pid in it. */
static int store_lock(const char *directory, int *ret_fd, struct err *e) {
        AUTO_FREE char *path = str_format("%s/lock", directory);
        AUTO_CLOSE int fd = -1;
        char pid[24] = "";
        ssize_t n;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory for the store");
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, -errno,
                                 "cannot open %s; the server must be able to write there", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return err_errno(e, -errno, "cannot lock %s", path);
                n = read(fd, pid, sizeof(pid) - 1);
                pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
                return err_set(
                        e, -EBUSY,
                        "another server%s%s uses %s; stop it, or choose another state directory",
                        pid[0] ? " with pid " : "", pid, directory);
        }
        n = snprintf(pid, sizeof(pid), "%d\n", (int) getpid());
        if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t) n, 0) < 0) {
                /* Only the text of somebody's error message suffers. */
        }
        *ret_fd = STEAL_FD(fd);
        return 0;
}

static int store_pragma(sqlite3 *db, const char *sql, const char *path, int64_t *ret,
                        struct err *e) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                *ret = sqlite3_column_int64(stmt, 0);
        (void) sqlite3_finalize(stmt);
        return rc == SQLITE_ROW ? 0 : sqlite_explain(db, sqlite3_extended_errcode(db), path, e);
}

/* Checks that the file is ours, or makes the tables in an empty one. */
static int store_schema(sqlite3 *db, const char *path, struct err *e) {
        int64_t application = 0, version = 0, n_tables = 0;
        int r;

        r = store_pragma(db, "PRAGMA application_id", path, &application, e);
        if (r >= 0)
                r = store_pragma(db, "PRAGMA user_version", path, &version, e);
        if (r >= 0)
                r = store_pragma(db, "SELECT count(*) FROM sqlite_schema", path, &n_tables, e);
        if (r < 0)
                return r;

        if (application == 0 && version == 0 && n_tables == 0)
                return sqlite_run(db, store_create, path, e);
        if (application != STORE_APPLICATION_ID)
                return err_set(e, -EUCLEAN,
                               "%s is a database, but not of this program; move it away, or choose "
                               "another state directory",
                               path);
        if (version > STORE_SCHEMA_VERSION)
                return err_set(e, -EPROTONOSUPPORT,
                               "%s was written by a newer version of the server (format %d, this "
                               "one knows %d); "
                               "install that version again",
                               path, (int) version, STORE_SCHEMA_VERSION);
        return 0;
}

/* more: SQL after the usual settings, or "". */
static int store_open_db(const char *path, const char *vfs, const char *more, sqlite3 **ret,
                         struct err *e) {
        const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                          SQLITE_OPEN_EXRESCODE;
        sqlite3 *db = NULL;
        int rc, r;

        rc = sqlite3_open_v2(path, &db, flags, vfs);
        if (rc != SQLITE_OK) {
                r = sqlite_explain(db, rc, path, e);
                (void) sqlite3_close(db);
                return r;
        }
        r = sqlite_run(db, store_configure, path, e);
        if (r >= 0)
                r = sqlite_run(db, more, path, e);
        if (r >= 0)
                r = store_schema(db, path, e);
        if (r < 0) {
                (void) sqlite3_close(db);
                return r;
        }
        *ret = db;
        return 0;
}

/* A mode for Secrets, whatever the umask; SQLite gives its log the same. *ret_is_new: it is empty.
 */
static int store_make_file(const char *path, bool *ret_is_new, struct err *e) {
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(e, -errno,
                                 "cannot open %s; the server must be able to write there", path);
        *ret_is_new = st.st_size == 0;
        return 0;
}

/* Renames a file; content and name are on the disk then. */
static int store_rename_durable(const char *directory, const char *from, const char *to,
                                struct err *e) {
        AUTO_CLOSE int fd = open(from, O_RDWR | O_CLOEXEC);
        AUTO_CLOSE int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        /* The name last: commits that are answered later must not lie under a name that is lost. */
        if (fd < 0 || dir_fd < 0 || fsync(fd) < 0 || rename(from, to) < 0 || fsync(dir_fd) < 0)
                return err_errno(e, -errno, "cannot write %s to the disk", to);
        return 0;
}

/* The first start, with two syncs instead of SQLite's seven, which take long on SD cards: the
 * tables are made in a file beside, without any sync, and that takes its name when it is on the
 * disk. */
static int store_create_beside(const char *directory, const char *path, struct err *e) {
        AUTO_FREE char *beside = str_format("%s/store.new", directory);
        sqlite3 *db = NULL;
        bool is_new;
        int r;

        if (!beside)
                return err_set(e, -ENOMEM, "out of memory for the store");
        if (unlink(beside) < 0 && errno != ENOENT)
                return err_errno(e, -errno, "cannot remove %s", beside);
        r = store_make_file(beside, &is_new, e);
        if (r >= 0)
                r = store_open_db(beside, NULL, "PRAGMA synchronous=OFF;", &db, e);
        if (r < 0)
                return r;
        (void) sqlite3_close(db);
        return store_rename_durable(directory, beside, path, e);
}

static int store_open_engine(const char *directory, const char *vfs, struct engine **ret,
                             struct err *e) {
        AUTO_FREE char *path = str_format("%s/store.db", directory);
        AUTO_CLOSE int lock_fd = -1;
        sqlite3 *db = NULL;
        bool is_new = false;
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory for the store");
        r = dir_make_all(directory, 0700, e);
        if (r < 0)
                return err_wrap(e, r, "cannot make the directory of the store");
        r = store_lock(directory, &lock_fd, e);
        if (r >= 0 && !vfs)
                r = store_make_file(path, &is_new, e);
        if (r >= 0 && is_new)
                r = store_create_beside(directory, path, e);
        if (r >= 0)
                r = store_open_db(path, vfs, "", &db, e);
        if (r < 0)
                return r;
        return sqlite_engine_new(db, STEAL_FD(lock_fd), path, ret, e);
}

int store_open_sqlite(struct loop *l, const char *directory,
                      const struct store_sqlite_options *options, struct store **ret,
                      struct err *e) {
        struct store_local_options local = { .has_thread = true };
        struct engine *en = NULL;
        int r;

        r = store_open_engine(directory, options ? options->vfs : NULL, &en, e);
        if (r < 0)
                return r;
        if (options) {
                local.keep_revisions = options->keep_revisions;
                local.now_usec = options->now_usec;
                local.clock = options->clock;
        }
        return store_local_new(l, en, &local, ret, e);
}
