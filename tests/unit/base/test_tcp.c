#include "base/tcp.h"
#include "tests/unit/test.h"

#include <sys/socket.h>
#include <unistd.h>

#define SEC 1000000ULL

static void a_peer_that_acknowledges_nothing_is_lost_soon(void **state) {
        const struct tcp_facts early = { .is_tcp = true, .n_unacked = 1, .ack_age_usec = 44 * SEC };
        const struct tcp_facts late = { .is_tcp = true, .n_unacked = 1, .ack_age_usec = 45 * SEC };
        (void) state;

        assert_false(tcp_is_lost(&early));
        assert_true(tcp_is_lost(&late));
}

static void an_idle_peer_is_the_keepalives_business(void **state) {
        const struct tcp_facts idle = { .is_tcp = true, .ack_age_usec = 86400 * SEC };
        (void) state;

        assert_false(tcp_is_lost(&idle));
}

static void a_peer_that_takes_nothing_lives_while_its_kernel_answers(void **state) {
        const struct tcp_facts stuck = { .is_tcp = true,
                                         .is_probing = true,
                                         .ack_age_usec = 150 * SEC };
        const struct tcp_facts refusing = {
                .is_tcp = true, .n_unacked = 1, .has_no_window = true, .ack_age_usec = 150 * SEC
        };
        const struct tcp_facts gone = { .is_tcp = true,
                                        .is_probing = true,
                                        .ack_age_usec = 300 * SEC };
        (void) state;

        assert_false(tcp_is_lost(&stuck));
        assert_false(tcp_is_lost(&refusing));
        assert_true(tcp_is_lost(&gone));
}

static void a_peer_that_answers_no_ping_has_a_quarter_of_an_hour(void **state) {
        const struct tcp_facts quiet = { .is_tcp = true, .unheard_usec = 899 * SEC };
        const struct tcp_facts dead = { .is_tcp = true, .unheard_usec = 900 * SEC };
        (void) state;

        assert_false(tcp_is_lost(&quiet));
        assert_true(tcp_is_lost(&dead));
}

static void other_sockets_are_never_lost(void **state) {
        struct tcp_facts facts;
        int fds[2];
        (void) state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);

        tcp_keepalive(fds[0]);
        tcp_facts_get(fds[0], &facts);

        facts.unheard_usec = UINT64_MAX;
        assert_false(facts.is_tcp);
        assert_false(tcp_is_lost(&facts));
        (void) close(fds[0]);
        (void) close(fds[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_peer_that_acknowledges_nothing_is_lost_soon),
                cmocka_unit_test(an_idle_peer_is_the_keepalives_business),
                cmocka_unit_test(a_peer_that_takes_nothing_lives_while_its_kernel_answers),
                cmocka_unit_test(a_peer_that_answers_no_ping_has_a_quarter_of_an_hour),
                cmocka_unit_test(other_sockets_are_never_lost),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
