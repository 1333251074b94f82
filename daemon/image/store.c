#include "daemon/image/store.h"

#include "base/fd.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/image/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STORE_RECORD_MAX (4U << 20)
#define STORE_ID_MAX 128
#define STORE_TMP_TRIES 8
#define STORE_SWEEP_TRIES 100

struct image_store {
        char *dir;
        char *layers_dir;
};

int image_store_open(const char *dir, struct image_store **ret, struct err *e) {
        static const char *const folders[] = { "layers", "images", "references",
                                               "blobs",  "pins",   "tmp" };
        AUTO(image_store) struct image_store *store = calloc(1, sizeof(*store));

        if (!store)
                return err_set(e, -ENOMEM, "out of memory");
        store->dir = strdup(dir);
        store->layers_dir = str_format("%s/layers", dir);
        if (!store->dir || !store->layers_dir)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                AUTO_FREE char *path = str_format("%s/%s", dir, folders[i]);
                int r = path ? dir_make_all(path, 0711, e) : err_set(e, -ENOMEM, "out of memory");

                if (r < 0)
                        return err_wrap(e, r, "image store");
        }
        *ret = STEAL(store);
        return 0;
}

void image_store_unref(struct image_store *store) {
        if (!store)
                return;
        free(store->dir);
        free(store->layers_dir);
        free(store);
}

const char *image_store_dir(const struct image_store *store) {
        return store->dir;
}

char *image_store_layer_path(const struct image_store *store, const char *digest) {
        return str_format("%s/%s", store->layers_dir, digest + strlen("sha256:"));
}

char *image_store_record_path(const struct image_store *store, const char *id) {
        return str_format("%s/images/%s.json", store->dir, id + strlen("sha256:"));
}

char *image_store_blob_path(const struct image_store *store, const char *digest) {
        return str_format("%s/blobs/%s", store->dir, digest + strlen("sha256:"));
}

/* References have '/' but never '%'. */
static char *store_name_path(const struct image_store *store, const char *sub,
                             const char *reference) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_addf(&b, "%s/%s/", store->dir, sub);
        for (const char *p = reference; *p; p++) {
                if (*p == '/')
                        strbuf_add(&b, "%2F");
                else
                        strbuf_add_char(&b, *p);
        }
        return strbuf_steal(&b);
}

char *image_store_reference_path(const struct image_store *store, const char *reference) {
        return store_name_path(store, "references", reference);
}

char *image_store_pin_path(const struct image_store *store, const char *name) {
        return store_name_path(store, "pins", name);
}

static char *store_reference_from_file(const char *name) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (const char *p = name; *p; p++) {
                if (str_starts_with(p, "%2F")) {
                        strbuf_add_char(&b, '/');
                        p += 2;
                } else
                        strbuf_add_char(&b, *p);
        }
        return strbuf_steal(&b);
}

int image_store_make_tmp(const struct image_store *store, const char *word, char **ret, int *ret_fd,
                         struct err *e) {
        /* Between mkdtemp() and flock() a sweeper may take the folder: then another is made. */
        for (int i = 0; i < STORE_TMP_TRIES; i++) {
                AUTO_FREE char *path = str_format("%s/tmp/%s-XXXXXX", store->dir, word);
                AUTO_CLOSE int fd = -1;
                struct stat st;

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (!mkdtemp(path))
                        return err_errno(e, -errno, "cannot create a folder in %s/tmp", store->dir);
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 || stat(path, &st) < 0)
                        continue;
                *ret = STEAL(path);
                *ret_fd = STEAL_FD(fd);
                return 0;
        }
        return err_set(e, -EAGAIN, "cannot keep a folder in %s/tmp; try again", store->dir);
}

/* The unpacker of a killed writer is killed with it, but may put a last file in meanwhile. */
static void store_sweep_one(int dirfd, const char *name) {
        const struct timespec pause = { .tv_nsec = 2000000 };

        for (int i = 0; i < STORE_SWEEP_TRIES && dir_remove_all(dirfd, name, NULL) < 0; i++)
                (void) nanosleep(&pause, NULL);
}

/* Removes what writers left that are no more: nobody holds it. */
static int store_sweep_tmp(const struct image_store *store, struct err *e) {
        AUTO_FREE char *path = str_format("%s/tmp", store->dir);
        struct dirent *d;
        DIR *dir;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        dir = opendir(path);
        if (!dir)
                return err_errno(e, -errno, "cannot read %s", path);
        while ((d = readdir(dir))) {
                AUTO_CLOSE int fd = -1;

                if (d->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
                        store_sweep_one(dirfd(dir), d->d_name);
        }
        (void) closedir(dir);
        return 0;
}

/* What file_write_atomic() of a killed writer left. Only while no writer is there. */
static void store_sweep_files(const struct image_store *store) {
        static const char *const folders[] = { "images", "references", "blobs", "pins", "layers" };

        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                AUTO_FREE char *path = str_format("%s/%s", store->dir, folders[i]);
                DIR *dir = path ? opendir(path) : NULL;
                struct dirent *d;

                while (dir && (d = readdir(dir)))
                        if (strstr(d->d_name, ".tmp-"))
                                (void) unlinkat(dirfd(dir), d->d_name, 0);
                if (dir)
                        (void) closedir(dir);
        }
}

static int store_lock(struct image_store *store, int how, int *ret_fd, struct err *e) {
        AUTO_FREE char *path = str_format("%s/lock", store->dir);
        AUTO_CLOSE int fd = -1;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        while (flock(fd, how) < 0) {
                if (errno == EWOULDBLOCK)
                        return err_set(e, -EBUSY,
                                       "images are being pulled or loaded; try again when that is "
                                       "done");
                if (errno != EINTR)
                        return err_errno(e, -errno, "cannot lock %s", path);
        }
        *ret_fd = STEAL_FD(fd);
        return 0;
}

int image_store_enter(struct image_store *store, int *ret_fd, struct err *e) {
        AUTO_CLOSE int fd = -1;
        int r = store_lock(store, LOCK_SH, &fd, e);

        if (r == 0)
                r = store_sweep_tmp(store, e);
        if (r < 0)
                return err_wrap(e, r, "image store");
        *ret_fd = STEAL_FD(fd);
        return 0;
}

int image_store_lock(struct image_store *store, bool is_patient, int *ret_fd, struct err *e) {
        AUTO_CLOSE int fd = -1;
        int r = store_lock(store, LOCK_EX | (is_patient ? 0 : LOCK_NB), &fd, e);

        if (r == 0)
                r = store_sweep_tmp(store, e);
        if (r < 0)
                return err_wrap(e, r, "image store");
        store_sweep_files(store);
        *ret_fd = STEAL_FD(fd);
        return 0;
}

bool image_store_has_layer(const struct image_store *store, const char *diff_id) {
        AUTO_FREE char *path = image_store_layer_path(store, diff_id);
        struct stat st;

        return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool image_store_has_recipe(const struct image_store *store, const char *diff_id) {
        AUTO_FREE char *path = image_store_layer_path(store, diff_id);
        AUTO_FREE char *recipe = path ? str_format("%s.recipe", path) : NULL;

        return recipe && image_store_has_layer(store, diff_id) && access(recipe, F_OK) == 0;
}

static int store_read_record(struct image_store *store, const char *id, struct image **ret,
                             struct err *e) {
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *text = NULL;
        size_t len = 0;
        int r;

        if (!image_digest_is_valid(id))
                return err_set(e, -EIO, "the store's index is damaged; load the image again");
        path = image_store_record_path(store, id);
        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        r = file_read(path, STORE_RECORD_MAX, &text, &len, e);
        if (r == -ENOENT)
                return err_set(e, -ENOENT, "no image %s", id);
        if (r < 0)
                return r;
        r = image_record_decode(text, len, store->layers_dir, ret, e);
        return r == -EINVAL ? -EIO : r;
}

/* Calls with each stored reference and its image ID until one returns non-zero, and returns that.
 */
static int store_each_reference(struct image_store *store,
                                int (*call)(void *userdata, const char *reference, const char *id),
                                void *userdata, struct err *e) {
        AUTO_FREE char *dir_path = str_format("%s/references", store->dir);
        struct dirent *d;
        DIR *dir;
        int r = 0;

        if (!dir_path)
                return err_set(e, -ENOMEM, "out of memory");
        dir = opendir(dir_path);
        if (!dir)
                return err_errno(e, -errno, "cannot read %s", dir_path);
        while (r == 0 && (d = readdir(dir))) {
                AUTO_FREE char *path = NULL;
                AUTO_FREE char *id = NULL;
                AUTO_FREE char *reference = NULL;

                if (d->d_name[0] == '.' || strstr(d->d_name, ".tmp-"))
                        continue;
                path = str_format("%s/%s", dir_path, d->d_name);
                reference = store_reference_from_file(d->d_name);
                if (!path || !reference)
                        r = err_set(e, -ENOMEM, "out of memory");
                else if (file_read(path, STORE_ID_MAX, &id, NULL, NULL) == 0) {
                        id[strcspn(id, "\n")] = '\0';
                        r = call(userdata, reference, id);
                }
        }
        (void) closedir(dir);
        return r;
}

struct store_search {
        struct image_reference asked;
        int best;        /* image_reference_match() */
        unsigned n_best; /* different images that match so */
        char id[STORE_ID_MAX];
};

static int store_search_step(void *userdata, const char *reference, const char *id) {
        AUTO_DONE(image_reference) struct image_reference stored = { 0 };
        struct store_search *search = userdata;
        int match;

        if (image_reference_parse(reference, &stored, NULL) < 0)
                return 0;
        match = image_reference_match(&search->asked, &stored);
        if (match == 0 || match < search->best)
                return 0;
        if (match == search->best && strcmp(search->id, id) != 0)
                search->n_best++;
        if (match > search->best) {
                search->best = match;
                search->n_best = 1;
                (void) snprintf(search->id, sizeof(search->id), "%s", id);
        }
        return 0;
}

int image_store_read(struct image_store *store, const char *id, struct image **ret, struct err *e) {
        return store_read_record(store, id, ret, e);
}

bool image_is_whole(const struct image *image) {
        struct stat st;

        for (size_t i = 0; i < image->layers.n; i++)
                if (stat(image->layers.items[i], &st) < 0 || !S_ISDIR(st.st_mode))
                        return false;
        return true;
}

static int store_read_whole(struct image_store *store, const char *id, const char *reference,
                            struct image **ret, struct err *e) {
        AUTO(image) struct image *image = NULL;
        int r = store_read_record(store, id, &image, e);

        if (r < 0)
                return r;
        if (!image_is_whole(image))
                return err_set(e, -ENOENT,
                               "image %s was damaged on the disk and has lost a layer; pull or "
                               "load it again",
                               reference);
        *ret = STEAL(image);
        return 0;
}

int image_find(struct image_store *store, const char *reference, struct image **ret,
               struct err *e) {
        struct store_search search = { 0 };
        AUTO(image) struct image *image = NULL;
        int r;

        if (image_digest_is_valid(reference))
                return store_read_whole(store, reference, reference, ret, e);
        r = image_reference_parse(reference, &search.asked, e);
        if (r < 0)
                return r;
        r = store_each_reference(store, store_search_step, &search, e);
        image_reference_done(&search.asked);
        if (r < 0)
                return r;
        if (search.n_best == 0)
                return err_set(e, -ENOENT, "image %s is not on this node", reference);
        if (search.n_best > 1 && search.best == 1)
                return err_set(e, -ENOENT,
                               "several images are called %s on different hosts; name the host",
                               reference);
        r = store_read_whole(store, search.id, reference, &image, e);
        if (r < 0)
                return r;
        r = image_words_add(&image->names, reference);
        if (r < 0)
                return err_set(e, r, "out of memory");
        *ret = STEAL(image);
        return 0;
}

static void store_list_unref(void *image) {
        image_unref(image);
}

struct store_listing {
        struct image_store *store;
        struct map by_id;
};

static int store_list_step(void *userdata, const char *reference, const char *id) {
        struct store_listing *listing = userdata;
        struct image *image = map_get(&listing->by_id, id);
        int r;

        if (!image) {
                r = store_read_record(listing->store, id, &image, NULL);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return 0;
                r = map_put(&listing->by_id, id, image, NULL);
                if (r < 0) {
                        image_unref(image);
                        return r;
                }
        }
        return image_words_add(&image->names, reference);
}

static int store_compare_words(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int store_compare_images(const void *a, const void *b) {
        const struct image *x = *(struct image *const *) a, *y = *(struct image *const *) b;

        return strcmp(x->names.items[0], y->names.items[0]);
}

void image_list_done(struct image_list *list) {
        for (size_t i = 0; i < list->n; i++)
                image_unref(list->items[i]);
        free(list->items);
        *list = (struct image_list){ 0 };
}

int image_list_read(struct image_store *store, struct image_list *ret, struct err *e) {
        struct store_listing listing = { .store = store };
        struct image_list list = { 0 };
        int r;

        r = store_each_reference(store, store_list_step, &listing, e);
        if (r == 0) {
                list.items = calloc(listing.by_id.n + 1, sizeof(*list.items));
                r = list.items ? 0 : -ENOMEM;
        }
        if (r < 0) {
                map_done(&listing.by_id, store_list_unref);
                return e && e->code ? r : err_errno(e, r, "cannot list images");
        }
        MAP_FOREACH(i, &listing.by_id) {
                struct image *image = i->value;

                qsort(image->names.items, image->names.n, sizeof(char *), store_compare_words);
                list.items[list.n++] = image;
        }
        map_done(&listing.by_id, NULL);
        qsort(list.items, list.n, sizeof(*list.items), store_compare_images);
        *ret = list;
        return 0;
}

int image_store_publish(struct image_store *store, const char *id, const char *record,
                        const struct image_words *names, struct err *e) {
        AUTO_FREE char *path = image_store_record_path(store, id);
        AUTO_FREE char *line = str_format("%s\n", id);
        int r;

        if (!path || !line)
                return err_set(e, -ENOMEM, "out of memory");
        r = file_write_atomic(path, record, strlen(record), 0644, true, e);
        for (size_t i = 0; r == 0 && i < names->n; i++) {
                AUTO_FREE char *name_path = image_store_reference_path(store, names->items[i]);

                if (!name_path)
                        return err_set(e, -ENOMEM, "out of memory");
                r = file_write_atomic(name_path, line, strlen(line), 0644, true, e);
        }
        /* What a writer held that was dying when this one began. */
        return r < 0 ? r : store_sweep_tmp(store, e);
}
