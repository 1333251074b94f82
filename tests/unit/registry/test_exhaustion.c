/* What clients read when memory runs out at any point: the whole answer or a failure, never a part.
 */
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/user.h"
#include "tests/unit/exhaust.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define TABLE "application/json;as=Table;v=v1;g=meta.k8s.io"
#define PARTIAL "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
#define V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static void respond(void *data, struct rest_response *take_response) {
        *(struct rest_response *) data = *take_response;
        *take_response = (struct rest_response){ 0 };
}

/* One request, of which so many allocations succeed before one fails. ret: whether one did. */
static struct rest_response ask(struct fixture *f, const char *accept, const char *path,
                                long n_good, bool *ret_failed) {
        static const struct user USER = USER_MASTER("test");
        static const struct rest_sink SINK = { .respond = respond };
        const struct rest_request request = {
                .method = "GET",
                .path = path,
                .accept = accept,
                .user = &USER,
        };
        struct rest_response r = { 0 };

        exhaust_begin(n_good, 1);
        rest_handle(f->registry, &request, &SINK, &r);
        *ret_failed = exhaust_end();
        return r;
}

static void check(struct fixture *f, const char *accept, const char *path) {
        AUTO_FREE char *whole = NULL;
        bool has_failed = true;
        struct rest_response r = ask(f, accept, path, 1L << 40, &has_failed);

        assert_int_equal(r.status, 200);
        whole = body_flatten(r.body, NULL);
        rest_response_done(&r);
        has_failed = true;
        for (long n = 0; has_failed; n += 1 + n / 12) {
                AUTO_FREE char *text = NULL;

                r = ask(f, accept, path, n, &has_failed);
                text = r.body && !body_has_failed(r.body) ? body_flatten(r.body, NULL) : NULL;
                if (r.status < 500 && !str_eq(text, whole))
                        print_error("%s, failing after %ld: %u %s\n", path, n, r.status, text);
                if (r.status == 200)
                        assert_string_equal(text, whole);
                else
                        assert_true(r.status >= 500);
                rest_response_done(&r);
        }
}

static void an_answer_is_whole_or_a_failure(void **state) {
        struct fixture f;
        (void) state;
        fixture_init(&f);
        fixture_do(&f, "POST", PODS, pod_json("a", "\"app\":\"x\""), 201);
        fixture_do(&f, "POST", PODS, pod_json("b", ""), 201);

        check(&f, NULL, PODS);
        check(&f, TABLE, PODS);
        check(&f, TABLE, PODS "/a");
        check(&f, PARTIAL, PODS);
        check(&f, NULL, "/");
        check(&f, NULL, "/readyz");
        check(&f, NULL, "/apis");
        check(&f, NULL, "/apis/apps");
        check(&f, NULL, "/api/v1");
        check(&f, V2, "/apis");
        check(&f, NULL, "/openapi/v3/apis/apps/v1");
        check(&f, NULL, "/openapi/v3");
        check(&f, NULL, "/openapi/v2");
        check(&f, "application/x+protobuf", "/openapi/v2");

        fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_is_whole_or_a_failure),
        };

        /* Through the wrapped functions, which the library doesn't call by itself. */
        json_set_alloc_funcs(malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
