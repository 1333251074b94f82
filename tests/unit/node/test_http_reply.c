#include "daemon/node/http_reply.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static int add(struct http_reply *r, const char *text, bool is_end) {
        return http_reply_add(r, text, strlen(text), is_end);
}

static void a_body_of_known_length_is_waited_for(void **state) {
        struct http_reply r = { 0 };
        (void) state;

        assert_int_equal(add(&r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false), 0);
        assert_int_equal(add(&r, "lo", false), 1);
        assert_int_equal(r.status, 200);
}

static void every_cut_gives_the_same_answer(void **state) {
        static const char text[] =
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\nX: y\r\n\r\nabc";
        (void) state;

        for (size_t cut = 0; cut <= sizeof(text) - 1; cut++) {
                struct http_reply r = { 0 };
                int first = http_reply_add(&r, text, cut, false);
                int second =
                        first > 0 ? 1
                                  : http_reply_add(&r, text + cut, sizeof(text) - 1 - cut, false);

                assert_int_equal(second, 1);
                assert_int_equal(r.status, 503);
        }
}

static void without_a_length_the_end_is_the_end(void **state) {
        struct http_reply r = { 0 };
        (void) state;

        assert_int_equal(add(&r, "HTTP/1.0 404 Not Found\n\nsome text", false), 0);
        assert_int_equal(add(&r, "", true), 1);
        assert_int_equal(r.status, 404);
}

static void a_chunked_body_ends_with_its_last_chunk(void **state) {
        struct http_reply r = { 0 }, empty = { 0 };
        (void) state;

        assert_int_equal(add(&r,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                             false),
                         0);
        assert_int_equal(add(&r, "0\r\n\r", false), 0);
        assert_int_equal(add(&r, "\n", false), 1);
        assert_int_equal(add(&empty,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                             false),
                         1);
}

static void a_long_body_is_enough_after_ten_kilobytes(void **state) {
        struct http_reply r = { 0 };
        static char body[HTTP_REPLY_BODY_MAX];
        (void) state;

        memset(body, 'x', sizeof(body));
        assert_int_equal(add(&r, "HTTP/1.1 200 OK\r\n\r\n", false), 0);
        assert_int_equal(http_reply_add(&r, body, sizeof(body) - 1, false), 0);
        assert_int_equal(http_reply_add(&r, body, 1, false), 1);
}

static void continue_is_not_the_answer(void **state) {
        struct http_reply r = { 0 };
        (void) state;

        assert_int_equal(
                add(&r, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false), 1);
        assert_int_equal(r.status, 204);
}

static void what_is_not_http_is_refused(void **state) {
        static const char *const texts[] = {
                "SSH-2.0-OpenSSH\r\n",
                "HTTP/1.1 20 OK\r\n",
                "HTTP/1.1 2000\r\n",
                "\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n"
        };
        (void) state;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct http_reply r = { 0 };

                assert_int_equal(add(&r, texts[i], false), -EBADMSG);
        }
}

static void an_end_in_the_head_is_a_failure_and_so_is_an_endless_head(void **state) {
        struct http_reply r = { 0 }, big = { 0 };
        int k = 0;
        (void) state;

        assert_int_equal(add(&r, "HTTP/1.1 200 OK\r\nX: ", true), -ECONNRESET);
        assert_int_equal(add(&big, "HTTP/1.1 200 OK\r\n", false), 0);
        for (int i = 0; i < 2000 && k == 0; i++)
                k = add(&big, "X: 0123456789\r\n", false);
        assert_int_equal(k, -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_body_of_known_length_is_waited_for),
                cmocka_unit_test(every_cut_gives_the_same_answer),
                cmocka_unit_test(without_a_length_the_end_is_the_end),
                cmocka_unit_test(a_chunked_body_ends_with_its_last_chunk),
                cmocka_unit_test(a_long_body_is_enough_after_ten_kilobytes),
                cmocka_unit_test(continue_is_not_the_answer),
                cmocka_unit_test(what_is_not_http_is_refused),
                cmocka_unit_test(an_end_in_the_head_is_a_failure_and_so_is_an_endless_head),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
