#include "api/dockerfile/dockerfile.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static struct dockerfile *parse(const char *text) {
        struct dockerfile *f = NULL;
        struct diags d = { 0 };
        int r = dockerfile_parse(text, strlen(text), "Dockerfile", &f, &d);

        for (size_t i = 0; i < d.n && r < 0; i++) {
                AUTO_FREE char *line = diag_format(&d.items[i]);

                print_error("%s\n", line);
        }
        diags_done(&d);
        assert_int_equal(r, 0);
        return f;
}

/* The findings of a file that is wrong, one a line. */
static char *findings(const char *text) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct dockerfile *f = NULL;
        struct diags d = { 0 };

        assert_int_equal(dockerfile_parse(text, strlen(text), "Dockerfile", &f, &d), -EINVAL);
        for (size_t i = 0; i < d.n; i++) {
                AUTO_FREE char *line = diag_format(&d.items[i]);

                strbuf_addf(&b, "%s\n", line);
        }
        diags_done(&d);
        return strbuf_steal(&b);
}

static void assert_has(const char *text, const char *part) {
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void reads_stages_with_their_instructions(void **state) {
        static const char text[] = "ARG TAG=1\n"
                                   "from base:$TAG as Build\n"
                                   "RUN make\n"
                                   "FROM --platform=linux/arm64 scratch\n"
                                   "COPY --from=build --chown=1:2 --chmod=0755 --link /a /b /c/\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        const struct dockerfile_instruction *copy = &f->items[4];
        (void) state;

        assert_int_equal(f->n_global, 1);
        assert_int_equal(f->n_stages, 2);
        assert_int_equal(f->stages[0].n, 2);
        assert_string_equal(f->items[1].stage_name, "build");
        assert_string_equal(f->items[3].platform, "linux/arm64");
        assert_string_equal(copy->from.text, "build");
        assert_string_equal(copy->chown, "1:2");
        assert_string_equal(copy->chmod, "0755");
        assert_true(copy->is_link);
        assert_int_equal(copy->words.n, 3);
        assert_string_equal(copy->words.items[2].text, "/c/");
        assert_int_equal(copy->words.items[0].place.line, 5);
        assert_int_equal(copy->words.items[0].place.column, 51);
}

static void joins_lines_and_drops_comments(void **state) {
        static const char text[] = "# a comment\n"
                                   "FROM x\n"
                                   "RUN a \\\n"
                                   "  # not a part\n"
                                   "\n"
                                   "  && b \\  \n"
                                   "  && c # kept\n"
                                   "ENV A=1 \\\n"
                                   "    B=2\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        (void) state;

        assert_string_equal(f->items[1].command.text, "a   && b   && c # kept");
        assert_int_equal(f->items[2].pairs.n, 2);
        assert_string_equal(f->items[2].pairs.items[1].key.text, "B");
        assert_int_equal(f->items[2].pairs.items[1].key.place.line, 9);
        assert_int_equal(f->items[2].pairs.items[1].key.place.column, 5);
}

static void follows_the_directive_escape(void **state) {
        AUTO(dockerfile)
        struct dockerfile *f = parse("# escape=`\nFROM x\nRUN dir c:\\ `\n  && b\n");
        (void) state;

        assert_string_equal(f->items[1].command.text, "dir c:\\   && b");
}

static void reads_lists_and_shell_lines(void **state) {
        static const char text[] = "FROM x\n"
                                   "RUN [\"/bin/a\", \"b c\"]\n"
                                   "CMD echo hi\n"
                                   "ENTRYPOINT []\n"
                                   "SHELL [\"/bin/bash\", \"-ec\"]\n"
                                   "RUN [ -f /x ]\n"
                                   "VOLUME [\"/a b\"]\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        (void) state;

        assert_int_equal(f->items[1].command.form, DOCKERFILE_FORM_EXEC);
        assert_string_equal(f->items[1].command.words.items[1].text, "b c");
        assert_int_equal(f->items[1].command.words.items[1].place.column, 16);
        assert_int_equal(f->items[2].command.form, DOCKERFILE_FORM_SHELL);
        assert_int_equal(f->items[3].command.form, DOCKERFILE_FORM_EXEC);
        assert_int_equal(f->items[3].command.words.n, 0);
        assert_int_equal(f->items[4].command.words.n, 2);
        assert_string_equal(f->items[5].command.text, "[ -f /x ]");
        assert_string_equal(f->items[6].words.items[0].text, "/a b");
}

static void reads_here_documents(void **state) {
        static const char text[] = "FROM x\n"
                                   "RUN <<EOF\necho a\necho b\nEOF\n"
                                   "RUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\n"
                                   "RUN cat <<A > /x && cat <<-'B' > /y\nin a\nA\n\tin b\n\tB\n"
                                   "COPY <<one <<\"two\" /dir/\n$x\none\n$y\ntwo\n"
                                   "WORKDIR /w\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        (void) state;

        assert_int_equal(f->n, 6);
        assert_string_equal(f->items[1].command.text, "echo a\necho b\n");
        assert_int_equal(f->items[1].command.form, DOCKERFILE_FORM_SHELL);
        assert_int_equal(f->items[2].command.form, DOCKERFILE_FORM_SCRIPT);
        assert_string_equal(f->items[3].command.text,
                            "cat <<A > /x && cat <<-'B' > /y\nin a\nA\nin b\nB");
        assert_int_equal(f->items[4].n_heredocs, 2);
        assert_string_equal(f->items[4].heredocs[0].name, "one");
        assert_string_equal(f->items[4].heredocs[0].text, "$x\n");
        assert_true(f->items[4].heredocs[0].is_expanded);
        assert_false(f->items[4].heredocs[1].is_expanded);
}

static void reads_pairs_in_both_forms(void **state) {
        static const char text[] = "FROM x\n"
                                   "ENV A=\"b c\" D='e' F=g\\ h\n"
                                   "ENV OLD one two\n"
                                   "LABEL \"a.b\"=c\n"
                                   "ARG X Y=z\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        (void) state;

        assert_int_equal(f->items[1].pairs.n, 3);
        assert_string_equal(f->items[1].pairs.items[0].value, "\"b c\"");
        assert_string_equal(f->items[1].pairs.items[2].value, "g\\ h");
        assert_string_equal(f->items[2].pairs.items[0].key.text, "OLD");
        assert_string_equal(f->items[2].pairs.items[0].value, "one two");
        assert_string_equal(f->items[3].pairs.items[0].key.text, "\"a.b\"");
        assert_null(f->items[4].pairs.items[0].value);
        assert_string_equal(f->items[4].pairs.items[1].value, "z");
}

static void reads_mounts(void **state) {
        static const char text[] =
                "FROM x\n"
                "RUN --mount=type=cache,target=/c,id=go,sharing=locked,mode=0700,uid=5 \\\n"
                "    --mount=from=y,source=/s,target=/t,rw --network=none \\\n"
                "    --mount=type=tmpfs,target=/tmp,size=64m \\\n"
                "    --mount=type=secret,id=token,env=TOKEN,required=true make\n";
        AUTO(dockerfile) struct dockerfile *f = parse(text);
        const struct dockerfile_instruction *run = &f->items[1];
        (void) state;

        assert_int_equal(run->n_mounts, 4);
        assert_int_equal(run->mounts[0].type, DOCKERFILE_MOUNT_CACHE);
        assert_int_equal(run->mounts[0].sharing, DOCKERFILE_LOCKED);
        assert_int_equal(run->mounts[0].mode, 0700);
        assert_int_equal(run->mounts[0].uid, 5);
        assert_int_equal(run->mounts[1].type, DOCKERFILE_MOUNT_BIND);
        assert_true(run->mounts[1].is_writable);
        assert_int_equal(run->mounts[2].size_bytes, 64 << 20);
        assert_string_equal(run->mounts[3].env, "TOKEN");
        assert_true(run->mounts[3].is_required);
        assert_int_equal(run->network, DOCKERFILE_NETWORK_NONE);
        assert_string_equal(run->command.text, "make");
}

static void reads_health_checks(void **state) {
        AUTO(dockerfile)
        struct dockerfile *f = parse(
                "FROM x\nHEALTHCHECK --interval=1m30s --timeout=500ms --retries=4 CMD curl x\n"
                "HEALTHCHECK none\n");
        (void) state;

        assert_int_equal(f->items[1].health.interval_usec, 90000000);
        assert_int_equal(f->items[1].health.timeout_usec, 500000);
        assert_int_equal(f->items[1].health.retries, 4);
        assert_string_equal(f->items[1].command.text, "curl x");
        assert_true(f->items[2].health.is_none);
}

static void reads_triggers(void **state) {
        AUTO(dockerfile) struct dockerfile *f = parse("FROM x\nONBUILD COPY . /src\n");
        (void) state;

        assert_int_equal(f->items[1].trigger->verb, DOCKERFILE_COPY);
        assert_string_equal(f->items[1].trigger->text, "COPY . /src");
        assert_int_equal(f->items[1].trigger->words.n, 2);
}

static void suggests_the_stage_that_was_meant(void **state) {
        AUTO_FREE char *text = findings("FROM a AS build\nFROM scratch\nCOPY --from=builder / /\n");
        (void) state;

        assert_has(text, "Dockerfile:3:6: there is no stage \"builder\"");
        assert_has(text, "did you mean \"build\"?");
}

static void takes_other_names_for_images(void **state) {
        AUTO(dockerfile)
        struct dockerfile *f = parse("FROM a AS build\nFROM scratch\nCOPY --from=nginx /a /\n"
                                     "COPY --from=builder:latest / /\nCOPY --from=0 / /\n");
        (void) state;

        assert_int_equal(f->n, 5);
}

static void tells_everything_at_once(void **state) {
        AUTO_FREE char *text = findings("RUN early\n"
                                        "FROM a AS 1x\n"
                                        "RNU make\n"
                                        "COPY onlyone\n"
                                        "COPY --form=a b c\n"
                                        "ENV A=1 B\n"
                                        "EXPOSE http\n"
                                        "WORKDIR ${x\n"
                                        "RUN --mount=type=ssh make\n"
                                        "RUN --mount=type=cach,target=/x make\n"
                                        "COPY --from=later / /\n"
                                        "SHELL /bin/sh\n"
                                        "HEALTHCHECK curl\n"
                                        "ONBUILD FROM x\n"
                                        "COPY --chmod=rwx a b\n"
                                        "FROM b AS later\n"
                                        "COPY --from=later / /\n"
                                        "COPY --from=7 / /\n"
                                        "RUN <<EOF\nno end\n");
        static const char *const parts[] = {
                ":1:1: RUN stands before the first FROM",
                ":2:11: invalid stage name \"1x\"",
                ":3:1: unknown instruction \"RNU\"; did you mean RUN?",
                ":4:1: COPY needs at least two",
                ":5:6: unknown flag --form of COPY; did you mean "
                "--from?",
                ":6:9: no \"=\" in \"B\"",
                ":7:8: \"http\" is no port",
                ":8:9: ${x is not closed",
                ":9:5: --mount=type=ssh is not possible",
                ":10:5: unknown mount type \"cach\"",
                "did you mean \"cache\"?",
                ":11:6: stage \"later\" comes later",
                ":12:1: SHELL needs a JSON list",
                ":13:13: HEALTHCHECK: unknown type \"curl\"",
                ":14:9: ONBUILD takes one",
                ":15:6: --chmod=rwx is no octal mode",
                ":17:6: stage \"later\" can't copy from "
                "itself",
                ":18:6: there is no stage 7",
                ":19:5: the here-document has no end: add a line "
                "\"EOF\"",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                assert_has(text, parts[i]);
}

static void needs_a_stage(void **state) {
        AUTO_FREE char *text = findings("# nothing\n");
        (void) state;

        assert_has(text, "no stage: begin with FROM");
}

static void refuses_what_is_no_text(void **state) {
        struct dockerfile *f = NULL;
        (void) state;

        assert_int_equal(dockerfile_parse("FROM x\0y", 8, NULL, &f, NULL), -EINVAL);
        assert_int_equal(dockerfile_parse("FROM \xff", 6, NULL, &f, NULL), -EINVAL);
}

static void bounds_sizes(void **state) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct dockerfile *f = NULL;
        (void) state;

        for (size_t i = 0; i <= DOCKERFILE_STAGES_MAX; i++)
                strbuf_add(&b, "FROM x\n");
        assert_int_equal(dockerfile_parse(b.s, b.len, NULL, &f, NULL), -EINVAL);
        for (size_t i = 0; b.len <= DOCKERFILE_BYTES_MAX; i++)
                strbuf_add(&b, "RUN true\n");
        assert_int_equal(dockerfile_parse(b.s, b.len, NULL, &f, NULL), -EFBIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_stages_with_their_instructions),
                cmocka_unit_test(joins_lines_and_drops_comments),
                cmocka_unit_test(follows_the_directive_escape),
                cmocka_unit_test(reads_lists_and_shell_lines),
                cmocka_unit_test(reads_here_documents),
                cmocka_unit_test(reads_pairs_in_both_forms),
                cmocka_unit_test(reads_mounts),
                cmocka_unit_test(reads_health_checks),
                cmocka_unit_test(reads_triggers),
                cmocka_unit_test(suggests_the_stage_that_was_meant),
                cmocka_unit_test(takes_other_names_for_images),
                cmocka_unit_test(tells_everything_at_once),
                cmocka_unit_test(needs_a_stage),
                cmocka_unit_test(refuses_what_is_no_text),
                cmocka_unit_test(bounds_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
