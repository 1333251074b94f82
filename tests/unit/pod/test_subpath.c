#include "base/fd.h"
#include "daemon/pod/subpath.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A volume of mode 0770 beside a folder that nobody may get at. */
struct place {
        char dir[64], volume[80], outside[80];
};

static int setup(void **state) {
        struct place *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        (void) snprintf(p->dir, sizeof(p->dir), "/tmp/orch-subpath-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        (void) snprintf(p->volume, sizeof(p->volume), "%s/volume", p->dir);
        (void) snprintf(p->outside, sizeof(p->outside), "%s/outside", p->dir);
        assert_int_equal(mkdir(p->volume, 0700), 0);
        assert_int_equal(chmod(p->volume, 0770), 0);
        assert_int_equal(mkdir(p->outside, 0700), 0);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        struct place *p = *state;

        (void) dir_remove_all(AT_FDCWD, p->dir, NULL);
        free(p);
        return 0;
}

static void link_to(const struct place *p, const char *name, const char *target) {
        char path[160];

        (void) snprintf(path, sizeof(path), "%s/%s", p->volume, name);
        assert_int_equal(symlink(target, path), 0);
}

static bool is_same(int fd, const char *path) {
        struct stat a, b;

        return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static void missing_folders_are_made_as_open_as_the_volume(void **state) {
        const struct place *p = *state;
        AUTO_CLOSE int fd = -1;
        char path[160];
        struct stat st;

        fd = subpath_open(p->volume, "a/b//c", NULL);

        assert_true(fd >= 0);
        (void) snprintf(path, sizeof(path), "%s/a/b/c", p->volume);
        assert_true(is_same(fd, path));
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0770);
}

static void links_inside_are_followed(void **state) {
        const struct place *p = *state;
        AUTO_CLOSE int real = subpath_open(p->volume, "real", NULL), fd = -1;
        char path[160];

        link_to(p, "alias", "real");
        fd = subpath_open(p->volume, "alias/below", NULL);

        assert_true(real >= 0 && fd >= 0);
        (void) snprintf(path, sizeof(path), "%s/real/below", p->volume);
        assert_true(is_same(fd, path));
}

static void links_out_are_refused_and_nothing_is_made_behind_them(void **state) {
        static const char *const paths[] = { "abs", "up", "abs/made", "up/made", "up/deep/made" };
        const struct place *p = *state;
        struct err e = { 0 };

        link_to(p, "abs", p->outside);
        link_to(p, "up", "../outside");
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                assert_true(subpath_open(p->volume, paths[i], &e) < 0);
                assert_non_null(strstr(e.text, "leads out of its volume"));
        }
        assert_int_equal(rmdir(p->outside), 0); /* empty */
}

static void files_can_be_parts_too(void **state) {
        const struct place *p = *state;
        AUTO_CLOSE int file = -1, fd = -1;
        char path[160];

        (void) snprintf(path, sizeof(path), "%s/file", p->volume);
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(file >= 0);
        fd = subpath_open(p->volume, "file", NULL);

        assert_true(fd >= 0 && is_same(fd, path));
        assert_int_equal(subpath_open(p->volume, "file/below", NULL), -ENOTDIR);
        assert_int_equal(subpath_open("/no/such/volume", "x", NULL), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(missing_folders_are_made_as_open_as_the_volume,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(links_inside_are_followed, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        links_out_are_refused_and_nothing_is_made_behind_them, setup, teardown),
                cmocka_unit_test_setup_teardown(files_can_be_parts_too, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
