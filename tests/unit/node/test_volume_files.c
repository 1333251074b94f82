#include "base/fd.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/node/volume_files.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state) {
        char *dir = strdup("/tmp/orch-test-volume-XXXXXX");

        *state = mkdtemp(dir);
        return *state ? 0 : -1;
}

static int tear_down(void **state) {
        int r = dir_remove_all(AT_FDCWD, *state, NULL);

        free(*state);
        return r;
}

static char *content(const char *dir, const char *name) {
        AUTO_FREE char *path = str_format("%s/%s", dir, name);
        char *text = NULL;

        return file_read(path, 1000, &text, NULL, NULL) < 0 ? NULL : text;
}

static char *data_link(const char *dir) {
        AUTO_FREE char *path = str_format("%s/..data", dir);
        char *target = calloc(1, 200);

        assert_true(readlink(path, target, 199) > 0);
        return target;
}

static void files_appear_below_links_with_their_modes(void **state) {
        const struct volume_file files[] = { { "a.conf", "one", 3, 0640 },
                                             { "sub/b", "two", 3, 0400 } };
        AUTO_FREE char *a = NULL, *b = NULL, *path = NULL;
        struct stat st;

        assert_int_equal(volume_files_write(*state, files, 2, (gid_t) -1, NULL), 1);

        a = content(*state, "a.conf");
        b = content(*state, "sub/b");
        assert_string_equal(a, "one");
        assert_string_equal(b, "two");
        path = str_format("%s/a.conf", (char *) *state);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
}

static void the_same_content_is_not_written_again(void **state) {
        const struct volume_file files[] = { { "a", "one", 3, 0644 } };
        AUTO_FREE char *before = NULL, *after = NULL;

        assert_int_equal(volume_files_write(*state, files, 1, (gid_t) -1, NULL), 1);
        before = data_link(*state);
        assert_int_equal(volume_files_write(*state, files, 1, (gid_t) -1, NULL), 0);
        after = data_link(*state);

        assert_string_equal(before, after);
}

static void a_change_replaces_all_and_sweeps_up(void **state) {
        const struct volume_file before[] = { { "a", "one", 3, 0644 }, { "gone", "x", 1, 0644 } };
        const struct volume_file after[] = { { "a", "three", 5, 0644 } };
        AUTO_FREE char *old = NULL, *a = NULL, *gone = NULL, *path = NULL;
        struct stat st;

        assert_int_equal(volume_files_write(*state, before, 2, (gid_t) -1, NULL), 1);
        old = data_link(*state);
        assert_int_equal(volume_files_write(*state, after, 1, (gid_t) -1, NULL), 1);

        a = content(*state, "a");
        gone = content(*state, "gone");
        path = str_format("%s/%s", (char *) *state, old);
        assert_string_equal(a, "three");
        assert_null(gone);
        assert_int_equal(lstat(path, &st), -1);
}

static void no_files_are_an_empty_volume(void **state) {
        assert_int_equal(volume_files_write(*state, NULL, 0, (gid_t) -1, NULL), 1);
        assert_int_equal(volume_files_write(*state, NULL, 0, (gid_t) -1, NULL), 0);
}

static void paths_that_lead_out_are_refused(void **state) {
        static const char *const bad[] = { "",          "/etc/passwd", "..",    "../x",
                                           "a/../../x", "a/..",        "..data" };
        static const char *const good[] = { "a", "a/b", ".hidden", "a..b", "a/.b" };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const struct volume_file f = { bad[i], "x", 1, 0644 };

                assert_false(volume_file_path_is_valid(bad[i]));
                assert_int_equal(volume_files_write(*state, &f, 1, (gid_t) -1, NULL), -EINVAL);
        }
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(volume_file_path_is_valid(good[i]));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(files_appear_below_links_with_their_modes),
                WITH(the_same_content_is_not_written_again),
                WITH(a_change_replaces_all_and_sweeps_up),
                WITH(no_files_are_an_empty_volume),
                WITH(paths_that_lead_out_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
