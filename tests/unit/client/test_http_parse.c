#include "api/client/http_parse.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct result {
        int code;
        bool is_complete;
        unsigned status;
        size_t used;
        char body[256];
};

/* Feeds text in pieces of step bytes. */
static struct result parse(const char *text, size_t step) {
        struct http_parser p;
        struct result out = { 0 };
        enum http_event event = HTTP_MORE;
        size_t len = strlen(text), n;

        http_parser_init(&p);
        while (out.code == 0 && event != HTTP_END && out.used < len) {
                out.code = http_parser_feed(&p, text + out.used, MIN(step, len - out.used), &n,
                                            &event, NULL);
                out.used += n;
                if (out.code == 0 && event == HTTP_BODY)
                        strncat(out.body, p.piece, p.piece_len);
        }
        if (out.code == 0 && event != HTTP_END)
                out.code = http_parser_feed(&p, "", 0, &n, &event, NULL);
        if (out.code == 0 && event != HTTP_END)
                out.code = http_parser_eof(&p, NULL);
        out.is_complete = out.code == 0;
        out.status = p.status;
        http_parser_done(&p);
        return out;
}

static void expect(const char *text, unsigned status, const char *body) {
        for (size_t step = 1; step <= strlen(text); step++) {
                struct result r = parse(text, step);

                assert_int_equal(r.code, 0);
                assert_true(r.is_complete);
                assert_int_equal(r.status, status);
                assert_string_equal(r.body, body);
        }
}

static void bodies_of_every_framing_are_read(void **state) {
        (void) state;
        expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
        expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: v\r\n\r\n",
               200, "hello");
        expect("HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello");
        expect("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
        expect("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", 404, "");
}

static void interim_answers_are_skipped(void **state) {
        (void) state;
        expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200,
               "ok");
}

static void bytes_of_the_next_answer_are_left(void **state) {
        struct result r = parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1", 200);
        (void) state;

        assert_string_equal(r.body, "ok");
        assert_int_equal(r.used, strlen("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
}

static void cut_answers_are_reset_connections(void **state) {
        (void) state;
        assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Le", 99).code, -ECONNRESET);
        assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 99).code,
                         -ECONNRESET);
        assert_int_equal(
                parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", 99).code,
                -ECONNRESET);
}

static void what_is_not_http_is_refused(void **state) {
        static const char *const bad[] = {
                "SSH-2.0-OpenSSH\r\n\r\n",
                "HTTP/1.1 2x0 OK\r\n\r\n",
                "HTTP/1.1 099 OK\r\n\r\n",
                "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(parse(bad[i], 1000).code, -EBADMSG);
}

static void endless_heads_are_refused(void **state) {
        size_t len = HTTP_HEAD_MAX_BYTES + 100;
        char *text = malloc(len + 1);
        (void) state;
        memset(text, 'a', len);
        text[len] = '\0';
        memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);

        assert_int_equal(parse(text, 4096).code, -EFBIG);
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_of_every_framing_are_read),
                cmocka_unit_test(interim_answers_are_skipped),
                cmocka_unit_test(bytes_of_the_next_answer_are_left),
                cmocka_unit_test(cut_answers_are_reset_connections),
                cmocka_unit_test(what_is_not_http_is_refused),
                cmocka_unit_test(endless_heads_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
