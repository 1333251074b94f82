#include "daemon/store/sqlite.h"

#include <string.h>

static int sqlite_explain_disk(int code, const char *path, struct err *e) {
        switch (code) {
        case ENOSPC:
        case EDQUOT:
                return err_set(e, -ENOSPC,
                               "cannot write %s: the disk is full; free some space and try again, "
                               "nothing is lost",
                               path);
        case EROFS:
                return err_set(e, -EROFS,
                               "cannot write %s: the file system is read-only; remount it "
                               "writable, nothing is lost",
                               path);
        case EACCES:
        case EPERM:
                return err_set(e, -EACCES,
                               "cannot open %s: permission denied; give the file to the user that "
                               "the server runs as",
                               path);
        case ENOMEM:
                return err_set(e, -ENOMEM, "out of memory in the database");
        default:
                return err_set(e, -EIO,
                               "the disk fails under %s%s%s; check the disk (dmesg), then restart "
                               "the server",
                               path, code ? ": " : "", code ? strerror(code) : "");
        }
}

int sqlite_explain(sqlite3 *db, int rc, const char *path, struct err *e) {
        int code = db ? sqlite3_system_errno(db) : 0;

        switch (rc & 0xff) {
        case SQLITE_NOMEM:
                return err_set(e, -ENOMEM, "out of memory in the database");
        case SQLITE_FULL:
                return sqlite_explain_disk(ENOSPC, path, e);
        case SQLITE_READONLY:
                return sqlite_explain_disk(EROFS, path, e);
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return sqlite_explain_disk(EACCES, path, e);
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
                return sqlite_explain_disk(rc == SQLITE_IOERR_NOMEM ? ENOMEM : code, path, e);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return err_set(e, -EBUSY, "another program has %s open; close it and try again",
                               path);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return err_set(
                        e, -EUCLEAN,
                        "%s is damaged (%s); stop the server and put a backup in its place, or "
                        "save what can be read with: sqlite3 %s .recover",
                        path, sqlite3_errstr(rc), path);
        default:
                return err_set(e, -EIO, "the database %s failed: %s; restart the server", path,
                               db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
        }
}

int sqlite_run(sqlite3 *db, const char *sql, const char *path, struct err *e) {
        int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? 0 : sqlite_explain(db, sqlite3_extended_errcode(db), path, e);
}
