/* orch image mount, orch image unmount: an image as a folder of this machine. The node mounts it at
 * a place of its own; a bind mount at another place is this program's, so that whoever may speak to
 * the API doesn't thereby mount where he likes. */
#include "api/kinds/node.h"
#include "base/fd.h"
#include "cli/fetch.h"
#include "cli/image.h"
#include "cli/session.h"
#include "cli/table.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

struct mount_args {
        const char *node;
};

static const struct option mount_options[] = {
        OPTION_OF_TEXT(struct mount_args, node, 0, "node", "NAME",
                       "the node, where several run on this machine"),
};

/* ---- the node of this machine ---- */

/* Nodes tell which boot of a kernel they run on. */
static int mount_choose(const json_t *list, const struct mount_args *a, const char *boot_id,
                        char **ret, struct err *e) {
        const json_t *item;
        size_t i, n = 0;

        json_array_foreach(json_object_get(list, "items"), i, item) {
                const char *name = tree_text(item, "metadata", "name", NULL);

                if (!str_eq(tree_text(item, "status", "nodeInfo", "bootID", NULL), boot_id) ||
                    (a->node && !str_eq(a->node, name)))
                        continue;
                n++;
                free(*ret);
                *ret = strdup(str_or_empty(name));
                if (!*ret)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        if (n == 1)
                return 0;
        if (n > 1)
                return err_set(e, -EINVAL, "%zu nodes run on this machine; choose one with --node",
                               n);
        return err_set(e, -EXDEV,
                       "%s%s isn't on this machine: images are mounted where their node runs; run "
                       "the command there",
                       a->node ? "node " : "the node", a->node ? a->node : "");
}

static int mount_find_node(struct session *s, const struct mount_args *a, char **ret,
                           struct err *e) {
        struct fetch f = { .kind = &node_kind };
        AUTO_FREE char *boot_id = NULL;
        json_t *list = NULL;
        int r = file_read(BOOT_ID_FILE, BOOT_ID_MAX, &boot_id, NULL, e);

        if (r < 0)
                return r;
        boot_id[strcspn(boot_id, "\n")] = '\0';
        r = fetch_list(s, &f, &list, e);
        if (r == 0)
                r = mount_choose(list, a, boot_id, ret, e);
        json_decref(list);
        return r;
}

/* ---- mount ---- */

static int mount_call(struct session *s, const char *node, const char *reference,
                      const char *action, json_t **ret, struct err *e) {
        AUTO_FREE char *path = image_path(node, reference);

        return session_patch(s, path ? str_format("%s?action=%s", path, action) : NULL,
                             "application/merge-patch+json", NULL, ret, e);
}

/* In a container, or another mount namespace, the node's mounts aren't seen. */
static bool mount_is_seen(const char *path) {
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static int mount_bind(const char *path, const char *dir, char *ret_real, struct err *e) {
        if (!realpath(dir, ret_real))
                return err_errno(e, -errno, "cannot use %s", dir);
        if (mount(path, ret_real, NULL, MS_BIND, NULL) < 0)
                return errno == EPERM
                               ? err_set(e, -EPERM,
                                         "only root mounts at a place of his choice; without DIR "
                                         "the image is at %s",
                                         path)
                               : err_errno(e, -errno, "cannot mount the image on %s", ret_real);
        return 0;
}

static int mount_one(struct session *s, const struct mount_args *a, const struct words *words,
                     struct err *e) {
        AUTO_FREE char *node = NULL;
        char real[PATH_MAX];
        json_t *answer = NULL;
        const char *path;
        int r = mount_find_node(s, a, &node, e);

        if (r == 0)
                r = mount_call(s, node, words->items[0], "mount", &answer, e);
        path = json_string_value(json_object_get(answer, "path"));
        if (r == 0 && !path)
                r = err_set(e, -EPROTO, "the node's answer names no place");
        if (r == 0 && !mount_is_seen(path)) {
                (void) mount_call(s, node, words->items[0], "unmount", NULL, NULL);
                r = err_set(e, -EXDEV,
                            "node %s mounted the image where this command doesn't see it (it runs "
                            "in a container or a mount namespace); run both in the same",
                            node);
        }
        if (r == 0 && words->n > 1) {
                r = mount_bind(path, words->items[1], real, e);
                path = real;
        }
        if (r == 0)
                (void) printf("%s\n", path);
        json_decref(answer);
        return r;
}

static int mount_list(struct session *s, const struct mount_args *a, struct err *e) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_FREE char *node = NULL;
        json_t *answer = NULL, *image, *path;
        size_t i, k;
        int r = mount_find_node(s, a, &node, e);

        if (r == 0)
                r = session_get(s, image_path(node, NULL), &answer, e);
        table_init(&t, 2);
        json_array_foreach(json_object_get(answer, "images"), i, image)
                json_array_foreach(json_object_get(image, "mounts"), k, path) {
                        const json_t *name = json_array_get(json_object_get(image, "names"), 0);

                        table_add(&t, json_string_value(name) ? json_string_value(name)
                                                              : tree_text(image, "id", NULL));
                        table_add(&t, json_string_value(path));
                }
        if (r == 0 && table_print(&t, 0, false, &b) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r == 0)
                (void) fputs(str_or_empty(b.s), stdout);
        json_decref(answer);
        return r;
}

static int mount_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        if (words->n > 2)
                return session_usage(s, e,
                                     "give an image, and a folder or none: orch image mount "
                                     "NAME [DIR]");
        return words->n == 0 ? mount_list(s, raw, e) : mount_one(s, raw, words, e);
}

/* ---- unmount ---- */

/* A folder of this machine, as the kernel spells it; else a reference as it is. */
static char *unmount_word(const char *word) {
        char real[PATH_MAX];

        if ((word[0] == '/' || word[0] == '.') && realpath(word, real))
                return strdup(real);
        return strdup(word);
}

static int unmount_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        AUTO_FREE char *node = NULL;
        int r = words->n == 0 ? session_usage(s, e,
                                              "name the images, or the folders: orch image unmount "
                                              "NAME|DIR...")
                              : mount_find_node(s, raw, &node, e);

        for (size_t i = 0; r == 0 && i < words->n; i++) {
                AUTO_FREE char *word = unmount_word(words->items[i]);
                json_t *answer = NULL;
                const json_t *path;
                size_t k;

                r = word ? mount_call(s, node, word, "unmount", &answer, e)
                         : err_set(e, -ENOMEM, "out of memory");
                json_array_foreach(json_object_get(answer, "unmounted"), k, path)
                        (void) printf("%s\n", str_or_empty(json_string_value(path)));
                json_decref(answer);
        }
        return r;
}

const struct command image_mount_command = {
        .name = "mount",
        .usage = "image mount [REFERENCE [DIR]]",
        .summary = "Show an image of this machine's node as a read-only folder",
        .options = mount_options,
        .n_options = ARRAY_SIZE(mount_options),
        .args_size = sizeof(struct mount_args),
        .run = mount_run,
};

const struct command image_unmount_command = {
        .name = "unmount",
        .usage = "image unmount REFERENCE|DIR...",
        .summary = "Take the folder of an image away again",
        .options = mount_options,
        .n_options = ARRAY_SIZE(mount_options),
        .args_size = sizeof(struct mount_args),
        .run = unmount_run,
};
