#include "base/arena.h"
#include "base/str.h"
#include "daemon/plan/build_plan.h"
#include "daemon/plan/build_scope.h"

#include <string.h>
#include <strings.h>

struct graph {
        struct build_plan *plan;
        const struct dockerfile *f;
        struct build_scope scope; /* what stands before the first FROM */
        struct diags *d;
};

static const char *const platform_args[] = {
        "BUILDPLATFORM",  "BUILDOS",  "BUILDARCH",  "BUILDVARIANT",
        "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT",
};

static int graph_globals(struct graph *g) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(platform_args); i++) {
                const char *value =
                        build_platform_arg(g->plan->arena, g->plan->options, platform_args[i]);

                r = value ? build_pairs_set(g->plan->arena, &g->scope.args, platform_args[i], value)
                          : -ENOMEM;
        }
        for (size_t i = 0; r == 0 && i < g->f->n_global; i++)
                for (size_t k = 0; r == 0 && k < g->f->items[i].pairs.n; k++)
                        r = build_scope_declare(&g->scope, &g->f->items[i].pairs.items[k], g->d);
        /* Only what the file declares reaches the stages. */
        for (size_t i = 0; r == 0 && i < g->f->n_global; i++)
                for (size_t k = 0; r == 0 && k < g->f->items[i].pairs.n; k++) {
                        const char *name = g->f->items[i].pairs.items[k].key.text;
                        const char *value = build_pairs_get(&g->scope.args, name);

                        if (value)
                                r = build_pairs_set(g->plan->arena, &g->plan->globals, name, value);
                }
        return r;
}

static int graph_image(struct graph *g, const char *reference, const char *platform,
                       struct dockerfile_place place, struct build_source *ret) {
        struct build_plan *plan = g->plan;
        struct build_image *room;

        *ret = (struct build_source){ .kind = BUILD_FROM_IMAGE };
        for (size_t i = 0; i < plan->n_images; i++)
                if (strcmp(plan->images[i].reference, reference) == 0 &&
                    str_eq(plan->images[i].platform, platform)) {
                        ret->index = i;
                        return 0;
                }
        room = arena_alloc_n(plan->arena, plan->n_images + 1, sizeof(*room));
        if (!room)
                return -ENOMEM;
        if (plan->n_images > 0)
                memcpy(room, plan->images, plan->n_images * sizeof(*room));
        room[plan->n_images] = (struct build_image){
                .reference = reference,
                .platform = platform,
                .place = place,
        };
        plan->images = room;
        ret->index = plan->n_images++;
        return 0;
}

/* FROM: before images are looked at, so that those of stages nobody needs aren't asked for. */
static int graph_base(struct graph *g, size_t s) {
        struct build_stage *stage = &g->plan->stages[s];
        const struct dockerfile_instruction *from = &g->f->items[g->f->stages[s].first];
        struct dockerfile_place place = from->words.items[0].place;
        const char *name;
        int found;
        int r = build_scope_expand(&g->scope, from->words.items[0].text, place, &name, g->d);

        stage->name = from->stage_name;
        if (r == 0 && from->platform)
                r = build_scope_expand(&g->scope, from->platform, place, &stage->platform, g->d);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        if (str_is_empty(name)) {
                struct diag *d = diag_add(g->d, DIAG_ERROR, DIAG_INVALID, NULL,
                                          "FROM %s names no image once variables are substituted",
                                          from->words.items[0].text);

                diag_set_place(d, g->f->file, place.line, place.column);
                diag_set_hint(d, "give the ARG before the first FROM a value, or pass --build-arg");
                return 0;
        }
        if (strcmp(name, "scratch") == 0)
                return 0;
        found = dockerfile_stage_find(g->f, name, s);
        if (found >= 0 && !(name[0] >= '0' && name[0] <= '9')) {
                stage->base = (struct build_source){ BUILD_FROM_STAGE, (size_t) found };
                stage->needs[found] = true;
                return 0;
        }
        /* The reference is kept where the stage is needed: graph_need(). */
        stage->base = (struct build_source){ .kind = BUILD_FROM_IMAGE };
        return 0;
}

static void graph_note_stage(struct graph *g, size_t s, const char *name) {
        int found = name ? dockerfile_stage_find(g->f, name, s) : -1;

        if (found >= 0)
                g->plan->stages[s].needs[found] = true;
}

static void graph_needs_of(struct graph *g, size_t s) {
        const struct dockerfile_stage *stage = &g->f->stages[s];

        for (size_t i = 1; i < stage->n; i++) {
                const struct dockerfile_instruction *in = &g->f->items[stage->first + i];

                graph_note_stage(g, s, in->from.text);
                for (size_t k = 0; k < in->n_mounts; k++)
                        graph_note_stage(g, s, in->mounts[k].from);
        }
}

static int graph_images_of(struct graph *g, size_t s) {
        const struct dockerfile_stage *stage = &g->f->stages[s];
        const struct dockerfile_instruction *from = &g->f->items[stage->first];
        struct build_source unused;
        const char *name;
        int r = 0;

        if (g->plan->stages[s].base.kind == BUILD_FROM_IMAGE) {
                r = build_scope_expand(&g->scope, from->words.items[0].text, from->place, &name,
                                       g->d);
                if (r == 0)
                        r = graph_image(g, name, g->plan->stages[s].platform,
                                        from->words.items[0].place, &g->plan->stages[s].base);
        }
        for (size_t i = 1; r == 0 && i < stage->n; i++) {
                const struct dockerfile_instruction *in = &g->f->items[stage->first + i];

                if (in->from.text && dockerfile_stage_find(g->f, in->from.text, s) < 0)
                        r = graph_image(g, in->from.text, NULL, in->from.place, &unused);
                for (size_t k = 0; r == 0 && k < in->n_mounts; k++)
                        if (in->mounts[k].from &&
                            dockerfile_stage_find(g->f, in->mounts[k].from, s) < 0)
                                r = graph_image(g, in->mounts[k].from, NULL, in->mounts[k].place,
                                                &unused);
        }
        return r;
}

/* A stage can only need earlier ones, so one pass from the target down finds all. */
static int graph_need(struct graph *g) {
        struct build_plan *plan = g->plan;
        int r = 0;

        plan->stages[plan->target].is_needed = true;
        for (size_t s = plan->target + 1; r == 0 && s-- > 0;) {
                if (!plan->stages[s].is_needed)
                        continue;
                for (size_t i = 0; i < s; i++)
                        plan->stages[i].is_needed |= plan->stages[s].needs[i];
                r = graph_images_of(g, s);
        }
        return r;
}

static void graph_target(struct graph *g) {
        const char *names[DOCKERFILE_STAGES_MAX], *near;
        const char *target = g->plan->options->target;
        struct diag *d;
        size_t n = 0;
        int found;

        g->plan->target = g->plan->n_stages - 1;
        if (str_is_empty(target))
                return;
        found = dockerfile_stage_find(g->f, target, g->plan->n_stages);
        if (found >= 0) {
                g->plan->target = (size_t) found;
                return;
        }
        for (size_t i = 0; i < g->plan->n_stages; i++)
                if (g->plan->stages[i].name)
                        names[n++] = g->plan->stages[i].name;
        d = diag_add(g->d, DIAG_ERROR, DIAG_INVALID, NULL, "there is no stage \"%s\" to build",
                     target);
        diag_set_place(d, g->f->file, 0, 0);
        near = str_nearest(target, names, n);
        if (near)
                diag_set_hint(d, "did you mean --target %s?", near);
}

static bool arg_is_declared(const struct dockerfile *f, const char *name) {
        for (size_t i = 0; i < f->n; i++) {
                const struct dockerfile_instruction *in = &f->items[i];

                if (in->trigger)
                        in = in->trigger;
                for (size_t k = 0; in->verb == DOCKERFILE_ARG && k < in->pairs.n; k++)
                        if (strcmp(in->pairs.items[k].key.text, name) == 0)
                                return true;
        }
        return false;
}

static void graph_check_args(struct graph *g) {
        const struct build_pairs *args = &g->plan->options->args;

        for (size_t i = 0; i < args->n; i++)
                if (!arg_is_declared(g->f, args->items[i].name) &&
                    !build_arg_is_proxy(args->items[i].name))
                        diag_set_place(diag_add(g->d, DIAG_WARNING, DIAG_UNKNOWN, NULL,
                                                "--build-arg %s is not used: no ARG declares it",
                                                args->items[i].name),
                                       g->f->file, 0, 0);
}

static int plan_alloc(struct build_plan *plan, const struct dockerfile *f,
                      const struct build_options *o) {
        plan->file = f;
        plan->options = o;
        plan->n_stages = f->n_stages;
        plan->arena = arena_new(0);
        plan->stages =
                plan->arena ? arena_alloc_n(plan->arena, f->n_stages, sizeof(*plan->stages)) : NULL;
        if (!plan->stages)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_stages; i++) {
                plan->stages[i].needs = arena_alloc_n(plan->arena, f->n_stages, sizeof(bool));
                if (!plan->stages[i].needs)
                        return -ENOMEM;
        }
        return 0;
}

int build_plan_new(const struct dockerfile *f, const struct build_options *o,
                   struct build_plan **ret, struct diags *d) {
        AUTO(build_plan) struct build_plan *plan = calloc(1, sizeof(*plan));
        struct graph g = { .plan = plan, .f = f, .d = d };
        size_t n_before = d ? d->n_errors : 0;
        int r = plan ? plan_alloc(plan, f, o) : -ENOMEM;

        if (r < 0)
                return r;
        g.scope = (struct build_scope){ .a = plan->arena, .plan = plan, .escape = f->escape };
        r = graph_globals(&g);
        for (size_t s = 0; r == 0 && s < plan->n_stages; s++) {
                r = graph_base(&g, s);
                if (r == 0)
                        graph_needs_of(&g, s);
        }
        if (r < 0)
                return r;
        graph_target(&g);
        graph_check_args(&g);
        if (d && d->n_errors > n_before)
                return -EINVAL;
        r = graph_need(&g);
        if (r < 0)
                return r;
        *ret = STEAL(plan);
        return 0;
}

void build_plan_unref(struct build_plan *plan) {
        if (!plan)
                return;
        for (size_t i = 0; i < plan->n_images; i++) {
                free(plan->images[i].id);
                json_decref(plan->images[i].config);
        }
        for (size_t i = 0; plan->stages && i < plan->n_stages; i++)
                json_decref(plan->stages[i].run_config);
        arena_unref(plan->arena);
        free(plan);
}
