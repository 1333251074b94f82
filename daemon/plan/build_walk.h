#pragma once

#include "daemon/plan/build_plan.h"
#include "daemon/plan/build_scope.h"

/* One stage while its instructions are walked through. Private to the build's plan. */
struct build_walk {
        struct build_plan *plan;
        size_t index;
        struct build_stage *stage;
        struct build_scope scope;
        struct diags *d;
        json_t *config; /* the stage's run_config */
        const char *cwd, *user;
        struct build_words shell;
        bool is_cmd_set;
};

/* All return 0, -EINVAL (told) or -ENOMEM. */
int build_walk_expand(struct build_walk *w, const struct dockerfile_word *word, const char **ret);
int build_walk_error(struct build_walk *w, struct dockerfile_place place, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
/* Adds a step; *ret is valid until the next one. */
int build_walk_step(struct build_walk *w, const struct dockerfile_instruction *in,
                    enum build_step_kind kind, struct build_step **ret);
int build_words_add(struct arena *a, struct build_words *words, const char *word);
/* "/a/b" for "b" in "/a"; ".." and "." are taken out. NULL: memory is out. */
const char *build_path_join(struct arena *a, const char *cwd, const char *path);
/* What --from and from= name. */
int build_walk_source(struct build_walk *w, const char *from, struct dockerfile_place place,
                      struct build_source *ret);

int build_walk_run(struct build_walk *w, const struct dockerfile_instruction *in);
int build_walk_copy(struct build_walk *w, const struct dockerfile_instruction *in);
/* CMD, ENTRYPOINT, LABEL…: what changes the configuration alone. */
int build_walk_config(struct build_walk *w, const struct dockerfile_instruction *in);
/* Words of what is executed: the shell's in front where there is one. */
int build_walk_command(struct build_walk *w, const struct dockerfile_command *command,
                       struct build_words *ret);
