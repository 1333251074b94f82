#include "daemon/image/list.h"

#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/image/manage.h"
#include "daemon/image/mount.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define LIST_RECORD_MAX (4U << 20)

static json_t *list_words(const struct image_words *words) {
        json_t *list = json_array();

        for (size_t i = 0; i < words->n; i++)
                (void) json_array_append_new(list, json_string(words->items[i]));
        return list;
}

/* The image's labels, a new reference; NULL: none. */
static json_t *list_labels(struct image_store *store, const struct image *image) {
        AUTO_FREE char *path = image_store_record_path(store, image->id), *text = NULL;
        json_t *root, *labels;
        size_t len = 0;

        if (!path || file_read(path, LIST_RECORD_MAX, &text, &len, NULL) < 0)
                return NULL;
        root = json_loadb(text, len, 0, NULL);
        labels = json_object_get(json_object_get(json_object_get(root, "config"), "config"),
                                 "Labels");
        labels =
                json_is_object(labels) && json_object_size(labels) > 0 ? json_incref(labels) : NULL;
        json_decref(root);
        return labels;
}

static int list_add(struct image_store *store, const struct image *image,
                    const struct image_mounts *mounts, json_t *list) {
        json_t *one =
                json_pack("{s:s, s:o, s:I, s:I, s:s*, s:s*, s:s*, s:o*}", "id", image->id, "names",
                          list_words(&image->names), "sizeBytes", (json_int_t) image->size_bytes,
                          "layers", (json_int_t) image->layers.n, "created", image->created,
                          "architecture", image->architecture, "digest", image->manifest, "labels",
                          list_labels(store, image));
        json_t *paths = json_array();

        if (image->digests.n > 0)
                (void) json_object_set_new(one, "digests", list_words(&image->digests));
        if (image_is_pinned(store, image))
                (void) json_object_set_new(one, "pinned", json_true());
        for (size_t i = 0; i < mounts->n; i++)
                if (strcmp(mounts->items[i].id, image->id) == 0)
                        (void) json_array_append_new(paths, json_string(mounts->items[i].path));
        if (json_array_size(paths) > 0)
                (void) json_object_set(one, "mounts", paths);
        json_decref(paths);
        return json_array_append_new(list, one) < 0 ? -ENOMEM : 0;
}

/* Records that no name means: what a newer image took the name of, while it is used. */
static int list_add_nameless(struct image_store *store, const struct map *named,
                             const struct image_mounts *mounts, json_t *list, struct err *e) {
        AUTO_FREE char *path = str_format("%s/images", image_store_dir(store));
        struct dirent *d;
        DIR *dir;
        int r = 0;

        if (!path)
                return -ENOMEM;
        dir = opendir(path);
        if (!dir)
                return err_errno(e, -errno, "cannot read %s", path);
        while (r == 0 && (d = readdir(dir))) {
                AUTO_FREE char *id = str_format("sha256:%.64s", d->d_name);
                AUTO(image) struct image *image = NULL;

                if (!id)
                        r = -ENOMEM;
                else if (str_ends_with(d->d_name, ".json") && image_digest_is_valid(id) &&
                         !map_has(named, id) && image_store_read(store, id, &image, NULL) == 0)
                        r = list_add(store, image, mounts, list);
        }
        (void) closedir(dir);
        return r;
}

int image_describe_all(struct image_store *store, json_t **ret, struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        AUTO_DONE(image_list) struct image_list list = { 0 };
        json_t *answer = json_array();
        struct map named = { 0 };
        int r = answer ? image_list_read(store, &list, e) : -ENOMEM;

        if (r == 0)
                r = image_mounts_read(store, &mounts, e);
        for (size_t i = 0; r == 0 && i < list.n; i++) {
                r = map_put(&named, list.items[i]->id, &named, NULL);
                if (r == 0)
                        r = list_add(store, list.items[i], &mounts, answer);
        }
        if (r == 0)
                r = list_add_nameless(store, &named, &mounts, answer, e);
        map_done(&named, NULL);
        if (r < 0) {
                json_decref(answer);
                return r == -ENOMEM ? err_set(e, r, "out of memory") : r;
        }
        *ret = answer;
        return 0;
}
