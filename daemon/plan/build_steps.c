#include "base/arena.h"
#include "base/str.h"
#include "daemon/plan/build_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUILD_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define BUILD_TRIGGERS_MAX 100
#define BUILD_FINDING_MAX 512

int build_walk_error(struct build_walk *w, struct dockerfile_place place, const char *fmt, ...) {
        char text[BUILD_FINDING_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        diag_set_place(diag_add(w->d, DIAG_ERROR, DIAG_INVALID, NULL, "%s", text),
                       w->plan->file->file, place.line, place.column);
        return -EINVAL;
}

int build_walk_expand(struct build_walk *w, const struct dockerfile_word *word, const char **ret) {
        return build_scope_expand(&w->scope, word->text, word->place, ret, w->d);
}

int build_words_add(struct arena *a, struct build_words *words, const char *word) {
        const char **items = arena_alloc_n(a, words->n + 1, sizeof(*items));

        if (!items || !word)
                return -ENOMEM;
        if (words->n > 0)
                memcpy(items, words->items, words->n * sizeof(*items));
        items[words->n++] = word;
        words->items = items;
        return 0;
}

const char *build_path_join(struct arena *a, const char *cwd, const char *path) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        AUTO_FREE char *all = str_format("%s/%s", path[0] == '/' ? "" : cwd, path);
        char *save = NULL;

        if (!all)
                return NULL;
        for (char *part = strtok_r(all, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                char *slash = b.len ? strrchr(b.s, '/') : NULL;

                if (strcmp(part, ".") == 0)
                        continue;
                if (strcmp(part, "..") != 0)
                        strbuf_addf(&b, "/%s", part);
                else if (slash) {
                        *slash = '\0';
                        b.len = (size_t) (slash - b.s);
                }
        }
        return b.has_failed ? NULL : arena_strdup(a, b.len ? b.s : "/");
}

int build_walk_step(struct build_walk *w, const struct dockerfile_instruction *in,
                    enum build_step_kind kind, struct build_step **ret) {
        struct build_stage *stage = w->stage;
        struct build_step *room = stage->steps;

        /* Room doubles: a file may have thousands. */
        if ((stage->n_steps & (stage->n_steps - 1)) == 0) {
                room = arena_alloc_n(w->plan->arena, MAX(2 * stage->n_steps, (size_t) 1),
                                     sizeof(*room));
                if (room && stage->n_steps > 0)
                        memcpy(room, stage->steps, stage->n_steps * sizeof(*room));
        }
        if (!room)
                return -ENOMEM;
        stage->steps = room;
        *ret = &room[stage->n_steps++];
        **ret = (struct build_step){
                .kind = kind, .in = in, .title = in->text, .history = in->text, .recipe = ""
        };
        return 0;
}

int build_walk_source(struct build_walk *w, const char *from, struct dockerfile_place place,
                      struct build_source *ret) {
        int found;

        *ret = (struct build_source){ .kind = BUILD_FROM_CONTEXT };
        if (str_is_empty(from))
                return 0;
        found = dockerfile_stage_find(w->plan->file, from, w->index);
        if (found >= 0 && !w->plan->stages[found].is_needed)
                return build_walk_error(w, place,
                                        "the base image's ONBUILD copies from stage %s, which "
                                        "nothing else here needs: build that first",
                                        from);
        if (found >= 0) {
                *ret = (struct build_source){ BUILD_FROM_STAGE, (size_t) found };
                return 0;
        }
        for (size_t i = 0; i < w->plan->n_images; i++)
                if (strcmp(w->plan->images[i].reference, from) == 0) {
                        *ret = (struct build_source){ BUILD_FROM_IMAGE, i };
                        return 0;
                }
        return build_walk_error(w, place, "the base image's ONBUILD names %s, which is no stage",
                                from);
}

/* ---- where a stage begins ---- */

static int walk_read_env(struct build_walk *w) {
        json_t *list = json_object_get(w->config, "Env");
        int r = 0;

        for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));
                const char *equals = text ? strchr(text, '=') : NULL;
                struct arena *a = w->plan->arena;
                const char *name, *value;

                if (!equals)
                        continue;
                name = arena_strndup(a, text, (size_t) (equals - text));
                value = arena_strdup(a, equals + 1);
                r = name && value ? build_pairs_set(a, &w->scope.env, name, value) : -ENOMEM;
        }
        return r;
}

static const char *walk_text(const struct build_walk *w, const char *key, const char *otherwise) {
        const char *text = json_string_value(json_object_get(w->config, key));

        return arena_strdup(w->plan->arena, str_is_empty(text) ? otherwise : text);
}

static int walk_read_shell(struct build_walk *w) {
        json_t *list = json_object_get(w->config, "Shell");
        struct arena *a = w->plan->arena;
        int r = 0;

        for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
                r = build_words_add(
                        a, &w->shell,
                        arena_strdup(a, str_or_empty(json_string_value(json_array_get(list, i)))));
        if (r == 0 && w->shell.n == 0) {
                r = build_words_add(a, &w->shell, "/bin/sh");
                if (r == 0)
                        r = build_words_add(a, &w->shell, "-c");
        }
        return r;
}

static int walk_begin(struct build_walk *w, const struct build_walk *walks) {
        const struct build_source *base = &w->stage->base;

        if (base->kind == BUILD_FROM_STAGE) {
                w->config = json_deep_copy(w->plan->stages[base->index].run_config);
                w->scope.args = walks[base->index].scope.args;
        } else if (base->kind == BUILD_FROM_IMAGE) {
                json_t *config = json_object_get(w->plan->images[base->index].config, "config");

                w->config = json_is_object(config) ? json_deep_copy(config) : json_object();
        } else
                w->config = json_object();
        w->stage->run_config = w->config;
        if (!w->config)
                return -ENOMEM;
        w->cwd = walk_text(w, "WorkingDir", "/");
        w->user = walk_text(w, "User", "");
        if (!w->cwd || !w->user || walk_read_shell(w) < 0 || walk_read_env(w) < 0)
                return -ENOMEM;
        return build_pairs_get(&w->scope.env, "PATH")
                       ? 0
                       : build_pairs_set(w->plan->arena, &w->scope.env, "PATH", BUILD_DEFAULT_PATH);
}

/* ---- instructions ---- */

static int walk_workdir(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_step *step;
        const char *path;
        int r = build_walk_expand(w, &in->words.items[0], &path);

        if (r < 0)
                return r;
        if (str_is_empty(path))
                return build_walk_error(w, in->place,
                                        "WORKDIR names no folder once variables are substituted");
        w->cwd = build_path_join(w->plan->arena, w->cwd, path);
        if (!w->cwd || json_object_set_new(w->config, "WorkingDir", json_string(w->cwd)) < 0)
                return -ENOMEM;
        r = build_walk_step(w, in, BUILD_STEP_WORKDIR, &step);
        if (r < 0)
                return r;
        step->target = w->cwd;
        /* Whoever works there may write there. */
        step->chown = str_is_empty(w->user) ? NULL : w->user;
        step->recipe = arena_printf(w->plan->arena, "WORKDIR\n%s\n%s\n", w->cwd, w->user);
        return step->recipe ? 0 : -ENOMEM;
}

static int walk_arg(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_step *step;
        int r = build_walk_step(w, in, BUILD_STEP_CONFIG, &step);

        for (size_t i = 0; r == 0 && i < in->pairs.n; i++)
                r = build_scope_declare(&w->scope, &in->pairs.items[i], w->d);
        return r;
}

static int walk_env(struct build_walk *w, const struct dockerfile_instruction *in) {
        struct build_pairs fresh = w->scope.env;
        struct build_step *step;
        int r = build_walk_step(w, in, BUILD_STEP_CONFIG, &step);

        /* All of a line see the values from before it. */
        for (size_t i = 0; r == 0 && i < in->pairs.n; i++) {
                const struct dockerfile_pair *pair = &in->pairs.items[i];
                const char *name, *value;

                r = build_walk_expand(w, &pair->key, &name);
                if (r == 0)
                        r = build_scope_expand(&w->scope, pair->value, pair->key.place, &value,
                                               w->d);
                if (r == 0 && (str_is_empty(name) || strchr(name, '=')))
                        r = build_walk_error(w, pair->key.place,
                                             "a variable's name is empty or has a \"=\"");
                if (r == 0)
                        r = build_pairs_set(w->plan->arena, &fresh, name, value);
        }
        w->scope.env = fresh;
        return r;
}

static int walk_instruction(struct build_walk *w, const struct dockerfile_instruction *in) {
        switch (in->verb) {
        case DOCKERFILE_FROM:
                return 0;
        case DOCKERFILE_RUN:
                return build_walk_run(w, in);
        case DOCKERFILE_COPY:
        case DOCKERFILE_ADD:
                return build_walk_copy(w, in);
        case DOCKERFILE_WORKDIR:
                return walk_workdir(w, in);
        case DOCKERFILE_ARG:
                return walk_arg(w, in);
        case DOCKERFILE_ENV:
                return walk_env(w, in);
        default:
                return build_walk_config(w, in);
        }
}

/* What the base asked for runs first, once. */
static int walk_triggers(struct build_walk *w) {
        json_t *list = json_object_get(w->config, "OnBuild");
        int result = 0;

        for (size_t i = 0; result != -ENOMEM && i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));
                struct dockerfile_instruction *in = NULL;
                int r = text && i < BUILD_TRIGGERS_MAX
                                ? dockerfile_parse_trigger(w->plan->arena, text, &in, w->d)
                                : build_walk_error(w, (struct dockerfile_place){ 0 },
                                                   "the base image's ONBUILD is malformed");

                if (r == 0)
                        r = walk_instruction(w, in);
                result = r < 0 ? r : result;
        }
        (void) json_object_del(w->config, "OnBuild");
        return result;
}

/* The configuration's Env is written once, in the end. */
static int walk_end(struct build_walk *w) {
        json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < w->scope.env.n; i++) {
                AUTO_FREE char *text = str_format("%s=%s", w->scope.env.items[i].name,
                                                  w->scope.env.items[i].value);

                if (!text || json_array_append_new(list, json_string(text)) < 0)
                        r = -ENOMEM;
        }
        if (r < 0 || json_object_set(w->config, "Env", list) < 0)
                r = -ENOMEM;
        json_decref(list);
        return r;
}

static int walk_stage(struct build_walk *w, const struct build_walk *walks) {
        const struct dockerfile_stage *stage = &w->plan->file->stages[w->index];
        int r = walk_begin(w, walks), result = r;

        if (r == 0)
                result = walk_triggers(w);
        for (size_t i = 0; result != -ENOMEM && i < stage->n; i++) {
                /* What is wrong with one instruction doesn't hide what is with the next. */
                r = walk_instruction(w, &w->plan->file->items[stage->first + i]);
                result = r < 0 ? r : result;
        }
        return result < 0 ? result : walk_end(w);
}

int build_plan_steps(struct build_plan *plan, struct diags *d) {
        AUTO_FREE struct build_walk *walks = calloc(plan->n_stages, sizeof(*walks));
        int result = 0;

        if (!walks)
                return -ENOMEM;
        for (size_t s = 0; result != -ENOMEM && s < plan->n_stages; s++) {
                struct build_walk *w = &walks[s];
                int r;

                *w = (struct build_walk){
                        .plan = plan,
                        .index = s,
                        .stage = &plan->stages[s],
                        .scope = { .a = plan->arena, .plan = plan, .escape = plan->file->escape },
                        .d = d
                };
                if (!w->stage->is_needed)
                        continue;
                r = walk_stage(w, walks);
                result = r < 0 ? r : result;
        }
        return result;
}
