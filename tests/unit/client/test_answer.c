#include "api/client/client.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static struct client_answer answer(unsigned status, const char *body) {
        return (struct client_answer){
                .status = status, .body = body, .body_len = strlen(body), .fd = -1
        };
}

static void status_reason_and_message_are_taken_over(void **state) {
        struct client_answer a = answer(
                409,
                "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":"
                "\"AlreadyExists\",\"message\":\"pods \\\"x\\\" already exists\",\"code\":409}");
        enum client_reason reason;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(client_answer_check(&a, &reason, &e), -EEXIST);

        assert_int_equal(reason, CLIENT_REASON_ALREADY_EXISTS);
        assert_string_equal(e.text, "pods \"x\" already exists");
}

static void status_code_decides_where_the_reason_is_unknown(void **state) {
        struct client_answer a =
                answer(410, "{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":410}");
        enum client_reason reason;
        (void) state;

        assert_int_equal(client_answer_check(&a, &reason, NULL), -ESTALE);
        assert_int_equal(reason, CLIENT_REASON_EXPIRED);
}

static void body_without_status_is_quoted(void **state) {
        struct client_answer a = answer(404, "<html>nothing here\nmore");
        enum client_reason reason;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(client_answer_check(&a, &reason, &e), -ENOENT);
        assert_int_equal(reason, CLIENT_REASON_NOT_FOUND);
        assert_string_equal(e.text, "the server answered 404: <html>nothing here");
}

static void empty_error_body_is_an_error_too(void **state) {
        struct client_answer a = answer(500, "");
        struct err e = { 0 };
        (void) state;

        assert_int_equal(client_answer_check(&a, NULL, &e), -EREMOTEIO);
        assert_string_equal(e.text, "the server answered 500 without saying why");
}

static void transport_error_is_no_answer(void **state) {
        struct client_answer a = { .error = -ECONNREFUSED, .error_text = "refused", .fd = -1 };
        enum client_reason reason;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(client_answer_check(&a, &reason, &e), -ECONNREFUSED);
        assert_int_equal(reason, CLIENT_REASON_NO_ANSWER);
        assert_string_equal(e.text, "refused");
}

static void success_is_zero(void **state) {
        struct client_answer a = answer(201, "{}");
        enum client_reason reason;
        const char ok[] = "{\"status\":\"Success\"}";
        (void) state;

        assert_int_equal(client_answer_check(&a, &reason, NULL), 0);
        assert_int_equal(reason, CLIENT_REASON_NONE);
        assert_int_equal(client_status_parse(ok, strlen(ok), &reason, NULL), 0);
}

static void headers_are_found_by_name_and_number(void **state) {
        struct client_answer a = { .headers = "Content-Type: a/b\r\nwarning: 299 - \"one\"\r\n"
                                              "Warning:299 - \"two\"\r\nWarnings: no\r\n" };
        size_t len = 0;
        const char *v;
        (void) state;

        v = client_answer_header(&a, "Warning", 0, &len);
        assert_memory_equal(v, "299 - \"one\"", len);
        v = client_answer_header(&a, "Warning", 1, &len);
        assert_int_equal(len, 11);
        assert_memory_equal(v, "299 - \"two\"", len);
        assert_null(client_answer_header(&a, "Warning", 2, &len));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(status_reason_and_message_are_taken_over),
                cmocka_unit_test(status_code_decides_where_the_reason_is_unknown),
                cmocka_unit_test(body_without_status_is_quoted),
                cmocka_unit_test(empty_error_body_is_an_error_too),
                cmocka_unit_test(transport_error_is_no_answer),
                cmocka_unit_test(success_is_zero),
                cmocka_unit_test(headers_are_found_by_name_and_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
