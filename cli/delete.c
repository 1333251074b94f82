#include "api/kinds/crd.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/waiting.h"

#include <errno.h>
#include <stdio.h>

struct delete_args {
        struct option_texts files;
        struct option_number grace_period, timeout;
        const char *selector, *field_selector, *cascade, *dry_run, *output;
        bool is_recursive, is_all, is_all_namespaces, is_waiting, is_forced, is_now,
                ignores_not_found;
};

static const char *const cascade_values[] = { "background", "foreground", "orphan", "true", NULL };
static const char *const dry_run_values[] = { "client", "server", "none", NULL };

static const struct option delete_options[] = {
        OPTION_OF_TEXTS(struct delete_args, files, 'f', "filename", "FILE",
                        "delete what these manifests describe"),
        OPTION_OF_FLAG(struct delete_args, is_recursive, 'R', "recursive",
                       "read directories below too"),
        OPTION_OF_TEXT(struct delete_args, selector, 'l', "selector", "LABELS",
                       "objects with these labels"),
        OPTION_OF_TEXT(struct delete_args, field_selector, 0, "field-selector", "FIELDS",
                       "objects with these fields"),
        OPTION_OF_FLAG(struct delete_args, is_all, 0, "all", "all objects of the types"),
        OPTION_OF_FLAG(struct delete_args, is_all_namespaces, 'A', "all-namespaces",
                       "of all namespaces"),
        OPTION_OF_FLAG(struct delete_args, is_waiting, 0, "wait", "wait until they are gone",
                       .default_text = "true"),
        OPTION_OF_DURATION(struct delete_args, timeout, 0, "timeout", "TIME",
                           "give up waiting then; 0: never"),
        OPTION_OF_NUMBER(struct delete_args, grace_period, 0, "grace-period", "SECONDS",
                         "time to stop in; negative: the pod's own"),
        OPTION_OF_FLAG(struct delete_args, is_forced, 0, "force",
                       "forget the object at once, with --grace-period=0"),
        OPTION_OF_FLAG(struct delete_args, is_now, 0, "now", "the same as --grace-period=1"),
        OPTION_OF_FLAG(struct delete_args, ignores_not_found, 0, "ignore-not-found",
                       "succeed where the object is not there"),
        OPTION_OF_CHOICE(struct delete_args, cascade, 0, "cascade", "background|foreground|orphan",
                         "what happens to owned objects", .values = cascade_values,
                         .is_value_optional = true, .default_text = "background"),
        OPTION_OF_CHOICE(struct delete_args, dry_run, 0, "dry-run", "client|server",
                         "only say what would happen", .values = dry_run_values,
                         .is_value_optional = true),
        OPTION_OF_TEXT(struct delete_args, output, 'o', "output", "FORMAT", "name"),
};

/* One object to delete. */
struct victim {
        const struct kind *kind;
        char *namespace_, *name, *uid; /* owned */
};

struct deleting {
        struct session *session;
        const struct delete_args *args;
        struct victim *items;
        size_t n, cap;
        int failed; /* exit code of what went wrong and was told */
};

static void deleting_done(struct deleting *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->items[i].namespace_);
                free(d->items[i].name);
                free(d->items[i].uid);
        }
        free(d->items);
}

static int victim_add(struct deleting *d, const struct kind *k, const char *namespace_,
                      const char *name, struct err *e) {
        struct victim v = { .kind = k, .namespace_ = strdup(namespace_), .name = strdup(name) };
        struct victim *items = reallocarray(d->items, d->n + 1, sizeof(*items));

        if (items)
                d->items = items;
        if (!items || !v.namespace_ || !v.name) {
                free(v.namespace_);
                free(v.name);
                return err_errno(e, -ENOMEM, "cannot delete");
        }
        d->items[d->n++] = v;
        return 0;
}

static int add_listed(struct deleting *d, const struct kind *k, struct err *e) {
        struct fetch f = {
                .kind = k,
                .label_selector = d->args->selector,
                .field_selector = d->args->field_selector,
                .is_all_namespaces = d->args->is_all_namespaces,
        };
        json_t *list = NULL, *item;
        size_t i;
        int r = fetch_list(d->session, &f, &list, e);

        if (r < 0)
                return r;
        json_array_foreach(json_object_get(list, "items"), i, item) {
                if (r == 0)
                        r = victim_add(d, k, tree_text(item, "metadata", "namespace", NULL),
                                       tree_text(item, "metadata", "name", NULL), e);
        }
        json_decref(list);
        return r;
}

static int add_targets(struct deleting *d, const struct words *words, struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        bool is_many = d->args->selector || d->args->field_selector || d->args->is_all;
        int r = target_parse(d->session, words->items, words->n, &t, e);

        for (size_t i = 0; i < t.n && r == 0; i++) {
                if (t.items[i].name && is_many)
                        return session_usage(
                                d->session, e,
                                "give names, or --selector, or --all; not several of them");
                if (t.items[i].name)
                        r = victim_add(d, t.items[i].kind, d->session->namespace_, t.items[i].name,
                                       e);
                else if (is_many)
                        r = add_listed(d, t.items[i].kind, e);
                else
                        r = session_usage(d->session, e,
                                          "name the objects, or give --selector or --all");
        }
        return r;
}

/* In reverse, so that what came first in the file (a namespace) goes last. */
static int add_manifests(struct deleting *d, struct err *e) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        int r = input_read(d->session, &d->args->files, d->args->is_recursive, &m, e);

        for (size_t i = m.n; i-- > 0 && r == 0;)
                r = victim_add(d, m.items[i].kind,
                               tree_text(m.items[i].tree, "metadata", "namespace", NULL),
                               tree_text(m.items[i].tree, "metadata", "name", NULL), e);
        return r;
}

static const char *propagation(const char *cascade) {
        if (str_eq(cascade, "foreground"))
                return "Foreground";
        return str_eq(cascade, "orphan") ? "Orphan" : "Background";
}

static json_t *delete_body(const struct delete_args *a) {
        json_t *body = json_pack("{s:s,s:s,s:s}", "kind", "DeleteOptions", "apiVersion", "v1",
                                 "propagationPolicy", propagation(a->cascade));
        int64_t grace = a->grace_period.is_set ? a->grace_period.value : -1;
        int r = 0;

        if (a->is_now)
                grace = 1;
        if (a->is_forced && grace < 0)
                grace = 0;
        if (grace >= 0)
                r = json_object_set_new(body, "gracePeriodSeconds", json_integer(grace));
        if (str_eq(a->dry_run, "server"))
                r = json_object_set_new(body, "dryRun", json_pack("[s]", "All"));
        if (r < 0) {
                json_decref(body);
                return NULL;
        }
        return body;
}

static int say_deleted(const struct deleting *d, const struct victim *v, struct err *e) {
        AUTO_FREE char *kind_name = target_kind_name(v->kind);
        const char *how = d->args->is_forced                   ? "force deleted"
                          : str_eq(d->args->dry_run, "server") ? "deleted (server dry run)"
                          : str_eq(d->args->dry_run, "client") ? "deleted (dry run)"
                                                               : "deleted";

        if (!kind_name)
                return err_errno(e, -ENOMEM, "cannot print the outcome");
        if (str_eq(d->args->output, "name"))
                (void) printf("%s/%s\n", kind_name, v->name);
        else
                (void) printf("%s \"%s\" %s\n", kind_name, v->name, how);
        (void) fflush(stdout);
        return 0;
}

static int delete_one(struct deleting *d, struct victim *v, struct err *e) {
        json_t *body = delete_body(d->args), *answer = NULL;
        const char *uid;
        int r = body ? 0 : err_errno(e, -ENOMEM, "cannot delete");

        if (r == 0 && !str_eq(d->args->dry_run, "client"))
                r = session_delete(d->session,
                                   session_path(d->session, v->kind, v->namespace_, v->name, NULL),
                                   body, &answer, e);
        if (r == 0) {
                uid = tree_text(answer, "details", "uid", NULL);
                if (!uid[0])
                        uid = tree_text(answer, "metadata", "uid", NULL);
                v->uid = uid[0] ? strdup(uid) : NULL;
                r = say_deleted(d, v, e);
        }
        json_decref(body);
        json_decref(answer);
        return r;
}

/* A definition takes its objects along: one that isn't there any more is what was wanted. */
static bool went_with_definition(const struct deleting *d, size_t i, size_t n_deleted) {
        for (size_t k = 0; d->items[i].kind->custom && k < n_deleted; k++)
                if (d->items[k].kind == &crd_kind)
                        return true;
        return false;
}

static int delete_all(struct deleting *d, struct err *e) {
        size_t n_left = 0;

        for (size_t i = 0; i < d->n; i++) {
                struct err why = { 0 };
                int r = delete_one(d, &d->items[i], &why);

                if (r == 0) {
                        struct victim kept = d->items[i];

                        d->items[i] = d->items[n_left];
                        d->items[n_left++] = kept;
                        continue;
                }
                if (r == -ENOENT && d->session->reason == CLIENT_REASON_NOT_FOUND &&
                    (d->args->ignores_not_found || went_with_definition(d, i, n_left)))
                        continue;
                if (d->session->exit_code == EXIT_NO_SERVER)
                        return err_set(e, r, "%s", why.text);
                (void) fprintf(stderr, "%s\n", why.text);
                d->failed = EXIT_ERROR;
        }
        for (; d->n > n_left; d->n--) {
                free(d->items[d->n - 1].namespace_);
                free(d->items[d->n - 1].name);
                free(d->items[d->n - 1].uid);
        }
        return 0;
}

static int wait_all(struct deleting *d, struct err *e) {
        uint64_t due = waiting_due(&d->args->timeout);
        int r = 0;

        for (size_t i = 0; i < d->n && r == 0; i++)
                r = waiting_until_gone(d->session,
                                       &(struct waiting){ .kind = d->items[i].kind,
                                                          .namespace_ = d->items[i].namespace_,
                                                          .name = d->items[i].name,
                                                          .due_usec = due },
                                       d->items[i].uid, e);
        return r;
}

static int delete_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        struct deleting d = { .session = s, .args = raw };
        int r;

        if (d.args->files.n > 0 && words->n > 0)
                return session_usage(s, e, "give either -f FILE or a type and names");
        if (d.args->grace_period.is_set && d.args->grace_period.value == 0 && !d.args->is_forced)
                (void) fprintf(stderr, "Warning: with --grace-period=0 the program is killed "
                                       "without a chance to finish.\n");
        r = d.args->files.n > 0 ? add_manifests(&d, e) : add_targets(&d, words, e);
        if (r == 0 && d.n == 0 && !d.args->ignores_not_found)
                (void) fprintf(stderr, "No resources found\n");
        if (r == 0)
                r = delete_all(&d, e);
        if (r == 0 && d.args->is_waiting && !d.args->dry_run)
                r = wait_all(&d, e);
        if (r == 0)
                r = d.failed;
        deleting_done(&d);
        return r;
}

const struct command delete_command = {
        .name = "delete",
        .usage = "delete -f FILE | TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | TYPE --all",
        .summary = "Delete objects, and what they own",
        .options = delete_options,
        .n_options = ARRAY_SIZE(delete_options),
        .args_size = sizeof(struct delete_args),
        .run = delete_run,
};
