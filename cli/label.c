#include "api/kinds/object.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>

/* label and annotate: one patch, two maps. */

struct label_args {
        bool is_overwriting;
};

static const struct option label_options[] = {
        OPTION_OF_FLAG(struct label_args, is_overwriting, 0, "overwrite", "change keys that exist"),
};

static bool is_change(const char *word) {
        size_t len = strlen(word);

        return strchr(word, '=') || (len > 1 && word[len - 1] == '-');
}

/* {"key":"value"} for "key=value", {"key":null} for "key-". */
static int changes_parse(struct session *s, const char *const *words, size_t n, json_t *out,
                         struct err *e) {
        for (size_t i = 0; i < n; i++) {
                const char *equals = strchr(words[i], '=');
                size_t len = equals ? (size_t) (equals - words[i]) : strlen(words[i]) - 1;
                AUTO_FREE char *key = strndup(words[i], len);
                json_t *value = equals ? json_string(equals + 1) : json_null();

                if (!is_change(words[i]) || len == 0) {
                        json_decref(value);
                        return session_usage(s, e, "\"%s\" is neither KEY=VALUE nor KEY-",
                                             words[i]);
                }
                if (!key || json_object_set_new(out, key, value) < 0)
                        return err_errno(e, -ENOMEM, "cannot make the patch");
        }
        return 0;
}

static int check_overwriting(const json_t *changes, const json_t *live, const char *member,
                             struct err *e) {
        const json_t *now = tree_get(live, "metadata", member, NULL);
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) changes, key, value) {
                const json_t *old = json_object_get(now, key);

                if (old && json_is_string(value) && !json_equal(old, value))
                        return err_set(
                                e, -EEXIST,
                                "%s has the value \"%s\" already; add --overwrite to change it",
                                key, str_or_empty(json_string_value(old)));
        }
        return 0;
}

static int change_one(struct session *s, const struct target *t, const char *member,
                      const json_t *changes, bool is_overwriting, struct err *e) {
        json_t *live = NULL, *patch = NULL;
        int r = 0;

        if (!is_overwriting) {
                r = fetch_object(s, t->kind, NULL, t->name, &live, e);
                if (r == 0)
                        r = check_overwriting(changes, live, member, e);
        }
        if (r == 0) {
                patch = json_pack("{s:{s:O}}", "metadata", member, changes);
                r = patch ? session_patch(s, session_path(s, t->kind, NULL, t->name, NULL),
                                          CLIENT_TYPE_MERGE_PATCH, patch, NULL, e)
                          : err_errno(e, -ENOMEM, "cannot make the patch");
        }
        if (r == 0)
                r = output_verdict(t->kind, t->name,
                                   str_eq(member, "labels") ? "labeled" : "annotated", e);
        json_decref(live);
        json_decref(patch);
        return r;
}

static int change_run(struct session *s, const struct label_args *a, const struct words *words,
                      const char *member, struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        json_t *changes = json_object();
        size_t n = 0;
        int r;

        while (n < words->n && !is_change(words->items[n]))
                n++;
        if (n == words->n) {
                json_decref(changes);
                return session_usage(s, e, "say what to change: KEY=VALUE or KEY-");
        }
        r = target_parse(s, words->items, n, &t, e);
        if (r == 0)
                r = changes ? changes_parse(s, words->items + n, words->n - n, changes, e)
                            : err_errno(e, -ENOMEM, "cannot make the patch");
        for (size_t i = 0; i < t.n && r == 0; i++)
                r = t.items[i].name
                            ? change_one(s, &t.items[i], member, changes, a->is_overwriting, e)
                            : session_usage(s, e, "name the objects: TYPE NAME or TYPE/NAME");
        json_decref(changes);
        return r;
}

static int label_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        return change_run(s, raw, words, "labels", e);
}

static int annotate_run(struct session *s, const void *raw, const struct words *words,
                        struct err *e) {
        return change_run(s, raw, words, "annotations", e);
}

const struct command label_command = {
        .name = "label",
        .usage = "label TYPE NAME... KEY=VALUE|KEY-...",
        .summary = "Set and remove labels",
        .options = label_options,
        .n_options = ARRAY_SIZE(label_options),
        .args_size = sizeof(struct label_args),
        .run = label_run,
};

const struct command annotate_command = {
        .name = "annotate",
        .usage = "annotate TYPE NAME... KEY=VALUE|KEY-...",
        .summary = "Set and remove annotations",
        .options = label_options,
        .n_options = ARRAY_SIZE(label_options),
        .args_size = sizeof(struct label_args),
        .run = annotate_run,
};
