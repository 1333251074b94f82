#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/keep.h"
#include "daemon/image/load.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SYNC_MARK_MAX (64U << 10)

struct sync {
        struct image_store *store;
        const char *dir;
        char *marks; /* DIR/loaded */
        json_t *loaded, *failed;
        json_int_t n_unchanged;
};

static void sync_done(struct sync *s) {
        free(s->marks);
        json_decref(s->loaded);
        json_decref(s->failed);
}
DEFINE_AUTO_DONE(sync);

static bool sync_is_archive(const char *name) {
        static const char *const suffixes[] = { ".tar",     ".tgz",    ".tar.gz",
                                                ".tar.zst", ".tar.xz", ".tar.bz2" };

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (name[0] != '.' && str_ends_with(name, suffixes[i]))
                        return true;
        return false;
}

/* A mark: a line with the file's size and time, then a line for each image's ID. */
static int sync_read_mark(const struct sync *s, const char *name, char **ret_line,
                          struct image_words *ret_ids) {
        AUTO_FREE char *path = str_format("%s/%s", s->marks, name);
        AUTO_FREE char *text = NULL;
        char *place = NULL, *line;
        int r = path ? file_read(path, SYNC_MARK_MAX, &text, NULL, NULL) : -ENOMEM;

        if (r < 0)
                return r;
        line = strtok_r(text, "\n", &place);
        *ret_line = strdup(str_or_empty(line));
        while (*ret_line && (line = strtok_r(NULL, "\n", &place)))
                if (image_digest_is_valid(line) && image_words_add(ret_ids, line) < 0)
                        return -ENOMEM;
        return *ret_line ? 0 : -ENOMEM;
}

static int sync_write_mark(const struct sync *s, const char *name, const char *line,
                           const struct image_words *ids, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", s->marks, name);
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_addf(&b, "%s\n", line);
        for (size_t i = 0; i < ids->n; i++)
                strbuf_addf(&b, "%s\n", ids->items[i]);
        if (!path || b.has_failed)
                return err_set(e, -ENOMEM, "out of memory");
        return file_write_atomic(path, b.s, b.len, 0644, true, e);
}

static int sync_pin(const struct sync *s, const struct image_words *ids, struct err *e) {
        for (size_t i = 0; i < ids->n; i++) {
                AUTO_FREE char *path = image_store_pin_path(s->store, ids->items[i]);
                int r = path ? file_write_atomic(path, "", 0, 0644, true, e)
                             : err_set(e, -ENOMEM, "out of memory");

                if (r < 0)
                        return r;
        }
        return 0;
}

/* kept: those that stay pinned; NULL: none. */
static void sync_unpin(const struct sync *s, const struct image_words *ids,
                       const struct image_words *kept) {
        for (size_t i = 0; i < ids->n; i++) {
                AUTO_FREE char *path = image_store_pin_path(s->store, ids->items[i]);

                if (path && !(kept && image_words_has(kept, ids->items[i])))
                        (void) unlink(path);
        }
}

static bool sync_has_all(const struct sync *s, const struct image_words *ids) {
        for (size_t i = 0; i < ids->n; i++) {
                AUTO(image) struct image *image = NULL;

                if (image_find(s->store, ids->items[i], &image, NULL) < 0)
                        return false;
        }
        return ids->n > 0;
}

static int sync_load(struct sync *s, const char *path, struct image_words *ret_ids, struct err *e) {
        const struct image_load_options options = { 0 };
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        json_t *images = NULL, *image;
        size_t i;
        int r = fd < 0 ? err_errno(e, -errno, "cannot open it")
                       : image_load(s->store, fd, NULL, &options, &images, e);

        json_array_foreach(images, i, image) {
                const char *id = json_string_value(json_object_get(image, "id"));

                if (r == 0 && id && !image_words_has(ret_ids, id))
                        r = image_words_add(ret_ids, id);
        }
        json_decref(images);
        return r;
}

/* What goes wrong with one archive is told, and is no failure of the whole. */
static int sync_file(struct sync *s, const char *name, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", s->dir, name);
        AUTO_DONE(image_words) struct image_words before = { 0 }, ids = { 0 };
        AUTO_FREE char *line = NULL;
        AUTO_FREE char *known = NULL;
        struct err why = { 0 };
        struct stat st;
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        line = str_format("%lld %lld.%09ld", (long long) st.st_size, (long long) st.st_mtim.tv_sec,
                          st.st_mtim.tv_nsec);
        r = line ? sync_read_mark(s, name, &known, &before) : -ENOMEM;
        if (r == -ENOMEM)
                return err_set(e, r, "out of memory");
        if (r == 0 && strcmp(known, line) == 0 && sync_has_all(s, &before)) {
                s->n_unchanged++;
                return 0;
        }
        r = sync_load(s, path, &ids, &why);
        if (r == 0)
                r = sync_pin(s, &ids, &why);
        if (r == 0)
                r = sync_write_mark(s, name, line, &ids, &why);
        if (r == 0)
                sync_unpin(s, &before, &ids);
        r = r == 0 ? json_array_append_new(s->loaded, json_string(name))
                   : json_array_append_new(s->failed, json_pack("{s:s, s:s}", "file", name,
                                                                "reason", err_text(&why)));
        return r < 0 ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* Calls with each name in a folder that is an archive's, in order. */
static int sync_each(struct sync *s, const char *dir,
                     int (*call)(struct sync *s, const char *name, struct err *e), struct err *e) {
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, NULL, alphasort), r = 0;

        if (n < 0)
                return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot read %s", dir);
        for (int i = 0; i < n; i++) {
                if (r == 0 && sync_is_archive(entries[i]->d_name))
                        r = call(s, entries[i]->d_name, e);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* Of a mark whose archive went. */
static int sync_forget(struct sync *s, const char *name, struct err *e) {
        AUTO_FREE char *archive = str_format("%s/%s", s->dir, name);
        AUTO_FREE char *mark = str_format("%s/%s", s->marks, name);
        AUTO_DONE(image_words) struct image_words ids = { 0 };
        AUTO_FREE char *line = NULL;

        if (!archive || !mark)
                return err_set(e, -ENOMEM, "out of memory");
        if (access(archive, F_OK) == 0)
                return 0;
        if (sync_read_mark(s, name, &line, &ids) == 0)
                sync_unpin(s, &ids, NULL);
        (void) unlink(mark);
        return 0;
}

int image_sync_folder(struct image_store *store, const char *dir, json_t **ret, struct err *e) {
        AUTO_DONE(sync)
        struct sync s = {
                .store = store, .dir = dir, .loaded = json_array(), .failed = json_array()
        };
        int r;

        s.marks = str_format("%s/loaded", image_store_dir(store));
        if (!s.marks || !s.loaded || !s.failed)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(s.marks, 0711, e);
        if (r == 0)
                r = sync_each(&s, s.marks, sync_forget, e);
        if (r == 0)
                r = sync_each(&s, dir, sync_file, e);
        if (r < 0)
                return r;
        *ret = json_pack("{s:O, s:I, s:O}", "loaded", s.loaded, "unchanged", s.n_unchanged,
                         "failed", s.failed);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}
