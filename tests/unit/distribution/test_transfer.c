#include "base/clock.h"
#include "daemon/distribution/transfer.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const struct transfer_seen nothing = { .retry_after_usec = UINT64_MAX };

static struct transfer_seen answered(unsigned status) {
        struct transfer_seen seen = nothing;

        seen.status = status;
        return seen;
}

static struct transfer_seen failed(int code) {
        struct transfer_seen seen = nothing;

        seen.error = code;
        return seen;
}

static void an_answer_ends_it(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen ok = answered(200), part = answered(206);
        (void) state;

        assert_int_equal(transfer_next(&t, &ok).action, TRANSFER_DONE);
        assert_int_equal(transfer_next(&t, &part).action, TRANSFER_DONE);
}

static void a_cut_that_brought_something_goes_on_for_long(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen cut = failed(-ECONNRESET);
        (void) state;

        for (int i = 0; i < 50; i++) {
                t.got_bytes += 10;
                assert_int_equal(transfer_next(&t, &cut).action, TRANSFER_AGAIN);
        }
}

static void a_cut_that_brings_nothing_ends_after_some_tries(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen cut = failed(-ECONNRESET);
        struct transfer_step step;
        uint64_t last_usec = 0;
        (void) state;

        for (int i = 1; i < TRANSFER_FRUITLESS_MAX; i++) {
                step = transfer_next(&t, &cut);
                assert_int_equal(step.action, TRANSFER_AGAIN);
                assert_true(step.wait_usec > last_usec);
                last_usec = step.wait_usec;
        }
        step = transfer_next(&t, &cut);

        assert_int_equal(step.action, TRANSFER_FAIL);
        assert_int_equal(step.code, -ECONNRESET);
}

static void one_byte_at_a_time_ends_too(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen cut = failed(-ECONNRESET);
        int tries = 0;
        (void) state;

        do {
                t.got_bytes++;
                tries++;
        } while (transfer_next(&t, &cut).action == TRANSFER_AGAIN);

        assert_true(tries <= TRANSFER_TRIES_MAX);
}

static void a_wait_that_was_asked_for_is_kept_within_reason(void **state) {
        struct transfer t = { 0 }, impatient = { 0 }, often = { 0 };
        struct transfer_seen busy = answered(429), long_wait = answered(503);
        struct transfer_step step;
        (void) state;

        busy.retry_after_usec = 7 * USEC_PER_SEC;
        long_wait.retry_after_usec = 3600 * USEC_PER_SEC;

        step = transfer_next(&t, &busy);
        assert_int_equal(step.action, TRANSFER_AGAIN);
        assert_int_equal(step.wait_usec, 7 * USEC_PER_SEC);
        assert_int_equal(transfer_next(&impatient, &long_wait).action, TRANSFER_FAIL);
        busy.retry_after_usec = 50 * USEC_PER_SEC;
        while ((step = transfer_next(&often, &busy)).action == TRANSFER_AGAIN)
                often.got_bytes++; /* even one that sends something between */
        assert_int_equal(step.code, -EBUSY);
        assert_true(often.waited_usec <= TRANSFER_WAITS_MAX_USEC);
}

static void redirects_are_followed_some_times(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen to = answered(307), nowhere = answered(302);
        struct transfer_step step;
        (void) state;

        to.has_location = true;
        for (int i = 0; i < TRANSFER_REDIRECTS_MAX; i++)
                assert_int_equal(transfer_next(&t, &to).action, TRANSFER_REDIRECT);
        step = transfer_next(&t, &to);

        assert_int_equal(step.action, TRANSFER_FAIL);
        assert_int_equal(step.code, -ELOOP);
        assert_int_equal(transfer_next(&t, &nowhere).code, -EPROTO);
}

static void what_is_denied_is_shown_something_as_long_as_there_is_some(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen denied = answered(401);
        struct transfer_step step;
        (void) state;

        denied.may_authenticate = true;
        assert_int_equal(transfer_next(&t, &denied).action, TRANSFER_AUTHENTICATE);
        denied.may_authenticate = false;
        step = transfer_next(&t, &denied);
        assert_int_equal(step.action, TRANSFER_FAIL);
        assert_int_equal(step.code, -EACCES);

        denied.may_authenticate = true;
        for (int i = 0; i < 1000 && step.action != TRANSFER_FAIL; i++)
                step = transfer_next(&t, &denied);
        assert_int_equal(step.action, TRANSFER_FAIL);
}

static void a_mirror_that_has_not_got_it_is_left_at_once(void **state) {
        static const unsigned statuses[] = { 401, 403, 404, 429, 500, 503, 418 };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
                struct transfer t = { 0 };
                struct transfer_seen seen = answered(statuses[i]);

                seen.may_fall_back = true;
                assert_int_equal(transfer_next(&t, &seen).action, TRANSFER_NEXT);
                seen.may_fall_back = false;
                assert_int_not_equal(transfer_next(&t, &seen).action, TRANSFER_NEXT);
        }
}

static void what_does_not_pass_is_not_tried_again(void **state) {
        struct transfer t = { 0 };
        struct transfer_seen seen = failed(-EKEYREJECTED);
        (void) state;

        seen.is_permanent = true;

        assert_int_equal(transfer_next(&t, &seen).code, -EKEYREJECTED);
}

static int head(uint64_t got, unsigned status, const char *range, int64_t length, uint64_t size,
                uint64_t *ret_skip) {
        struct transfer t = { .got_bytes = got };

        return transfer_check_head(&t, &(struct transfer_head){ status, range, length }, size,
                                   ret_skip, NULL);
}

static void a_part_must_be_the_one_that_was_asked_for(void **state) {
        uint64_t skip = 0;
        (void) state;

        assert_int_equal(head(10, 206, "bytes 10-99/100", 90, 100, &skip), 0);
        assert_int_equal(skip, 0);
        assert_int_equal(head(10, 206, "bytes 10-99/*", 90, 100, &skip), 0);
        assert_int_equal(head(10, 206, "bytes 0-99/100", 100, 100, &skip), -EBADMSG);
        assert_int_equal(head(10, 206, "bytes 10-99/101", 90, 100, &skip), -EBADMSG);
        assert_int_equal(head(10, 206, NULL, 90, 100, &skip), -EBADMSG);
        assert_int_equal(head(10, 206, "bytes 99999999999999999999999-1/1", 90, 100, &skip),
                         -EBADMSG);
        assert_int_equal(head(10, 206, "bytes 10-5/100", 90, 100, &skip), -EBADMSG);
}

static void a_server_that_gives_all_again_is_read_past_what_is_here(void **state) {
        uint64_t skip = 0;
        (void) state;

        assert_int_equal(head(10, 200, NULL, 100, 100, &skip), 0);
        assert_int_equal(skip, 10);
        assert_int_equal(head(10, 200, NULL, -1, 100, &skip), 0);
        assert_int_equal(head(0, 200, NULL, 99, 100, &skip), -EBADMSG);
        assert_int_equal(head(0, 200, NULL, 99, UINT64_MAX, &skip), 0);
}

static void waits_are_seconds_or_a_date(void **state) {
        (void) state;

        assert_int_equal(transfer_retry_after("120", 0), 120 * USEC_PER_SEC);
        assert_int_equal(transfer_retry_after("Thu, 01 Jan 1970 00:00:30 GMT", 20),
                         10 * USEC_PER_SEC);
        assert_int_equal(transfer_retry_after("Thu, 01 Jan 1970 00:00:30 GMT", 40), 0);
        assert_true(transfer_retry_after("soon", 0) == UINT64_MAX);
        assert_true(transfer_retry_after("-1", 0) == UINT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_ends_it),
                cmocka_unit_test(a_cut_that_brought_something_goes_on_for_long),
                cmocka_unit_test(a_cut_that_brings_nothing_ends_after_some_tries),
                cmocka_unit_test(one_byte_at_a_time_ends_too),
                cmocka_unit_test(a_wait_that_was_asked_for_is_kept_within_reason),
                cmocka_unit_test(redirects_are_followed_some_times),
                cmocka_unit_test(what_is_denied_is_shown_something_as_long_as_there_is_some),
                cmocka_unit_test(a_mirror_that_has_not_got_it_is_left_at_once),
                cmocka_unit_test(what_does_not_pass_is_not_tried_again),
                cmocka_unit_test(a_part_must_be_the_one_that_was_asked_for),
                cmocka_unit_test(a_server_that_gives_all_again_is_read_past_what_is_here),
                cmocka_unit_test(waits_are_seconds_or_a_date),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
