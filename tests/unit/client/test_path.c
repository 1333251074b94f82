#include "api/client/client.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void expect_path(struct client_target t, const char *want) {
        char *path = client_path(&t);

        assert_string_equal(path, want);
        free(path);
}

static void core_and_named_groups_have_their_own_roots(void **state) {
        (void) state;
        expect_path((struct client_target){ .version = "v1", .resource = "nodes" },
                    "/api/v1/nodes");
        expect_path(
                (struct client_target){
                        .group = "", .version = "v1", .resource = "pods", .namespace_ = "" },
                "/api/v1/pods");
        expect_path((struct client_target){ .group = "apps",
                                            .version = "v1",
                                            .resource = "deployments",
                                            .namespace_ = "default",
                                            .name = "web",
                                            .subresource = "status" },
                    "/apis/apps/v1/namespaces/default/deployments/web/status");
}

static void parts_from_users_cannot_change_the_path(void **state) {
        (void) state;
        expect_path((struct client_target){ .version = "v1",
                                            .resource = "pods",
                                            .namespace_ = "a/../b",
                                            .name = "x?y#z %" },
                    "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z%20%25");
}

static void query_values_are_encoded_and_joined(void **state) {
        char *path = strdup("/api/v1/pods");
        (void) state;

        assert_int_equal(client_path_query(&path, "labelSelector", "a=b,c in (d)"), 0);
        assert_int_equal(client_path_query(&path, "absent", NULL), 0);
        assert_int_equal(client_path_query(&path, "limit", "5"), 0);

        assert_string_equal(path, "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=5");
        free(path);
}

static void query_on_nothing_reports_lack_of_memory(void **state) {
        char *path = NULL;
        (void) state;

        assert_int_equal(client_path_query(&path, "a", "b"), -ENOMEM);
}

static void keys_leave_out_an_empty_namespace(void **state) {
        char *a = client_key("ns", "x"), *b = client_key(NULL, "n1"), *c = client_key("", "n1");
        (void) state;

        assert_string_equal(a, "ns/x");
        assert_string_equal(b, "n1");
        assert_string_equal(c, "n1");
        free(a);
        free(b);
        free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(core_and_named_groups_have_their_own_roots),
                cmocka_unit_test(parts_from_users_cannot_change_the_path),
                cmocka_unit_test(query_values_are_encoded_and_joined),
                cmocka_unit_test(query_on_nothing_reports_lack_of_memory),
                cmocka_unit_test(keys_leave_out_an_empty_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
