#include "daemon/image/manage.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#define MANAGE_RECORD_MAX (4U << 20)

/* ---- names and pins ---- */

static int manage_canonical(const char *name, char **ret, struct err *e) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        int r = image_reference_parse(name, &ref, e);

        if (r < 0)
                return r;
        if (ref.digest)
                return err_set(e, -EINVAL, "%s: a name can't have a digest; give it a tag", name);
        *ret = image_reference_format(&ref);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int image_tag(struct image_store *store, const char *reference, const char *name, struct err *e) {
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *canonical = NULL;
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *line = NULL;
        AUTO_CLOSE int lock_fd = -1;
        int r = manage_canonical(name, &canonical, e);

        if (r == 0)
                r = image_store_enter(store, &lock_fd, e);
        if (r == 0)
                r = image_find(store, reference, &image, e);
        if (r < 0)
                return r;
        path = image_store_reference_path(store, canonical);
        line = str_format("%s\n", image->id);
        if (!path || !line)
                return err_set(e, -ENOMEM, "out of memory");
        return file_write_atomic(path, line, strlen(line), 0644, true, e);
}

/* An ID stands for itself, a name for whatever image it means at the time. */
static int manage_pin_path(struct image_store *store, const char *reference, char **ret,
                           struct err *e) {
        AUTO_FREE char *canonical = NULL;
        int r = image_digest_is_valid(reference) ? 0 : manage_canonical(reference, &canonical, e);

        if (r < 0)
                return r;
        *ret = image_store_pin_path(store, canonical ? canonical : reference);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int image_pin(struct image_store *store, const char *reference, bool is_pinned, struct err *e) {
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *path = NULL;
        AUTO_CLOSE int lock_fd = -1;
        int r = image_store_enter(store, &lock_fd, e);

        if (r == 0)
                r = manage_pin_path(store, reference, &path, e);
        if (r < 0)
                return r;
        if (is_pinned) {
                r = image_find(store, reference, &image, e);
                return r < 0 ? r : file_write_atomic(path, "", 0, 0644, true, e);
        }
        if (unlink(path) == 0)
                return 0;
        return errno == ENOENT ? err_set(e, -ENOENT, "image %s is not pinned", reference)
                               : err_errno(e, -errno, "cannot remove %s", path);
}

static bool manage_has_pin(const struct image_store *store, const char *name) {
        AUTO_FREE char *path = image_store_pin_path(store, name);

        return path && access(path, F_OK) == 0;
}

bool image_is_pinned(const struct image_store *store, const struct image *image) {
        if (manage_has_pin(store, image->id))
                return true;
        for (size_t i = 0; i < image->names.n; i++)
                if (manage_has_pin(store, image->names.items[i]))
                        return true;
        return false;
}

/* ---- looking ---- */

static json_t *manage_words(const struct image_words *words, bool is_path) {
        json_t *list = json_array();

        for (size_t i = 0; i < words->n; i++) {
                const char *word = words->items[i];

                (void) json_array_append_new(
                        list, is_path ? json_sprintf("sha256:%s", strrchr(word, '/') + 1)
                                      : json_string(word));
        }
        return list;
}

/* The image with all its names. */
static int manage_find_all(struct image_store *store, const char *reference, struct image **ret,
                           struct err *e) {
        AUTO_DONE(image_list) struct image_list list = { 0 };
        AUTO(image) struct image *found = NULL;
        int r = image_find(store, reference, &found, e);

        if (r == 0)
                r = image_list_read(store, &list, e);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++)
                if (strcmp(list.items[i]->id, found->id) == 0) {
                        *ret = image_ref(list.items[i]);
                        return 0;
                }
        *ret = STEAL(found);
        return 0;
}

int image_inspect(struct image_store *store, const char *reference, json_t **ret, struct err *e) {
        AUTO(image) struct image *image = NULL;
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *text = NULL;
        json_t *root, *config;
        size_t len = 0;
        int r = manage_find_all(store, reference, &image, e);

        if (r < 0)
                return r;
        path = image_store_record_path(store, image->id);
        r = path ? file_read(path, MANAGE_RECORD_MAX, &text, &len, e)
                 : err_set(e, -ENOMEM, "out of memory");
        if (r < 0)
                return r;
        root = json_loadb(text, len, 0, NULL);
        config = json_object_get(root, "config");
        *ret = json_pack(
                "{s:s, s:o, s:o, s:s*, s:s*, s:s*, s:s*, s:I, s:b, s:{s:s, s:o}, s:O*, s:O*}", "Id",
                image->id, "RepoTags", manage_words(&image->names, false), "RepoDigests",
                manage_words(&image->digests, false), "Digest", image->manifest, "Created",
                image->created, "Architecture", image->architecture, "Os", image->os, "Size",
                (json_int_t) image->size_bytes, "Pinned", image_is_pinned(store, image), "RootFS",
                "Type", "layers", "Layers", manage_words(&image->layers, true), "Config",
                json_object_get(config, "config"), "History", json_object_get(config, "history"));
        json_decref(root);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* ---- pruning ---- */

static uint64_t manage_free_bytes(const struct image_store *store) {
        struct statvfs fs;

        return statvfs(image_store_dir(store), &fs) < 0 ? 0 : (uint64_t) fs.f_bfree * fs.f_frsize;
}

static int manage_forget(struct image_store *store, const struct image *image, json_t *removed,
                         struct err *e) {
        for (size_t i = 0; i < image->names.n; i++) {
                AUTO_FREE char *path = image_store_reference_path(store, image->names.items[i]);

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (unlink(path) < 0 && errno != ENOENT)
                        return err_errno(e, -errno, "cannot remove %s", path);
                (void) json_array_append_new(removed, json_string(image->names.items[i]));
        }
        return 0;
}

/* What builds remember: the next ones begin anew. */
static int manage_forget_builds(struct image_store *store, struct err *e) {
        AUTO_FREE char *path = str_format("%s/builds", image_store_dir(store));

        return path ? dir_remove_all(AT_FDCWD, path, e) : err_set(e, -ENOMEM, "out of memory");
}

int image_prune(struct image_store *store, bool is_all, const struct image_words *in_use,
                json_t **ret, struct err *e) {
        AUTO_DONE(image_list) struct image_list list = { 0 };
        uint64_t before = manage_free_bytes(store), after;
        json_t *removed = json_array();
        AUTO_CLOSE int lock_fd = -1;
        int r = image_store_lock(store, false, &lock_fd, e);

        if (r == 0)
                r = image_list_read(store, &list, e);
        for (size_t i = 0; r == 0 && is_all && i < list.n; i++)
                if (!(in_use && image_words_has(in_use, list.items[i]->id)) &&
                    !image_is_pinned(store, list.items[i]))
                        r = manage_forget(store, list.items[i], removed, e);
        if (r == 0 && is_all)
                r = manage_forget_builds(store, e);
        if (r == 0)
                r = image_store_collect(store, in_use, e);
        if (r < 0) {
                json_decref(removed);
                return r;
        }
        after = manage_free_bytes(store);
        *ret = json_pack("{s:o, s:I}", "removed", removed, "freedBytes",
                         (json_int_t) (after > before ? after - before : 0));
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
