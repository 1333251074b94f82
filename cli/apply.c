#include "cli/apply.h"

#include "api/kinds/object.h"
#include "api/patch/patch.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/waiting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONFLICTS_MAX 5

struct apply_args {
        struct option_texts files;
        struct option_number timeout;
        const char *dry_run, *output, *field_manager;
        bool is_recursive, is_waiting, is_server_side, is_forced;
};

static const char *const dry_run_values[] = { "client", "server", "none", NULL };

/* What apply and create have in common. */
#define OPTIONS_OF_MANIFESTS                                                                       \
        OPTION_OF_TEXTS(struct apply_args, files, 'f', "filename", "FILE",                         \
                        "file, directory or - (standard input); may be repeated"),                 \
                OPTION_OF_FLAG(struct apply_args, is_recursive, 'R', "recursive",                  \
                               "read directories below too"),                                      \
                OPTION_OF_CHOICE(struct apply_args, dry_run, 0, "dry-run", "client|server",        \
                                 "only say what would happen", .values = dry_run_values,           \
                                 .is_value_optional = true)

static const struct option apply_options[] = {
        OPTIONS_OF_MANIFESTS,
        OPTION_OF_FLAG(struct apply_args, is_waiting, 0, "wait", "wait until everything is ready"),
        OPTION_OF_DURATION(struct apply_args, timeout, 0, "timeout", "TIME", "give up waiting then",
                           .default_text = "5m"),
        OPTION_OF_TEXT(struct apply_args, field_manager, 0, "field-manager", "NAME",
                       "who the changes are recorded for"),
        OPTION_OF_FLAG(struct apply_args, is_server_side, 0, "server-side", "let the server merge"),
        OPTION_OF_FLAG(struct apply_args, is_forced, 0, "force-conflicts",
                       "with --server-side: take fields over from other managers"),
        OPTION_OF_TEXT(struct apply_args, output, 'o', "output", "FORMAT", "json, yaml or name"),
};

struct applying {
        struct session *session;
        const struct apply_args *args;
        struct output output;
        bool is_dry_server, is_dry_client;
};

static const char *name_of(const struct manifest *m) {
        return tree_text(m->tree, "metadata", "name", NULL);
}

static const char *namespace_of(const struct manifest *m) {
        return tree_text(m->tree, "metadata", "namespace", NULL);
}

static int say(const struct applying *a, const struct manifest *m, const char *verdict,
               const json_t *tree, struct err *e) {
        AUTO_FREE char *text = NULL;
        const char *name = tree_text(tree, "metadata", "name", NULL); /* perhaps a generated one */

        if (a->output.format != OUTPUT_TABLE)
                return output_print(&a->output, tree, e);
        text = str_format("%s%s", verdict,
                          a->is_dry_server   ? " (server dry run)"
                          : a->is_dry_client ? " (dry run)"
                                             : "");
        return output_verdict(m->kind,
                              name[0] ? name : tree_text(tree, "metadata", "generateName", NULL),
                              str_or_empty(text), e);
}

/* kubectl's names, so that both programs are one manager. */
static const char *field_manager(const struct applying *a) {
        if (!str_is_empty(a->args->field_manager))
                return a->args->field_manager;
        return a->args->is_server_side ? "kubectl" : "kubectl-client-side-apply";
}

static char *write_path(const struct applying *a, const struct manifest *m, const char *name) {
        char *path = session_path(a->session, m->kind, namespace_of(m), name, NULL);

        (void) client_path_query(&path, "fieldManager", field_manager(a));
        (void) client_path_query(&path, "fieldValidation", "Strict");
        if (a->is_dry_server)
                (void) client_path_query(&path, "dryRun", "All");
        return path;
}

/* The manifest with itself, as text, in the annotation of client-side apply. */
static int annotate(const struct manifest *m, json_t **ret, struct err *e) {
        json_t *tree = json_deep_copy(m->tree), *meta, *annotations, *text_json;
        AUTO_FREE char *text = NULL;
        AUTO_FREE char *line = NULL;
        int r = -ENOMEM;

        meta = json_object_get(tree, "metadata");
        annotations = json_object_get(meta, "annotations");
        if (!json_is_object(annotations)) {
                annotations = json_object();
                if (json_object_set_new(meta, "annotations", annotations) < 0)
                        annotations = NULL;
        }
        (void) json_object_del(annotations, PATCH_LAST_APPLIED);
        text = annotations ? json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        line = text ? str_format("%s\n", text) : NULL;
        text_json = line ? json_string(line) : NULL;
        if (text_json)
                r = json_object_set_new(annotations, PATCH_LAST_APPLIED, text_json);
        if (r < 0) {
                json_decref(tree);
                return err_errno(e, -ENOMEM, "cannot prepare %s", name_of(m));
        }
        *ret = tree;
        return 0;
}

static int create(const struct applying *a, const struct manifest *m, const json_t *tree,
                  struct err *e) {
        json_t *answer = NULL;
        int r = session_post(a->session, write_path(a, m, NULL), tree, &answer, e);

        if (r == 0)
                r = say(a, m, "created", answer, e);
        json_decref(answer);
        return r;
}

/* A write that changes nothing keeps the revision; a dry run keeps it always. */
static bool is_changed(const struct applying *a, const json_t *live, const json_t *answer) {
        if (a->is_dry_server)
                return !json_equal(live, answer);
        return !str_eq(tree_text(answer, "metadata", "resourceVersion", NULL),
                       tree_text(live, "metadata", "resourceVersion", NULL));
}

/* Custom kinds are patched without knowing their fields: maps are merged, lists replaced. */
static const struct schema UNKNOWN = { .name = "", .doc = "" };

/* Brings live to what the manifest says. */
static int update(const struct applying *a, const struct manifest *m, const json_t *tree,
                  const json_t *live, struct err *e) {
        const char *text = tree_text(live, "metadata", "annotations", PATCH_LAST_APPLIED, NULL);
        json_t *last = text[0] ? json_loads(text, 0, NULL) : NULL, *patch = NULL, *answer = NULL;
        int r = patch_three_way(m->kind->custom ? &UNKNOWN : m->kind->schema, last, tree, live,
                                &patch, e);

        if (r == 0 && !text[0])
                (void) fprintf(stderr,
                               "Warning: %s/%s was not made by apply; what its manifest leaves out "
                               "stays as it is.\n",
                               m->kind->plural, name_of(m));
        if (r == 0 && json_object_size(patch) == 0) {
                r = say(a, m, "unchanged", live, e);
        } else if (r == 0 && a->is_dry_client) {
                r = say(a, m, "configured", tree, e);
        } else if (r == 0) {
                r = session_patch(a->session, write_path(a, m, name_of(m)),
                                  m->kind->custom ? CLIENT_TYPE_MERGE_PATCH
                                                  : CLIENT_TYPE_STRATEGIC_PATCH,
                                  patch, &answer, e);
                if (r == 0)
                        r = say(a, m, is_changed(a, live, answer) ? "configured" : "unchanged",
                                answer, e);
        }
        json_decref(last);
        json_decref(patch);
        json_decref(answer);
        return r;
}

static int apply_once(const struct applying *a, const struct manifest *m, const json_t *tree,
                      struct err *e) {
        json_t *live = NULL;
        int r = fetch_object(a->session, m->kind, namespace_of(m), name_of(m), &live, e);
        bool is_missing = r == -ENOENT && a->session->reason == CLIENT_REASON_NOT_FOUND;
        bool has_no_server = a->session->reason == CLIENT_REASON_NO_ANSWER;

        if (r < 0 && a->is_dry_client && has_no_server) {
                /* A check of the manifest needs no server; only the verdict would. */
                a->session->exit_code = EXIT_OK;
                is_missing = true;
        }
        if (is_missing)
                r = a->is_dry_client ? say(a, m, "created", tree, e) : create(a, m, tree, e);
        else if (r == 0)
                r = update(a, m, tree, live, e);
        json_decref(live);
        return r;
}

static int send_server_side(const struct applying *a, const struct manifest *m, json_t **ret_answer,
                            struct err *e) {
        char *path = write_path(a, m, name_of(m));
        int r;

        if (a->args->is_forced)
                (void) client_path_query(&path, "force", "true");
        r = session_patch(a->session, path, "application/apply-patch+yaml", m->tree, ret_answer, e);
        if (a->session->reason == CLIENT_REASON_UNSUPPORTED_MEDIA_TYPE)
                return err_set(e, -EOPNOTSUPP,
                               "this server can't merge manifests; leave out --server-side");
        if (r < 0 && strstr(err_text(e), "Apply failed with"))
                (void) fprintf(stderr,
                               "Others own these fields. Leave them out of the manifest, or take "
                               "them over with --force-conflicts.\n");
        return r;
}

static int apply_server_side(const struct applying *a, const struct manifest *m, struct err *e) {
        json_t *answer = NULL;
        int r = send_server_side(a, m, &answer, e);

        if (r == 0)
                r = say(a, m, "serverside-applied", answer, e);
        json_decref(answer);
        return r;
}

static int apply_one(const struct applying *a, const struct manifest *m, struct err *e) {
        json_t *tree = NULL;
        int r;

        if (!name_of(m)[0])
                return err_set(e, -EINVAL,
                               "metadata.generateName makes a new object each time; use \"orch "
                               "create\" for it");
        if (a->args->is_server_side)
                return apply_server_side(a, m, e);
        r = annotate(m, &tree, e);
        for (int i = 0; r == 0; i++) {
                r = apply_once(a, m, tree, e);
                if (r != -EAGAIN && r != -EEXIST)
                        break;
                if (i == CONFLICTS_MAX)
                        break;
                r = 0; /* somebody was faster: look again */
        }
        json_decref(tree);
        return r;
}

static int wait_all(struct session *s, const struct manifests *m, const struct apply_args *args,
                    struct err *e) {
        uint64_t due = waiting_due(&args->timeout);
        int r = 0;

        for (size_t i = 0; i < m->n && r == 0; i++)
                r = waiting_until_ready(s, m->items[i].kind, namespace_of(&m->items[i]),
                                        name_of(&m->items[i]), due, e);
        return r;
}

/* One bad object doesn't keep the others back; the first error decides the exit code. */
static int apply_all(const struct applying *a, const struct manifests *m,
                     int (*one)(const struct applying *a, const struct manifest *m, struct err *e),
                     struct err *e) {
        int failed = 0, r;

        for (size_t i = 0; i < m->n; i++) {
                struct err why = { 0 };

                r = one(a, &m->items[i], &why);
                if (r == 0)
                        continue;
                if (a->session->exit_code == EXIT_NO_SERVER || r == -ENOMEM)
                        return err_set(e, r, "%s", why.text);
                (void) fprintf(stderr, "%s%s:%u: %s\n",
                               str_starts_with(why.text, "Error from server") ? "" : "error: ",
                               m->items[i].file, m->items[i].line, why.text);
                failed = EXIT_ERROR;
        }
        return failed;
}

static int applying_init(struct session *s, const struct apply_args *args, struct applying *ret,
                         struct err *e) {
        *ret = (struct applying){
                .session = s,
                .args = args,
                .is_dry_server = str_eq(args->dry_run, "server"),
                .is_dry_client = str_eq(args->dry_run, "client"),
        };
        return output_parse(s, args->output, &ret->output, e);
}

/* What the client's merge would make of live. */
static int preview_merge(const struct applying *a, const struct manifest *m, const json_t *live,
                         json_t **ret_wanted, struct err *e) {
        const char *text = tree_text(live, "metadata", "annotations", PATCH_LAST_APPLIED, NULL);
        json_t *last = text[0] ? json_loads(text, 0, NULL) : NULL, *patch = NULL, *tree = NULL;
        int r = annotate(m, &tree, e);

        if (r == 0)
                r = patch_three_way(m->kind->schema, last, tree, live, &patch, e);
        if (r == 0)
                r = session_patch(a->session, write_path(a, m, name_of(m)),
                                  CLIENT_TYPE_STRATEGIC_PATCH, patch, ret_wanted, e);
        json_decref(tree);
        json_decref(last);
        json_decref(patch);
        return r;
}

/* Accounts of who applied what are nothing that one applies. */
static void accounts_hide(json_t *tree) {
        json_t *meta = json_object_get(tree, "metadata");
        json_t *annotations = json_object_get(meta, "annotations");

        (void) json_object_del(meta, "managedFields");
        (void) json_object_del(annotations, PATCH_LAST_APPLIED);
        if (json_object_size(annotations) == 0)
                (void) json_object_del(meta, "annotations");
}

int apply_preview(struct session *s, const struct manifest *m, const struct apply_how *how,
                  json_t **ret_live, json_t **ret_wanted, struct err *e) {
        const struct apply_args args = {
                .field_manager = how->field_manager,
                .is_server_side = how->is_server_side,
                .is_forced = how->is_forced,
        };
        const struct applying a = { .session = s, .args = &args, .is_dry_server = true };
        json_t *live = NULL, *wanted = NULL;
        int r = fetch_object(s, m->kind, namespace_of(m), name_of(m), &live, e);

        if (r == -ENOENT && s->reason == CLIENT_REASON_NOT_FOUND) {
                s->exit_code = EXIT_OK;
                r = 0;
        }
        if (r == 0 && how->is_server_side)
                r = send_server_side(&a, m, &wanted, e);
        else if (r == 0 && live)
                r = preview_merge(&a, m, live, &wanted, e);
        else if (r == 0)
                r = session_post(s, write_path(&a, m, NULL), m->tree, &wanted, e);
        if (r < 0) {
                json_decref(live);
                return r;
        }
        accounts_hide(live);
        accounts_hide(wanted);
        *ret_live = live;
        *ret_wanted = wanted;
        return 0;
}

static int apply_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        const struct apply_args *args = raw;
        struct applying a;
        int r;

        if (words->n > 0)
                return session_usage(s, e, "apply takes files: orch apply -f %s", words->items[0]);
        r = applying_init(s, args, &a, e);
        if (r == 0)
                r = input_read(s, &args->files, args->is_recursive, &m, e);
        if (r == 0)
                r = apply_all(&a, &m, apply_one, e);
        if (r == 0 && args->is_waiting && !a.is_dry_client && !a.is_dry_server)
                r = wait_all(s, &m, args, e);
        return r;
}

static int create_one(const struct applying *a, const struct manifest *m, struct err *e) {
        if (a->is_dry_client)
                return say(a, m, "created", m->tree, e);
        return create(a, m, m->tree, e);
}

static int create_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        AUTO_DONE(manifests) struct manifests m = { 0 };
        const struct apply_args *args = raw;
        struct applying a;
        int r;

        if (words->n > 0)
                return session_usage(s, e, "create takes files: orch create -f FILE");
        r = applying_init(s, args, &a, e);
        if (r == 0)
                r = input_read(s, &args->files, args->is_recursive, &m, e);
        return r < 0 ? r : apply_all(&a, &m, create_one, e);
}

static const struct option create_options[] = {
        OPTIONS_OF_MANIFESTS,
        OPTION_OF_TEXT(struct apply_args, field_manager, 0, "field-manager", "NAME",
                       "who the changes are recorded for", .default_text = "kubectl-create"),
        OPTION_OF_TEXT(struct apply_args, output, 'o', "output", "FORMAT", "json, yaml or name"),
};

const struct command apply_command = {
        .name = "apply",
        .usage = "apply -f FILE|DIRECTORY|- [...]",
        .summary = "Make objects as their manifests say",
        .details = "Reads Kubernetes manifests, checks all of them, and sends only if none is "
                   "wrong. What\n"
                   "exists is changed to match; what the manifest said before and no longer says "
                   "is removed.\n\n"
                   "  orch apply -f deployment.yaml --wait\n"
                   "  orch apply -R -f manifests/\n"
                   "  orch apply --server-side -f deployment.yaml\n"
                   "  orch apply --dry-run=server -f - < deployment.yaml\n",
        .options = apply_options,
        .n_options = ARRAY_SIZE(apply_options),
        .args_size = sizeof(struct apply_args),
        .run = apply_run,
};

const struct command create_command = {
        .name = "create",
        .usage = "create -f FILE|DIRECTORY|- [...]",
        .summary = "Make new objects from manifests",
        .details = "Fails for an object that exists already; \"orch apply\" changes it instead.\n",
        .options = create_options,
        .n_options = ARRAY_SIZE(create_options),
        .args_size = sizeof(struct apply_args),
        .run = create_run,
};
