#include "api/client/http.h"

#include "api/client/http_parse.h"
#include "api/client/http_pool.h"
#include "api/client/http_request.h"
#include "base/clock.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>

#define PARALLEL_DEFAULT 16U
#define TIMEOUT_USEC (30 * USEC_PER_SEC)
#define BUSY_RETRY_USEC (10 * USEC_PER_MSEC)
#define READ_BYTES 65536U

/* A call waits for its turn (client->waiting), then owns a connection until it ends:
 *
 *   start --> waiting --> connecting --> sending/receiving --> delivered, freed
 *                 ^____________|  (an idle connection turned out dead: once more on a new one)
 */
struct http_call {
        struct client_call base;
        struct list link; /* in client->waiting or client->active */
        struct http_client *client;
        struct http_conn *conn; /* owned */
        struct client_handlers handlers;
        void *data;
        struct client_source source;
        sd_event_source *timeout, *later;
        struct http_parser parser;
        struct strbuf out; /* head and body still to send */
        size_t n_sent;     /* bytes of out that are gone */
        int64_t n_filled;  /* bytes that the source gave */
        struct strbuf in;  /* answer, or the unfinished line of a watch */
        bool is_counted;   /* against max_parallel */
        bool is_running;   /* left client->waiting */
        bool has_source, is_source_done;
        bool is_upgrade;
        bool can_repeat; /* may use an idle connection, and once more a new one if that is dead */
        bool is_reused;
        bool is_cancelled, is_dispatching;
};

struct http_client {
        struct client base;
        struct http_pool pool;
        char *user_agent, *token; /* owned; token NULL: none */
        struct list waiting, active;
        unsigned n_counted, max_parallel;
        uint8_t buffer[READ_BYTES]; /* allocated with the client; untouched pages cost nothing */
};

static int on_later(sd_event_source *source, uint64_t usec, void *data);

/* ---- the life of a call ---- */

static void call_free(struct http_call *call) {
        list_remove(&call->link);
        (void) sd_event_source_disable_unref(call->timeout);
        (void) sd_event_source_disable_unref(call->later);
        http_conn_free(call->conn);
        http_parser_done(&call->parser);
        strbuf_done(&call->out);
        strbuf_done(&call->in);
        free(call);
}

/* Has call_begin() called from the loop after delay_usec; USEC_NEVER prepares for a later call,
 * which then needs no memory. */
static int call_schedule(struct http_call *call, uint64_t delay_usec) {
        uint64_t due_usec = delay_usec == USEC_NEVER ? USEC_NEVER : clock_now_usec() + delay_usec;
        int r;

        if (!call->later)
                return sd_event_add_time(call->client->pool.loop, &call->later, CLOCK_BOOTTIME,
                                         due_usec, 1, on_later, call);
        r = sd_event_source_set_time(call->later, due_usec);
        return r < 0 ? r : sd_event_source_set_enabled(call->later, SD_EVENT_ONESHOT);
}

/* Lets waiting calls run as far as max_parallel allows. Calls no handler. */
static void client_run_waiting(struct http_client *client) {
        LIST_FOREACH(i, &client->waiting) {
                struct http_call *call = CONTAINER_OF(i, struct http_call, link);

                if (client->n_counted >= client->max_parallel)
                        return;
                client->n_counted++;
                call->is_running = true;
                list_remove(&call->link);
                list_append(&client->active, &call->link);
                (void) call_schedule(call, 0); /* the source exists: nothing can fail */
        }
}

/* Takes a call out of all books; what it holds remains. */
static void call_leave(struct http_call *call) {
        struct http_client *client = call->client;

        list_remove(&call->link);
        if (call->is_running && call->is_counted)
                client->n_counted--;
        call->is_running = false;
        client_run_waiting(client);
}

static void http_cancel(struct client_call *base) {
        struct http_call *call = (struct http_call *) base;

        if (call->is_cancelled)
                return;
        call->is_cancelled = true;
        call_leave(call);
        if (!call->is_dispatching)
                call_free(call);
}

/* Hands the outcome over and frees the call. */
static void call_deliver(struct http_call *call, struct client_answer *a) {
        struct http_client *client = (struct http_client *) client_ref(&call->client->base);

        call_leave(call);
        call->is_cancelled = true; /* a late client_cancel() from the handler is harmless */
        call->is_dispatching = true;
        a->headers = call->parser.headers_at ? http_parser_headers(&call->parser) : NULL;
        call->handlers.on_done(call->data, a);
        call_free(call);
        client_unref(&client->base);
}

static void call_finish(struct http_call *call, int error, const char *text) {
        struct client_answer a = {
                .error = error,
                .error_text = text,
                .status = call->parser.status,
                .body = call->in.s && !call->in.has_failed ? call->in.s : "",
                .body_len = call->in.has_failed ? 0 : call->in.len,
                .fd = -1,
        };

        if (error == 0 && call->conn && call->parser.is_keep_alive &&
            call->n_sent == call->out.len && (!call->has_source || call->is_source_done))
                http_conn_release(STEAL(call->conn));
        call_deliver(call, &a);
}

static void call_finish_errno(struct http_call *call, int error) {
        struct err e = { 0 };

        (void) err_errno(&e, error, "cannot reach the server at %s",
                         call->client->pool.address.name);
        call_finish(call, error, e.text);
}

static void call_finish_upgrade(struct http_call *call) {
        struct client_answer a = { .status = call->parser.status, .body = "" };

        (void) sd_event_source_disable_unref(call->conn->io);
        call->conn->io = NULL;
        a.fd = STEAL_FD(call->conn->fd);
        call_deliver(call, &a);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *data) {
        struct http_call *call = data;
        struct err e = { 0 };

        (void) source;
        (void) usec;
        (void) err_set(&e, -ETIMEDOUT, "the server at %s did not answer in time",
                       call->client->pool.address.name);
        call_finish(call, -ETIMEDOUT, e.text);
        return 0;
}

/* ---- running ---- */

/* Gives the call a connection. Returns 0, or a negative errno (-EAGAIN: try in a moment). */
static int call_begin(struct http_call *call) {
        int r;

        call->n_sent = 0;
        call->conn = call->can_repeat ? http_pool_take(&call->client->pool) : NULL;
        call->is_reused = call->conn != NULL;
        if (!call->is_reused) {
                r = http_conn_open(&call->client->pool, &call->conn);
                if (r < 0)
                        return r;
        }
        call->conn->user = call;
        return 0;
}

/* On the loop: begins, or ends the call. */
static void call_run(struct http_call *call) {
        int r = call_begin(call);

        if (r == -EAGAIN)
                r = call_schedule(call, BUSY_RETRY_USEC);
        if (r < 0)
                call_finish_errno(call, r);
}

static int on_later(sd_event_source *source, uint64_t usec, void *data) {
        (void) source;
        (void) usec;
        call_run(data);
        return 0;
}

/* ---- sending ---- */

/* Puts the next piece of the source into the empty out buffer. */
static int call_fill(struct http_call *call, struct err *e) {
        uint8_t *piece = call->client->buffer;
        ssize_t n = call->source.read(call->source.data, piece, READ_BYTES);

        if (n < 0)
                return err_errno(e, (int) n, "cannot read what is to be sent");
        strbuf_reset(&call->out);
        call->n_sent = 0;
        call->is_source_done = n == 0;
        call->n_filled += n;
        if (call->source.len >= 0 &&
            (n == 0 ? call->n_filled < call->source.len : call->n_filled > call->source.len))
                return err_set(e, -EIO, "what is to be sent changed its size meanwhile");
        if (call->source.len >= 0) {
                strbuf_add_len(&call->out, piece, (size_t) n);
        } else {
                strbuf_addf(&call->out, "%zx\r\n", (size_t) n);
                strbuf_add_len(&call->out, piece, (size_t) n);
                strbuf_add(&call->out, "\r\n");
        }
        return call->out.has_failed ? err_errno(e, -ENOMEM, "cannot send the request") : 0;
}

/* Returns 0, or a negative errno that ends the call. */
static int call_send(struct http_call *call, struct err *e) {
        ssize_t n;
        int r;

        if (call->n_sent == call->out.len && call->has_source && !call->is_source_done) {
                r = call_fill(call, e);
                if (r < 0)
                        return r;
        }
        while (call->n_sent < call->out.len) {
                n = send(call->conn->fd, call->out.s + call->n_sent, call->out.len - call->n_sent,
                         MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                /* The server may have answered before it hung up: the answer is read first. */
                if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
                        return sd_event_source_set_io_events(call->conn->io, EPOLLIN);
                if (n < 0)
                        return err_errno(e, -errno, "cannot reach the server at %s",
                                         call->client->pool.address.name);
                call->n_sent += (size_t) n;
        }
        if (call->has_source && !call->is_source_done)
                return 0;
        return sd_event_source_set_io_events(call->conn->io, EPOLLIN);
}

/* ---- receiving ---- */

/* Returns 0, 1 when the handler cancelled the call, or a negative errno. */
static int call_take_lines(struct http_call *call, const char *piece, size_t len, struct err *e) {
        while (len > 0) {
                const char *newline = memchr(piece, '\n', len);
                size_t n = newline ? (size_t) (newline - piece) : len;

                if (call->in.len + n > CLIENT_LINE_MAX_BYTES)
                        return err_set(e, -EFBIG, "a line of the watch is longer than %u bytes",
                                       CLIENT_LINE_MAX_BYTES);
                strbuf_add_len(&call->in, piece, n);
                if (call->in.has_failed)
                        return err_errno(e, -ENOMEM, "cannot read the watch");
                if (!newline)
                        return 0;
                piece += n + 1;
                len -= n + 1;
                if (call->in.len > 0)
                        call->handlers.on_line(call->data, call->in.s, call->in.len);
                if (call->is_cancelled)
                        return 1;
                strbuf_reset(&call->in);
        }
        return 0;
}

static int call_take_body(struct http_call *call, const void *piece, size_t len, struct err *e) {
        if (call->parser.status == 200 && call->handlers.on_line)
                return call_take_lines(call, piece, len, e);
        if (call->parser.status == 200 && call->handlers.on_data) {
                call->handlers.on_data(call->data, piece, len);
                return call->is_cancelled ? 1 : 0;
        }
        if (call->in.len + len > CLIENT_ANSWER_MAX_BYTES)
                return err_set(e, -EFBIG, "the answer is longer than %u MiB",
                               CLIENT_ANSWER_MAX_BYTES >> 20);
        strbuf_add_len(&call->in, piece, len);
        return call->in.has_failed ? err_errno(e, -ENOMEM, "cannot read the answer") : 0;
}

enum outcome { OUTCOME_MORE, OUTCOME_END, OUTCOME_UPGRADED, OUTCOME_CANCELLED };

/* Feeds bytes to the parser. *ret_used: bytes that belong to the answer. */
static int call_feed(struct http_call *call, const uint8_t *data, size_t len, size_t *ret_used,
                     struct err *e) {
        enum http_event event = HTTP_MORE;
        size_t used = 0, n;
        int r;

        do {
                r = http_parser_feed(&call->parser, data + used, len - used, &n, &event, e);
                used += n;
                *ret_used = used;
                if (r == 0 && event == HTTP_BODY)
                        r = call_take_body(call, call->parser.piece, call->parser.piece_len, e);
                if (r != 0)
                        return r < 0 ? r : OUTCOME_CANCELLED;
                if (event == HTTP_HEAD && call->parser.status == 101 && call->is_upgrade)
                        return OUTCOME_UPGRADED;
                if (event == HTTP_END)
                        return OUTCOME_END;
        } while (event != HTTP_MORE);
        return OUTCOME_MORE;
}

static int call_end_of_stream(struct http_call *call, struct err *e) {
        int r = http_parser_eof(&call->parser, e);

        return r < 0 ? r : OUTCOME_END;
}

/* Reads once. What follows the head of a 101 is left in the socket for its next owner. */
static int call_receive(struct http_call *call, struct err *e) {
        uint8_t *buffer = call->client->buffer;
        size_t used = 0;
        ssize_t n;
        int r;

        n = recv(call->conn->fd, buffer, READ_BYTES, call->is_upgrade ? MSG_PEEK : 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return OUTCOME_MORE;
        if (n < 0)
                return err_errno(e, -errno, "cannot reach the server at %s",
                                 call->client->pool.address.name);
        if (n == 0)
                return call_end_of_stream(call, e);
        r = call_feed(call, buffer, (size_t) n, &used, e);
        if (call->is_upgrade && used > 0 &&
            recv(call->conn->fd, buffer, used, 0) != (ssize_t) used && r >= 0)
                return err_set(e, -EIO, "the connection lost bytes");
        return r;
}

/* An idle connection that the server closed meanwhile says nothing at all. */
static bool call_try_again(struct http_call *call) {
        if (!call->is_reused || !call->can_repeat || call->parser.head.len > 0)
                return false;
        call->can_repeat = false;
        http_conn_free(STEAL(call->conn));
        call_run(call);
        return true;
}

/* A connection that came to nothing may have a reason that its socket doesn't tell. */
static void call_finish_failed(struct http_call *call, int r, const char *text) {
        const struct http_pool *pool = &call->client->pool;
        const char *why = pool->dialer.failure ? pool->dialer.failure(pool->dialer.data) : NULL;
        struct err e = { 0 };

        if (why && call->parser.head.len == 0)
                (void) err_set(&e, r, "cannot reach the server at %s: %s", pool->address.name, why);
        call_finish(call, r, e.text[0] ? e.text : text);
}

static void on_conn(void *user, uint32_t events) {
        struct http_call *call = user;
        struct http_client *client = (struct http_client *) client_ref(&call->client->base);
        struct err e = { 0 };
        int r = 0;

        call->is_dispatching = true;
        /* An error is what recv() says once everything that came before is read. */
        if ((events & EPOLLOUT) && !(events & EPOLLERR))
                r = call_send(call, &e);
        if (r >= 0)
                r = events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? call_receive(call, &e)
                                                             : OUTCOME_MORE;
        call->is_dispatching = false;

        if (call->is_cancelled)
                call_free(call);
        else if (r == OUTCOME_UPGRADED)
                call_finish_upgrade(call);
        else if (r == OUTCOME_END)
                call_finish(call, 0, NULL);
        else if (r < 0 && !call_try_again(call))
                call_finish_failed(call, r, e.text[0] ? e.text : strerror(-r));
        client_unref(&client->base);
}

/* ---- the client ---- */

static uint64_t timeout_of(const struct client_request *r, const struct client_handlers *h) {
        if (r->timeout_usec)
                return r->timeout_usec;
        return h->on_line || h->on_data || r->source ? USEC_NEVER : TIMEOUT_USEC;
}

static struct http_call *call_new(struct http_client *client, const struct client_request *r,
                                  const struct client_handlers *h, void *data) {
        struct http_call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        call->base.client = &client->base;
        call->client = client;
        call->handlers = *h;
        call->data = data;
        call->has_source = r->source != NULL;
        if (r->source)
                call->source = *r->source;
        call->is_upgrade = r->upgrade != NULL;
        call->is_counted = !h->on_line && !h->on_data && !r->source && !r->upgrade;
        call->can_repeat = !r->source && !r->upgrade && r->method != CLIENT_POST &&
                           !str_eq(r->content_type, CLIENT_TYPE_JSON_PATCH);
        list_init(&call->link);
        http_parser_init(&call->parser);
        return call;
}

static int http_start(struct client *base, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct http_client *client = (struct http_client *) base;
        uint64_t timeout_usec = timeout_of(r, h);
        struct http_call *call = call_new(client, r, h, data);
        const struct http_identity who = { client->pool.address.host, client->user_agent,
                                           client->token };
        int result;

        if (!call)
                return err_errno(e, -ENOMEM, "cannot send a request");
        result = http_request_format(r, &who, &call->out, e);
        if (result == 0 && timeout_usec != USEC_NEVER)
                result = sd_event_add_time(client->pool.loop, &call->timeout, CLOCK_BOOTTIME,
                                           clock_now_usec() + timeout_usec, 0, on_timeout, call);
        if (result >= 0 && call->is_counted && client->n_counted >= client->max_parallel) {
                result = call_schedule(call, USEC_NEVER);
        } else if (result >= 0) {
                call->is_running = true;
                if (call_begin(call) < 0) /* told from the loop, after another attempt */
                        result = call_schedule(call, 0);
        }
        if (result < 0) {
                call_free(call);
                return err_wrap(e, result, "cannot send a request");
        }
        client->n_counted += call->is_running && call->is_counted;
        list_append(call->is_running ? &client->active : &client->waiting, &call->link);
        *ret_call = &call->base;
        return 0;
}

static void http_free(struct client *base) {
        struct http_client *client = (struct http_client *) base;

        assert(list_is_empty(&client->active) && list_is_empty(&client->waiting));
        http_pool_done(&client->pool);
        free(client->user_agent);
        free(client->token);
        free(client);
}

static const struct client_vtable http_vtable = {
        .start = http_start,
        .cancel = http_cancel,
        .free = http_free,
};

int client_http_new(sd_event *loop, const struct client_http_options *options,
                    struct client **ret_client, struct err *e) {
        struct http_client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return err_errno(e, -ENOMEM, "cannot make a client");
        client_init(&client->base, &http_vtable);
        http_pool_init(&client->pool, loop, on_conn);
        list_init(&client->waiting);
        list_init(&client->active);
        client->max_parallel = options->max_parallel ? options->max_parallel : PARALLEL_DEFAULT;
        client->user_agent =
                strdup(options->user_agent ? options->user_agent : "orch/" ORCH_VERSION);

        client->token = options->token ? strdup(options->token) : NULL;
        if (options->dialer)
                client->pool.dialer = *options->dialer;
        r = client->user_agent && (client->token || !options->token)
                    ? http_address_parse(options, &client->pool.address, e)
                    : err_errno(e, -ENOMEM, "cannot make a client");
        if (r < 0) {
                client_unref(&client->base);
                return r;
        }
        *ret_client = &client->base;
        return 0;
}
