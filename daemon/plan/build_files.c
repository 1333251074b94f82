/* RUN and COPY: the steps that change files. */
#include "api/dockerfile/pattern.h"
#include "base/arena.h"
#include "base/str.h"
#include "daemon/plan/build_walk.h"

#include <string.h>

#define BUILD_SCRIPT_PATH "/dev/build-script"

/* ---- recipes: each part with its length, so that none can pass for two ---- */

static void recipe_add(struct strbuf *b, const char *key, const char *value) {
        if (value)
                strbuf_addf(b, "%s %zu:%s\n", key, strlen(value), value);
}

static void recipe_add_words(struct strbuf *b, const char *key, const struct build_words *words) {
        for (size_t i = 0; i < words->n; i++)
                recipe_add(b, key, words->items[i]);
}

static int recipe_end(struct build_walk *w, struct strbuf *b, struct build_step *step) {
        step->recipe = b->has_failed ? NULL : arena_strdup(w->plan->arena, str_or_empty(b->s));
        return step->recipe ? 0 : -ENOMEM;
}

/* ---- RUN ---- */

int build_walk_command(struct build_walk *w, const struct dockerfile_command *command,
                       struct build_words *ret) {
        struct arena *a = w->plan->arena;
        int r = 0;

        if (command->form == DOCKERFILE_FORM_EXEC) {
                for (size_t i = 0; r == 0 && i < command->words.n; i++)
                        r = build_words_add(a, ret, command->words.items[i].text);
                return r;
        }
        if (command->form == DOCKERFILE_FORM_SCRIPT)
                return build_words_add(a, ret, BUILD_SCRIPT_PATH);
        for (size_t i = 0; r == 0 && i < w->shell.n; i++)
                r = build_words_add(a, ret, w->shell.items[i]);
        return r < 0 ? r : build_words_add(a, ret, command->text);
}

static int run_mount(struct build_walk *w, const struct dockerfile_mount *said,
                     struct build_mount *ret, struct strbuf *recipe) {
        struct arena *a = w->plan->arena;
        const char *target = NULL, *source = NULL;
        int r = build_walk_source(w, said->from, said->place, &ret->from);

        if (r == 0 && said->target)
                r = build_scope_expand(&w->scope, said->target, said->place, &target, w->d);
        if (r == 0 && said->source)
                r = build_scope_expand(&w->scope, said->source, said->place, &source, w->d);
        if (r < 0)
                return r;
        if (said->type == DOCKERFILE_MOUNT_CACHE && !said->from)
                ret->from.kind = BUILD_FROM_SCRATCH;
        ret->said = said;
        ret->source = build_path_join(a, "/", str_or_empty(source));
        ret->target = target ? build_path_join(a, w->cwd, target) : NULL;
        if (!ret->source || (target && !ret->target))
                return -ENOMEM;
        if (said->type == DOCKERFILE_MOUNT_SECRET && !target && !said->env) {
                ret->target = arena_printf(a, "/run/secrets/%s", said->id);
                if (!ret->target)
                        return -ENOMEM;
        }
        if (ret->target && strcmp(ret->target, "/") == 0)
                return build_walk_error(w, said->place, "--mount can't have the target /");
        strbuf_addf(recipe, "mount %d %d %o %u %u %d\n", (int) said->type, (int) ret->from.kind,
                    said->mode, said->uid, said->gid, said->is_writable);
        recipe_add(recipe, "target", ret->target);
        recipe_add(recipe, "source", ret->source);
        recipe_add(recipe, "id", said->id);
        recipe_add(recipe, "env", said->env);
        return 0;
}

/* ENV wins over ARG; proxies reach the program, but are no part of what it makes. */
static int run_env(struct build_walk *w, struct build_step *step, struct strbuf *recipe,
                   struct strbuf *args_said) {
        struct arena *a = w->plan->arena;
        const struct build_pairs *given = &w->plan->options->args;
        size_t n_said = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->scope.env.n; i++) {
                const struct build_pair *p = &w->scope.env.items[i];

                r = build_words_add(a, &step->env, arena_printf(a, "%s=%s", p->name, p->value));
        }
        for (size_t i = 0; r == 0 && i < w->scope.args.n; i++) {
                const struct build_pair *p = &w->scope.args.items[i];

                if (build_pairs_get(&w->scope.env, p->name))
                        continue;
                r = build_words_add(a, &step->env, arena_printf(a, "%s=%s", p->name, p->value));
                strbuf_addf(args_said, " %s=%s", p->name, p->value);
                n_said++;
        }
        if (r < 0)
                return r;
        recipe_add_words(recipe, "env", &step->env);
        for (size_t i = 0; r == 0 && i < given->n; i++) {
                const struct build_pair *p = &given->items[i];

                if (build_arg_is_proxy(p->name) && !build_pairs_get(&w->scope.env, p->name) &&
                    !build_pairs_get(&w->scope.args, p->name))
                        r = build_words_add(a, &step->env,
                                            arena_printf(a, "%s=%s", p->name, p->value));
        }
        step->history = n_said > 0 ? arena_printf(a, "RUN |%zu%s", n_said, args_said->s) : "RUN";
        return r < 0 || !step->history ? -ENOMEM : 0;
}

static int run_fill(struct build_walk *w, const struct dockerfile_instruction *in,
                    struct build_step *step, struct strbuf *recipe) {
        AUTO_DONE(strbuf) struct strbuf args_said = { 0 };
        struct arena *a = w->plan->arena;
        int r = build_walk_command(w, &in->command, &step->argv);

        step->cwd = w->cwd;
        step->user = w->user;
        step->network = in->network;
        step->script = in->command.form == DOCKERFILE_FORM_SCRIPT ? in->command.text : NULL;
        recipe_add(recipe, "RUN", "");
        recipe_add_words(recipe, "arg", &step->argv);
        recipe_add(recipe, "script", step->script);
        recipe_add(recipe, "cwd", step->cwd);
        recipe_add(recipe, "user", step->user);
        strbuf_addf(recipe, "network %d\n", (int) step->network);
        if (r == 0)
                r = run_env(w, step, recipe, &args_said);
        for (size_t i = 0; r == 0 && i < step->argv.n; i++) {
                step->history = arena_printf(a, "%s %s", step->history, step->argv.items[i]);
                r = step->history ? 0 : -ENOMEM;
        }
        step->mounts = arena_alloc_n(a, in->n_mounts, sizeof(*step->mounts));
        if (r == 0 && !step->mounts)
                r = -ENOMEM;
        for (size_t i = 0; r == 0 && i < in->n_mounts; i++) {
                r = run_mount(w, &in->mounts[i], &step->mounts[i], recipe);
                step->n_mounts++;
        }
        return r;
}

int build_walk_run(struct build_walk *w, const struct dockerfile_instruction *in) {
        AUTO_DONE(strbuf) struct strbuf recipe = { 0 };
        struct build_step *step;
        int r = build_walk_step(w, in, BUILD_STEP_RUN, &step);

        if (r == 0)
                r = run_fill(w, in, step, &recipe);
        return r < 0 ? r : recipe_end(w, &recipe, step);
}

/* ---- COPY ---- */

static int copy_target(struct build_walk *w, const struct dockerfile_instruction *in,
                       struct build_step *step) {
        const struct dockerfile_word *last = &in->words.items[in->words.n - 1];
        const char *text;
        int r = build_walk_expand(w, last, &text);

        if (r < 0)
                return r;
        if (str_is_empty(text))
                return build_walk_error(w, last->place,
                                        "the target is empty once variables are "
                                        "substituted");
        step->target = build_path_join(w->plan->arena, w->cwd, text);
        step->is_into_folder = str_ends_with(text, "/") || str_ends_with(text, "/.") ||
                               strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
        return step->target ? 0 : -ENOMEM;
}

static bool is_url(const char *text) {
        return str_starts_with(text, "http://") || str_starts_with(text, "https://") ||
               str_starts_with(text, "git@") || str_starts_with(text, "git://") ||
               str_starts_with(text, "ssh://");
}

static int copy_sources(struct build_walk *w, const struct dockerfile_instruction *in,
                        struct build_step *step) {
        int r = 0;

        for (size_t i = 0; r == 0 && i + 1 < in->words.n; i++) {
                const struct dockerfile_word *word = &in->words.items[i];
                const char *text;

                r = build_walk_expand(w, word, &text);
                if (r < 0)
                        return r;
                if (is_url(text))
                        return build_walk_error(w, word->place,
                                                "ADD downloads nothing here: fetch %s in a RUN "
                                                "step, or put it into the context",
                                                text);
                if (str_is_empty(text))
                        return build_walk_error(w, word->place,
                                                "a source is empty once variables are "
                                                "substituted");
                /* "a/./b" keeps its pivot for --parents: everything before it is left out. */
                text = build_path_join(w->plan->arena, "/", text);
                r = text ? build_words_add(w->plan->arena, &step->sources, text + 1) : -ENOMEM;
        }
        if (r == 0 && step->sources.n + step->n_files > 1 && !step->is_into_folder)
                return build_walk_error(w, in->words.items[in->words.n - 1].place,
                                        "several sources need a folder as target: write %s/",
                                        in->words.items[in->words.n - 1].text);
        return r;
}

static int copy_files(struct build_walk *w, const struct dockerfile_instruction *in,
                      struct build_step *step) {
        step->files = arena_alloc_n(w->plan->arena, in->n_heredocs, sizeof(*step->files));
        if (!step->files)
                return -ENOMEM;
        for (size_t i = 0; i < in->n_heredocs; i++) {
                const struct dockerfile_heredoc *doc = &in->heredocs[i];
                struct build_file *file = &step->files[step->n_files++];
                int r = 0;

                *file = (struct build_file){ doc->name, doc->text };
                if (strchr(doc->name, '/') || strcmp(doc->name, "..") == 0 ||
                    strcmp(doc->name, ".") == 0)
                        return build_walk_error(w, doc->place, "\"%s\" is no file's name",
                                                doc->name);
                if (doc->is_expanded)
                        r = build_scope_expand_text(&w->scope, doc->text, doc->place, &file->text,
                                                    w->d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_flags(struct build_walk *w, const struct dockerfile_instruction *in,
                      struct build_step *step) {
        int r = build_walk_source(w, in->from.text, in->from.place, &step->from);

        if (r == 0 && in->chown)
                r = build_scope_expand(&w->scope, in->chown, in->place, &step->chown, w->d);
        if (r == 0 && in->chmod)
                r = build_scope_expand(&w->scope, in->chmod, in->place, &step->chmod, w->d);
        if (r == 0 && step->chmod &&
            (strlen(step->chmod) == 0 || strlen(step->chmod) > 5 ||
             strspn(step->chmod, "01234567") != strlen(step->chmod)))
                r = build_walk_error(w, in->place, "--chmod=%s is no octal mode", step->chmod);
        for (size_t i = 0; r == 0 && i < in->excludes.n; i++) {
                const char *text;

                r = build_walk_expand(w, &in->excludes.items[i], &text);
                if (r == 0)
                        r = build_words_add(w->plan->arena, &step->excludes, text);
        }
        if (r == 0 && in->checksum)
                r = build_walk_error(w, in->place,
                                     "--checksum is for downloads, and ADD makes "
                                     "none here");
        step->has_parents = in->has_parents;
        step->is_unpacking = in->verb == DOCKERFILE_ADD && !in->is_kept_packed;
        return r;
}

static int copy_history(struct build_walk *w, struct build_step *step) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, dockerfile_verb_name(step->in->verb));
        for (size_t i = 0; i < step->sources.n; i++)
                strbuf_addf(&b, " %s", step->sources.items[i]);
        for (size_t i = 0; i < step->n_files; i++)
                strbuf_addf(&b, " <<%s", step->files[i].name);
        strbuf_addf(&b, " %s%s", step->target,
                    step->is_into_folder && strcmp(step->target, "/") != 0 ? "/" : "");
        step->history = b.has_failed ? NULL : arena_strdup(w->plan->arena, b.s);
        return step->history ? 0 : -ENOMEM;
}

int build_walk_copy(struct build_walk *w, const struct dockerfile_instruction *in) {
        AUTO_DONE(strbuf) struct strbuf recipe = { 0 };
        struct build_step *step;
        int r = build_walk_step(w, in, BUILD_STEP_COPY, &step);

        if (r == 0)
                r = copy_target(w, in, step);
        if (r == 0)
                r = copy_flags(w, in, step);
        if (r == 0)
                r = copy_files(w, in, step);
        if (r == 0)
                r = copy_sources(w, in, step);
        if (r == 0)
                r = copy_history(w, step);
        if (r < 0)
                return r;
        recipe_add(&recipe, "COPY", step->target);
        strbuf_addf(&recipe, "flags %d %d %d\n", step->is_into_folder, step->is_unpacking,
                    step->has_parents);
        recipe_add_words(&recipe, "source", &step->sources);
        recipe_add_words(&recipe, "exclude", &step->excludes);
        recipe_add(&recipe, "chown", step->chown);
        recipe_add(&recipe, "chmod", step->chmod);
        for (size_t i = 0; i < step->n_files; i++) {
                recipe_add(&recipe, "name", step->files[i].name);
                recipe_add(&recipe, "text", step->files[i].text);
        }
        return recipe_end(w, &recipe, step);
}
