/* COPY, ADD and WORKDIR. */
#include "base/fd.h"
#include "base/process_user.h"
#include "base/str.h"
#include "daemon/build/builder.h"
#include "daemon/build/tree.h"
#include "daemon/image/record.h"
#include "daemon/image/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_USER_MAX 256

/* ---- whose files ---- */

static FILE *open_text_inside(int rootfd, const char *path) {
        int fd = build_open_inside(rootfd, path, O_RDONLY | O_NOFOLLOW);
        FILE *f = fd < 0 ? NULL : fdopen(fd, "re");

        if (!f && fd >= 0)
                (void) close(fd);
        return f;
}

static int find_group(int rootfd, const char *name, gid_t *ret, struct err *e) {
        AUTO_FREE char *line = NULL;
        FILE *f = open_text_inside(rootfd, "/etc/group");
        size_t cap = 0, len = strlen(name);
        int64_t number;
        int r = -ENOENT;

        while (f && r < 0 && getline(&line, &cap, f) > 0) {
                char *fields = line + len;

                if (strncmp(line, name, len) != 0 || *fields != ':')
                        continue;
                fields = strchr(fields + 1, ':');
                if (fields) {
                        fields[1 + strcspn(fields + 1, ":\n")] = '\0';
                        r = str_to_int64(fields + 1, 0, UINT32_MAX - 1, &number) == 0 ? 0 : r;
                }
        }
        if (f)
                (void) fclose(f);
        if (r == 0)
                *ret = (gid_t) number;
        return r < 0 ? err_set(e, -ENOENT, "group \"%s\" is not in the image's /etc/group", name)
                     : 0;
}

static int find_user(int rootfd, const char *name, uid_t *ret_uid, gid_t *ret_gid, struct err *e) {
        FILE *f = open_text_inside(rootfd, "/etc/passwd");
        int r = f ? process_user_read(f, name, ret_uid, ret_gid, NULL) : -ENOENT;

        if (f)
                (void) fclose(f);
        return r < 0 ? err_set(e, -ENOENT, "user \"%s\" is not in the image's /etc/passwd", name)
                     : 0;
}

/* "user", "uid", "user:group". A number alone is the group's, too. */
static int read_owner(const char *text, int rootfd, struct tree_copy *copy, struct err *e) {
        AUTO_FREE char *user = strndup(text, MIN(strcspn(text, ":"), (size_t) COPY_USER_MAX));
        const char *group = strchr(text, ':');
        int64_t number;
        int r = 0;

        if (!user)
                return err_set(e, -ENOMEM, "out of memory");
        copy->has_owner = true;
        if (str_is_empty(user))
                copy->uid = copy->gid = 0;
        else if (str_to_int64(user, 0, UINT32_MAX - 1, &number) == 0) {
                copy->uid = (uid_t) number;
                copy->gid = (gid_t) number;
        } else
                r = find_user(rootfd, user, &copy->uid, &copy->gid, e);
        if (r < 0 || !group || str_is_empty(group + 1))
                return r;
        if (str_to_int64(group + 1, 0, UINT32_MAX - 1, &number) == 0) {
                copy->gid = (gid_t) number;
                return 0;
        }
        return find_group(rootfd, group + 1, &copy->gid, e);
}

/* ---- sources ---- */

struct copy_source {
        struct build_view view; /* of stages and images */
        int fd;
};

static void copy_source_done(struct copy_source *source) {
        if (source->fd >= 0)
                (void) close(source->fd);
        build_view_done(&source->view);
}
DEFINE_AUTO_DONE(copy_source);

static int copy_source_open(struct builder *b, const struct build_source *from,
                            struct copy_source *ret, struct err *e) {
        AUTO_DONE(image_words) struct image_words diff_ids = { 0 };
        AUTO_FREE char *dir = NULL;
        int r;

        if (from->kind == BUILD_FROM_CONTEXT) {
                ret->fd = open(b->context, O_PATH | O_DIRECTORY | O_CLOEXEC);
                return ret->fd < 0 ? err_errno(e, -errno, "cannot open the context") : 0;
        }
        r = builder_layers_of(b, from, &diff_ids, e);
        if (r == 0)
                r = builder_folder(b, "source", &dir, e);
        if (r == 0)
                r = build_view_open(b->config->store_dir, &diff_ids, dir, false, &ret->view, e);
        if (r < 0)
                return r;
        ret->fd = open(ret->view.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return ret->fd < 0 ? err_errno(e, -errno, "cannot open %s", ret->view.path) : 0;
}

/* ---- the copy ---- */

static int unpack_sources(const struct tree_copy *copy, int target_fd, struct err *e) {
        for (size_t i = 0; i < copy->sources.n; i++) {
                AUTO_CLOSE int fd = -1, folder = -1;
                char self[64], path[PATH_MAX];
                struct unpack_result result;
                ssize_t n;
                int r;

                if (!copy->step->is_unpacking ||
                    !tree_source_is_archive(copy, copy->sources.items[i]))
                        continue;
                fd = build_open_inside(copy->source_fd, copy->sources.items[i], O_RDONLY);
                folder = tree_target_folder(copy, target_fd, e);
                if (fd < 0 || folder < 0)
                        return folder < 0 ? folder : err_errno(e, fd, "cannot open the archive");
                (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", folder);
                n = readlink(self, path, sizeof(path) - 1);
                if (n < 0)
                        return err_errno(e, -errno, "cannot name the target");
                path[n] = '\0';
                r = unpack_tar(fd, UNPACK_LAYER, path, &result, e);
                if (r < 0)
                        return err_wrap(e, r,
                                        "%s (ADD takes archives apart; COPY leaves them whole)",
                                        copy->sources.items[i]);
        }
        return 0;
}

static int copy_carry_out(struct builder_stage *s, struct tree_copy *copy, char **ret_diff_id,
                          struct err *e) {
        AUTO_DONE(build_view) struct build_view view = { 0 };
        AUTO_FREE char *dir = NULL;
        AUTO_CLOSE int rootfd = -1;
        int r = builder_folder(s->b, "copy", &dir, e);

        if (r == 0)
                r = build_view_open(s->b->config->store_dir, &s->diff_ids, dir, true, &view, e);
        if (r < 0)
                return r;
        rootfd = open(view.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (rootfd < 0)
                return err_errno(e, -errno, "cannot open %s", view.path);
        if (copy->step->chown)
                r = read_owner(copy->step->chown, rootfd, copy, e);
        if (r == 0)
                r = tree_copy_run(copy, rootfd, e);
        if (r == 0)
                r = unpack_sources(copy, rootfd, e);
        if (r < 0)
                return r;
        build_view_close(&view);
        r = layer_write_upper(&s->b->writer, view.upper, ret_diff_id, e);
        (void) close(STEAL_FD(rootfd));
        (void) dir_remove_all(AT_FDCWD, dir, NULL);
        return r;
}

static int copy_digest(const struct tree_copy *copy, char text[DIGEST_TEXT_MAX], struct err *e) {
        struct digest *d = NULL;
        int r = digest_new(&d, e);

        if (r == 0)
                r = tree_digest(copy, d, e);
        if (r < 0) {
                digest_free(d);
                return r;
        }
        digest_end(d, text);
        return 0;
}

int builder_copy(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                 struct err *e) {
        AUTO_DONE(copy_source) struct copy_source source = { .fd = -1 };
        AUTO_DONE(tree_copy) struct tree_copy copy = { .step = step };
        AUTO_FREE char *key = NULL;
        char content[DIGEST_TEXT_MAX];
        int r = copy_source_open(s->b, &step->from, &source, e);

        copy.source_fd = source.fd;
        copy.keeps_owner = step->from.kind != BUILD_FROM_CONTEXT;
        copy.has_mode = step->chmod != NULL;
        copy.mode = step->chmod ? (mode_t) strtoul(step->chmod, NULL, 8) : 0;
        if (r == 0)
                r = tree_find(&copy, e);
        if (r == 0)
                r = copy_digest(&copy, content, e);
        if (r == 0)
                r = cache_key(&s->diff_ids, step->recipe, content, s->b->epoch, &key, e);
        if (r < 0)
                return r;
        if (!s->b->request.has_no_cache && cache_find(s->b->store, key, ret_diff_id))
                return 1;
        builder_tell(s, "started");
        r = copy_carry_out(s, &copy, ret_diff_id, e);
        if (r == 0)
                cache_store(s->b->store, key, *ret_diff_id);
        return r;
}

/* ---- WORKDIR ---- */

int builder_workdir(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                    struct err *e) {
        AUTO_DONE(build_view) struct build_view view = { 0 };
        struct tree_copy copy = { .step = step };
        AUTO_FREE char *dir = NULL, *key = NULL;
        AUTO_CLOSE int rootfd = -1, folder = -1;
        int r = cache_key(&s->diff_ids, step->recipe, "", s->b->epoch, &key, e);

        if (r < 0)
                return r;
        if (!s->b->request.has_no_cache && cache_find(s->b->store, key, ret_diff_id))
                return 1;
        builder_tell(s, "started");
        r = builder_folder(s->b, "workdir", &dir, e);
        if (r == 0)
                r = build_view_open(s->b->config->store_dir, &s->diff_ids, dir, true, &view, e);
        if (r < 0)
                return r;
        rootfd = open(view.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (rootfd < 0)
                return err_errno(e, -errno, "cannot open %s", view.path);
        if (step->chown)
                r = read_owner(step->chown, rootfd, &copy, e);
        folder = r < 0 ? r : tree_target_folder(&copy, rootfd, e);
        if (folder < 0)
                return folder;
        build_view_close(&view);
        r = layer_write_upper(&s->b->writer, view.upper, ret_diff_id, e);
        if (r == 0)
                cache_store(s->b->store, key, *ret_diff_id);
        (void) dir_remove_all(AT_FDCWD, dir, NULL);
        return r;
}
