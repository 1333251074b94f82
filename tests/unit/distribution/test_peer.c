#include "base/str.h"
#include "daemon/distribution/peer.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_blob_or_a_layer_is_asked_for_by_digest(void **state) {
        struct peer_order order;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(peer_order_parse("GET /v1/blobs/" DIGEST " HTTP/1.1\r\nHost: x\r\n\r\n",
                                          &order, &e),
                         0);
        assert_int_equal(order.what, PEER_BLOB);
        assert_string_equal(order.digest, DIGEST);
        assert_int_equal(peer_order_parse("GET /v1/layers/" DIGEST " HTTP/1.0\r\n\r\n", &order, &e),
                         0);
        assert_int_equal(order.what, PEER_LAYER);
        assert_string_equal(order.digest, DIGEST);
}

static void anything_else_is_refused(void **state) {
        static const char *const texts[] = {
                "",
                "\r\n\r\n",
                "GET",
                "GET /v1/blobs/",
                "GET /v1/blobs/ HTTP/1.1\r\n\r\n",
                "GET /v1/blobs/" DIGEST,
                "GET /v1/blobs/" DIGEST "\r\n\r\n",
                "GET /v1/blobs/" DIGEST " HTTP/2\r\n\r\n",
                "GET /v1/blobs/" DIGEST "0 HTTP/1.1\r\n\r\n",
                "GET /v1/blobs/" DIGEST DIGEST " HTTP/1.1\r\n\r\n",
                "GET /v1/blobs/" DIGEST "/.. HTTP/1.1\r\n\r\n",
                "GET /v1/blobs/../../etc/passwd HTTP/1.1\r\n\r\n",
                "GET /v1/layers/sha256:XYZ HTTP/1.1\r\n\r\n",
                "GET /v1/tags/" DIGEST " HTTP/1.1\r\n\r\n",
                "get /v1/blobs/" DIGEST " HTTP/1.1\r\n\r\n",
                "POST /v1/blobs/" DIGEST " HTTP/1.1\r\n\r\n",
                "GET http://x/v1/blobs/" DIGEST " HTTP/1.1\r\n\r\n",
        };
        struct peer_order order = { .digest = "untouched" };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct err e = { 0 };

                assert_int_equal(peer_order_parse(texts[i], &order, &e), -EINVAL);
                assert_non_null(strstr(err_text(&e), "no request"));
                assert_string_equal(order.digest, "untouched");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_blob_or_a_layer_is_asked_for_by_digest),
                cmocka_unit_test(anything_else_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
