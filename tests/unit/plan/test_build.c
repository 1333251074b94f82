#include "base/str.h"
#include "daemon/plan/build_plan.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* Small Dockerfiles, one property each: what the plan says must have (or lack) these words. */

static const char base_config[] =
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/"
        "bin\",\"BASE=1\"],"
        "\"Cmd\":[\"base\"],\"WorkingDir\":\"/base\",\"User\":\"bob\",\"Labels\":{\"of\":\"base\"},"
        "\"ExposedPorts\":{\"1/"
        "tcp\":{}}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:b\"]"
        "},\"history\":[{\"created_by\":\"base\"}]}";
static const char trigger_config[] =
        "{\"config\":{\"OnBuild\":[\"COPY . /src\",\"RUN make\"]},\"rootfs\":{}}";

struct build_case {
        const char *file;
        const char *wanted[4];
        const char *unwanted[3];
        const char *target, *arg, *value, *platform;
        bool is_refused; /* wanted: what the findings say */
};

static void dump_words(struct strbuf *b, const char *name, const struct build_words *words) {
        for (size_t i = 0; i < words->n; i++)
                strbuf_addf(b, " %s=<%s>", name, words->items[i]);
}

static void dump_source(struct strbuf *b, const struct build_plan *plan,
                        const struct build_source *from) {
        if (from->kind == BUILD_FROM_STAGE)
                strbuf_addf(b, " from-stage=%zu", from->index);
        else if (from->kind == BUILD_FROM_IMAGE)
                strbuf_addf(b, " from-image=%s", plan->images[from->index].reference);
        else
                strbuf_add(b, from->kind == BUILD_FROM_CONTEXT ? " from-context" : " from-scratch");
}

static void dump_step(struct strbuf *b, const struct build_plan *plan,
                      const struct build_step *step) {
        static const char *const kinds[] = { "RUN", "COPY", "WORKDIR", "CONFIG" };

        strbuf_addf(b, "%s", kinds[step->kind]);
        dump_words(b, "arg", &step->argv);
        dump_words(b, "env", &step->env);
        dump_words(b, "source", &step->sources);
        if (step->kind == BUILD_STEP_RUN)
                strbuf_addf(b, " cwd=%s user=%s network=%d", step->cwd, step->user,
                            (int) step->network);
        if (step->script)
                strbuf_addf(b, " script=<%s>", step->script);
        for (size_t i = 0; i < step->n_mounts; i++) {
                strbuf_addf(b, " mount=%d:%s:%s", (int) step->mounts[i].said->type,
                            str_or_empty(step->mounts[i].target), step->mounts[i].source);
                dump_source(b, plan, &step->mounts[i].from);
        }
        if (step->kind == BUILD_STEP_COPY)
                dump_source(b, plan, &step->from);
        if (step->target)
                strbuf_addf(b, " target=%s%s", step->target, step->is_into_folder ? "/" : "");
        for (size_t i = 0; i < step->n_files; i++)
                strbuf_addf(b, " file=%s:<%s>", step->files[i].name, step->files[i].text);
        if (step->chown || step->chmod)
                strbuf_addf(b, " chown=%s chmod=%s", str_or_empty(step->chown),
                            str_or_empty(step->chmod));
        strbuf_addf(b, " unpack=%d history=<%s>\n", step->is_unpacking, step->history);
}

static void dump_plan(struct strbuf *b, const struct build_plan *plan) {
        for (size_t s = 0; s < plan->n_stages; s++) {
                const struct build_stage *stage = &plan->stages[s];
                AUTO_FREE char *config = NULL;

                if (!stage->is_needed)
                        continue;
                strbuf_addf(b, "STAGE %zu %s", s, str_or_empty(stage->name));
                dump_source(b, plan, &stage->base);
                for (size_t i = 0; i < s; i++)
                        if (stage->needs[i])
                                strbuf_addf(b, " needs=%zu", i);
                strbuf_add(b, "\n");
                for (size_t i = 0; i < stage->n_steps; i++)
                        dump_step(b, plan, &stage->steps[i]);
                config = json_dumps(stage->run_config, JSON_COMPACT | JSON_SORT_KEYS);
                strbuf_addf(b, "CONFIG %zu %s\n", s, config);
        }
}

static void dump_findings(struct strbuf *b, struct diags *d) {
        for (size_t i = 0; i < d->n; i++) {
                AUTO_FREE char *line = diag_format(&d->items[i]);

                strbuf_addf(b, "%s\n", line);
        }
}

static int plan_make(const struct dockerfile *f, const struct build_options *o,
                     struct build_plan **ret, struct diags *d) {
        int r = build_plan_new(f, o, ret, d);

        if (r < 0)
                return r;
        for (size_t i = 0; i < (*ret)->n_images; i++) {
                struct build_image *image = &(*ret)->images[i];

                image->config = json_loads(
                        str_starts_with(image->reference, "trigger") ? trigger_config : base_config,
                        0, NULL);
                assert_non_null(image->config);
        }
        return build_plan_steps(*ret, d);
}

static char *plan_text(const struct build_case *c) {
        struct build_pair pair = { c->arg, c->value };
        const struct build_options o = { .target = c->target,
                                         .args = { &pair, c->arg ? 1 : 0 },
                                         .platform = c->platform,
                                         .machine = "linux/amd64" };
        AUTO(dockerfile) struct dockerfile *f = NULL;
        AUTO(build_plan) struct build_plan *plan = NULL;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct diags d = { 0 };
        int r = dockerfile_parse(c->file, strlen(c->file), "f", &f, &d);

        if (r == 0)
                r = plan_make(f, &o, &plan, &d);
        dump_findings(&b, &d);
        diags_done(&d);
        if (r != (c->is_refused ? -EINVAL : 0))
                fail_msg("%d: %s\n%s", r, c->file, str_or_empty(b.s));
        if (r == 0)
                dump_plan(&b, plan);
        strbuf_add(&b, "");
        return strbuf_steal(&b);
}

static void check(const struct build_case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *text = plan_text(&cases[i]);

                assert_non_null(text);
                for (size_t k = 0; k < ARRAY_SIZE(cases[i].wanted) && cases[i].wanted[k]; k++)
                        if (!strstr(text, cases[i].wanted[k]))
                                fail_msg("%s\n---- lacks %s:\n%s", cases[i].file,
                                         cases[i].wanted[k], text);
                for (size_t k = 0; k < ARRAY_SIZE(cases[i].unwanted) && cases[i].unwanted[k]; k++)
                        if (strstr(text, cases[i].unwanted[k]))
                                fail_msg("%s\n---- has %s:\n%s", cases[i].file,
                                         cases[i].unwanted[k], text);
        }
}

static void stages_are_chosen(void **state) {
        static const struct build_case cases[] = {
                { .file = "FROM a AS x\nFROM b AS y\n",
                  .wanted = { "STAGE 1 y from-image=b" },
                  .unwanted = { "STAGE 0", "from-image=a" } },
                { .file = "FROM a AS x\nFROM scratch\nCOPY --from=x /a /b\n",
                  .wanted = { "STAGE 0 x", "STAGE 1  from-scratch needs=0",
                              "COPY source=<a> from-stage=0 target=/b" } },
                { .file = "FROM a AS x\nFROM b AS y\nFROM c\n",
                  .target = "Y",
                  .wanted = { "STAGE 1 y" },
                  .unwanted = { "STAGE 2", "STAGE 0" } },
                { .file = "FROM a\nFROM b\n",
                  .target = "0",
                  .wanted = { "STAGE 0" },
                  .unwanted = { "STAGE 1" } },
                { .file = "FROM a AS build\nFROM b\n",
                  .target = "biuld",
                  .is_refused = true,
                  .wanted = { "there is no stage \"biuld\"", "did you mean --target build?" } },
                { .file = "FROM a AS x\nENV Q=1\nFROM x\nRUN true\n",
                  .wanted = { "STAGE 1  from-stage=0 needs=0", "env=<Q=1>" } },
                { .file = "FROM a AS x\nFROM b\nCOPY --from=0 /f /\n",
                  .wanted = { "from-stage=0", "needs=0" } },
                { .file = "FROM b\nCOPY --from=busybox:1 /bin/sh /\n",
                  .wanted = { "from-image=busybox:1" } },
                { .file = "FROM a AS x\nFROM b\nRUN --mount=from=x,target=/t true\n",
                  .wanted = { "needs=0", "mount=0:/t:/ from-stage=0" } },
                { .file = "FROM a AS x\nFROM a AS y\nFROM scratch\nCOPY --from=x /1 /\nCOPY "
                          "--from=y /2 /\n",
                  .wanted = { "STAGE 2  from-scratch needs=0 needs=1" } },
                { .file = "FROM a AS x\nFROM x AS y\nFROM scratch\nCOPY --from=y / /\n",
                  .wanted = { "STAGE 0 x", "STAGE 1 y from-stage=0 needs=0",
                              "COPY source=<> from-stage=1 target=/" } },
                { .file = "FROM ${IMAGE}\n",
                  .is_refused = true,
                  .wanted = { "f:1:6: FROM ${IMAGE} names no image" } },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases));
}

static void arguments_have_their_scope(void **state) {
        static const struct build_case cases[] = {
                { .file = "ARG T=1\nFROM a:$T\n", .wanted = { "from-image=a:1" } },
                { .file = "ARG T=1\nFROM a:$T\n",
                  .arg = "T",
                  .value = "2",
                  .wanted = { "from-image=a:2" } },
                { .file = "ARG T=1\nARG U=x$T\nFROM a:$U\n", .wanted = { "from-image=a:x1" } },
                { .file = "ARG T=1\nFROM a\nRUN echo\n", .unwanted = { "T=1" } },
                { .file = "ARG T=1\nFROM a\nARG T\nRUN echo\n", .wanted = { "env=<T=1>" } },
                { .file = "ARG T=1\nFROM a\nARG T=2\nRUN echo\n", .wanted = { "env=<T=2>" } },
                { .file = "FROM a\nARG T\nRUN echo\n", .unwanted = { "env=<T=" } },
                { .file = "FROM a\nARG T=1\nENV T=2\nRUN echo\n",
                  .wanted = { "env=<T=2>" },
                  .unwanted = { "env=<T=1>" } },
                { .file = "FROM a\nARG T=1\nRUN echo\n",
                  .wanted = { "history=<RUN |1 T=1 /bin/sh -c echo>" } },
                { .file = "FROM a\nRUN echo\nARG T=1\n", .unwanted = { "env=<T=1>" } },
                { .file = "FROM a AS x\nARG T=1\nFROM x\nRUN echo $T\n",
                  .wanted = { "env=<T=1>" } },
                { .file = "FROM a AS x\nARG T=1\nFROM a\nCOPY --from=x /a /\nRUN echo\n",
                  .unwanted = { "env=<T=1> cwd" } },
                { .file = "FROM a\nRUN echo\n",
                  .arg = "HTTP_PROXY",
                  .value = "http://p",
                  .wanted = { "env=<HTTP_PROXY=http://p>", "history=<RUN /bin/sh -c echo>" } },
                { .file = "FROM a\nRUN echo\n",
                  .arg = "NOBODY",
                  .value = "1",
                  .wanted = { "--build-arg NOBODY is not used" },
                  .unwanted = { "env=<NOBODY" } },
                { .file = "FROM a\nARG TARGETARCH\nRUN echo\n",
                  .platform = "linux/arm64",
                  .wanted = { "env=<TARGETARCH=arm64>" } },
                { .file = "FROM --platform=$BUILDPLATFORM a\nRUN echo $TARGETARCH\n",
                  .unwanted = { "env=<TARGETARCH" } },
                { .file = "ARG T=1\nFROM a AS x\nFROM $T\n", .wanted = { "from-image=1" } },
                { .file = "FROM a\nARG A=1 B=$A\nRUN echo\n",
                  .wanted = { "env=<A=1>", "env=<B=1>" } },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases));
}

static void variables_are_substituted(void **state) {
        static const struct build_case cases[] = {
                { .file = "FROM a\nENV A=1\nENV A=2 B=$A\n", .wanted = { "\"A=2\",\"B=1\"" } },
                { .file = "FROM a\nENV P=${PATH}:/x\n", .wanted = { "P=/bin:/x" } },
                { .file = "FROM a\nENV A=\"b  c\" D=e\\ f\n",
                  .wanted = { "\"A=b  c\",\"D=e f\"" } },
                { .file = "FROM a\nENV A x  y\n", .wanted = { "\"A=x  y\"" } },
                { .file = "FROM a\nENV D=/d\nWORKDIR $D/e\nRUN echo $D\n",
                  .wanted = { "target=/d/e", "arg=<echo $D>", "cwd=/d/e" } },
                { .file = "FROM a\nENV D=/d\nCOPY $D ${D}x/\n",
                  .wanted = { "COPY source=<d> from-context target=/dx/" } },
                { .file = "FROM a\nENV U=me\nUSER ${U}:you\nRUN id\n",
                  .wanted = { "user=me:you", "\"User\":\"me:you\"" } },
                { .file = "FROM a\nENV P=\"80 90/udp\"\nEXPOSE $P\n",
                  .wanted = { "\"1/tcp\":{},\"80/tcp\":{},\"90/udp\":{}" } },
                { .file = "FROM a\nLABEL x=\"$BASE\" \"y z\"='$BASE'\n",
                  .wanted = { "\"of\":\"base\",\"x\":\"1\",\"y z\":\"$BASE\"" } },
                { .file = "FROM a\nENV A=1\nCMD [\"echo\", \"$A\"]\n",
                  .wanted = { "\"Cmd\":[\"echo\",\"$A\"]" } },
                { .file = "FROM a\nENV A=1\nCOPY <<E <<'F' /x/\n$A\nE\n$A\nF\n",
                  .wanted = { "file=E:<1\n>", "file=F:<$A\n>", "target=/x/" } },
                { .file = "FROM a\nEXPOSE ${X:?missing}\n",
                  .is_refused = true,
                  .wanted = { "f:2:8: X: missing" } },
                { .file = "FROM a\nENV X=\nWORKDIR $X\n",
                  .is_refused = true,
                  .wanted = { "f:3:1: WORKDIR names no folder" } },
                { .file = "FROM a\nENV S=SIGINT\nSTOPSIGNAL $S\n",
                  .wanted = { "\"StopSignal\":\"SIGINT\"" } },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases));
}

static void configuration_follows_the_base(void **state) {
        static const struct build_case cases[] = {
                { .file = "FROM a\n",
                  .wanted = { "\"Cmd\":[\"base\"]", "\"User\":\"bob\"",
                              "\"Env\":[\"PATH=/bin\",\"BASE=1\"]" } },
                { .file = "FROM a\nENTRYPOINT [\"x\"]\n",
                  .unwanted = { "\"Cmd\"" },
                  .wanted = { "\"Entrypoint\":[\"x\"]" } },
                { .file = "FROM a\nCMD [\"y\"]\nENTRYPOINT [\"x\"]\n",
                  .wanted = { "\"Cmd\":[\"y\"]" } },
                { .file = "FROM a\nCMD echo hi\n",
                  .wanted = { "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo hi\"]" } },
                { .file = "FROM a\nSHELL [\"/bin/bash\",\"-ec\"]\nCMD echo\nRUN make\n",
                  .wanted = { "\"Cmd\":[\"/bin/bash\",\"-ec\",\"echo\"]",
                              "arg=</bin/bash> arg=<-ec> arg=<make>",
                              "\"Shell\":[\"/bin/bash\",\"-ec\"]" } },
                { .file = "FROM a AS x\nSHELL [\"/s\"]\nFROM x\nRUN make\n",
                  .wanted = { "RUN arg=</s> arg=<make>" } },
                { .file = "FROM scratch\nENTRYPOINT [\"/x\"]\n",
                  .wanted = { "\"Env\":[\"PATH=/usr/local/sbin:" } },
                { .file = "FROM a\nHEALTHCHECK --interval=1s --retries=2 CMD x y\n",
                  .wanted = { "{\"Interval\":1000000000,\"Retries\":2,\"Test\":[\"CMD-SHELL\",\"x "
                              "y\"]}" } },
                { .file = "FROM a\nHEALTHCHECK NONE\n", .wanted = { "\"Test\":[\"NONE\"]" } },
                { .file = "FROM a\nVOLUME /v /w\n", .wanted = { "\"/v\":{}" } },
                { .file = "FROM a\nVOLUME [\"/v\", \"/w x\"]\n", .wanted = { "\"/w x\":{}" } },
                { .file = "FROM a\nONBUILD RUN make\n",
                  .wanted = { "\"OnBuild\":[\"RUN make\"]" },
                  .unwanted = { "RUN arg" } },
                { .file = "FROM a AS x\nONBUILD RUN make\nFROM x\n", .wanted = { "arg=<make>" } },
                { .file = "FROM trigger\nWORKDIR /w\n",
                  .wanted = { "COPY source=<> from-context target=/src", "arg=<make>" },
                  .unwanted = { "OnBuild" } },
                { .file = "FROM a\nEXPOSE 90-92/UDP\n",
                  .wanted = { "\"90/udp\":{},\"91/udp\":{},\"92/udp\":{}" } },
                { .file = "FROM a\nWORKDIR x\nWORKDIR ../y\n",
                  .wanted = { "target=/base/x", "\"WorkingDir\":\"/base/y\"" } },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases));
}

static void steps_say_all_they_need(void **state) {
        static const struct build_case cases[] = {
                { .file = "FROM a\nRUN [\"a\", \"b c\"]\n", .wanted = { "RUN arg=<a> arg=<b c>" } },
                { .file = "FROM a\nRUN --network=none x\n", .wanted = { "network=1" } },
                { .file = "FROM a\nRUN <<E\n#!/bin/x\ny\nE\n",
                  .wanted = { "script=<#!/bin/x\ny\n>" } },
                { .file = "FROM a\nRUN --mount=type=secret,id=s x\n",
                  .wanted = { "mount=3:/run/secrets/s:" } },
                { .file = "FROM a\nRUN --mount=type=cache,target=c x\n",
                  .wanted = { "mount=1:/base/c:/ from-scratch" } },
                { .file = "FROM a\nRUN --mount=target=/t,source=../s x\n",
                  .wanted = { "mount=0:/t:/s from-context" } },
                { .file = "FROM a\nCOPY a b /x\n",
                  .is_refused = true,
                  .wanted = { "f:2:10: several sources need a folder as target: write /x/" } },
                { .file = "FROM a\nCOPY ../../etc/passwd ./\n",
                  .wanted = { "source=<etc/passwd> from-context target=/base/" } },
                { .file = "FROM a\nADD a.tar /x/\n", .wanted = { "unpack=1" } },
                { .file = "FROM a\nADD --unpack=false a.tar /x/\n", .wanted = { "unpack=0" } },
                { .file = "FROM a\nADD https://x/y /z\n",
                  .is_refused = true,
                  .wanted = { "ADD downloads nothing here" } },
                { .file = "FROM a\nCOPY --chown=1:2 --chmod=640 a /b\n",
                  .wanted = { "chown=1:2 chmod=640" } },
                { .file = "FROM a\nARG M=999\nCOPY --chmod=$M a /b\n",
                  .is_refused = true,
                  .wanted = { "--chmod=999 is no octal mode" } },
                { .file = "FROM a\nRUN --mount=target=/ x\n",
                  .is_refused = true,
                  .wanted = { "--mount can't have the target /" } },
        };
        (void) state;

        check(cases, ARRAY_SIZE(cases));
}

/* ---- recipes ---- */

static struct build_plan *plan_of(struct dockerfile **ret_file, const char *text,
                                  const struct build_options *o) {
        struct build_plan *plan = NULL;
        struct diags d = { 0 };

        assert_int_equal(dockerfile_parse(text, strlen(text), NULL, ret_file, &d), 0);
        assert_int_equal(plan_make(*ret_file, o, &plan, &d), 0);
        diags_done(&d);
        return plan;
}

static bool is_same_recipe(const char *a, const char *b) {
        static const struct build_options o = { .machine = "linux/amd64" };
        AUTO(dockerfile) struct dockerfile *fa = NULL, *fb = NULL;
        AUTO(build_plan) struct build_plan *pa = plan_of(&fa, a, &o);
        AUTO(build_plan) struct build_plan *pb = plan_of(&fb, b, &o);
        const struct build_stage *sa = &pa->stages[0], *sb = &pb->stages[0];

        return strcmp(sa->steps[sa->n_steps - 1].recipe, sb->steps[sb->n_steps - 1].recipe) == 0;
}

static void recipes_differ_where_results_may(void **state) {
        (void) state;

        assert_true(is_same_recipe("FROM a\nRUN x\n", "FROM a\nLABEL l=1\nRUN   x\n"));
        assert_true(is_same_recipe("FROM a\nENV A=1\nRUN x\n", "FROM a\nENV A='1'\nRUN x\n"));
        assert_false(is_same_recipe("FROM a\nRUN x\n", "FROM a\nRUN y\n"));
        assert_false(is_same_recipe("FROM a\nRUN x\n", "FROM a\nENV A=1\nRUN x\n"));
        assert_false(is_same_recipe("FROM a\nRUN x\n", "FROM a\nUSER 1\nRUN x\n"));
        assert_false(is_same_recipe("FROM a\nRUN x\n", "FROM a\nWORKDIR /\nRUN x\n"));
        assert_false(is_same_recipe("FROM a\nRUN x\n", "FROM a\nRUN --network=none x\n"));
        assert_false(is_same_recipe("FROM a\nARG A=1\nRUN x\n", "FROM a\nARG A=2\nRUN x\n"));
        assert_false(is_same_recipe("FROM a\nCOPY a b\n", "FROM a\nCOPY --chmod=1 a b\n"));
        assert_false(is_same_recipe("FROM a\nCOPY <<E b\n1\nE\n", "FROM a\nCOPY <<E b\n2\nE\n"));
        assert_false(is_same_recipe("FROM a\nRUN [\"a b\"]\n", "FROM a\nRUN [\"a\",\"b\"]\n"));
}

static void the_image_tells_its_history(void **state) {
        static const struct build_options o = { .machine = "linux/amd64" };
        static const struct build_layer layers[] = { { "sha256:1" }, { NULL } };
        AUTO(dockerfile) struct dockerfile *f = NULL;
        AUTO(build_plan)
        struct build_plan *plan = plan_of(&f, "FROM a\nRUN x\nMAINTAINER me\n", &o);
        json_t *base = json_loads(base_config, 0, NULL), *image;
        AUTO_FREE char *text = NULL;
        (void) state;

        image = build_image_config(plan, 0, base, layers, "2026-01-02T03:04:05Z");
        text = json_dumps(image, JSON_COMPACT | JSON_SORT_KEYS);

        assert_non_null(strstr(text, "\"diff_ids\":[\"sha256:b\",\"sha256:1\"]"));
        assert_non_null(strstr(text, "{\"created_by\":\"base\"},{\"created\":\"2026-01-02T03:04:05Z"
                                     "\",\"created_by\":\"RUN /bin/sh -c x\"},"));
        assert_non_null(strstr(text, "\"empty_layer\":true"));
        assert_non_null(strstr(text, "\"author\":\"me\""));
        assert_non_null(strstr(text, "\"architecture\":\"amd64\""));
        json_decref(base);
        json_decref(image);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stages_are_chosen),
                cmocka_unit_test(arguments_have_their_scope),
                cmocka_unit_test(variables_are_substituted),
                cmocka_unit_test(configuration_follows_the_base),
                cmocka_unit_test(steps_say_all_they_need),
                cmocka_unit_test(recipes_differ_where_results_may),
                cmocka_unit_test(the_image_tells_its_history),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
