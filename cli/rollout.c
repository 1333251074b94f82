#include "api/kinds/object.h"
#include "api/kinds/workload.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/waiting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define REVISION "deployment.kubernetes.io/revision"
#define CHANGE_CAUSE "kubernetes.io/change-cause"
#define RESTARTED_AT "kubectl.kubernetes.io/restartedAt"
#define TEMPLATE_HASH "pod-template-hash"

struct rollout_args {
        struct option_number timeout, revision, to_revision;
        bool is_watching;
};

static const struct option status_options[] = {
        OPTION_OF_FLAG(struct rollout_args, is_watching, 'w', "watch", "wait until it is finished",
                       .default_text = "true"),
        OPTION_OF_DURATION(struct rollout_args, timeout, 0, "timeout", "TIME",
                           "give up then; 0: never"),
};

static const struct option history_options[] = {
        OPTION_OF_NUMBER(struct rollout_args, revision, 0, "revision", "NUMBER",
                         "show this revision's pod template"),
};

static const struct option undo_options[] = {
        OPTION_OF_NUMBER(struct rollout_args, to_revision, 0, "to-revision", "NUMBER",
                         "the revision to go back to; 0: the one before"),
};

/* Deployments only: the one kind with rollouts that there is. "web" alone is a deployment too. */
static int parse_deployment(struct session *s, const struct words *words, struct target *t,
                            struct err *e) {
        int r = target_parse_one(s, words->items, words->n, &deployment_kind, t, e);

        if (r == 0 && t->kind != &deployment_kind)
                return session_usage(s, e, "only deployments are rolled out, not %s",
                                     t->kind->plural);
        return r;
}

static int patch_deployment(struct session *s, const struct target *t, const char *type,
                            json_t *take_patch, const char *verdict, struct err *e) {
        int r = take_patch ? session_patch(s, session_path(s, t->kind, NULL, t->name, NULL), type,
                                           take_patch, NULL, e)
                           : err_errno(e, -ENOMEM, "cannot make the patch");

        json_decref(take_patch);
        return r < 0 ? r : output_verdict(t->kind, t->name, verdict, e);
}

/* ---- status ---- */

static int status_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        const struct rollout_args *a = raw;
        struct target t;
        struct waiting w = { .judge = waiting_judge_rollout,
                             .is_verbose = true,
                             .due_usec = waiting_due(&a->timeout) };
        char text[WAITING_TEXT_MAX] = "";
        json_t *object = NULL;
        int r = parse_deployment(s, words, &t, e);

        if (r == 0) /* "not found" now, not after a wait */
                r = fetch_object(s, t.kind, NULL, t.name, &object, e);
        if (r == 0 && !a->is_watching) {
                (void) waiting_judge_rollout(NULL, object, text, sizeof(text));
                (void) printf("%s\n", text);
        } else if (r == 0) {
                w.kind = t.kind;
                w.name = t.name;
                r = waiting_run(s, &w, e);
        }
        json_decref(object);
        return r;
}

static const struct command status_command = {
        .name = "status",
        .usage = "rollout status deployment/NAME",
        .summary = "Follow a rollout until it is finished",
        .options = status_options,
        .n_options = ARRAY_SIZE(status_options),
        .args_size = sizeof(struct rollout_args),
        .run = status_run,
};

/* ---- history ---- */

static int64_t revision_of(const json_t *rs) {
        int64_t n = 0;

        (void) str_to_int64(tree_text(rs, "metadata", "annotations", REVISION, NULL), 0, INT64_MAX,
                            &n);
        return n;
}

static bool is_owned_by(const json_t *o, const char *uid) {
        const json_t *owners = tree_get(o, "metadata", "ownerReferences", NULL), *owner;
        size_t i;

        json_array_foreach(owners, i, owner) {
                if (json_is_true(json_object_get(owner, "controller")) &&
                    str_eq(tree_text(owner, "uid", NULL), uid))
                        return true;
        }
        return false;
}

static int compare_revisions(const void *a, const void *b) {
        int64_t x = revision_of(*(json_t *const *) a), y = revision_of(*(json_t *const *) b);

        return (x > y) - (x < y);
}

/* The deployment's replica sets, oldest revision first, as a tree of its own. */
static int fetch_revisions(struct session *s, const json_t *deployment, json_t **ret,
                           struct err *e) {
        struct fetch f = { .kind = &replica_set_kind };
        const char *uid = tree_text(deployment, "metadata", "uid", NULL);
        json_t *list = NULL, *item, *out = json_array();
        AUTO_FREE json_t **order = NULL;
        size_t i, n = 0;
        int r = out ? fetch_list(s, &f, &list, e)
                    : err_errno(e, -ENOMEM, "cannot read the history");

        if (r == 0) {
                order = calloc(json_array_size(json_object_get(list, "items")) + 1, sizeof(*order));
                if (!order)
                        r = err_errno(e, -ENOMEM, "cannot read the history");
        }
        if (r == 0) {
                json_array_foreach(json_object_get(list, "items"), i, item) {
                        if (is_owned_by(item, uid) && revision_of(item) > 0)
                                order[n++] = item;
                }
                qsort(order, n, sizeof(json_t *), compare_revisions);
                for (i = 0; i < n && r == 0; i++)
                        r = json_array_append(out, order[i]) < 0 ? -ENOMEM : 0;
        }
        json_decref(list);
        if (r < 0) {
                json_decref(out);
                return r;
        }
        *ret = out;
        return 0;
}

static json_t *find_revision(const json_t *revisions, int64_t number) {
        json_t *rs;
        size_t i;

        json_array_foreach(revisions, i, rs) {
                if (revision_of(rs) == number)
                        return rs;
        }
        return NULL;
}

static int print_history(const struct target *t, const json_t *revisions, struct err *e) {
        AUTO_DONE(table) struct table table = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        json_t *rs;
        size_t i;

        table_init(&table, 2);
        table_add(&table, "REVISION");
        table_add(&table, "CHANGE-CAUSE");
        json_array_foreach(revisions, i, rs) {
                const char *cause = tree_text(rs, "metadata", "annotations", CHANGE_CAUSE, NULL);

                table_addf(&table, "%" PRId64, revision_of(rs));
                table_add(&table, cause[0] ? cause : NULL);
        }
        if (table_print(&table, 0, false, &b) < 0)
                return err_errno(e, -ENOMEM, "cannot print the history");
        (void) printf("deployment.apps/%s\n%s\n", t->name, b.s);
        return 0;
}

static int print_revision(const struct target *t, const json_t *revisions, int64_t number,
                          struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *rs = find_revision(revisions, number);

        if (!rs)
                return err_set(e, -ENOENT, "deployment \"%s\" has no revision %" PRId64, t->name,
                               number);
        describe_template(tree_get(rs, "spec", "template", NULL), &b);
        (void) printf("deployment.apps/%s with revision #%" PRId64 "\n%s", t->name, number,
                      str_or_empty(b.s));
        return 0;
}

static int history_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        const struct rollout_args *a = raw;
        json_t *deployment = NULL, *revisions = NULL;
        struct target t;
        int r = parse_deployment(s, words, &t, e);

        if (r == 0)
                r = fetch_object(s, t.kind, NULL, t.name, &deployment, e);
        if (r == 0)
                r = fetch_revisions(s, deployment, &revisions, e);
        if (r == 0)
                r = a->revision.is_set && a->revision.value > 0
                            ? print_revision(&t, revisions, a->revision.value, e)
                            : print_history(&t, revisions, e);
        json_decref(deployment);
        json_decref(revisions);
        return r;
}

static const struct command history_command = {
        .name = "history",
        .usage = "rollout history deployment/NAME [--revision=NUMBER]",
        .summary = "List a deployment's revisions",
        .options = history_options,
        .n_options = ARRAY_SIZE(history_options),
        .args_size = sizeof(struct rollout_args),
        .run = history_run,
};

/* ---- undo ---- */

/* The replica set to go back to. */
static int choose_revision(const struct target *t, const json_t *revisions, int64_t wanted,
                           const json_t **ret, struct err *e) {
        size_t n = json_array_size(revisions);

        if (wanted > 0) {
                *ret = find_revision(revisions, wanted);
                if (!*ret)
                        return err_set(e, -ENOENT,
                                       "deployment \"%s\" has no revision %" PRId64
                                       "; \"orch rollout history\" lists them",
                                       t->name, wanted);
                return 0;
        }
        if (n < 2)
                return err_set(e, -ENOENT, "deployment \"%s\" has no revision before this one",
                               t->name);
        *ret = json_array_get(revisions, n - 2);
        return 0;
}

/* A replica set's pod template as its deployment had it: without the hash label. A tree of its own,
 * or NULL without memory. */
static json_t *template_of(const json_t *rs) {
        json_t *template = json_deep_copy(tree_get(rs, "spec", "template", NULL));

        (void) json_object_del(json_object_get(json_object_get(template, "metadata"), "labels"),
                               TEMPLATE_HASH);
        return template;
}

/* Whether the deployment asks for the replica set's template now. Its revision annotation doesn't
 * tell: the controller writes it after the replica set. */
static bool is_current(const json_t *deployment, const json_t *rs) {
        json_t *template = template_of(rs);
        bool is = template && json_equal(template, tree_get(deployment, "spec", "template", NULL));

        json_decref(template);
        return is;
}

/* What kubectl sends: template and annotations replaced. */
static json_t *undo_patch(const json_t *deployment, const json_t *rs) {
        json_t *template = template_of(rs);
        json_t *annotations = json_object();
        json_t *patch;
        const char *key;
        json_t *value;
        int r = template && annotations ? 0 : -ENOMEM;

        /* The deployment's own bookkeeping stays; the rest is the revision's. */
        json_object_foreach((json_t *) tree_get(rs, "metadata", "annotations", NULL), key, value) {
                if (!str_starts_with(key, "deployment.kubernetes.io/") && r == 0)
                        r = json_object_set(annotations, key, value);
        }
        json_object_foreach((json_t *) tree_get(deployment, "metadata", "annotations", NULL), key,
                            value) {
                if ((str_starts_with(key, "deployment.kubernetes.io/") ||
                     str_eq(key, "kubectl.kubernetes.io/last-applied-configuration")) &&
                    r == 0)
                        r = json_object_set(annotations, key, value);
        }
        patch = r < 0 ? NULL
                      : json_pack("[{s:s,s:s,s:O},{s:s,s:s,s:O}]", "op", "replace", "path",
                                  "/spec/template", "value", template, "op",
                                  tree_get(deployment, "metadata", "annotations", NULL) ? "replace"
                                                                                        : "add",
                                  "path", "/metadata/annotations", "value", annotations);
        json_decref(template);
        json_decref(annotations);
        return patch;
}

static int undo_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct rollout_args *a = raw;
        json_t *deployment = NULL, *revisions = NULL;
        const json_t *rs = NULL;
        struct target t;
        int r = parse_deployment(s, words, &t, e);

        if (r == 0)
                r = fetch_object(s, t.kind, NULL, t.name, &deployment, e);
        if (r == 0 && json_is_true(tree_get(deployment, "spec", "paused", NULL)))
                r = err_set(e, -EBUSY,
                            "deployment \"%s\" is paused; resume it first: orch rollout resume "
                            "deploy/%s",
                            t.name, t.name);
        if (r == 0)
                r = fetch_revisions(s, deployment, &revisions, e);
        if (r == 0)
                r = choose_revision(&t, revisions, a->to_revision.is_set ? a->to_revision.value : 0,
                                    &rs, e);
        if (r == 0 && is_current(deployment, rs))
                r = output_verdict(
                        t.kind, t.name,
                        "skipped rollback (current template already matches this revision)", e);
        else if (r == 0)
                r = patch_deployment(s, &t, CLIENT_TYPE_JSON_PATCH, undo_patch(deployment, rs),
                                     "rolled back", e);
        json_decref(deployment);
        json_decref(revisions);
        return r;
}

static const struct command undo_command = {
        .name = "undo",
        .usage = "rollout undo deployment/NAME [--to-revision=NUMBER]",
        .summary = "Go back to an earlier revision",
        .options = undo_options,
        .n_options = ARRAY_SIZE(undo_options),
        .args_size = sizeof(struct rollout_args),
        .run = undo_run,
};

/* ---- restart, pause, resume ---- */

static int restart_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        char now[CLOCK_TEXT_MAX];
        struct target t;
        int r = parse_deployment(s, words, &t, e);

        (void) raw;
        if (r < 0)
                return r;
        return patch_deployment(s, &t, CLIENT_TYPE_STRATEGIC_PATCH,
                                json_pack("{s:{s:{s:{s:{s:s}}}}}", "spec", "template", "metadata",
                                          "annotations", RESTARTED_AT,
                                          clock_format(clock_wall_usec(), now)),
                                "restarted", e);
}

static int pause_set(struct session *s, const struct words *words, bool is_paused, struct err *e) {
        json_t *deployment = NULL;
        struct target t;
        bool was_paused;
        int r = parse_deployment(s, words, &t, e);

        if (r == 0)
                r = fetch_object(s, t.kind, NULL, t.name, &deployment, e);
        if (r < 0)
                return r;
        was_paused = json_is_true(tree_get(deployment, "spec", "paused", NULL));
        json_decref(deployment);
        if (was_paused == is_paused)
                return err_set(e, -EALREADY, "deployment \"%s\" is %s already", t.name,
                               is_paused ? "paused" : "running");
        return patch_deployment(s, &t, CLIENT_TYPE_STRATEGIC_PATCH,
                                json_pack("{s:{s:b}}", "spec", "paused", is_paused),
                                is_paused ? "paused" : "resumed", e);
}

static int pause_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        (void) raw;
        return pause_set(s, words, true, e);
}

static int resume_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        (void) raw;
        return pause_set(s, words, false, e);
}

static const struct command restart_command = {
        .name = "restart",
        .usage = "rollout restart deployment/NAME",
        .summary = "Replace all pods, as the strategy allows",
        .run = restart_run,
};

static const struct command pause_command = {
        .name = "pause",
        .usage = "rollout pause deployment/NAME",
        .summary = "Hold back changes of the pod template",
        .run = pause_run,
};

static const struct command resume_command = {
        .name = "resume",
        .usage = "rollout resume deployment/NAME",
        .summary = "Roll out what was held back",
        .run = resume_run,
};

static const struct command *const rollout_commands[] = {
        &status_command, &history_command, &undo_command, &restart_command,
        &pause_command,  &resume_command,  NULL,
};

const struct command rollout_command = {
        .name = "rollout",
        .usage = "rollout status|history|undo|restart|pause|resume deployment/NAME",
        .summary = "Follow, list, undo and restart rollouts",
        .subcommands = rollout_commands,
};
