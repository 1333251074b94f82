#include "daemon/runtime/kv.h"
#include "daemon/runtime/status.h"
#include "daemon/runtime/wire.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int make_pair(void **state) {
        static int pair[2];

        *state = pair;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int drop_pair(void **state) {
        const int *pair = *state;

        (void) close(pair[0]);
        return close(pair[1]);
}

static void a_packet_arrives_with_its_descriptors(void **state) {
        const int *pair = *state;
        struct wire_msg sent = { .version = WIRE_VERSION, .type = WIRE_START, .serial = 7 };
        struct wire_msg got;
        struct wire_fds fds;
        int one = open("/dev/null", O_RDONLY | O_CLOEXEC);

        (void) strcpy(sent.container, "web");
        (void) strcpy(sent.text, "why");
        assert_int_equal(wire_send(pair[0], &sent, &one, 1), 0);
        assert_int_equal(wire_receive(pair[1], &got, &fds), 1);

        assert_int_equal(got.serial, 7);
        assert_string_equal(got.container, "web");
        assert_string_equal(got.text, "why");
        assert_int_equal(fds.n, 1);
        assert_true(fcntl(fds.fds[0], F_GETFD) & FD_CLOEXEC);
        wire_fds_close(&fds);
        (void) close(one);
}

static void an_empty_socket_says_again_and_a_closed_one_ends(void **state) {
        int *pair = *state;
        struct wire_msg got;
        struct wire_fds fds;

        assert_int_equal(wire_receive(pair[1], &got, &fds), -EAGAIN);
        (void) shutdown(pair[0], SHUT_RDWR);
        assert_int_equal(wire_receive(pair[1], &got, &fds), 0);
}

static void a_short_packet_of_an_older_sender_is_filled_with_zeros(void **state) {
        struct wire_msg msg;
        (void) state;

        memset(&msg, 0x5a, sizeof(msg));
        msg.version = 1;
        (void) strcpy(msg.container, "web");
        assert_int_equal(wire_check(&msg, offsetof(struct wire_msg, text)), 0);
        assert_string_equal(msg.text, "");
}

static void what_is_no_packet_is_refused(void **state) {
        struct wire_msg msg = { .version = 1 };
        (void) state;

        assert_int_equal(wire_check(&msg, offsetof(struct wire_msg, text) - 1), -EBADMSG);
        msg.version = 0;
        assert_int_equal(wire_check(&msg, sizeof(msg)), -EBADMSG);
        msg.version = 1;
        memset(msg.container, 'x', sizeof(msg.container));
        assert_int_equal(wire_check(&msg, sizeof(msg)), -EBADMSG);
        memset(&msg, 0, sizeof(msg));
        msg.version = 1;
        memset(msg.text, 'x', sizeof(msg.text));
        assert_int_equal(wire_check(&msg, sizeof(msg)), 0);
        assert_int_equal(strlen(msg.text), sizeof(msg.text) - 1);
}

static void names_that_could_leave_a_directory_are_refused(void **state) {
        char longest[65];
        (void) state;

        assert_true(wire_name_is_valid("web-1.x"));
        assert_false(wire_name_is_valid(""));
        assert_false(wire_name_is_valid(NULL));
        assert_false(wire_name_is_valid(".."));
        assert_false(wire_name_is_valid("a/b"));
        assert_false(wire_name_is_valid("-a"));
        memset(longest, 'a', 64);
        longest[64] = '\0';
        assert_false(wire_name_is_valid(longest));
        assert_true(wire_name_is_valid(longest + 1));
}

static void values_survive_newlines_and_backslashes(void **state) {
        char text[128], *cursor = text, *key, *value;
        struct kv_writer w = { .buf = text, .cap = sizeof(text) };
        (void) state;

        kv_add(&w, "a", "line\nnext\\end");
        kv_add_number(&w, "n", -42);

        assert_true(kv_next(&cursor, &key, &value));
        assert_string_equal(key, "a");
        assert_string_equal(value, "line\nnext\\end");
        assert_true(kv_next(&cursor, &key, &value));
        assert_int_equal(kv_number(value), -42);
        assert_false(kv_next(&cursor, &key, &value));
}

static void a_full_buffer_is_noticed(void **state) {
        char text[8];
        struct kv_writer w = { .buf = text, .cap = sizeof(text) };
        (void) state;

        kv_add(&w, "key", "too long");
        assert_true(w.is_full);
        assert_int_equal(kv_write_file(AT_FDCWD, "unused", &w), -E2BIG);
}

static void a_status_survives_a_round_trip(void **state) {
        char dir[] = "/tmp/orch-test-status-XXXXXX";
        struct status saved = { .instance = 3,
                                .is_oom_killed = true,
                                .exit_code = 137,
                                .signal = 9,
                                .started_usec = 1,
                                .finished_usec = 2 };
        struct status loaded;
        int fd;
        (void) state;

        (void) strcpy(saved.reason, "OOMKilled");
        memset(saved.message, '\n', STATUS_MESSAGE_MAX);
        assert_non_null(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(status_save(fd, "status", &saved), 0);
        assert_int_equal(status_load(fd, "status", &loaded), 0);
        assert_memory_equal(&saved, &loaded, sizeof(saved));
        assert_int_equal(unlinkat(fd, "status", 0), 0);
        assert_int_equal(status_load(fd, "status", &loaded), -ENOENT);
        (void) close(fd);
        assert_int_equal(rmdir(dir), 0);
}

static void exits_are_numbered_as_shells_do(void **state) {
        struct status s = { 0 };
        (void) state;

        status_set_exit(&s, CLD_EXITED, 0);
        assert_string_equal(s.reason, "Completed");
        status_set_exit(&s, CLD_KILLED, 15);
        assert_int_equal(s.exit_code, 143);
        assert_int_equal(s.signal, 15);
        assert_string_equal(s.reason, "Error");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_packet_arrives_with_its_descriptors, make_pair,
                                                drop_pair),
                cmocka_unit_test_setup_teardown(an_empty_socket_says_again_and_a_closed_one_ends,
                                                make_pair, drop_pair),
                cmocka_unit_test(a_short_packet_of_an_older_sender_is_filled_with_zeros),
                cmocka_unit_test(what_is_no_packet_is_refused),
                cmocka_unit_test(names_that_could_leave_a_directory_are_refused),
                cmocka_unit_test(values_survive_newlines_and_backslashes),
                cmocka_unit_test(a_full_buffer_is_noticed),
                cmocka_unit_test(a_status_survives_a_round_trip),
                cmocka_unit_test(exits_are_numbered_as_shells_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
