#include "api/dockerfile/parse_internal.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int dockerfile_stage_find(const struct dockerfile *f, const char *name, size_t n) {
        int64_t number;

        /* Of two that are called the same the later one counts. */
        for (size_t i = MIN(n, f->n_stages); i-- > 0;) {
                const char *own = f->items[f->stages[i].first].stage_name;

                if (own && strcasecmp(own, name) == 0)
                        return (int) i;
        }
        if (isdigit((unsigned char) name[0]) &&
            str_to_int64(name, 0, (int64_t) MIN(n, f->n_stages) - 1, &number) == 0)
                return (int) number;
        return -1;
}

static const char *stage_near(const struct dockerfile *f, const char *name, size_t n) {
        const char *names[DOCKERFILE_STAGES_MAX];
        size_t n_names = 0;

        for (size_t i = 0; i < n && i < DOCKERFILE_STAGES_MAX; i++) {
                const char *own = f->items[f->stages[i].first].stage_name;

                if (!own)
                        continue;
                names[n_names++] = own;
                if (strlen(own) >= 3 && strlen(name) >= 3 &&
                    (str_starts_with(own, name) || str_starts_with(name, own)))
                        return own;
        }
        return str_nearest(name, names, n_names);
}

/* Whether a name can mean an image only. */
static bool is_image_only(const char *name) {
        return strpbrk(name, "/:@.") != NULL;
}

/* Whom --from and from= name. What is no stage is an image, unless it looks like a slip. */
static void stages_check_source(struct parser *p, size_t stage, const char *name,
                                struct dockerfile_place place) {
        const struct dockerfile *f = p->f;
        const char *near;
        int64_t number;
        int later;

        if (str_is_empty(name) || strchr(name, '$') || dockerfile_stage_find(f, name, stage) >= 0 ||
            is_image_only(name))
                return;
        later = dockerfile_stage_find(f, name, f->n_stages);
        if (later >= 0) {
                (void) parser_error(p, place,
                                    (size_t) later == stage
                                            ? "stage \"%s\" can't copy from itself: name an "
                                              "earlier stage"
                                            : "stage \"%s\" comes later in the file: move it "
                                              "before the stage that needs it",
                                    name);
                return;
        }
        if (str_to_int64(name, 0, INT64_MAX, &number) == 0) {
                (void) parser_error(p, place,
                                    "there is no stage %s: this is stage %zu, and only "
                                    "earlier ones can be copied from",
                                    name, stage);
                return;
        }
        near = stage_near(f, name, stage);
        if (!near)
                return;
        diag_set_hint(parser_error(p, place, "there is no stage \"%s\"", name),
                      "did you mean \"%s\"? An image of that name is written %s:latest", near,
                      name);
}

static void stages_check_instruction(struct parser *p, size_t stage,
                                     const struct dockerfile_instruction *in) {
        if (in->trigger)
                in = in->trigger;
        stages_check_source(p, stage, in->from.text, in->from.place);
        for (size_t i = 0; i < in->n_mounts; i++)
                stages_check_source(p, stage, in->mounts[i].from, in->mounts[i].place);
}

void stages_check(struct parser *p) {
        const struct dockerfile *f = p->f;

        for (size_t s = 0; s < f->n_stages; s++) {
                const struct dockerfile_stage *stage = &f->stages[s];
                const char *name;

                if (stage->first + stage->n > f->n)
                        continue; /* a FROM that couldn't be read */
                name = f->items[stage->first].stage_name;
                if (name && dockerfile_stage_find(f, name, s) >= 0 &&
                    !isdigit((unsigned char) name[0]))
                        (void) parser_warn(p, f->items[stage->first].place,
                                           "another stage is called \"%s\", too: from here on "
                                           "this one is meant",
                                           name);
                for (size_t i = 1; i < stage->n; i++)
                        stages_check_instruction(p, s, &f->items[stage->first + i]);
        }
}
