#include "daemon/build/view.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* mount(2) takes one page of options. */
#define VIEW_OPTIONS_MAX 4000

int build_open_inside(int rootfd, const char *path, int flags) {
        struct open_how how = { .flags = (uint64_t) (flags | O_CLOEXEC),
                                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        int fd = (int) syscall(SYS_openat2, rootfd, str_is_empty(path) ? "." : path, &how,
                               sizeof(how));

        return fd < 0 ? -errno : fd;
}

bool build_view_is_repeated(const struct image_words *diff_ids, size_t index) {
        for (size_t i = index + 1; i < diff_ids->n; i++)
                if (strcmp(diff_ids->items[i], diff_ids->items[index]) == 0)
                        return true;
        return false;
}

/* Folders of the store by their short names: the working folder is the store's "layers". */
static int view_options(const struct build_view *view, const struct image_words *diff_ids,
                        const char *empty, struct strbuf *b) {
        strbuf_add(b, "lowerdir=");
        for (size_t i = diff_ids->n; i-- > 0;)
                if (!build_view_is_repeated(diff_ids, i))
                        strbuf_addf(b, "%s:", diff_ids->items[i] + strlen("sha256:"));
        /* An overlay without upper folder wants two lower ones. */
        strbuf_add(b, empty);
        if (view->upper)
                strbuf_addf(b, ",upperdir=%s,workdir=%s,volatile", view->upper, view->work);
        return b->has_failed ? -ENOMEM : 0;
}

static int view_set(int fs, const char *key, const char *value) {
        return (int) syscall(SYS_fsconfig, fs, 1U /* FSCONFIG_SET_STRING */, key, value, 0);
}

/* More layers than a page names: each by a call of its own (Linux 6.7). */
static int view_mount_long(const struct build_view *view, const struct image_words *diff_ids,
                           const char *empty, struct err *e) {
        AUTO_CLOSE int fs = (int) syscall(SYS_fsopen, "overlay", 1U /* FSOPEN_CLOEXEC */);
        AUTO_CLOSE int mnt = -1;
        int r = fs < 0 ? -1 : 0;

        for (size_t i = diff_ids->n; r == 0 && i-- > 0;)
                if (!build_view_is_repeated(diff_ids, i))
                        r = view_set(fs, "lowerdir+", diff_ids->items[i] + strlen("sha256:"));
        if (r == 0)
                r = view_set(fs, "lowerdir+", empty);
        if (r == 0 && view->upper)
                r = view_set(fs, "upperdir", view->upper) | view_set(fs, "workdir", view->work);
        if (r == 0)
                r = (int) syscall(SYS_fsconfig, fs, 6U /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0);
        if (r == 0)
                mnt = (int) syscall(SYS_fsmount, fs, 1U /* FSMOUNT_CLOEXEC */, 0);
        if (r < 0 || mnt < 0 ||
            syscall(SYS_move_mount, mnt, "", AT_FDCWD, view->path, 4U /* F_EMPTY_PATH */) < 0)
                return err_errno(e, -errno, "cannot mount %zu layers: this kernel takes about %d",
                                 diff_ids->n, VIEW_OPTIONS_MAX / 65);
        return 0;
}

static int view_mount(const struct build_view *view, const char *store_dir,
                      const struct image_words *diff_ids, const char *empty, struct err *e) {
        AUTO_FREE char *layers = str_format("%s/layers", store_dir);
        AUTO_DONE(strbuf) struct strbuf options = { 0 };
        char *volatile_word;

        if (!layers || view_options(view, diff_ids, empty, &options) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        if (chdir(layers) < 0)
                return err_errno(e, -errno, "cannot enter %s", layers);
        if (options.len > VIEW_OPTIONS_MAX)
                return view_mount_long(view, diff_ids, empty, e);
        if (mount("overlay", view->path, "overlay", 0, options.s) == 0)
                return 0;
        /* Before Linux 5.10 there is no "volatile". */
        volatile_word = strstr(options.s, ",volatile");
        if (errno == EINVAL && volatile_word) {
                *volatile_word = '\0';
                if (mount("overlay", view->path, "overlay", 0, options.s) == 0)
                        return 0;
        }
        return err_errno(e, -errno, "cannot mount the layers on %s", view->path);
}

int build_view_open(const char *store_dir, const struct image_words *diff_ids, const char *dir,
                    bool is_writable, struct build_view *ret, struct err *e) {
        AUTO_DONE(build_view) struct build_view view = { 0 };
        AUTO_FREE char *empty = str_format("%s/empty", dir);
        int r;

        view.path = str_format("%s/root", dir);
        if (is_writable) {
                view.upper = str_format("%s/upper", dir);
                view.work = str_format("%s/work", dir);
        }
        if (!view.path || !empty || (is_writable && (!view.upper || !view.work)))
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(view.path, 0755, e);
        if (r == 0)
                r = dir_make_all(empty, 0755, e);
        if (r == 0 && is_writable)
                r = dir_make_all(view.upper, 0755, e);
        if (r == 0 && is_writable)
                r = dir_make_all(view.work, 0700, e);
        if (r == 0)
                r = view_mount(&view, store_dir, diff_ids, empty, e);
        if (r < 0)
                return r;
        view.is_mounted = true;
        *ret = view;
        view = (struct build_view){ 0 };
        return 0;
}

void build_view_close(struct build_view *view) {
        if (view->is_mounted)
                (void) umount2(view->path, MNT_DETACH);
        view->is_mounted = false;
}

void build_view_done(struct build_view *view) {
        build_view_close(view);
        free(view->path);
        free(view->upper);
        free(view->work);
        *view = (struct build_view){ 0 };
}
