#include "api/kinds/object.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/jsonpath.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/waiting.h"

#include <errno.h>
#include <stdio.h>

struct wait_args {
        const char *what, *selector;
        struct option_number timeout;
        bool is_all;
};

static const struct option wait_options[] = {
        OPTION_OF_TEXT(struct wait_args, what, 0, "for", "WHAT",
                       "condition=NAME[=STATUS], delete, create or jsonpath={PATH}=VALUE"),
        OPTION_OF_TEXT(struct wait_args, selector, 'l', "selector", "LABELS",
                       "objects with these labels"),
        OPTION_OF_FLAG(struct wait_args, is_all, 0, "all", "all objects of the type"),
        OPTION_OF_DURATION(struct wait_args, timeout, 0, "timeout", "TIME", "give up then",
                           .default_text = "30s"),
};

/* What to wait for, taken apart. */
struct goal {
        enum { GOAL_CONDITION, GOAL_DELETE, GOAL_CREATE, GOAL_JSONPATH } kind;
        char *name;        /* condition, or path; owned */
        const char *value; /* status, or wanted text; borrowed */
};

struct wanted {
        const char *text;
        bool is_found;
};

static void compare_value(void *data, const json_t *value) {
        struct wanted *w = data;
        AUTO_FREE char *text = json_is_string(value)
                                       ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        w->is_found = w->is_found || str_eq(text, w->text);
}

static enum waiting_state judge_goal(void *data, const json_t *o, char *text, size_t size) {
        const struct goal *g = data;
        struct wanted w = { .text = g->value };
        bool is_met = false;

        if (!o && g->kind != GOAL_CREATE) {
                (void) snprintf(text, size, "the object was deleted");
                return WAITING_FAILED;
        }
        if (g->kind == GOAL_CONDITION)
                is_met = waiting_has_condition(o, g->name, g->value);
        else if (g->kind == GOAL_CREATE)
                is_met = o != NULL;
        else if (g->kind == GOAL_JSONPATH)
                is_met = jsonpath_each(g->name, o, compare_value, &w, NULL) == 0 && w.is_found;
        if (is_met)
                return WAITING_MET;
        (void) snprintf(text, size, "waiting for %s of \"%s\"...", g->name ? g->name : "creation",
                        tree_text(o, "metadata", "name", NULL));
        return WAITING_PENDING;
}

static int goal_parse(struct session *s, const char *text, struct goal *ret, struct err *e) {
        const char *name, *equals;

        if (str_eq(text, "delete") || str_eq(text, "create")) {
                ret->kind = text[0] == 'd' ? GOAL_DELETE : GOAL_CREATE;
                return 0;
        }
        if (text && str_starts_with(text, "condition=")) {
                name = text + strlen("condition=");
                equals = strchr(name, '=');
                ret->kind = GOAL_CONDITION;
                ret->value = equals ? equals + 1 : "True";
        } else if (text && str_starts_with(text, "jsonpath=")) {
                name = text + strlen("jsonpath=");
                equals = strrchr(name, '=');
                ret->kind = GOAL_JSONPATH;
                ret->value = equals ? equals + 1 : NULL;
                if (!equals)
                        return session_usage(s, e, "--for=jsonpath takes {PATH}=VALUE");
        } else {
                return session_usage(s, e,
                                     "say what to wait for: --for=condition=Ready, --for=delete, "
                                     "--for=create or --for=jsonpath={PATH}=VALUE");
        }
        ret->name = strndup(name, equals ? (size_t) (equals - name) : strlen(name));
        return ret->name ? 0 : err_errno(e, -ENOMEM, "cannot wait");
}

static int wait_one(struct session *s, const struct kind *k, const char *name, struct goal *g,
                    uint64_t due, struct err *e) {
        struct waiting w = {
                .kind = k, .name = name, .judge = judge_goal, .data = g, .due_usec = due
        };
        json_t *object = NULL;
        int r = 0;

        if (g->kind == GOAL_DELETE) {
                r = waiting_until_gone(s, &w, NULL, e);
                return r < 0 ? r : output_verdict(k, name, "deleted", e);
        }
        if (g->kind != GOAL_CREATE) /* "not found" now, not as "deleted" */
                r = fetch_object(s, k, NULL, name, &object, e);
        json_decref(object);
        if (r == 0)
                r = waiting_run(s, &w, e);
        return r < 0 ? r : output_verdict(k, name, "condition met", e);
}

static int wait_listed(struct session *s, const struct kind *k, const struct wait_args *a,
                       struct goal *g, uint64_t due, struct err *e) {
        struct fetch f = { .kind = k, .label_selector = a->selector };
        json_t *list = NULL, *item;
        size_t i;
        int r = fetch_list(s, &f, &list, e);

        if (r < 0)
                return r;
        if (json_array_size(json_object_get(list, "items")) == 0)
                r = err_set(e, -ENOENT, "no matching resources found");
        json_array_foreach(json_object_get(list, "items"), i, item) {
                if (r == 0)
                        r = wait_one(s, k, tree_text(item, "metadata", "name", NULL), g, due, e);
        }
        json_decref(list);
        return r;
}

static int wait_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        const struct wait_args *a = raw;
        struct goal g = { 0 };
        uint64_t due = waiting_due(&a->timeout);
        int r = goal_parse(s, a->what, &g, e);

        if (r == 0)
                r = target_parse(s, words->items, words->n, &t, e);
        for (size_t i = 0; i < t.n && r == 0; i++) {
                if (t.items[i].name)
                        r = wait_one(s, t.items[i].kind, t.items[i].name, &g, due, e);
                else if (a->selector || a->is_all)
                        r = wait_listed(s, t.items[i].kind, a, &g, due, e);
                else
                        r = session_usage(s, e, "name the objects, or give --selector or --all");
        }
        free(g.name);
        return r;
}

const struct command wait_command = {
        .name = "wait",
        .usage = "wait --for=WHAT TYPE/NAME... | TYPE -l LABELS",
        .summary = "Wait until objects are in a state",
        .details = "  orch wait --for=condition=Ready pod -l app=web --timeout=1m\n"
                   "  orch wait --for=delete pod/web-1\n",
        .options = wait_options,
        .n_options = ARRAY_SIZE(wait_options),
        .args_size = sizeof(struct wait_args),
        .run = wait_run,
};
