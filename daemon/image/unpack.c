#include "daemon/image/unpack.h"

#include "base/fd.h"
#include "daemon/image/extract.h"
#include "daemon/image/source.h"
#include "daemon/image/worker.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define UNPACK_IN WORKER_FD(0)
#define UNPACK_BASE WORKER_FD(1)

/* ---- the child ---- */

struct unpack {
        enum unpack_kind kind;
        int recipe_fd, kept_fd; /* -1: none is kept */
        struct source *source;
        struct recipe_writer *recipe;
        struct extract *extract;
        struct tar_reader *tar;
        struct unpack_result *result;
};

static void unpack_done(struct unpack *u) {
        tar_reader_unref(u->tar);
        extract_unref(u->extract);
        recipe_writer_unref(u->recipe);
        source_unref(u->source);
        if (u->recipe_fd >= 0)
                (void) close(u->recipe_fd);
        if (u->kept_fd >= 0)
                (void) close(u->kept_fd);
}
DEFINE_AUTO_DONE(unpack);

static int unpack_next(void *userdata, const void **ret, size_t *ret_len, struct err *e) {
        struct unpack *u = userdata;

        return source_next(u->source, ret, ret_len, e);
}

static int unpack_raw(void *userdata, const void *data, size_t len, struct err *e) {
        struct unpack *u = userdata;

        return u->recipe ? recipe_add_raw(u->recipe, data, len, e) : 0;
}

static int unpack_entries(struct unpack *u, struct err *e) {
        for (;;) {
                const struct tar_entry *entry = NULL;
                int r = tar_next(u->tar, &entry, e);

                if (r < 0 || !entry)
                        return r;
                r = extract_entry(u->extract, u->tar, entry, e);
                if (r < 0)
                        return r;
        }
}

static int unpack_finish_recipe(struct unpack *u, struct err *e) {
        const struct recipe_totals totals = { .n_entries = u->result->n_entries,
                                              .size_bytes = u->result->size_bytes,
                                              .tar_bytes = tar_position(u->tar) };

        if (!u->recipe)
                return 0;
        if (extract_is_exact(u->extract))
                return recipe_writer_end(u->recipe, &totals, e);
        return ftruncate(u->recipe_fd, 0) < 0 ? err_errno(e, -errno, "cannot empty the recipe") : 0;
}

static int unpack_all(struct unpack *u, struct err *e) {
        const struct tar_input input = { .next = unpack_next, .raw = unpack_raw, .userdata = u };
        int r = source_new(UNPACK_IN, &u->source, e);

        if (r == 0 && u->recipe_fd >= 0)
                r = recipe_writer_new(u->recipe_fd, &u->recipe, e);
        if (r == 0)
                r = tar_reader_new(&input, &u->tar, e);
        if (r == 0)
                r = extract_new(u->kind, u->recipe, u->kept_fd, u->result, &u->extract, e);
        if (r == 0)
                r = unpack_entries(u, e);
        if (r == 0)
                r = extract_end(u->extract, e);
        if (r == 0)
                r = unpack_finish_recipe(u, e);
        if (r == 0)
                source_digests(u->source, u->result->blob_digest, u->result->diff_id);
        return r;
}

/* In the folder "root" of the base, or in dir. */
static int unpack_enter(struct unpack *u, const char *dir, struct err *e) {
        if (!dir) {
                if (mkdirat(UNPACK_BASE, "kept", 0700) < 0)
                        return err_errno(e, -errno, "cannot create a folder");
                u->kept_fd = openat(UNPACK_BASE, "kept", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                u->recipe_fd = openat(UNPACK_BASE, "recipe",
                                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                if (u->kept_fd < 0 || u->recipe_fd < 0 || fchdir(UNPACK_BASE) < 0)
                        return err_errno(e, -errno, "cannot create the layer's recipe");
        }
        if (chroot(dir ? dir : "root") < 0 || chdir("/") < 0)
                return err_errno(e, -errno, "cannot make %s the root of the unpacker",
                                 dir ? dir : "the layer");
        return 0;
}

/* Keeps what files need. */
static int unpack_drop_capabilities(struct err *e) {
        const uint32_t kept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
                              1U << CAP_FSETID | 1U << CAP_MKNOD | 1U << CAP_SYS_ADMIN |
                              1U << CAP_SETFCAP;
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };

        if (syscall(SYS_capget, &header, data) < 0)
                return err_errno(e, -errno, "cannot read the capabilities");
        data[0].effective &= kept;
        data[0].permitted &= kept;
        data[0].inheritable = data[1].inheritable = 0;
        data[1].effective = data[1].permitted = 0;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, data) < 0)
                return err_errno(e, -errno, "cannot drop capabilities");
        return 0;
}

struct unpack_order {
        enum unpack_kind kind;
        const char *dir; /* NULL: in the folder "root" of UNPACK_BASE */
};

static int unpack_run(void *userdata, void *result, struct err *e) {
        const struct unpack_order *order = userdata;
        AUTO_DONE(unpack)
        struct unpack u = { .kind = order->kind, .recipe_fd = -1, .kept_fd = -1, .result = result };
        int r;

        (void) umask(0);
        r = unpack_enter(&u, order->dir, e);
        if (r == 0)
                r = unpack_drop_capabilities(e);
        return r < 0 ? r : unpack_all(&u, e);
}

/* ---- the parent: an unpacking is a worker ---- */

struct unpacking;

static int unpacking_new(int fd, int base_fd, const struct unpack_order *order,
                         struct unpacking **ret, struct err *e) {
        struct unpack_order copy = *order;

        return worker_start(&(struct worker_options){ .fds = { fd, base_fd, -1 },
                                                      .run = unpack_run,
                                                      .userdata = &copy,
                                                      .result_len = sizeof(struct unpack_result) },
                            (struct worker **) ret, e);
}

int unpack_start(int fd, enum unpack_kind kind, const char *dir, struct unpacking **ret,
                 struct err *e) {
        const struct unpack_order order = { .kind = kind, .dir = dir };

        return unpacking_new(fd, -1, &order, ret, e);
}

int unpack_start_layer(int fd, int base_fd, struct unpacking **ret, struct err *e) {
        const struct unpack_order order = { .kind = UNPACK_LAYER };

        return unpacking_new(fd, base_fd, &order, ret, e);
}

int unpack_report_fd(const struct unpacking *u) {
        return worker_report_fd((const struct worker *) u);
}

int unpack_finish(struct unpacking *take_u, struct unpack_result *ret, struct err *e) {
        return worker_finish((struct worker *) take_u, ret, e);
}

void unpack_cancel(struct unpacking *take_u) {
        worker_cancel((struct worker *) take_u);
}

int unpack_tar(int fd, enum unpack_kind kind, const char *dir, struct unpack_result *ret,
               struct err *e) {
        struct unpacking *u = NULL;
        int r = unpack_start(fd, kind, dir, &u, e);

        return r < 0 ? r : unpack_finish(u, ret, e);
}
