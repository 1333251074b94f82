#include "base/fd.h"
#include "base/str.h"
#include "daemon/build/run_step.h"
#include "daemon/build/tree.h"
#include "daemon/image/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define RUN_SECRET_MAX (1U << 20)
#define RUN_PRIVATE_MAX 32
#define RUN_SCRIPT_TARGET "/dev/build-script"

/* Keeps a text as long as the step lives. NULL: memory is out. */
static const char *run_keep(struct run_step *run, const char *text) {
        return text && image_words_add(&run->texts, text) == 0 ? run->texts.items[run->texts.n - 1]
                                                               : NULL;
}

static int mount_add(struct run_step *run, const char *source, const char *target,
                     bool is_read_only, struct err *e) {
        const char *kept = run_keep(run, source);

        if (!kept)
                return err_set(e, -ENOMEM, "out of memory");
        run->mounts[run->n_mounts++] = (struct runtime_mount){
                .kind = RUNTIME_MOUNT_BIND,
                .source = kept,
                .target = target,
                .is_read_only = is_read_only,
        };
        return 0;
}

/* ---- bind ---- */

/* The real path of something inside a root. */
static int path_inside(const char *root, const char *path, char ret[PATH_MAX], struct err *e) {
        AUTO_CLOSE int rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int fd = -1;
        char self[64];
        ssize_t n;

        if (rootfd < 0)
                return err_errno(e, -errno, "cannot open %s", root);
        fd = build_open_inside(rootfd, path, O_PATH);
        if (fd < 0)
                return err_errno(e, fd, "--mount: cannot open %s", path);
        (void) snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        n = readlink(self, ret, PATH_MAX - 1);
        if (n < 0)
                return err_errno(e, -errno, "--mount: cannot open %s", path);
        ret[n] = '\0';
        return 0;
}

/* Writes go into a folder that is dropped. */
static int overlay_context(struct run_step *run, const char *dir, struct build_view *view,
                           struct err *e) {
        AUTO_FREE char *options = NULL;
        int r;

        view->path = str_format("%s/root", dir);
        view->upper = str_format("%s/upper", dir);
        view->work = str_format("%s/work", dir);
        options = str_format("lowerdir=%s,upperdir=%s,workdir=%s", run->stage->b->context,
                             str_or_empty(view->upper), str_or_empty(view->work));
        if (!view->path || !view->upper || !view->work || !options)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(view->path, 0755, e);
        if (r == 0)
                r = dir_make_all(view->upper, 0755, e);
        if (r == 0)
                r = dir_make_all(view->work, 0700, e);
        if (r == 0 && mount("overlay", view->path, "overlay", 0, options) < 0)
                r = err_errno(e, -errno, "cannot mount the context");
        view->is_mounted = r == 0;
        return r;
}

static int bind_open(struct run_step *run, const struct build_mount *m, struct err *e) {
        struct builder *b = run->stage->b;
        AUTO_DONE(image_words) struct image_words diff_ids = { 0 };
        AUTO_FREE char *dir = NULL;
        const char *root = b->context;
        char path[PATH_MAX];
        int r = 0;

        if (m->from.kind != BUILD_FROM_CONTEXT || m->said->is_writable) {
                struct build_view *view = &run->views[run->n_views];

                r = builder_folder(b, "mount", &dir, e);
                if (r == 0 && m->from.kind == BUILD_FROM_CONTEXT)
                        r = overlay_context(run, dir, view, e);
                else if (r == 0)
                        r = builder_layers_of(b, &m->from, &diff_ids, e);
                if (r == 0 && m->from.kind != BUILD_FROM_CONTEXT)
                        r = build_view_open(b->config->store_dir, &diff_ids, dir,
                                            m->said->is_writable, view, e);
                run->n_views++;
                root = view->path;
        }
        if (r == 0)
                r = path_inside(root, m->source, path, e);
        return r < 0 ? r : mount_add(run, path, m->target, !m->said->is_writable, e);
}

/* ---- cache ---- */

/* Returns a descriptor that holds the folder, or -EAGAIN. */
static int cache_lock(const char *path, int how) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return flock(fd, how | LOCK_NB) < 0 ? -EAGAIN : STEAL_FD(fd);
}

static int cache_open(struct run_step *run, const struct build_mount *m, struct err *e) {
        const struct dockerfile_mount *said = m->said;
        unsigned most = said->sharing == DOCKERFILE_PRIVATE ? RUN_PRIVATE_MAX : 1;
        int how = said->sharing == DOCKERFILE_SHARED ? LOCK_SH : LOCK_EX;

        for (unsigned n = 0; n < most; n++) {
                AUTO_FREE char *path = NULL;
                int r = cache_folder(run->stage->b->store, said->id ? said->id : m->target, n,
                                     &path, e);
                int fd = r < 0 ? r : cache_lock(path, how);

                if (r < 0)
                        return r;
                if (fd == -EAGAIN)
                        continue;
                if (fd < 0)
                        return err_errno(e, fd, "cannot open the cache %s", path);
                run->locks[run->n_locks++] = fd;
                if (fchown(fd, said->uid, said->gid) < 0 ||
                    fchmod(fd, said->has_mode ? said->mode : 0755) < 0)
                        return err_errno(e, -errno, "cannot give the cache its owner");
                return mount_add(run, path, m->target, said->is_read_only, e);
        }
        return err_set(e, -EAGAIN, "the cache is used by another step");
}

/* ---- secrets ---- */

static int secret_env(struct run_step *run, const struct build_mount *m, const char *path,
                      struct err *e) {
        AUTO_FREE char *text = NULL, *pair = NULL;
        int r = file_read(path, RUN_SECRET_MAX, &text, NULL, e);

        if (r < 0)
                return r;
        pair = str_format("%s=%s", m->said->env, text);
        return pair && image_words_add(&run->env, pair) == 0 ? 0
                                                             : err_set(e, -ENOMEM, "out of memory");
}

static int secret_open(struct run_step *run, const struct build_mount *m, struct err *e) {
        struct builder *b = run->stage->b;
        const struct dockerfile_mount *said = m->said;
        AUTO_FREE char *path = str_format("%s/%s", b->secrets, said->id), *own = NULL, *text = NULL;
        size_t len = 0;
        int r;

        if (!path || strchr(said->id, '/'))
                return path ? err_set(e, -EINVAL, "secret \"%s\": an id has no slash", said->id)
                            : err_set(e, -ENOMEM, "out of memory");
        if (access(path, F_OK) < 0)
                return said->is_required
                               ? err_set(e, -ENOENT,
                                         "secret \"%s\" is required: pass --secret id=%s,src=FILE",
                                         said->id, said->id)
                               : 0;
        if (said->env) {
                r = secret_env(run, m, path, e);
                if (r < 0 || !m->target)
                        return r;
        }
        /* A copy of its own: the mode belongs to the mount. */
        own = str_format("%s/.%s-%zu", b->secrets, run->uid, run->n_mounts);
        r = own ? file_read(path, RUN_SECRET_MAX, &text, &len, e)
                : err_set(e, -ENOMEM, "out of memory");
        if (r == 0)
                r = file_write_atomic(own, text, len, 0600, false, e);
        if (r == 0 && (chown(own, said->uid, said->gid) < 0 ||
                       chmod(own, said->has_mode ? said->mode : 0400) < 0))
                r = err_errno(e, -errno, "cannot prepare secret %s", said->id);
        return r < 0 ? r : mount_add(run, own, m->target, true, e);
}

/* ---- all ---- */

static int script_open(struct run_step *run, struct err *e) {
        AUTO_FREE char *path = str_format("%s/script", run->dir);
        int r;

        if (!run->step->script)
                return 0;
        r = path ? file_write_atomic(path, run->step->script, strlen(run->step->script), 0755,
                                     false, e)
                 : err_set(e, -ENOMEM, "out of memory");
        if (r == 0 && chmod(path, 0755) < 0)
                r = err_errno(e, -errno, "cannot prepare the script");
        return r < 0 ? r : mount_add(run, path, RUN_SCRIPT_TARGET, true, e);
}

int run_mounts_open(struct run_step *run, struct err *e) {
        int r = script_open(run, e);

        for (size_t i = 0; r == 0 && i < run->step->n_mounts; i++) {
                const struct build_mount *m = &run->step->mounts[i];

                switch (m->said->type) {
                case DOCKERFILE_MOUNT_BIND:
                        r = bind_open(run, m, e);
                        break;
                case DOCKERFILE_MOUNT_CACHE:
                        r = cache_open(run, m, e);
                        break;
                case DOCKERFILE_MOUNT_SECRET:
                        r = secret_open(run, m, e);
                        break;
                case DOCKERFILE_MOUNT_TMPFS:
                        run->mounts[run->n_mounts++] = (struct runtime_mount){
                                .kind = RUNTIME_MOUNT_TMPFS,
                                .target = m->target,
                                .size_bytes = m->said->size_bytes,
                        };
                        break;
                }
        }
        return r;
}

void run_mounts_close(struct run_step *run) {
        for (size_t i = 0; i < run->n_views; i++)
                build_view_done(&run->views[i]);
        for (size_t i = 0; i < run->n_locks; i++)
                (void) close(run->locks[i]);
        run->n_views = run->n_locks = run->n_mounts = 0;
}

/* ---- what is read ---- */

static int bind_digest(struct builder *b, const struct build_mount *m, struct digest *d,
                       struct err *e) {
        const char *source = m->source + 1;
        const struct build_step step = { .sources = { .items = &source, .n = 1 } };
        AUTO_DONE(tree_copy) struct tree_copy copy = { .step = &step };
        AUTO_DONE(image_words) struct image_words diff_ids = { 0 };
        AUTO_CLOSE int fd = -1;
        int r;

        /* Other stages' layers say what they hold. */
        if (m->from.kind != BUILD_FROM_CONTEXT) {
                r = builder_layers_of(b, &m->from, &diff_ids, e);
                for (size_t i = 0; r == 0 && i < diff_ids.n; i++)
                        (void) digest_add(d, diff_ids.items[i], strlen(diff_ids.items[i]));
                return r;
        }
        fd = open(b->context, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, -errno, "cannot open the context");
        copy.source_fd = fd;
        r = tree_find(&copy, e);
        return r < 0 ? r : tree_digest(&copy, d, e);
}

int run_mounts_digest(struct builder_stage *s, const struct build_step *step, struct digest *d,
                      struct err *e) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < step->n_mounts; i++)
                if (step->mounts[i].said->type == DOCKERFILE_MOUNT_BIND)
                        r = bind_digest(s->b, &step->mounts[i], d, e);
        return r;
}
