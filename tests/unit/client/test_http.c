#include "api/client/http.h"
#include "base/clock.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define PEERS_MAX 32

/* A server on the same loop whose behaviour is one function of the request's path. */
struct peer {
        struct fixture *fixture;
        sd_event_source *io;
        int fd;
        char request[8192];
        size_t len;
        unsigned n_requests;
};

struct fixture {
        sd_event *loop;
        struct client *client;
        sd_event_source *listen_io;
        int listen_fd;
        char path[64];
        struct peer peers[PEERS_MAX];
        unsigned n_peers, n_busy, n_busy_most;
        bool is_closing_idle;
};

struct seen {
        struct fixture *fixture;
        struct client_call *call;
        unsigned n_done, n_lines;
        int error;
        unsigned status;
        char text[4096];
        size_t n_bytes;
        int fd;
        bool cancels_at_line;
};

static void reply(struct peer *p, const char *text) {
        assert_int_equal(send(p->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void peer_close(struct peer *p) {
        p->io = sd_event_source_disable_unref(p->io);
        close(p->fd);
        p->fd = -1;
}

static void peer_answer(struct peer *p) {
        const char *body = strstr(p->request, "\r\n\r\n") + 4;
        char text[8400];

        p->n_requests++;
        if (strstr(p->request, "/echo")) {
                snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(body), body);
                reply(p, text);
        } else if (strstr(p->request, "/watch")) {
                reply(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n4\r\none\n\r\n3\r\ntwo\r\n");
                reply(p, "7\r\n\nthree\n\r\n0\r\n\r\n");
        } else if (strstr(p->request, "/gone")) {
                reply(p, "HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\n{}");
        } else if (strstr(p->request, "/upgrade")) {
                reply(p, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\n\r\nraw bytes");
        } else if (strstr(p->request, "/cut")) {
                reply(p, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf");
                peer_close(p);
                return;
        } else if (strstr(p->request, "/refuse")) {
                reply(p,
                      "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                peer_close(p);
                return;
        } else if (strstr(p->request, "/silent")) {
                return;
        }
        p->len = 0;
        if (p->fixture->is_closing_idle)
                peer_close(p);
}

static bool is_complete(const char *request) {
        const char *end = strstr(request, "\r\n\r\n"), *length;

        if (!end)
                return false;
        if (strstr(request, "/refuse"))
                return true;
        if (strstr(request, "Transfer-Encoding: chunked"))
                return strstr(end, "0\r\n\r\n") != NULL;
        length = strstr(request, "Content-Length: ");
        return !length || strlen(end + 4) >= (size_t) atoi(length + 16);
}

static int on_peer(sd_event_source *s, int fd, uint32_t events, void *data) {
        struct peer *p = data;
        ssize_t n = recv(fd, p->request + p->len, sizeof(p->request) - 1 - p->len, 0);

        if (n <= 0) {
                peer_close(p);
                return 0;
        }
        p->len += (size_t) n;
        p->request[p->len] = '\0';
        if (is_complete(p->request))
                peer_answer(p);
        return 0;
}

static int on_listen(sd_event_source *s, int fd, uint32_t events, void *data) {
        struct fixture *f = data;
        struct peer *p = &f->peers[f->n_peers++];

        assert_true(f->n_peers <= PEERS_MAX);
        p->fixture = f;
        p->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return sd_event_add_io(f->loop, &p->io, p->fd, EPOLLIN, on_peer, p) < 0 ? -1 : 0;
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        char dir[] = "/tmp/orch-test-XXXXXX";

        if (!f || !mkdtemp(dir) || sd_event_new(&f->loop) < 0)
                return -1;
        snprintf(f->path, sizeof(f->path), "%s/s", dir);
        strcpy(un.sun_path, f->path);
        f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(f->listen_fd, (struct sockaddr *) &un, sizeof(un)) < 0 ||
            listen(f->listen_fd, 64) < 0 ||
            sd_event_add_io(f->loop, &f->listen_io, f->listen_fd, EPOLLIN, on_listen, f) < 0)
                return -1;
        *state = f;
        return client_http_new(
                f->loop, &(struct client_http_options){ .socket_path = f->path, .max_parallel = 3 },
                &f->client, NULL);
}

static int teardown(void **state) {
        struct fixture *f = *state;

        client_unref(f->client);
        for (unsigned i = 0; i < f->n_peers; i++)
                if (f->peers[i].io)
                        peer_close(&f->peers[i]);
        sd_event_source_disable_unref(f->listen_io);
        close(f->listen_fd);
        sd_event_unref(f->loop);
        unlink(f->path);
        *strrchr(f->path, '/') = '\0';
        rmdir(f->path);
        free(f);
        return 0;
}

static void on_done(void *data, const struct client_answer *a) {
        struct seen *s = data;

        s->n_done++;
        s->error = a->error;
        s->status = a->status;
        s->fd = a->fd;
        if (a->error < 0)
                snprintf(s->text, sizeof(s->text), "%s", a->error_text);
        else if (a->body_len < sizeof(s->text))
                strcat(s->text, a->body);
}

static void on_line(void *data, const char *line, size_t len) {
        struct seen *s = data;

        assert_int_equal(strlen(line), len);
        s->n_lines++;
        strcat(s->text, line);
        strcat(s->text, "|");
        if (s->cancels_at_line)
                client_cancel(s->call);
}

static void on_data(void *data, const void *piece, size_t len) {
        struct seen *s = data;

        strncat(s->text, piece, len);
}

static const struct client_handlers plain = { .on_done = on_done };
static const struct client_handlers lines = { .on_done = on_done, .on_line = on_line };
static const struct client_handlers raw = { .on_done = on_done, .on_data = on_data };

static void start(struct fixture *f, const struct client_request *r,
                  const struct client_handlers *h, struct seen *s) {
        s->fd = -1;
        assert_int_equal(client_start(f->client, r, h, s, &s->call, NULL), 0);
        assert_int_equal(s->n_done, 0);
}

static void turn(struct fixture *f, const unsigned *counter, unsigned until) {
        for (unsigned i = 0; i < 2000 && *counter < until; i++)
                assert_true(sd_event_run(f->loop, 5 * USEC_PER_SEC) >= 0);
        assert_int_equal(*counter, until);
}

static struct seen fetch(struct fixture *f, const struct client_request *r,
                         const struct client_handlers *h) {
        struct seen s = { .fixture = f };

        start(f, r, h, &s);
        turn(f, &s.n_done, 1);
        return s;
}

static void body_goes_out_and_comes_back(void **state) {
        struct seen s =
                fetch(*state,
                      &(struct client_request){
                              .method = CLIENT_POST, .path = "/echo", .body = "hi", .body_len = 2 },
                      &plain);

        assert_int_equal(s.status, 200);
        assert_string_equal(s.text, "hi");
}

static void connection_is_used_again(void **state) {
        struct fixture *f = *state;

        for (int i = 0; i < 5; i++)
                assert_int_equal(
                        fetch(f, &(struct client_request){ .path = "/echo" }, &plain).status, 200);

        assert_int_equal(f->n_peers, 1);
        assert_int_equal(f->peers[0].n_requests, 5);
}

static void idle_connection_that_died_is_replaced(void **state) {
        struct fixture *f = *state;

        f->is_closing_idle = true;
        for (int i = 0; i < 3; i++) {
                struct seen s = fetch(f, &(struct client_request){ .path = "/echo" }, &plain);

                assert_int_equal(s.error, 0);
                assert_int_equal(s.status, 200);
        }
        assert_int_equal(f->n_peers, 3);
}

static void at_most_max_parallel_calls_share_connections(void **state) {
        struct fixture *f = *state;
        struct seen s[20] = { 0 };

        for (int i = 0; i < 20; i++)
                start(f, &(struct client_request){ .path = "/echo" }, &plain, &s[i]);
        for (int i = 0; i < 20; i++) {
                turn(f, &s[i].n_done, 1);
                assert_int_equal(s[i].status, 200);
        }
        assert_int_equal(f->n_peers, 3);
}

static void watch_gives_lines_one_by_one(void **state) {
        struct seen s = fetch(*state, &(struct client_request){ .path = "/watch" }, &lines);

        assert_string_equal(s.text, "one|two|three|");
        assert_int_equal(s.n_lines, 3);
        assert_int_equal(s.error, 0);
}

static void refused_watch_ends_with_its_status(void **state) {
        struct seen s = fetch(*state, &(struct client_request){ .path = "/gone" }, &lines);

        assert_int_equal(s.status, 410);
        assert_string_equal(s.text, "{}");
        assert_int_equal(s.n_lines, 0);
}

static void raw_stream_passes_bytes(void **state) {
        struct seen s = fetch(*state, &(struct client_request){ .path = "/watch" }, &raw);

        assert_string_equal(s.text, "one\ntwo\nthree\n");
}

static void watch_may_be_cancelled_from_its_line(void **state) {
        struct fixture *f = *state;
        struct seen s = { .fixture = f, .cancels_at_line = true };

        start(f, &(struct client_request){ .path = "/watch" }, &lines, &s);
        turn(f, &s.n_lines, 1);

        assert_int_equal(fetch(f, &(struct client_request){ .path = "/echo" }, &plain).status, 200);
        assert_int_equal(s.n_lines, 1);
        assert_int_equal(s.n_done, 0);
}

static void cancelled_call_makes_room_for_a_waiting_one(void **state) {
        struct fixture *f = *state;
        struct seen silent[3] = { 0 }, s = { 0 };

        for (int i = 0; i < 3; i++)
                start(f, &(struct client_request){ .path = "/silent" }, &plain, &silent[i]);
        start(f, &(struct client_request){ .path = "/echo" }, &plain, &s);
        client_cancel(silent[1].call);
        turn(f, &s.n_done, 1);

        assert_int_equal(s.status, 200);
        client_cancel(silent[0].call);
        client_cancel(silent[2].call);
        assert_int_equal(silent[0].n_done + silent[1].n_done + silent[2].n_done, 0);
}

static void cut_answer_is_an_error(void **state) {
        struct seen s = fetch(*state, &(struct client_request){ .path = "/cut" }, &plain);

        assert_int_equal(s.error, -ECONNRESET);
}

static void absent_server_is_told_from_the_loop(void **state) {
        struct fixture *f = *state;
        struct client *c = NULL;
        struct seen s = { 0 };

        assert_int_equal(
                client_http_new(f->loop,
                                &(struct client_http_options){ .socket_path = "/tmp/no/such" }, &c,
                                NULL),
                0);
        assert_int_equal(
                client_start(c, &(struct client_request){ .path = "/" }, &plain, &s, NULL, NULL),
                0);
        assert_int_equal(s.n_done, 0);
        turn(f, &s.n_done, 1);

        assert_int_equal(s.error, -ENOENT);
        assert_non_null(strstr(s.text, "/tmp/no/such"));
        client_unref(c);
}

static void silent_server_ends_in_time_out(void **state) {
        struct seen s =
                fetch(*state, &(struct client_request){ .path = "/silent", .timeout_usec = 1000 },
                      &plain);

        assert_int_equal(s.error, -ETIMEDOUT);
}

static void upgrade_gives_the_connection_with_what_follows_the_head(void **state) {
        struct seen s =
                fetch(*state,
                      &(struct client_request){
                              .method = CLIENT_POST, .path = "/upgrade", .upgrade = "test" },
                      &plain);
        char text[32] = "";

        assert_int_equal(s.status, 101);
        assert_true(s.fd >= 0);
        assert_int_equal(read(s.fd, text, sizeof(text)), 9);
        assert_string_equal(text, "raw bytes");
        close(s.fd);
}

static void refused_upgrade_is_an_ordinary_answer(void **state) {
        struct seen s = fetch(
                *state, &(struct client_request){ .path = "/gone", .upgrade = "test" }, &plain);

        assert_int_equal(s.status, 410);
        assert_string_equal(s.text, "{}");
        assert_int_equal(s.fd, -1);
}

static ssize_t read_three(void *data, void *buf, size_t cap) {
        unsigned *left = data;

        if (*left == 0)
                return 0;
        (*left)--;
        memcpy(buf, "abc", 3);
        return 3;
}

static void source_of_unknown_size_is_sent_in_chunks(void **state) {
        unsigned left = 3;
        struct client_source source = { .read = read_three, .data = &left, .len = -1 };
        struct seen s = fetch(*state,
                              &(struct client_request){
                                      .method = CLIENT_POST, .path = "/echo", .source = &source },
                              &plain);

        assert_string_equal(s.text, "3\r\nabc\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n");
}

static void source_of_known_size_is_sent_plain(void **state) {
        unsigned left = 2;
        struct client_source source = { .read = read_three, .data = &left, .len = 6 };
        struct seen s = fetch(*state,
                              &(struct client_request){
                                      .method = CLIENT_POST, .path = "/echo", .source = &source },
                              &plain);

        assert_string_equal(s.text, "abcabc");
}

static void source_that_ends_early_is_an_error(void **state) {
        unsigned left = 1;
        struct client_source source = { .read = read_three, .data = &left, .len = 6 };
        struct seen s = fetch(*state,
                              &(struct client_request){
                                      .method = CLIENT_POST, .path = "/echo", .source = &source },
                              &plain);

        assert_int_equal(s.error, -EIO);
}

static ssize_t read_forever(void *data, void *buf, size_t cap) {
        memset(buf, 'x', cap);
        return (ssize_t) cap;
}

static void answer_before_the_upload_ends_is_heard(void **state) {
        struct client_source source = { .read = read_forever, .len = -1 };
        struct seen s = fetch(*state,
                              &(struct client_request){
                                      .method = CLIENT_POST, .path = "/refuse", .source = &source },
                              &plain);

        assert_int_equal(s.error, 0);
        assert_int_equal(s.status, 413);
}

static void bad_requests_and_addresses_are_refused(void **state) {
        struct fixture *f = *state;
        struct client *c = NULL;
        static const char *const urls[] = { "https://127.0.0.1",
                                            "ftp://x",
                                            "http://",
                                            "http://name.example",
                                            "http://127.0.0.1:0",
                                            "http://127.0.0.1:99999",
                                            "http://127.0.0.1/x" };

        assert_int_equal(client_start(f->client, &(struct client_request){ .path = "/a b" }, &plain,
                                      NULL, NULL, NULL),
                         -EINVAL);
        assert_int_equal(client_start(f->client, &(struct client_request){ .path = "/a\r\nX: y" },
                                      &plain, NULL, NULL, NULL),
                         -EINVAL);
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
                assert_int_equal(client_http_new(f->loop,
                                                 &(struct client_http_options){ .url = urls[i] },
                                                 &c, NULL),
                                 -EINVAL);
        assert_int_equal(client_http_new(f->loop,
                                         &(struct client_http_options){ .url = "http://[::1]:80/" },
                                         &c, NULL),
                         0);
        client_unref(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(body_goes_out_and_comes_back),
                TEST(connection_is_used_again),
                TEST(idle_connection_that_died_is_replaced),
                TEST(at_most_max_parallel_calls_share_connections),
                TEST(watch_gives_lines_one_by_one),
                TEST(refused_watch_ends_with_its_status),
                TEST(raw_stream_passes_bytes),
                TEST(watch_may_be_cancelled_from_its_line),
                TEST(cancelled_call_makes_room_for_a_waiting_one),
                TEST(cut_answer_is_an_error),
                TEST(absent_server_is_told_from_the_loop),
                TEST(silent_server_ends_in_time_out),
                TEST(upgrade_gives_the_connection_with_what_follows_the_head),
                TEST(refused_upgrade_is_an_ordinary_answer),
                TEST(source_of_unknown_size_is_sent_in_chunks),
                TEST(source_of_known_size_is_sent_plain),
                TEST(source_that_ends_early_is_an_error),
                TEST(answer_before_the_upload_ends_is_heard),
                TEST(bad_requests_and_addresses_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
