#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/mount.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* A step that a build remembers. */
#define COLLECT_STEP_MAX 4096

/* What is still wanted: image IDs, and the layers' folder names of those images. */
struct collect_marks {
        struct map ids;
        struct map layers;
        struct map blobs; /* configurations and manifests */
};

static void collect_marks_done(struct collect_marks *marks) {
        map_done(&marks->ids, NULL);
        map_done(&marks->layers, NULL);
        map_done(&marks->blobs, NULL);
}
DEFINE_AUTO_DONE(collect_marks);

static int collect_mark_image(struct collect_marks *marks, const struct image *image) {
        int r = map_put(&marks->ids, image->id + strlen("sha256:"), marks, NULL);

        if (r == 0)
                r = map_put(&marks->blobs, image->id + strlen("sha256:"), marks, NULL);
        if (r == 0 && image->manifest)
                r = map_put(&marks->blobs, image->manifest + strlen("sha256:"), marks, NULL);
        for (size_t i = 0; r == 0 && i < image->layers.n; i++)
                r = map_put(&marks->layers, strrchr(image->layers.items[i], '/') + 1, marks, NULL);
        return r;
}

static int collect_mark(struct image_store *store, const struct image_words *in_use,
                        struct collect_marks *marks, struct err *e) {
        AUTO_DONE(image_list) struct image_list list = { 0 };
        int r = image_list_read(store, &list, e);

        for (size_t i = 0; r == 0 && i < list.n; i++)
                r = collect_mark_image(marks, list.items[i]);
        for (size_t i = 0; r == 0 && in_use && i < in_use->n; i++) {
                AUTO(image) struct image *image = NULL;

                /* An image in use whose record is gone has nothing left to protect. */
                if (image_store_read(store, in_use->items[i], &image, NULL) == 0)
                        r = collect_mark_image(marks, image);
        }
        return r;
}

/* What somebody looks into. */
static int collect_mark_mounts(struct image_store *store, struct collect_marks *marks,
                               struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        int r = image_mounts_read(store, &mounts, e);

        for (size_t i = 0; r == 0 && i < mounts.n; i++) {
                AUTO(image) struct image *image = NULL;

                if (image_store_read(store, mounts.items[i].id, &image, NULL) == 0)
                        r = collect_mark_image(marks, image);
        }
        return r;
}

/* Names that are pinned are names, and so marked already; what is left are pinned IDs. */
static int collect_mark_pins(struct image_store *store, struct collect_marks *marks,
                             struct err *e) {
        AUTO_FREE char *path = str_format("%s/pins", image_store_dir(store));
        struct dirent *d;
        DIR *dir;
        int r = 0;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        dir = opendir(path);
        if (!dir)
                return err_errno(e, -errno, "cannot read %s", path);
        while (r == 0 && (d = readdir(dir))) {
                AUTO(image) struct image *image = NULL;

                if (image_digest_is_valid(d->d_name) &&
                    image_store_read(store, d->d_name, &image, NULL) == 0)
                        r = collect_mark_image(marks, image);
        }
        (void) closedir(dir);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

/* What builds remember (daemon/build/cache.h): layers that their steps made stay for the next
 * build. */
static int collect_mark_builds(struct image_store *store, struct collect_marks *marks,
                               struct err *e) {
        AUTO_FREE char *path = str_format("%s/builds/steps", image_store_dir(store));
        struct dirent *d;
        DIR *dir;
        int r = 0;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        dir = opendir(path);
        if (!dir)
                return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot read %s", path);
        while (r == 0 && (d = readdir(dir))) {
                AUTO_FREE char *entry = str_format("%s/%s", path, d->d_name), *text = NULL;
                const char *layer;
                json_t *root;

                if (d->d_name[0] == '.' || !entry ||
                    file_read(entry, COLLECT_STEP_MAX, &text, NULL, NULL) < 0)
                        continue;
                root = json_loads(text, 0, NULL);
                layer = json_string_value(json_object_get(root, "layer"));
                if (layer && image_digest_is_valid(layer))
                        r = map_put(&marks->layers, layer + strlen("sha256:"), marks, NULL);
                json_decref(root);
        }
        (void) closedir(dir);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

/* Removes from DIR/sub every entry whose name (up to its first '.') isn't marked. A folder is moved
 * to tmp first, so that a crash never leaves half a layer under its final name. */
static int collect_sweep(struct image_store *store, const char *sub, const struct map *marked,
                         struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", image_store_dir(store), sub);
        struct dirent *d;
        DIR *dir;
        int r = 0;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        dir = opendir(path);
        if (!dir)
                return err_errno(e, -errno, "cannot read %s", path);
        while (r == 0 && (d = readdir(dir))) {
                AUTO_FREE char *name = strdup(d->d_name);
                AUTO_FREE char *from = str_format("%s/%s", path, d->d_name);
                AUTO_FREE char *to = str_format("%s/tmp/old-%s", image_store_dir(store), d->d_name);

                if (!name || !from || !to)
                        r = err_set(e, -ENOMEM, "out of memory");
                else if (d->d_name[0] != '.') {
                        name[strcspn(name, ".")] = '\0';
                        if (map_has(marked, name))
                                continue;
                        if (rename(from, to) < 0)
                                r = err_errno(e, -errno, "cannot remove %s", from);
                        else
                                r = dir_remove_all(AT_FDCWD, to, e);
                }
        }
        (void) closedir(dir);
        return r;
}

int image_store_collect(struct image_store *store, const struct image_words *in_use,
                        struct err *e) {
        AUTO_DONE(collect_marks) struct collect_marks marks = { 0 };
        int r = collect_mark(store, in_use, &marks, e);

        if (r == 0)
                r = collect_mark_pins(store, &marks, e);
        if (r == 0)
                r = collect_mark_mounts(store, &marks, e);
        if (r == 0)
                r = collect_mark_builds(store, &marks, e);
        if (r == 0)
                r = collect_sweep(store, "images", &marks.ids, e);
        if (r == 0)
                r = collect_sweep(store, "layers", &marks.layers, e);
        if (r == 0)
                r = collect_sweep(store, "blobs", &marks.blobs, e);
        return r;
}

/* The stored names that reference means: all of an image's for an ID, else the one that
 * image_find() would take. */
static int collect_names(struct image_store *store, const char *reference,
                         const struct image *image, struct image_words *ret, struct err *e) {
        AUTO_DONE(image_list) struct image_list list = { 0 };
        AUTO_DONE(image_reference) struct image_reference asked = { 0 };
        bool is_id = image_digest_is_valid(reference);
        int r = image_list_read(store, &list, e);
        int best = 0;

        if (r == 0 && !is_id)
                r = image_reference_parse(reference, &asked, e);
        for (size_t i = 0; r == 0 && i < list.n; i++) {
                if (strcmp(list.items[i]->id, image->id) != 0)
                        continue;
                for (size_t j = 0; r == 0 && j < list.items[i]->names.n; j++) {
                        const char *name = list.items[i]->names.items[j];
                        AUTO_DONE(image_reference) struct image_reference stored = { 0 };
                        int match = 3;

                        if (!is_id && image_reference_parse(name, &stored, NULL) == 0)
                                match = image_reference_match(&asked, &stored);
                        if (match == 0 || match < best)
                                continue;
                        if (!is_id && match > best)
                                image_words_done(ret);
                        best = match;
                        r = image_words_add(ret, name);
                }
        }
        return r;
}

static int collect_refuse_pinned(struct image_store *store, const struct image *image,
                                 const struct image_words *names, struct err *e) {
        for (size_t i = 0; i <= names->n; i++) {
                const char *name = i < names->n ? names->items[i] : image->id;
                AUTO_FREE char *path = image_store_pin_path(store, name);

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (access(path, F_OK) == 0)
                        return err_set(e, -EBUSY,
                                       "image %s is pinned; unpin it first: orch image unpin %s",
                                       name, name);
        }
        return 0;
}

static int collect_refuse_mounted(struct image_store *store, const struct image *image,
                                  struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        int r = image_mounts_read(store, &mounts, e);
        const char *path = r == 0 ? image_mounts_find(&mounts, image->id) : NULL;

        return path ? err_set(e, -EBUSY,
                              "the image is mounted at %s; unmount it first: orch image unmount %s",
                              path, path)
                    : r;
}

int image_remove(struct image_store *store, const char *reference, const struct image_words *in_use,
                 struct err *e) {
        AUTO_DONE(image_words) struct image_words names = { 0 };
        AUTO(image) struct image *image = NULL;
        AUTO_CLOSE int lock_fd = -1;
        int r = image_store_lock(store, true, &lock_fd, e);

        if (r == 0)
                r = image_find(store, reference, &image, e);
        if (r < 0)
                return r;
        if (in_use && image_words_has(in_use, image->id))
                return err_set(e, -EBUSY,
                               "image %s is used by a pod on this node; delete the pod first",
                               reference);
        r = collect_refuse_mounted(store, image, e);
        if (r == 0)
                r = collect_names(store, reference, image, &names, e);
        if (r == 0)
                r = collect_refuse_pinned(store, image, &names, e);
        for (size_t i = 0; r == 0 && i < names.n; i++) {
                AUTO_FREE char *path = image_store_reference_path(store, names.items[i]);

                if (!path)
                        r = err_set(e, -ENOMEM, "out of memory");
                else if (unlink(path) < 0 && errno != ENOENT)
                        r = err_errno(e, -errno, "cannot remove %s", path);
        }
        return r < 0 ? r : image_store_collect(store, in_use, e);
}
