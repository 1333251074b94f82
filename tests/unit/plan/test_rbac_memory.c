/* Rules when memory runs out: nobody may do more than they should. */
#include "api/kinds/object.h"
#include "daemon/plan/rbac.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ALLOCATIONS_MAX 64

static struct object *object(const char *text) {
        struct object *o = NULL;

        assert_int_equal(object_new_from_text(NULL, text, strlen(text), false, &o, NULL), 0);
        return o;
}

static struct object *binding(const char *user) {
        char text[512];

        (void) snprintf(
                text, sizeof(text),
                "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"RoleBinding\","
                "\"metadata\":{\"name\":\"b\",\"namespace\":\"n\"},\"roleRef\":{\"kind\":"
                "\"Role\",\"name\":\"r\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"%s\"},"
                "{\"kind\":\"Group\",\"name\":\"g\"}]}",
                user);
        return object(text);
}

static bool may(const struct rbac *r, const char *user) {
        const struct access_user u = { .name = user };
        const struct access a = {
                .verb = "get",
                .group = "",
                .resource = "pods",
                .subresource = "",
                .namespace_ = "n",
                .name = "p",
        };

        return rbac_decide(r, &u, &a, NULL);
}

static struct rbac *rules(void) {
        AUTO(object)
        struct object *role = object(
                "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"Role\",\"metadata\":{"
                "\"name\":\"r\",\"namespace\":\"n\"},\"rules\":[{\"verbs\":[\"get\"],"
                "\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]}");
        AUTO(object) struct object *old = binding("jane");
        struct rbac *r = rbac_new();

        assert_non_null(r);
        assert_int_equal(rbac_put(r, role), 0);
        assert_int_equal(rbac_put(r, old), 0);
        return r;
}

static void a_binding_that_finds_no_memory_gives_nothing(void **state) {
        bool has_failed = true;
        long n;
        (void) state;

        for (n = 0; has_failed && n < ALLOCATIONS_MAX; n++) {
                AUTO(object) struct object *fresh = binding("joe");
                AUTO(rbac) struct rbac *r = rules();
                int result;

                assert_true(may(r, "jane"));
                exhaust_begin(n, 1);
                result = rbac_put(r, fresh);
                has_failed = exhaust_end();

                assert_int_equal(result, has_failed ? -ENOMEM : 0);
                assert_false(may(r, "jane"));
                assert_int_equal(may(r, "joe"), !has_failed);
                assert_int_equal(rbac_put(r, fresh), 0);
                assert_true(may(r, "joe"));
        }
        assert_true(n > 4);
        assert_false(has_failed);
}

static void a_decision_that_finds_no_memory_is_no(void **state) {
        char name[1000];
        AUTO(rbac) struct rbac *r = rules();
        (void) state;

        /* Such a name doesn't fit into the key on the stack. */
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        exhaust_begin(0, ALLOCATIONS_MAX);
        assert_false(may(r, name));
        (void) exhaust_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_binding_that_finds_no_memory_gives_nothing),
                cmocka_unit_test(a_decision_that_finds_no_memory_is_no),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
