#include "cli/input.h"

#include "api/schema/schema.h"
#include "base/fd.h"
#include "base/str.h"
#include "cli/discover.h"
#include "cli/fetch.h"
#include "cli/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEPTH_MAX 16U

struct reading {
        struct session *session;
        bool is_recursive;
        struct manifests *manifests;
        struct diags diags;
};

static int read_text(struct reading *in, const char *text, size_t len, const char *name,
                     struct err *e) {
        int r = manifest_read(text, len, name, in->session->namespace_, in->manifests, &in->diags);

        if (r == -EFBIG)
                return err_set(e, r, "%s is too big for a manifest; split it", name);
        return r < 0 ? err_errno(e, r, "cannot read %s", name) : 0;
}

static int read_file(struct reading *in, const char *path, struct err *e) {
        AUTO_FREE char *text = NULL;
        size_t len = 0;
        int r;

        if (str_eq(path, "-")) {
                r = fd_read_all(STDIN_FILENO, INPUT_FILE_MAX_BYTES, &text, &len, e);
                return r < 0 ? err_wrap(e, r, "standard input")
                             : read_text(in, text, len, "<stdin>", e);
        }
        r = file_read(path, INPUT_FILE_MAX_BYTES, &text, &len, e);
        return r < 0 ? r : read_text(in, text, len, path, e);
}

static bool is_manifest_name(const char *name) {
        return name[0] != '.' && (str_ends_with(name, ".yaml") || str_ends_with(name, ".yml") ||
                                  str_ends_with(name, ".json"));
}

static int read_path(struct reading *in, const char *path, unsigned depth, struct err *e);

static int read_dir(struct reading *in, const char *path, unsigned depth, struct err *e) {
        struct dirent **entries = NULL;
        int n = scandir(path, &entries, NULL, alphasort), r = 0;

        if (n < 0)
                return err_errno(e, -errno, "cannot read %s", path);
        for (int i = 0; i < n; i++) {
                AUTO_FREE char *child = str_format("%s/%s", path, entries[i]->d_name);
                struct stat st;

                if (!child)
                        r = err_errno(e, -ENOMEM, "cannot read %s", path);
                else if (r == 0 && entries[i]->d_name[0] != '.' && stat(child, &st) == 0 &&
                         (S_ISDIR(st.st_mode) ? in->is_recursive
                                              : is_manifest_name(entries[i]->d_name)))
                        r = read_path(in, child, depth + 1, e);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int read_path(struct reading *in, const char *path, unsigned depth, struct err *e) {
        struct stat st;

        if (depth > DEPTH_MAX)
                return err_set(e, -ELOOP, "%s is nested too deeply", path);
        if (!str_eq(path, "-") && stat(path, &st) < 0)
                return err_errno(e, -errno, "cannot read %s", path);
        if (!str_eq(path, "-") && S_ISDIR(st.st_mode))
                return read_dir(in, path, depth, e);
        return read_file(in, path, e);
}

/* -n and a manifest that says another namespace: nobody can tell which was meant. */
static void check_namespaces(struct reading *in) {
        for (size_t i = 0; i < in->manifests->n && in->session->has_namespace; i++) {
                const struct manifest *m = &in->manifests->items[i];
                const char *namespace_ = tree_text(m->tree, "metadata", "namespace", NULL);
                unsigned line = m->line, column = 1;

                if (!m->kind->is_namespaced || str_eq(namespace_, in->session->namespace_))
                        continue;
                (void) places_find(m->places, "metadata.namespace", &line, &column);
                diag_set_place(diag_add(&in->diags, DIAG_ERROR, DIAG_INVALID, "metadata.namespace",
                                        "the manifest says \"%s\", the command line \"%s\"",
                                        namespace_, in->session->namespace_),
                               m->file, line, column);
        }
}

static int compare_places(const void *a, const void *b) {
        const struct diag *x = a, *y = b;
        int r = strcmp(str_or_empty(x->file), str_or_empty(y->file));

        if (r != 0)
                return r;
        if (x->line != y->line)
                return x->line < y->line ? -1 : 1;
        return (x->column > y->column) - (x->column < y->column);
}

/* From the top of each file down, as a person mends them. */
static void print_findings(struct session *s, struct diags *d) {
        if (d->n > 0)
                qsort(d->items, d->n, sizeof(*d->items), compare_places);
        for (size_t i = 0; i < d->n; i++) {
                struct diag shown = d->items[i];
                bool is_warning = shown.severity == DIAG_WARNING;
                AUTO_FREE char *text = NULL;

                shown.severity = DIAG_ERROR; /* the word stands in front */
                text = diag_format(&shown);
                (void) fprintf(stderr, "%s%s\n",
                               is_warning ? "Warning: " : "error: ", text ? text : "out of memory");
                if (is_warning)
                        session_note_warning(s, &shown);
        }
        if (d->n_errors > 0)
                (void) fprintf(stderr, "%zu error%s; nothing was sent\n", d->n_errors,
                               d->n_errors == 1 ? "" : "s");
}

static const struct kind *find_kind(void *data, const struct manifests *m, const char *api_version,
                                    const char *name) {
        return discover_kind(data, m, api_version, name);
}

int input_read(struct session *s, const struct option_texts *files, bool is_recursive,
               struct manifests *ret, struct err *e) {
        struct reading in = { .session = s, .is_recursive = is_recursive, .manifests = ret };
        int r = 0;

        ret->find = find_kind;
        ret->data = s;
        if (files->n == 0)
                return session_usage(s, e, "say what to read: -f FILE, -f DIRECTORY or -f -");
        for (size_t i = 0; i < files->n && r == 0; i++)
                r = read_path(&in, files->items[i], 0, e);
        if (r < 0) {
                s->exit_code = EXIT_MANIFEST;
        } else {
                check_namespaces(&in);
                print_findings(s, &in.diags);
                if (in.diags.n_errors > 0 || in.diags.has_failed) {
                        s->exit_code = EXIT_MANIFEST;
                        r = -EINVAL;
                }
        }
        diags_done(&in.diags);
        if (r == 0 && ret->n == 0) {
                s->exit_code = EXIT_MANIFEST;
                return err_set(e, -EINVAL, "no objects were found in %s", files->items[0]);
        }
        return r;
}
