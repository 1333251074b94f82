#include "daemon/image/mount.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/mount_internal.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of <sys/mount.h>, which doesn't go together with <linux/mount.h>. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data);
int umount2(const char *target, int flags);
#define MOUNT_NOFOLLOW 8 /* UMOUNT_NOFOLLOW */

/* mount(2) takes one page of options. */
#define MOUNT_OPTIONS_MAX 4000
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV)

static bool mount_is_repeated(const struct image_words *layers, size_t index) {
        for (size_t i = index + 1; i < layers->n; i++)
                if (strcmp(layers->items[i], layers->items[index]) == 0)
                        return true;
        return false;
}

static int mount_set(int fs, const char *key, const char *value) {
        return (int) syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

/* More layers than a page names: each by a call of its own (Linux 6.7). */
static int mount_long(const struct image_words *layers, const char *empty, const char *source,
                      const char *path, struct err *e) {
        AUTO_CLOSE int fs = (int) syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        AUTO_CLOSE int mnt = -1;
        int r = fs < 0 ? -1 : mount_set(fs, "source", source);

        for (size_t i = layers->n; r == 0 && i-- > 0;)
                if (!mount_is_repeated(layers, i))
                        r = mount_set(fs, "lowerdir+", layers->items[i]);
        if (r == 0)
                r = mount_set(fs, "lowerdir+", empty);
        if (r == 0)
                r = (int) syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        if (r == 0)
                mnt = (int) syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (r < 0 || mnt < 0 ||
            syscall(SYS_move_mount, mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return err_errno(e, -errno, "cannot mount %zu layers: this kernel takes about %d",
                                 layers->n, MOUNT_OPTIONS_MAX / 65);
        return 0;
}

/* By their short names: the working folder is the store's "layers". */
static int mount_layers(const struct image_store *store, const struct image *image,
                        const char *empty, const char *path, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/layers", image_store_dir(store));
        AUTO_FREE char *source =
                str_format("%s%s@%s", IMAGE_MOUNT_SOURCE, image->id, image_store_dir(store));
        AUTO_DONE(strbuf) struct strbuf options = { 0 };

        strbuf_add(&options, "lowerdir=");
        for (size_t i = image->layers.n; i-- > 0;)
                if (!mount_is_repeated(&image->layers, i))
                        strbuf_addf(&options, "%s:", strrchr(image->layers.items[i], '/') + 1);
        /* An overlay without upper folder wants two lower ones. */
        strbuf_add(&options, empty);
        if (!dir || !source || options.has_failed)
                return err_set(e, -ENOMEM, "out of memory");
        if (options.len > MOUNT_OPTIONS_MAX)
                return mount_long(&image->layers, empty, source, path, e);
        if (chdir(dir) < 0)
                return err_errno(e, -errno, "cannot enter %s", dir);
        if (mount(source, path, "overlay", MOUNT_FLAGS, options.s) < 0)
                return err_errno(e, -errno, "cannot mount the layers on %s", path);
        return 0;
}

int image_mount(struct image_store *store, const char *reference, const char *dir, char **ret_path,
                struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        AUTO_FREE char *path = NULL, *empty = str_format("%s/empty", dir);
        AUTO(image) struct image *image = NULL;
        AUTO_CLOSE int lock_fd = -1;
        int r = empty ? image_store_enter(store, &lock_fd, e)
                      : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = image_find(store, reference, &image, e);
        if (r == 0)
                r = image_mounts_read(store, &mounts, e);
        if (r < 0)
                return r;
        if (image->layers.n == 0)
                return err_set(e, -EINVAL, "image %s has no layers: there is nothing to look into",
                               reference);
        path = str_format("%s/%s", dir, image->id + strlen("sha256:"));
        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < mounts.n; i++)
                if (strcmp(mounts.items[i].path, path) == 0) {
                        *ret_path = STEAL(path);
                        return 0;
                }
        r = dir_make_all(empty, 0711, e);
        if (r == 0)
                r = dir_make_all(path, 0711, e);
        if (r == 0)
                r = mount_layers(store, image, empty, path, e);
        if (r < 0) {
                (void) rmdir(path);
                return r;
        }
        *ret_path = STEAL(path);
        return 0;
}

static int mount_free(const char *path, const char *dir, struct image_words *ret, struct err *e) {
        if (umount2(path, MOUNT_NOFOLLOW) < 0)
                return errno == EBUSY ? err_set(e, -EBUSY,
                                                "%s is in use; leave the folder, and close its "
                                                "files, then try again",
                                                path)
                                      : err_errno(e, -errno, "cannot unmount %s", path);
        if (str_starts_with(path, dir) && path[strlen(dir)] == '/')
                (void) rmdir(path);
        return image_words_add(ret, path) < 0 ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int image_unmount(struct image_store *store, const char *what, const char *dir,
                  struct image_words *ret, struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        AUTO(image) struct image *image = NULL;
        bool is_path = what[0] == '/';
        int r = is_path ? 0 : image_find(store, what, &image, e);

        if (r == 0)
                r = image_mounts_read(store, &mounts, e);
        /* What was mounted last goes first: mounts may lie on each other. */
        for (size_t i = mounts.n; r == 0 && i-- > 0;)
                if (strcmp(is_path ? mounts.items[i].path : mounts.items[i].id,
                           is_path ? what : image->id) == 0)
                        r = mount_free(mounts.items[i].path, dir, ret, e);
        if (r == 0 && ret->n == 0)
                return err_set(e, -ENOENT,
                               is_path ? "no image is mounted at %s" : "image %s is not mounted",
                               what);
        return r;
}
