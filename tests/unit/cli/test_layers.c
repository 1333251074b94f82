#include "cli/layers.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct layer_news *take(struct layers *l, int layer, int of, const char *state,
                                     int bytes) {
        json_t *news = json_pack("{s:i, s:i, s:s, s:s, s:i, s:i}", "layer", layer, "of", of,
                                 "digest", "sha256:0123456789abcdef0123", "state", state, "bytes",
                                 bytes, "size", 1024);
        const struct layer_news *changed = layers_take(l, news);

        json_decref(news);
        return changed;
}

static void a_pipe_sees_each_step_once(void **state) {
        struct layers l = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) state;

        layers_say(take(&l, 1, 2, "downloading", 0), &b);
        assert_null(take(&l, 1, 2, "downloading", 512));
        layers_say(take(&l, 1, 2, "done", 1024), &b);
        layers_say(take(&l, 2, 2, "exists", 0), &b);

        assert_string_equal(b.s, "0123456789ab: downloading\n"
                                 "0123456789ab: done (1.0 KiB)\n"
                                 "0123456789ab: already there\n");
}

static void a_terminal_sees_a_bar_for_each(void **state) {
        struct layers l = { 0 };
        AUTO_DONE(strbuf) struct strbuf first = { 0 }, second = { 0 };
        (void) state;

        (void) take(&l, 1, 2, "downloading", 512);
        (void) take(&l, 2, 2, "waiting", 0);
        layers_draw(&l, 10, &first);
        layers_draw(&l, 10, &second);

        assert_non_null(
                strstr(first.s, "downloading  [############            ] 512 B of 1.0 KiB"));
        assert_null(strstr(first.s, "\033[2A"));
        assert_non_null(strstr(second.s, "\033[2A"));
}

static void a_low_terminal_shows_those_under_way(void **state) {
        struct layers l = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t n_lines = 0;
        (void) state;

        for (int i = 1; i <= 50; i++)
                (void) take(&l, i, 60, "done", 1024);
        (void) take(&l, 51, 60, "unpacking", 1024);
        layers_draw(&l, 10, &b);

        for (const char *p = b.s; (p = strchr(p, '\n')); p++)
                n_lines++;
        assert_int_equal(n_lines, 1);
        assert_non_null(strstr(b.s, "unpacking"));
}

static void what_a_server_makes_up_changes_nothing(void **state) {
        struct layers l = { 0 };
        (void) state;

        assert_null(take(&l, 0, 2, "done", 0));
        assert_null(take(&l, 3, 2, "done", 0));
        assert_null(take(&l, 1, 100000, "done", 0));
        assert_null(take(&l, 1, 2, "a state that is much too long for it", 0));
        assert_null(layers_take(&l, NULL));
        assert_int_equal(l.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pipe_sees_each_step_once),
                cmocka_unit_test(a_terminal_sees_a_bar_for_each),
                cmocka_unit_test(a_low_terminal_shows_those_under_way),
                cmocka_unit_test(what_a_server_makes_up_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
