/* orch diff: what apply would change, shown by diff(1). */
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/fd.h"
#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/input.h"
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DIFFERENT 1
#define FOLDER_MAX 4096

extern char **environ;

struct diff_args {
        struct option_texts files;
        const char *field_manager;
        bool is_recursive, is_server_side, is_forced;
};

static const struct option diff_options[] = {
        OPTION_OF_TEXTS(struct diff_args, files, 'f', "filename", "FILE",
                        "file, directory or - (standard input); may be repeated"),
        OPTION_OF_FLAG(struct diff_args, is_recursive, 'R', "recursive",
                       "read directories below too"),
        OPTION_OF_FLAG(struct diff_args, is_server_side, 0, "server-side", "let the server merge"),
        OPTION_OF_FLAG(struct diff_args, is_forced, 0, "force-conflicts",
                       "with --server-side: as if fields were taken over"),
        OPTION_OF_TEXT(struct diff_args, field_manager, 0, "field-manager", "NAME",
                       "who would make the changes"),
};

/* Two folders with a file for each object: what is, and what would be. */
struct folders {
        char root[FOLDER_MAX], live[FOLDER_MAX + 8], wanted[FOLDER_MAX + 8];
};

static int folders_make(struct folders *f, struct err *e) {
        const char *base = getenv("TMPDIR");
        int n = snprintf(f->root, sizeof(f->root), "%s/orch-diff-XXXXXX",
                         str_is_empty(base) ? "/tmp" : base);

        if (n < 0 || (size_t) n >= sizeof(f->root))
                return err_set(e, -ENAMETOOLONG, "TMPDIR is too long");
        if (!mkdtemp(f->root))
                return err_errno(e, -errno, "cannot make a folder like %s; set TMPDIR", f->root);
        (void) snprintf(f->live, sizeof(f->live), "%s/LIVE", f->root);
        (void) snprintf(f->wanted, sizeof(f->wanted), "%s/MERGED", f->root);
        if (mkdir(f->live, 0700) < 0 || mkdir(f->wanted, 0700) < 0)
                return err_errno(e, -errno, "cannot make folders in %s", f->root);
        return 0;
}

static int object_write(const char *folder, const char *name, const json_t *tree, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", folder, name);
        AUTO_FREE char *text = tree ? text_yaml_dump(tree) : strdup("");

        if (!path || !text)
                return err_errno(e, -ENOMEM, "cannot write an object");
        return file_write_atomic(path, text, strlen(text), 0600, false, e);
}

/* "apps.v1.Deployment.default.web", as kubectl names its files. */
static char *object_name(const struct session *s, const struct manifest *m) {
        const char *namespace_ = tree_text(m->tree, "metadata", "namespace", NULL);
        const struct kind *k = m->kind;

        if (!namespace_[0] && k->is_namespaced)
                namespace_ = s->namespace_;
        return str_format("%s%s%s.%s.%s.%s", k->group, *k->group ? "." : "", k->version, k->name,
                          namespace_, tree_text(m->tree, "metadata", "name", NULL));
}

static int one_write(struct session *s, const struct manifest *m, const struct apply_how *how,
                     const struct folders *f, struct err *e) {
        AUTO_FREE char *name = object_name(s, m);
        json_t *live = NULL, *wanted = NULL;
        int r;

        if (!name)
                return err_errno(e, -ENOMEM, "cannot name an object");
        r = apply_preview(s, m, how, &live, &wanted, e);
        if (r == 0 && live)
                r = object_write(f->live, name, live, e);
        if (r == 0)
                r = object_write(f->wanted, name, wanted, e);
        json_decref(live);
        json_decref(wanted);
        return r;
}

/* Returns diff's exit code, or a negative errno. */
static int folders_compare(const struct folders *f, struct err *e) {
        char *argv[] = { (char *) "diff",  (char *) "-u",      (char *) "-N", (char *) "-r",
                         (char *) f->live, (char *) f->wanted, NULL };
        int r, status;
        pid_t pid;

        (void) fflush(stdout);
        r = posix_spawnp(&pid, "diff", NULL, NULL, argv, environ);
        if (r != 0)
                return err_errno(e, -r, "cannot start diff; is it installed?");
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return err_errno(e, -errno, "cannot wait for diff");
        if (!WIFEXITED(status) || WEXITSTATUS(status) > DIFFERENT)
                return err_set(e, -EIO, "diff has failed");
        return WEXITSTATUS(status);
}

static int diff_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        const struct diff_args *args = raw;
        const struct apply_how how = {
                .is_server_side = args->is_server_side,
                .is_forced = args->is_forced,
                .field_manager = args->field_manager,
        };
        struct folders f = { 0 };
        int r;

        if (words->n > 0)
                return session_usage(s, e, "diff takes files: orch diff -f %s", words->items[0]);
        r = input_read(s, &args->files, args->is_recursive, &m, e);
        if (r == 0)
                r = folders_make(&f, e);
        for (size_t i = 0; r == 0 && i < m.n; i++)
                r = one_write(s, &m.items[i], &how, &f, e);
        if (r == 0)
                r = folders_compare(&f, e);
        if (f.root[0])
                (void) dir_remove_all(AT_FDCWD, f.root, NULL);
        if (r < 0 && (s->exit_code == EXIT_OK || s->exit_code == EXIT_ERROR))
                s->exit_code = EXIT_USAGE; /* 1 is taken */
        return r;
}

const struct command diff_command = {
        .name = "diff",
        .usage = "diff -f FILE|DIRECTORY|- [...]",
        .summary = "Show what apply would change",
        .details = "The server says what each object would become, without storing it. Ends with 0 "
                   "when\n"
                   "nothing would change, with 1 when something would, with more for errors.\n\n"
                   "  orch diff -f deployment.yaml\n",
        .options = diff_options,
        .n_options = ARRAY_SIZE(diff_options),
        .args_size = sizeof(struct diff_args),
        .run = diff_run,
};
