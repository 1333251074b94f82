#include "api/kinds/object.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/waiting.h"

#include <errno.h>
#include <stdio.h>

struct scale_args {
        struct option_number replicas, current, timeout;
        bool is_waiting;
};

static const struct option scale_options[] = {
        OPTION_OF_NUMBER(struct scale_args, replicas, 0, "replicas", "NUMBER",
                         "how many there shall be"),
        OPTION_OF_NUMBER(struct scale_args, current, 0, "current-replicas", "NUMBER",
                         "only if there are so many now"),
        OPTION_OF_FLAG(struct scale_args, is_waiting, 0, "wait", "wait until they are ready"),
        OPTION_OF_DURATION(struct scale_args, timeout, 0, "timeout", "TIME", "give up waiting then",
                           .default_text = "5m"),
};

static int scale_one(struct session *s, const struct target *t, const struct scale_args *a,
                     struct err *e) {
        json_t *patch = json_pack("{s:{s:I}}", "spec", "replicas", (json_int_t) a->replicas.value);
        json_t *now = NULL;
        int r = patch ? 0 : err_errno(e, -ENOMEM, "cannot scale");

        if (r == 0 && a->current.is_set)
                r = session_get(s, session_path(s, t->kind, NULL, t->name, "scale"), &now, e);
        if (r == 0 && now && tree_number(now, "spec", "replicas", NULL) != a->current.value)
                r = err_set(e, -EAGAIN,
                            "expected %lld replicas of %s, there are %" JSON_INTEGER_FORMAT,
                            (long long) a->current.value, t->name,
                            tree_number(now, "spec", "replicas", NULL));
        if (r == 0)
                r = session_patch(s, session_path(s, t->kind, NULL, t->name, "scale"),
                                  CLIENT_TYPE_MERGE_PATCH, patch, NULL, e);
        if (r == 0)
                r = output_verdict(t->kind, t->name, "scaled", e);
        json_decref(patch);
        json_decref(now);
        return r;
}

static int scale_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        const struct scale_args *a = raw;
        uint64_t due = waiting_due(&a->timeout);
        int r;

        if (!a->replicas.is_set || a->replicas.value < 0)
                return session_usage(s, e, "say how many: --replicas=NUMBER, from 0");
        r = target_parse(s, words->items, words->n, &t, e);
        for (size_t i = 0; i < t.n && r == 0; i++) {
                if (!t.items[i].name)
                        return session_usage(s, e, "name the objects to scale: deploy/web");
                if (!t.items[i].kind->has_scale)
                        return session_usage(s, e, "%s can't be scaled", t.items[i].kind->plural);
        }
        for (size_t i = 0; i < t.n && r == 0; i++)
                r = scale_one(s, &t.items[i], a, e);
        for (size_t i = 0; i < t.n && r == 0 && a->is_waiting; i++)
                r = waiting_until_ready(s, t.items[i].kind, NULL, t.items[i].name, due, e);
        return r;
}

const struct command scale_command = {
        .name = "scale",
        .usage = "scale --replicas=NUMBER TYPE/NAME...",
        .summary = "Set how many replicas there shall be",
        .options = scale_options,
        .n_options = ARRAY_SIZE(scale_options),
        .args_size = sizeof(struct scale_args),
        .run = scale_run,
};
