#include "tests/unit/store/power_vfs.h"

#include "base/backoff.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define POWER_FILES_MAX 8
#define POWER_SECTOR 512

/* A write, or (data NULL) a truncation to offset. */
struct power_change {
        uint64_t offset;
        size_t len;
        char *data;
};

struct power_bytes {
        char *data;
        size_t len, cap;
};

struct power_file {
        char name[256]; /* "": free slot */
        struct power_bytes now;
        struct power_bytes disk;      /* as of the last sync */
        struct power_change *changes; /* since the last sync */
        size_t n_changes, changes_cap;
};

struct power {
        sqlite3_vfs vfs;
        char name[32];
        uint64_t seed;
        unsigned n_left; /* operations until the cut */
        bool is_armed, is_cut, is_full;
        struct power_file files[POWER_FILES_MAX];
};

struct power_handle {
        sqlite3_file base;
        struct power *power;
        struct power_file *file;
};

static void bytes_resize(struct power_bytes *b, size_t len) {
        if (len > b->cap) {
                b->cap = len * 2;
                b->data = realloc(b->data, b->cap);
                assert_non_null(b->data);
        }
        if (len > b->len)
                memset(b->data + b->len, 0, len - b->len);
        b->len = len;
}

static void bytes_write(struct power_bytes *b, uint64_t offset, const void *data, size_t len) {
        if (offset + len > b->len)
                bytes_resize(b, offset + len);
        memcpy(b->data + offset, data, len);
}

static void power_file_synced(struct power_file *f) {
        for (size_t i = 0; i < f->n_changes; i++)
                free(f->changes[i].data);
        f->n_changes = 0;
        bytes_resize(&f->disk, f->now.len);
        if (f->now.len > 0)
                memcpy(f->disk.data, f->now.data, f->now.len);
}

static void power_file_drop(struct power_file *f) {
        f->now.len = 0;
        power_file_synced(f);
        free(f->now.data);
        free(f->disk.data);
        free(f->changes);
        memset(f, 0, sizeof(*f));
}

static void power_file_change(struct power_file *f, uint64_t offset, const void *data, size_t len) {
        struct power_change c = { .offset = offset, .len = len };

        if (data) {
                c.data = malloc(len + 1);
                assert_non_null(c.data);
                memcpy(c.data, data, len);
        }
        if (f->n_changes == f->changes_cap) {
                f->changes_cap = f->changes_cap * 2 + 16;
                f->changes = realloc(f->changes, f->changes_cap * sizeof(*f->changes));
                assert_non_null(f->changes);
        }
        f->changes[f->n_changes++] = c;
}

/* Whether an operation may go on; counts it. */
static bool power_is_on(struct power *p) {
        if (p->is_armed && !p->is_cut && p->n_left-- == 0)
                p->is_cut = true;
        return !p->is_cut;
}

static struct power_handle *power_of(sqlite3_file *f) {
        return (struct power_handle *) f;
}

static int power_close(sqlite3_file *f) {
        (void) f;
        return SQLITE_OK;
}

static int power_read(sqlite3_file *f, void *to, int n, sqlite3_int64 offset) {
        const struct power_bytes *b = &power_of(f)->file->now;
        size_t have = (size_t) offset < b->len ? b->len - (size_t) offset : 0;

        if (power_of(f)->power->is_cut)
                return SQLITE_IOERR_READ;
        have = MIN(have, (size_t) n);
        if (have > 0)
                memcpy(to, b->data + offset, have);
        if (have == (size_t) n)
                return SQLITE_OK;
        memset((char *) to + have, 0, (size_t) n - have);
        return SQLITE_IOERR_SHORT_READ;
}

static int power_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 offset) {
        struct power_handle *h = power_of(f);

        if (h->power->is_full && (size_t) offset + (size_t) n > h->file->now.len)
                return SQLITE_FULL;
        if (!power_is_on(h->power))
                return SQLITE_IOERR_WRITE;
        bytes_write(&h->file->now, (uint64_t) offset, data, (size_t) n);
        power_file_change(h->file, (uint64_t) offset, data, (size_t) n);
        return SQLITE_OK;
}

static int power_truncate(sqlite3_file *f, sqlite3_int64 len) {
        struct power_handle *h = power_of(f);

        if (!power_is_on(h->power))
                return SQLITE_IOERR_TRUNCATE;
        bytes_resize(&h->file->now, (size_t) len);
        power_file_change(h->file, (uint64_t) len, NULL, 0);
        return SQLITE_OK;
}

static int power_sync(sqlite3_file *f, int flags) {
        struct power_handle *h = power_of(f);

        (void) flags;
        if (!power_is_on(h->power))
                return SQLITE_IOERR_FSYNC;
        power_file_synced(h->file);
        return SQLITE_OK;
}

static int power_size(sqlite3_file *f, sqlite3_int64 *ret) {
        if (power_of(f)->power->is_cut)
                return SQLITE_IOERR_FSTAT;
        *ret = (sqlite3_int64) power_of(f)->file->now.len;
        return SQLITE_OK;
}

static int power_lock(sqlite3_file *f, int level) {
        (void) f;
        (void) level;
        return SQLITE_OK;
}

static int power_check_lock(sqlite3_file *f, int *ret) {
        (void) f;
        *ret = 0;
        return SQLITE_OK;
}

static int power_control(sqlite3_file *f, int op, void *arg) {
        (void) f;
        (void) op;
        (void) arg;
        return SQLITE_NOTFOUND;
}

static int power_sector(sqlite3_file *f) {
        (void) f;
        return POWER_SECTOR;
}

static int power_traits(sqlite3_file *f) {
        (void) f;
        return 0;
}

static const sqlite3_io_methods power_methods = {
        .iVersion = 1, /* no shared memory: the store must not need any */
        .xClose = power_close,
        .xRead = power_read,
        .xWrite = power_write,
        .xTruncate = power_truncate,
        .xSync = power_sync,
        .xFileSize = power_size,
        .xLock = power_lock,
        .xUnlock = power_lock,
        .xCheckReservedLock = power_check_lock,
        .xFileControl = power_control,
        .xSectorSize = power_sector,
        .xDeviceCharacteristics = power_traits,
};

static struct power_file *power_find(struct power *p, const char *name) {
        for (size_t i = 0; i < POWER_FILES_MAX; i++)
                if (strcmp(p->files[i].name, name) == 0)
                        return &p->files[i];
        return NULL;
}

static int power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret) {
        struct power *p = vfs->pAppData;
        struct power_handle *h = power_of(f);
        struct power_file *file;

        h->base.pMethods = NULL;
        if (p->is_cut)
                return SQLITE_CANTOPEN;
        file = power_find(p, name);
        if (!file) {
                if (!(flags & SQLITE_OPEN_CREATE))
                        return SQLITE_CANTOPEN;
                file = power_find(p, "");
                assert_non_null(file);
                (void) snprintf(file->name, sizeof(file->name), "%s", name);
        }
        h->base.pMethods = &power_methods;
        h->power = p;
        h->file = file;
        if (ret)
                *ret = flags;
        return SQLITE_OK;
}

static int power_delete(sqlite3_vfs *vfs, const char *name, int is_dir_synced) {
        struct power *p = vfs->pAppData;
        struct power_file *f = power_find(p, name);

        (void) is_dir_synced;
        if (!power_is_on(p))
                return SQLITE_IOERR_DELETE;
        if (!f)
                return SQLITE_IOERR_DELETE_NOENT;
        power_file_drop(f);
        return SQLITE_OK;
}

static int power_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret) {
        (void) flags;
        *ret = power_find(vfs->pAppData, name) != NULL;
        return SQLITE_OK;
}

static int power_full_path(sqlite3_vfs *vfs, const char *name, int n, char *to) {
        (void) vfs;
        (void) snprintf(to, (size_t) n, "%s", name);
        return SQLITE_OK;
}

static int power_randomness(sqlite3_vfs *vfs, int n, char *to) {
        struct power *p = vfs->pAppData;

        for (int i = 0; i < n; i++)
                to[i] = (char) backoff_random(&p->seed);
        return n;
}

static int power_sleep(sqlite3_vfs *vfs, int usec) {
        (void) vfs;
        return usec;
}

static int power_time(sqlite3_vfs *vfs, sqlite3_int64 *ret) {
        (void) vfs;
        *ret = 0;
        return SQLITE_OK;
}

static int power_last_error(sqlite3_vfs *vfs, int n, char *to) {
        (void) vfs;
        (void) n;
        (void) to;
        return 0;
}

struct power *power_new(uint64_t seed) {
        struct power *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        p->seed = seed;
        (void) snprintf(p->name, sizeof(p->name), "power-%016llx", (unsigned long long) seed);
        p->vfs = (sqlite3_vfs){
                .iVersion = 2,
                .szOsFile = sizeof(struct power_handle),
                .mxPathname = 255,
                .zName = p->name,
                .pAppData = p,
                .xOpen = power_open,
                .xDelete = power_delete,
                .xAccess = power_access,
                .xFullPathname = power_full_path,
                .xRandomness = power_randomness,
                .xSleep = power_sleep,
                .xGetLastError = power_last_error,
                .xCurrentTimeInt64 = power_time,
        };
        assert_int_equal(sqlite3_vfs_register(&p->vfs, 0), SQLITE_OK);
        return p;
}

void power_unref(struct power *p) {
        (void) sqlite3_vfs_unregister(&p->vfs);
        for (size_t i = 0; i < POWER_FILES_MAX; i++)
                power_file_drop(&p->files[i]);
        free(p);
}

const char *power_name(const struct power *p) {
        return p->name;
}

void power_cut_after(struct power *p, unsigned n) {
        p->n_left = n;
        p->is_armed = true;
}

bool power_is_cut(const struct power *p) {
        return p->is_cut;
}

/* Some sectors of an unsynced write have reached the disk, some have not. */
static void power_apply_torn(struct power *p, struct power_file *f, const struct power_change *c) {
        for (size_t at = 0; at < c->len;) {
                size_t n = POWER_SECTOR - (size_t) ((c->offset + at) % POWER_SECTOR);

                n = MIN(n, c->len - at);
                if (backoff_random(&p->seed) % 4 != 0)
                        bytes_write(&f->disk, c->offset + at, c->data + at, n);
                at += n;
        }
}

static void power_file_restore(struct power *p, struct power_file *f) {
        unsigned how = (unsigned) (backoff_random(&p->seed) % 4);

        for (size_t i = 0; i < f->n_changes; i++) {
                const struct power_change *c = &f->changes[i];

                if (how == 0 || (how == 1 && backoff_random(&p->seed) % 2))
                        continue; /* nothing, or half of it */
                if (!c->data)
                        bytes_resize(&f->disk, (size_t) c->offset);
                else if (how == 2)
                        bytes_write(&f->disk, c->offset, c->data, c->len);
                else
                        power_apply_torn(p, f, c);
        }
        bytes_resize(&f->now, f->disk.len);
        if (f->disk.len > 0)
                memcpy(f->now.data, f->disk.data, f->disk.len);
        power_file_synced(f);
}

void power_restore(struct power *p) {
        for (size_t i = 0; i < POWER_FILES_MAX; i++)
                if (p->files[i].name[0])
                        power_file_restore(p, &p->files[i]);
        p->is_armed = p->is_cut = false;
}

void power_set_full(struct power *p, bool is_full) {
        p->is_full = is_full;
}

void power_damage(struct power *p, const char *suffix, uint64_t offset, uint64_t len) {
        for (size_t i = 0; i < POWER_FILES_MAX; i++) {
                struct power_bytes *b = &p->files[i].now;

                if (!p->files[i].name[0] || !str_ends_with(p->files[i].name, suffix))
                        continue;
                assert_true(offset < b->len);
                memset(b->data + offset, 0xa5, MIN(len, b->len - offset));
        }
}
