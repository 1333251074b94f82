#include "cli/commands.h"
#include "cli/help.h"
#include "cli/option.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

struct args {
        bool is_all, is_waiting;
        const char *output, *dry_run;
        struct option_texts files;
        struct option_number replicas, timeout;
};

static const char *const dry_run_values[] = { "client", "server", NULL };

static const struct option options[] = {
        OPTION_OF_FLAG(struct args, is_all, 'A', "all-namespaces", "all"),
        OPTION_OF_FLAG(struct args, is_waiting, 'w', "wait", "wait", .default_text = "true"),
        OPTION_OF_TEXT(struct args, output, 'o', "output", "FORMAT", "format"),
        OPTION_OF_TEXTS(struct args, files, 'f', "filename", "FILE", "files"),
        OPTION_OF_NUMBER(struct args, replicas, 0, "replicas", "NUMBER", "how many"),
        OPTION_OF_DURATION(struct args, timeout, 0, "timeout", "TIME", "how long",
                           .default_text = "5m"),
        OPTION_OF_CHOICE(struct args, dry_run, 0, "dry-run", "client|server", "dry",
                         .values = dry_run_values, .is_value_optional = true),
};

static int parse(struct args *a, struct words *w, struct err *e, const char *line, bool stops) {
        static char copy[256];
        char *argv[32], *save = NULL;
        struct option_group g = { options, ARRAY_SIZE(options), a };
        int argc = 0;

        strcpy(copy, line);
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
                argv[argc++] = word;
        option_set_defaults(&g);
        return option_parse(&(struct option_line){ argv, argc, stops }, &g, 1, w, e);
}

static void values_are_taken_in_every_spelling(void **state) {
        static const char *const lines[] = { "-o wide", "-owide", "-o=wide", "--output wide",
                                             "--output=wide" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                struct args a = { 0 };
                AUTO_DONE(words) struct words w = { 0 };

                assert_int_equal(parse(&a, &w, NULL, lines[i], false), 0);
                assert_string_equal(a.output, "wide");
                assert_int_equal(w.n, 0);
        }
}

static void options_and_words_mix_until_dashes(void **state) {
        struct args a = { 0 };
        AUTO_DONE(words) struct words w = { 0 };
        (void) state;

        assert_int_equal(parse(&a, &w, NULL, "pods -A web -f x -f - -- -o ls", false), 0);

        assert_true(a.is_all);
        assert_int_equal(a.files.n, 2);
        assert_string_equal(a.files.items[1], "-");
        assert_int_equal(w.n, 4);
        assert_int_equal(w.n_before_dashes, 2);
        assert_string_equal(w.items[2], "-o");
        assert_null(a.output);
}

static void letters_can_be_joined(void **state) {
        struct args a = { 0 };
        AUTO_DONE(words) struct words w = { 0 };
        (void) state;

        assert_int_equal(parse(&a, &w, NULL, "-Aoyaml", false), 0);
        assert_true(a.is_all);
        assert_string_equal(a.output, "yaml");
}

static void global_options_end_at_the_command(void **state) {
        struct args a = { 0 };
        AUTO_DONE(words) struct words w = { 0 };
        (void) state;

        assert_int_equal(parse(&a, &w, NULL, "-A get --unknown", true), 0);
        assert_string_equal(w.items[0], "get");
        assert_int_equal(w.n, 2);
}

static void defaults_hold_until_given(void **state) {
        struct args a = { 0 }, b = { 0 };
        AUTO_DONE(words) struct words w = { 0 };
        AUTO_DONE(words) struct words v = { 0 };
        (void) state;

        assert_int_equal(parse(&a, &w, NULL, "", false), 0);
        assert_true(a.is_waiting);
        assert_int_equal(a.timeout.value, 300000000);
        assert_null(a.dry_run);
        assert_int_equal(parse(&b, &v, NULL, "--wait=false --timeout 1m30s --dry-run", false), 0);
        assert_false(b.is_waiting);
        assert_int_equal(b.timeout.value, 90000000);
        assert_string_equal(b.dry_run, "client");
}

static void mistakes_are_named_with_a_suggestion(void **state) {
        static const struct {
                const char *line, *says;
        } cases[] = {
                { "--outptu x", "did you mean --output?" },
                { "--output", "needs a value: FORMAT" },
                { "-x", "unknown option -x" },
                { "--replicas=two", "takes a number" },
                { "--timeout=soon", "takes a time" },
                { "--dry-run=maybe", "one of client, server" },
                { "--wait=perhaps", "true or false" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct args a = { 0 };
                struct err e = { 0 };
                AUTO_DONE(words) struct words w = { 0 };

                assert_int_equal(parse(&a, &w, &e, cases[i].line, false), -EINVAL);
                assert_non_null(strstr(e.text, cases[i].says));
        }
}

static void durations_are_read(void **state) {
        static const struct {
                const char *text;
                int64_t usec;
        } good[] = { { "0", 0 },          { "45", 45000000 },
                     { "500ms", 500000 }, { "1h30m", 5400000000 },
                     { "1.5s", 1500000 }, { "2d", 172800000000 } };
        static const char *const bad[] = {
                "", "-1s", "s", "1x", "1m5", "1e99s", "99999999999999999999h"
        };
        int64_t usec;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_int_equal(option_duration_parse(good[i].text, &usec), 0);
                assert_int_equal(usec, good[i].usec);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(option_duration_parse(bad[i], &usec), -EINVAL);
}

static void check_command(const struct command *c) {
        assert_true(c->run != NULL || c->subcommands != NULL);
        assert_non_null(c->summary);
        for (size_t i = 0; i < c->n_options; i++) {
                const struct option *o = &c->options[i];

                assert_true(o->offset < c->args_size);
                for (size_t k = 0; k < i; k++) {
                        assert_string_not_equal(o->name, c->options[k].name);
                        assert_true(o->letter == 0 || o->letter != c->options[k].letter);
                }
                /* A global option of the same letter would be shadowed in silence. */
                for (size_t g = 0; g < help_n_global_options; g++)
                        assert_true(o->letter == 0 || o->letter != help_global_options[g].letter);
        }
        for (size_t i = 0; c->subcommands && c->subcommands[i]; i++)
                check_command(c->subcommands[i]);
}

static void every_command_table_is_sound(void **state) {
        (void) state;
        for (size_t i = 0; command_all[i]; i++)
                check_command(command_all[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_taken_in_every_spelling),
                cmocka_unit_test(options_and_words_mix_until_dashes),
                cmocka_unit_test(letters_can_be_joined),
                cmocka_unit_test(global_options_end_at_the_command),
                cmocka_unit_test(defaults_hold_until_given),
                cmocka_unit_test(mistakes_are_named_with_a_suggestion),
                cmocka_unit_test(durations_are_read),
                cmocka_unit_test(every_command_table_is_sound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
