#include "base/str.h"
#include "daemon/image/keep.h"
#include "daemon/image/manage.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct gc_candidate {
        struct image *image; /* the list's */
        time_t used;         /* last; or when it came, if that is later */
};

/* As df says it: of what users may have. */
static int gc_used_pct(const struct image_store *store, unsigned *ret, struct err *e) {
        struct statvfs fs;
        uint64_t used, room;

        if (statvfs(image_store_dir(store), &fs) < 0)
                return err_errno(e, -errno, "cannot see how full the disk is");
        used = fs.f_blocks - fs.f_bfree;
        room = used + fs.f_bavail;
        *ret = room > 0 ? (unsigned) (used * 100 / room) : 0;
        return 0;
}

static int gc_compare(const void *a, const void *b) {
        const struct gc_candidate *x = a, *y = b;

        return (x->used > y->used) - (x->used < y->used);
}

/* When an image came or was used last, whichever is later. Returns -1 when it is gone. */
static time_t gc_last_use(const struct image_store *store, const struct image_gc_options *o,
                          const struct image *image) {
        AUTO_FREE char *path = image_store_record_path(store, image->id);
        AUTO_FREE char *mark =
                o->used_dir ? str_format("%s/%s", o->used_dir, image->id + strlen("sha256:"))
                            : NULL;
        struct stat st, used;

        if (!path || stat(path, &st) < 0)
                return -1;
        return mark && stat(mark, &used) == 0 ? MAX(st.st_mtime, used.st_mtime) : st.st_mtime;
}

/* Marks of images that are gone go, too. */
static void gc_sweep_marks(const struct image_store *store, const char *used_dir) {
        DIR *dir = used_dir ? opendir(used_dir) : NULL;
        struct dirent *d;

        while (dir && (d = readdir(dir))) {
                AUTO_FREE char *id = str_format("sha256:%s", d->d_name);
                AUTO_FREE char *path = NULL;

                if (id && image_digest_is_valid(id))
                        path = image_store_record_path(store, id);
                if (path && access(path, F_OK) < 0)
                        (void) unlinkat(dirfd(dir), d->d_name, 0);
        }
        if (dir)
                (void) closedir(dir);
}

/* Those that may go, the one whose last use is longest ago in front. */
static size_t gc_choose(struct image_store *store, const struct image_gc_options *o,
                        const struct image_list *list, struct gc_candidate *ret) {
        time_t now = time(NULL);
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                struct image *image = list->items[i];
                time_t used = gc_last_use(store, o, image);

                if (used < 0 || image_is_pinned(store, image) ||
                    (o->in_use && image_words_has(o->in_use, image->id)))
                        continue;
                /* A clock that went back makes nothing young for ever. */
                if (used <= now && (uint64_t) (now - used) < o->min_age_sec)
                        continue;
                ret[n++] = (struct gc_candidate){ .image = image, .used = used };
        }
        qsort(ret, n, sizeof(*ret), gc_compare);
        return n;
}

static int gc_remove(struct image_store *store, const struct image_gc_options *o,
                     const struct image *image, json_t *removed, struct err *e) {
        for (size_t i = 0; i < image->names.n; i++) {
                AUTO_FREE char *path = image_store_reference_path(store, image->names.items[i]);

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (unlink(path) < 0 && errno != ENOENT)
                        return err_errno(e, -errno, "cannot remove %s", path);
                (void) json_array_append_new(removed, json_string(image->names.items[i]));
        }
        return image_store_collect(store, o->in_use, e);
}

static int gc_run(struct image_store *store, const struct image_gc_options *o, unsigned *used,
                  json_t *removed, struct err *e) {
        AUTO_DONE(image_list) struct image_list list = { 0 };
        AUTO_FREE struct gc_candidate *candidates = NULL;
        AUTO_CLOSE int lock_fd = -1;
        size_t n = 0;
        int r = image_store_lock(store, false, &lock_fd, e);

        if (r == 0)
                r = image_store_collect(store, o->in_use, e);
        if (r == 0)
                r = image_list_read(store, &list, e);
        if (r < 0)
                return r;
        candidates = calloc(list.n + 1, sizeof(*candidates));
        if (!candidates)
                return err_set(e, -ENOMEM, "out of memory");
        n = gc_choose(store, o, &list, candidates);
        r = gc_used_pct(store, used, e);
        for (size_t i = 0; r == 0 && i < n && *used >= o->low_pct; i++) {
                r = gc_remove(store, o, candidates[i].image, removed, e);
                if (r == 0)
                        r = gc_used_pct(store, used, e);
        }
        gc_sweep_marks(store, o->used_dir);
        return r;
}

int image_gc(struct image_store *store, const struct image_gc_options *options, json_t **ret,
             struct err *e) {
        json_t *removed = json_array();
        unsigned used = 0;
        int r = removed ? gc_used_pct(store, &used, e) : err_set(e, -ENOMEM, "out of memory");

        if (r == 0 && used >= options->high_pct)
                r = gc_run(store, options, &used, removed, e);
        if (r < 0) {
                json_decref(removed);
                return r;
        }
        *ret = json_pack("{s:i, s:o}", "usedPercent", (int) used, "removed", removed);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
