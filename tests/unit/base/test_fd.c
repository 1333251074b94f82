#include "base/fd.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int make_folder(void **state) {
        char *path = strdup("/tmp/orch-test-fd-XXXXXX");

        if (!path || !mkdtemp(path))
                return -1;
        *state = path;
        return 0;
}

static int drop_folder(void **state) {
        int r = dir_remove_all(AT_FDCWD, *state, NULL);

        free(*state);
        return r;
}

static void a_file_is_replaced_whole(void **state) {
        AUTO_FREE char *text = NULL;
        char path[128];
        size_t len = 0;

        (void) snprintf(path, sizeof(path), "%s/a", (char *) *state);
        assert_int_equal(file_write_atomic(path, "old", 3, 0600, false, NULL), 0);
        assert_int_equal(file_write_atomic(path, "newer", 5, 0600, true, NULL), 0);

        assert_int_equal(file_read(path, 100, &text, &len, NULL), 0);
        assert_string_equal(text, "newer");
        assert_int_equal(len, 5);
}

static void a_file_over_the_bound_is_refused_in_words(void **state) {
        struct err e = { 0 };
        char *text = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/a", (char *) *state);
        assert_int_equal(file_write_atomic(path, "12345", 5, 0600, false, NULL), 0);

        assert_int_equal(file_read(path, 4, &text, NULL, &e), -EFBIG);
        assert_null(text);
        assert_non_null(strstr(e.text, "larger than 4 bytes"));
}

static void removal_takes_trees_and_spares_what_links_point_at(void **state) {
        char path[128], link[128], outside[128];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/t/a/b/c", (char *) *state);
        (void) snprintf(link, sizeof(link), "%s/t/a/link", (char *) *state);
        (void) snprintf(outside, sizeof(outside), "%s/keep", (char *) *state);
        assert_int_equal(dir_make_all(path, 0700, NULL), 0);
        assert_int_equal(dir_make_all(outside, 0700, NULL), 0);
        assert_int_equal(symlink(outside, link), 0);

        (void) snprintf(path, sizeof(path), "%s/t", (char *) *state);
        assert_int_equal(dir_remove_all(AT_FDCWD, path, NULL), 0);
        assert_int_equal(dir_remove_all(AT_FDCWD, path, NULL), 0);

        assert_int_equal(stat(path, &st), -1);
        assert_int_equal(stat(outside, &st), 0);
}

/* Deeper than any path can say, and than a process may have files open. */
static void removal_takes_trees_of_any_depth(void **state) {
        struct rlimit before, few;
        char path[128];
        struct stat st;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/t", (char *) *state);
        assert_int_equal(mkdir(path, 0700), 0);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int i = 0; i < 700; i++) {
                int next;

                assert_int_equal(mkdirat(fd, "folder", 0700), 0);
                assert_int_equal(mkdirat(fd, "beside", 0700), 0);
                next = openat(fd, "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                (void) close(fd);
                fd = next;
        }
        (void) close(fd);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        few = (struct rlimit){ .rlim_cur = 100, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);

        assert_int_equal(dir_remove_all(AT_FDCWD, path, NULL), 0);

        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(stat(path, &st), -1);
}

static void a_folder_is_one_daemons_at_a_time(void **state) {
        AUTO_CLOSE int first = -1;
        AUTO_CLOSE int second = -1;
        struct err e = { 0 };

        assert_int_equal(dir_lock(*state, "orchd", "--state-dir", &first, &e), 0);
        assert_int_equal(dir_lock(*state, "orchd", "--state-dir", &second, &e), -EBUSY);

        assert_non_null(strstr(err_text(&e), "another orchd uses "));
        assert_non_null(strstr(err_text(&e), "choose another directory with --state-dir"));
        assert_int_equal(second, -1);
        macros_close_fd(&first);
        assert_int_equal(dir_lock(*state, "orchd", "--state-dir", &second, &e), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, make_folder, drop_folder),
                cmocka_unit_test_setup_teardown(a_file_over_the_bound_is_refused_in_words,
                                                make_folder, drop_folder),
                cmocka_unit_test_setup_teardown(removal_takes_trees_and_spares_what_links_point_at,
                                                make_folder, drop_folder),
                cmocka_unit_test_setup_teardown(removal_takes_trees_of_any_depth, make_folder,
                                                drop_folder),
                cmocka_unit_test_setup_teardown(a_folder_is_one_daemons_at_a_time, make_folder,
                                                drop_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
