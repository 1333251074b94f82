#include "daemon/build/builder.h"

#include "api/dockerfile/build_wire.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/build/build.h"
#include "daemon/image/record.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILDER_RETRY_USEC (200 * USEC_PER_MSEC)

/* ---- lines for whoever waits ---- */

static void tell_line(json_t *take_line) {
        char *text = take_line ? json_dumps(take_line, JSON_COMPACT) : NULL;

        /* A reader that is gone is noticed by the pipe. */
        if (text && printf("%s\n", text) >= 0)
                (void) fflush(stdout);
        free(text);
        json_decref(take_line);
}

/* Steps that do something, as people count them. */
static size_t step_number(const struct build_stage *stage, size_t end) {
        size_t n = 0;

        for (size_t i = 0; i < end; i++)
                n += stage->steps[i].kind != BUILD_STEP_CONFIG;
        return n;
}

static char *stage_name(const struct builder_stage *s) {
        const struct build_stage *stage = &s->b->plan->stages[s->index];

        return stage->name ? strdup(stage->name) : str_format("stage-%zu", s->index);
}

void builder_tell(const struct builder_stage *s, const char *state) {
        const struct build_stage *stage = &s->b->plan->stages[s->index];
        AUTO_FREE char *name = stage_name(s);

        tell_line(json_pack("{s:s, s:I, s:I, s:s, s:s, s:f}", "stage", str_or_empty(name), "step",
                            (json_int_t) step_number(stage, s->step + 1), "of",
                            (json_int_t) step_number(stage, stage->n_steps), "title",
                            stage->steps[s->step].title, "state", state, "seconds",
                            s->started_usec ? (double) (clock_now_usec() - s->started_usec) / 1e6
                                            : 0.0));
}

void builder_tell_wait(const char *reference, const char *words, uint64_t wait_usec) {
        AUTO_FREE char *text = str_format("image %s: %s; next try in %llu s\n", reference, words,
                                          (unsigned long long) (wait_usec / USEC_PER_SEC));

        tell_line(json_pack("{s:s}", "log", str_or_empty(text)));
}

void builder_tell_log(const struct builder_stage *s, const char *text, size_t len) {
        const struct build_stage *stage = &s->b->plan->stages[s->index];
        AUTO_FREE char *name = stage_name(s);
        json_t *line = json_pack("{s:s, s:I}", "stage", str_or_empty(name), "step",
                                 (json_int_t) step_number(stage, s->step + 1));
        json_t *log = json_stringn(text, len);
        AUTO_FREE char *clean = NULL;

        if (!log) {
                /* Programs print what they like: bytes that are no UTF-8 become "?". */
                clean = strndup(text, len);
                for (char *c = clean; c && *c; c++)
                        if (*c & 0x80)
                                *c = '?';
                log = json_string(str_or_empty(clean));
        }
        (void) json_object_set_new(line, "log", log);
        tell_line(line);
}

/* ---- folders and layers ---- */

int builder_folder(struct builder *b, const char *word, char **ret, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s-%zu", b->work, word, b->n_folders++);
        int r = path ? dir_make_all(path, 0755, e) : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                *ret = STEAL(path);
        return r;
}

static int words_append(struct image_words *to, const struct image_words *from, struct err *e) {
        for (size_t i = 0; i < from->n; i++)
                if (image_words_add(to, from->items[i]) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        return 0;
}

int builder_layers_of(struct builder *b, const struct build_source *from, struct image_words *ret,
                      struct err *e) {
        const json_t *list;

        if (from->kind == BUILD_FROM_STAGE)
                return words_append(ret, &b->stages[from->index].diff_ids, e);
        if (from->kind != BUILD_FROM_IMAGE)
                return 0;
        list = json_object_get(json_object_get(b->plan->images[from->index].config, "rootfs"),
                               "diff_ids");
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));

                if (!text || !image_digest_is_valid(text))
                        return err_set(e, -EIO, "image %s is damaged; load it again",
                                       b->plan->images[from->index].reference);
                if (image_words_add(ret, text) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return 0;
}

/* ---- stages ---- */

static void builder_fail(struct builder_stage *s, const struct err *e) {
        struct builder *b = s->b;
        const struct build_step *step = &b->plan->stages[s->index].steps[s->step];
        const char *file = b->request.file ? b->request.file : "Dockerfile";

        builder_tell(s, BUILD_STATE_FAILED);
        if (b->has_failed)
                return;
        b->has_failed = true;
        if (step->in->place.line > 0)
                (void) err_set(&b->why, -ECANCELED, "%s:%u:%u: %.200s: %s", file,
                               step->in->place.line, step->in->place.column, step->title,
                               err_text(e));
        else
                (void) err_set(&b->why, -ECANCELED, "%s: the base image's ONBUILD %.200s: %s", file,
                               step->title, err_text(e));
        for (size_t i = 0; i < b->plan->n_stages; i++)
                if (b->stages[i].run)
                        builder_run_kill(b->stages[i].run);
}

static const json_t *stage_base_config(const struct builder_stage *s) {
        const struct build_source *base = &s->b->plan->stages[s->index].base;

        return base->kind == BUILD_FROM_STAGE   ? s->b->stages[base->index].config
               : base->kind == BUILD_FROM_IMAGE ? s->b->plan->images[base->index].config
                                                : NULL;
}

/* What a step came to. diff_id NULL: no file changed. */
static int stage_add_layer(struct builder_stage *s, char *take_diff_id, struct err *e) {
        AUTO_FREE char *diff_id = take_diff_id;

        if (diff_id) {
                if (image_words_add(&s->diff_ids, diff_id) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
                s->layers[s->step].diff_id = s->diff_ids.items[s->diff_ids.n - 1];
        }
        s->step++;
        return 0;
}

/* Returns 1 when the step is over, 0 when it is under way, -EAGAIN or another negative errno. */
static int stage_step(struct builder_stage *s, const struct build_step *step, struct err *e) {
        char *diff_id = NULL;
        int r = 0;

        s->started_usec = clock_now_usec();
        switch (step->kind) {
        case BUILD_STEP_CONFIG:
                return stage_add_layer(s, NULL, e) < 0 ? -ENOMEM : 1;
        case BUILD_STEP_RUN:
                r = builder_run_start(s, step, &diff_id, e);
                if (r <= 0)
                        return r;
                break;
        case BUILD_STEP_COPY:
                r = builder_copy(s, step, &diff_id, e);
                break;
        case BUILD_STEP_WORKDIR:
                r = builder_workdir(s, step, &diff_id, e);
                break;
        }
        if (r < 0)
                return r;
        builder_tell(s, r == 1 ? BUILD_STATE_CACHED : BUILD_STATE_DONE);
        return stage_add_layer(s, diff_id, e) < 0 ? -ENOMEM : 1;
}

static int stage_begin(struct builder_stage *s, struct err *e) {
        const struct build_stage *stage = &s->b->plan->stages[s->index];

        s->layers = calloc(stage->n_steps + 1, sizeof(*s->layers));
        if (!s->layers)
                return err_set(e, -ENOMEM, "out of memory");
        s->state = STAGE_RUNNING;
        return builder_layers_of(s->b, &stage->base, &s->diff_ids, e);
}

static bool stage_may_begin(const struct builder *b, size_t index) {
        for (size_t i = 0; i < index; i++)
                if (b->plan->stages[index].needs[i] && b->stages[i].state != STAGE_DONE)
                        return false;
        return b->plan->stages[index].is_needed;
}

/* As far as it goes without waiting. Returns whether anything changed. */
static bool stage_advance(struct builder_stage *s) {
        struct builder *b = s->b;
        const struct build_stage *stage = &b->plan->stages[s->index];
        struct err e = { 0 };
        bool has_changed = false;
        int r = 1;

        if (s->state == STAGE_WAITING) {
                if (!stage_may_begin(b, s->index))
                        return false;
                r = stage_begin(s, &e) < 0 ? -ENOMEM : 1;
                has_changed = true;
        }
        while (r == 1 && !b->has_failed && s->state == STAGE_RUNNING && s->step < stage->n_steps) {
                r = stage_step(s, &stage->steps[s->step], &e);
                has_changed |= r == 1;
        }
        if (r == 0)
                b->n_running++;
        else if (r < 0 && r != -EAGAIN)
                builder_fail(s, &e);
        else if (r == 1 && !b->has_failed) {
                s->config = build_image_config(b->plan, s->index, stage_base_config(s), s->layers,
                                               b->created);
                s->state = STAGE_DONE;
                if (!s->config)
                        b->has_failed = err_set(&b->why, -ENOMEM, "out of memory") < 0;
        }
        return has_changed || b->has_failed;
}

static void on_retry(struct loop_timer *t, void *userdata) {
        (void) t;
        builder_go_on(userdata);
}

/* Something that another build holds is asked for again soon. */
static void builder_wait(struct builder *b) {
        struct err e = { 0 };

        if (!b->retry && loop_timer_new(b->loop, 0, on_retry, b, &b->retry, &e) < 0) {
                b->has_failed = true;
                b->why = e;
                loop_exit(b->loop, 1);
                return;
        }
        loop_timer_set(b->retry, clock_now_usec() + BUILDER_RETRY_USEC);
}

void builder_go_on(struct builder *b) {
        bool has_changed = true;

        while (has_changed && !b->has_failed) {
                has_changed = false;
                for (size_t i = 0; i <= b->plan->target && !b->has_failed; i++)
                        if (b->stages[i].state != STAGE_DONE && !b->stages[i].run)
                                has_changed |= stage_advance(&b->stages[i]);
        }
        if (b->n_running > 0)
                return;
        if (b->has_failed || b->stages[b->plan->target].state == STAGE_DONE)
                loop_exit(b->loop, b->has_failed ? 1 : 0);
        else
                builder_wait(b);
}

void builder_run_done(struct builder_stage *s, int r, char *take_diff_id, const struct err *e) {
        AUTO_FREE char *diff_id = take_diff_id;
        struct err why = *e;

        s->b->n_running--;
        if (r == 0) {
                cache_store(s->b->store, s->key, diff_id);
                builder_tell(s, BUILD_STATE_DONE);
                r = stage_add_layer(s, STEAL(diff_id), &why);
        }
        if (r < 0)
                builder_fail(s, &why);
        builder_go_on(s->b);
}
