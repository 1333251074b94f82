#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/registry/user.h"
#include "daemon/server/audit.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct user JANE = USER_MASTER("jane");
static const struct user JOE = { .name = "joe" };

static const struct audit_event PATCH = {
        .method = "PATCH",
        .path = "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        .query = "fieldManager=kubectl",
        .asker = &JANE,
        .user = &JANE,
        .source = "192.0.2.7",
        .user_agent = "kubectl",
        .code = 200,
        .begin_usec = 1800000000000000,
        .end_usec = 1800000000001000,
};

static const char *text_at(const json_t *tree, const char *object, const char *key) {
        return str_or_empty(json_string_value(json_object_get(json_object_get(tree, object), key)));
}

static void tells_who_did_what(void **state) {
        AUTO_FREE char *line = audit_format(&PATCH, "id-1");
        json_t *tree = json_loads(line, 0, NULL);
        (void) state;

        assert_non_null(tree);
        assert_string_equal(json_string_value(json_object_get(tree, "verb")), "patch");
        assert_string_equal(json_string_value(json_object_get(tree, "auditID")), "id-1");
        assert_string_equal(text_at(tree, "objectRef", "resource"), "deployments");
        assert_string_equal(text_at(tree, "objectRef", "subresource"), "scale");
        assert_string_equal(text_at(tree, "objectRef", "namespace"), "shop");
        assert_string_equal(text_at(tree, "objectRef", "apiGroup"), "apps");
        assert_string_equal(text_at(tree, "user", "username"), "jane");
        assert_null(json_object_get(tree, "impersonatedUser"));
        assert_string_equal(json_string_value(json_object_get(tree, "stageTimestamp")),
                            "2027-01-15T08:00:00.001000Z");
        assert_null(strchr(line, '\n'));
        json_decref(tree);
}

static void tells_in_whose_name(void **state) {
        struct audit_event v = PATCH;
        AUTO_FREE char *line = NULL;
        json_t *tree;
        (void) state;

        v.user = &JOE;
        line = audit_format(&v, "id");
        tree = json_loads(line, 0, NULL);
        assert_string_equal(text_at(tree, "user", "username"), "jane");
        assert_string_equal(text_at(tree, "impersonatedUser", "username"), "joe");
        json_decref(tree);
}

static void a_malformed_path_is_told_as_well(void **state) {
        struct audit_event v = PATCH;
        AUTO_FREE char *line = NULL;
        (void) state;

        v.path = "/api/%zz";
        v.asker = v.user = NULL;
        line = audit_format(&v, "id");
        assert_non_null(line);
        assert_non_null(strstr(line, "\"user\":{}"));
        assert_null(strstr(line, "objectRef"));
}

static void begins_new_files_and_keeps_five(void **state) {
        char directory[] = "/tmp/orch-test-audit-XXXXXX";
        AUTO_FREE char *path = NULL;
        (void) state;

        assert_non_null(mkdtemp(directory));
        path = str_format("%s/audit.log", directory);
        for (int i = 0; i < 8; i++) {
                struct audit *a;
                struct loop *l;

                assert_int_equal(loop_new(&l, NULL), 0);
                assert_int_equal(audit_open(l, path, 10, &a, NULL), 0);
                audit_add(a, &PATCH);
                audit_unref(a);
                loop_unref(l);
        }
        for (int i = 0; i <= AUDIT_FILES; i++) {
                AUTO_FREE char *one = i > 0 ? str_format("%s.%d", path, i) : strdup(path);
                AUTO_FREE char *text = NULL;

                if (i == AUDIT_FILES) {
                        assert_int_equal(access(one, F_OK), -1);
                        continue;
                }
                assert_int_equal(file_read(one, 1 << 20, &text, NULL, NULL), 0);
                assert_int_equal(strcspn(text, "\n") + 1, strlen(text));
        }
        assert_int_equal(dir_remove_all(AT_FDCWD, directory, NULL), 0);
}

static void health_and_heartbeats_are_no_news(void **state) {
        char directory[] = "/tmp/orch-test-audit-XXXXXX";
        struct audit_event v = PATCH;
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *text = NULL;
        struct audit *a;
        struct loop *l;
        (void) state;

        assert_non_null(mkdtemp(directory));
        path = str_format("%s/audit.log", directory);
        assert_int_equal(loop_new(&l, NULL), 0);
        assert_int_equal(audit_open(l, path, 0, &a, NULL), 0);
        v.path = "/readyz";
        audit_add(a, &v);
        v.path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n";
        audit_add(a, &v);
        v.code = 403; /* somebody tries */
        audit_add(a, &v);
        audit_unref(a);
        loop_unref(l);

        assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
        assert_int_equal(strcspn(text, "\n") + 1, strlen(text));
        assert_int_equal(dir_remove_all(AT_FDCWD, directory, NULL), 0);
}

static bool is_written(const char *path) {
        struct stat s;

        return stat(path, &s) == 0 && s.st_size > 0;
}

static void what_a_thread_wrote_is_not_written_again_at_the_end(void **state) {
        char directory[] = "/tmp/orch-test-audit-XXXXXX";
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *text = NULL;
        struct audit *a;
        struct loop *l;
        (void) state;

        assert_non_null(mkdtemp(directory));
        path = str_format("%s/audit.log", directory);
        assert_int_equal(loop_new(&l, NULL), 0);
        assert_int_equal(audit_open(l, path, 0, &a, NULL), 0);
        audit_add(a, &PATCH);
        while (!is_written(path)) /* and the loop doesn't hear of it */
                (void) sched_yield();
        audit_unref(a);
        loop_unref(l);

        assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
        assert_int_equal(strcspn(text, "\n") + 1, strlen(text));
        assert_int_equal(dir_remove_all(AT_FDCWD, directory, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_who_did_what),
                cmocka_unit_test(tells_in_whose_name),
                cmocka_unit_test(a_malformed_path_is_told_as_well),
                cmocka_unit_test(begins_new_files_and_keeps_five),
                cmocka_unit_test(health_and_heartbeats_are_no_news),
                cmocka_unit_test(what_a_thread_wrote_is_not_written_again_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
