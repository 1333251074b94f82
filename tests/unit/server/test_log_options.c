#include "daemon/registry/path.h"
#include "daemon/server/log_options.h"
#include "tests/unit/test.h"

#include <string.h>

static unsigned check(const char *text, struct err *e) {
        AUTO_DONE(query) struct query q = { 0 };

        assert_int_equal(query_parse(text, &q, NULL), 0);
        return log_options_check(&q, "p", e);
}

static void what_clients_send_is_good(void **state) {
        (void) state;

        assert_int_equal(check("container=c&follow=true&tailLines=0&limitBytes=1&timestamps=true"
                               "&insecureSkipTLSVerifyBackend=true",
                               NULL),
                         0);
        assert_int_equal(check("sinceTime=2026-01-02T03:04:05Z&previous=true", NULL), 0);
        assert_int_equal(check("sinceSeconds=5", NULL), 0);
}

static void what_is_not_allowed_is_told_in_kubernetes_words(void **state) {
        struct err e = { 0 };
        (void) state;

        assert_int_equal(check("tailLines=-1", &e), 422);
        assert_string_equal(e.text, "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: "
                                    "must be greater than or equal to 0");
        assert_int_equal(check("limitBytes=0&sinceSeconds=0", &e), 422);
        assert_non_null(strstr(e.text, "[limitBytes: Invalid value: 0: must be greater than 0, "));
        assert_int_equal(check("sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z", &e), 422);
        assert_non_null(strstr(e.text, "at most one of"));
}

static void what_cannot_be_read_is_a_bad_request(void **state) {
        (void) state;

        assert_int_equal(check("tailLines=many", NULL), 400);
        assert_int_equal(check("sinceTime=yesterday", NULL), 400);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_clients_send_is_good),
                cmocka_unit_test(what_is_not_allowed_is_told_in_kubernetes_words),
                cmocka_unit_test(what_cannot_be_read_is_a_bad_request),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
