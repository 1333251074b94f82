#include "daemon/image/unpack.h"

#include "base/fd.h"
#include "daemon/image/extract.h"
#include "daemon/image/source.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Where the child finds its descriptors: everything behind them is closed. */
enum { UNPACK_IN = 3, UNPACK_REPORT, UNPACK_BASE, UNPACK_N_END };

/* What the child says through the pipe when it ends. */
struct unpack_report {
        int code;
        struct err e;
        struct unpack_result result;
};

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

static void unpack_child(enum unpack_kind kind, const char *dir, pid_t parent) {
        struct unpack_report report = { 0 };
        AUTO_DONE(unpack)
        struct unpack u = {
                .kind = kind, .recipe_fd = -1, .kept_fd = -1, .result = &report.result
        };

        /* Killed together with its parent: what it writes belongs to nobody then. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        (void) umask(0);
        report.code = unpack_enter(&u, dir, &report.e);
        if (report.code == 0)
                report.code = unpack_drop_capabilities(&report.e);
        if (report.code == 0)
                report.code = unpack_all(&u, &report.e);
        (void) fd_write_all(UNPACK_REPORT, &report, sizeof(report));
}

/* Only these stay open, and the standard ones: another layer's pipe would never end while its
 * writing end lives on here. */
static void unpack_keep_only(int in, int report, int base) {
        int fds[] = { in, report, base };

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                fds[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, UNPACK_N_END);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                if (fds[i] < 0)
                        (void) close(UNPACK_IN + (int) i);
                else if (dup2(fds[i], UNPACK_IN + (int) i) < 0)
                        _exit(1);
        (void) close_range(UNPACK_N_END, ~0U, 0);
}

/* ---- the parent ---- */

struct unpacking {
        pid_t pid; /* 0: waited for */
        int report_fd;
};

static void unpacking_free(struct unpacking *u) {
        if (!u)
                return;
        if (u->pid > 0) {
                (void) kill(u->pid, SIGKILL);
                while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        if (u->report_fd >= 0)
                (void) close(u->report_fd);
        free(u);
}

static int unpack_wait(struct unpacking *u, struct unpack_report *ret, struct err *e) {
        size_t have = 0;
        int status = 0;

        while (have < sizeof(*ret)) {
                ssize_t n = read(u->report_fd, (char *) ret + have, sizeof(*ret) - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                have += (size_t) n;
        }
        while (waitpid(u->pid, &status, 0) < 0 && errno == EINTR)
                ;
        u->pid = 0;
        if (have < sizeof(*ret))
                return err_set(e, -EIO, "the unpacker ended early (%s %d)",
                               WIFSIGNALED(status) ? "signal" : "exit code",
                               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        return 0;
}

/* dir: NULL: in the folder "root" of base_fd. */
static int unpack_spawn(int fd, enum unpack_kind kind, const char *dir, int base_fd,
                        struct unpacking *u, struct err *e) {
        pid_t parent = getpid();
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        u->report_fd = ends[0];
        u->pid = fork();
        if (u->pid == 0) {
                unpack_keep_only(fd, ends[1], base_fd);
                unpack_child(kind, dir, parent);
                _exit(0);
        }
        (void) close(ends[1]);
        return u->pid < 0 ? err_errno(e, -errno, "cannot start the unpacker") : 0;
}

static int unpacking_new(int fd, enum unpack_kind kind, const char *dir, int base_fd,
                         struct unpacking **ret, struct err *e) {
        struct unpacking *u = malloc(sizeof(*u));
        int r;

        if (!u)
                return err_set(e, -ENOMEM, "out of memory");
        *u = (struct unpacking){ .report_fd = -1 };
        r = unpack_spawn(fd, kind, dir, base_fd, u, e);
        if (r < 0) {
                unpacking_free(u);
                return r;
        }
        *ret = u;
        return 0;
}

int unpack_start(int fd, enum unpack_kind kind, const char *dir, struct unpacking **ret,
                 struct err *e) {
        return unpacking_new(fd, kind, dir, -1, ret, e);
}

int unpack_start_layer(int fd, int base_fd, struct unpacking **ret, struct err *e) {
        return unpacking_new(fd, UNPACK_LAYER, NULL, base_fd, ret, e);
}

int unpack_report_fd(const struct unpacking *u) {
        return u->report_fd;
}

int unpack_finish(struct unpacking *take_u, struct unpack_result *ret, struct err *e) {
        struct unpack_report report = { 0 };
        int r = unpack_wait(take_u, &report, e);

        unpacking_free(take_u);
        if (r < 0)
                return r;
        if (report.code < 0)
                return err_set(e, report.code, "%s", err_text(&report.e));
        *ret = report.result;
        return 0;
}

void unpack_cancel(struct unpacking *take_u) {
        unpacking_free(take_u);
}

int unpack_tar(int fd, enum unpack_kind kind, const char *dir, struct unpack_result *ret,
               struct err *e) {
        struct unpacking *u = NULL;
        int r = unpack_start(fd, kind, dir, &u, e);

        return r < 0 ? r : unpack_finish(u, ret, e);
}
