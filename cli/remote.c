#include "cli/remote.h"

#include "api/client/client.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/fd.h"
#include "base/str.h"
#include "cli/fetch.h"
#include "cli/session.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <termios.h>
#include <wslay/wslay.h>

/* Stops reading input while more than this waits to be sent. */
#define QUEUE_MAX_BYTES (256U << 10)
#define MESSAGE_MAX_BYTES (16U << 20)

enum channel {
        CHANNEL_STDIN,
        CHANNEL_STDOUT,
        CHANNEL_STDERR,
        CHANNEL_STATUS,
        CHANNEL_RESIZE,
        CHANNEL_CLOSE = 255
};

/* What runs: a WebSocket, the streams on this side, and how it ended. */
struct remote {
        struct session *session;
        const struct remote_streams *streams;
        int fd;
        wslay_event_context_ptr ws;
        sd_event_source *io, *input, *winch;
        bool is_input_over, is_raw, is_over;
        struct termios saved;
        int code; /* exit code, or a negative errno with err */
        struct err err;
};

/* ---- the WebSocket ---- */

static ssize_t ws_recv(wslay_event_context_ptr ws, uint8_t *data, size_t len, int flags,
                       void *user) {
        struct remote *x = user;
        ssize_t n = recv(x->fd, data, len, 0);

        (void) flags;
        if (n > 0)
                return n;
        wslay_event_set_error(ws, n < 0 && (errno == EAGAIN || errno == EINTR)
                                          ? WSLAY_ERR_WOULDBLOCK
                                          : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static ssize_t ws_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *user) {
        struct remote *x = user;
        ssize_t n = send(x->fd, data, len, MSG_NOSIGNAL);

        (void) flags;
        if (n >= 0)
                return n;
        wslay_event_set_error(ws, errno == EAGAIN || errno == EINTR ? WSLAY_ERR_WOULDBLOCK
                                                                    : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static int ws_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len, void *user) {
        (void) ws;
        (void) user;
        return getrandom(buf, len, 0) == (ssize_t) len ? 0 : -1;
}

static void ws_queue(struct remote *x, enum channel channel, const void *data, size_t len) {
        uint8_t message[8193];
        struct wslay_event_msg m = { .opcode = WSLAY_BINARY_FRAME,
                                     .msg = message,
                                     .msg_length = len + 1 };

        message[0] = (uint8_t) channel;
        if (len > 0)
                memcpy(message + 1, data, len);
        (void) wslay_event_queue_msg(x->ws, &m);
}

/* Channel 3: how the command ended. */
static void take_status(struct remote *x, const char *text, size_t len) {
        json_t *status = json_loadb(text, len, 0, NULL);
        const json_t *cause;
        int64_t code = 0;
        size_t i;

        x->code = client_status_parse(text, len, NULL, &x->err);
        json_array_foreach(tree_get(status, "details", "causes", NULL), i, cause) {
                if (str_eq(tree_text(cause, "reason", NULL), "ExitCode") &&
                    str_to_int64(tree_text(cause, "message", NULL), 0, 255, &code) == 0)
                        x->code = (int) code;
        }
        json_decref(status);
}

/* Who reads the output has left: so has the reason to go on. */
static void out_write(struct remote *x, int fd, const void *data, size_t len) {
        int r = fd >= 0 ? fd_write_all(fd, data, len) : 0;

        if (r == 0 || x->is_over)
                return;
        x->is_over = true;
        x->code = err_errno(&x->err, r, "cannot write the output");
}

static void ws_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m,
                       void *user) {
        struct remote *x = user;
        const uint8_t *data = m->msg;

        (void) ws;
        if (wslay_is_ctrl_frame(m->opcode) || m->msg_length == 0)
                return;
        switch (data[0]) {
        case CHANNEL_STDOUT:
                out_write(x, x->streams->out, data + 1, m->msg_length - 1);
                break;
        case CHANNEL_STDERR:
                out_write(x, x->streams->err, data + 1, m->msg_length - 1);
                break;
        case CHANNEL_STATUS:
                take_status(x, (const char *) data + 1, m->msg_length - 1);
                x->is_over = true;
                break;
        default:
                break;
        }
}

/* Waits for what the WebSocket wants; takes up or puts down standard input. */
static int remote_arm(struct remote *x) {
        bool is_full = wslay_event_get_queued_msg_length(x->ws) > QUEUE_MAX_BYTES;
        uint32_t events = EPOLLIN | (wslay_event_want_write(x->ws) ? EPOLLOUT : 0U);
        int r = sd_event_source_set_io_events(x->io, events);

        if (r >= 0 && x->input)
                r = sd_event_source_set_enabled(
                        x->input, is_full || x->is_input_over ? SD_EVENT_OFF : SD_EVENT_ON);
        return r;
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct remote *x = data;

        (void) source;
        (void) fd;
        if ((events & EPOLLOUT) && wslay_event_send(x->ws) != 0)
                x->is_over = true;
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && wslay_event_recv(x->ws) != 0)
                x->is_over = true;
        if (wslay_event_get_close_received(x->ws))
                x->is_over = true;
        return x->is_over ? 0 : remote_arm(x);
}

/* ---- standard input ---- */

static int input_read_some(struct remote *x) {
        static const uint8_t close_stdin = CHANNEL_STDIN;
        char buf[8192];
        ssize_t n = read(x->streams->in, buf, sizeof(buf));

        if (n > 0) {
                ws_queue(x, CHANNEL_STDIN, buf, (size_t) n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                x->is_input_over = true;
                ws_queue(x, CHANNEL_CLOSE, &close_stdin, 1);
        }
        return remote_arm(x);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *data) {
        (void) source;
        (void) fd;
        (void) events;
        return input_read_some(data);
}

static int on_input_file(sd_event_source *source, void *data) {
        (void) source;
        return input_read_some(data);
}

/* Files can't be polled: they are read whenever there is room. */
static int input_begin(struct remote *x) {
        int r = sd_event_add_io(x->session->loop, &x->input, x->streams->in, EPOLLIN, on_input, x);

        if (r != -EPERM)
                return r;
        r = sd_event_add_defer(x->session->loop, &x->input, on_input_file, x);
        return r < 0 ? r : sd_event_source_set_enabled(x->input, SD_EVENT_ON);
}

/* ---- the terminal ---- */

/* A program may have a terminal to write to without being given input. */
static int terminal_of(const struct remote *x) {
        return x->streams->in >= 0 ? x->streams->in : STDIN_FILENO;
}

static void send_size(struct remote *x) {
        struct winsize size;
        char text[64];
        int n;

        if (ioctl(terminal_of(x), TIOCGWINSZ, &size) < 0)
                return;
        n = snprintf(text, sizeof(text), "{\"Width\":%u,\"Height\":%u}\n", size.ws_col,
                     size.ws_row);
        ws_queue(x, CHANNEL_RESIZE, text, (size_t) n);
}

static int on_winch(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
        (void) source;
        (void) info;
        send_size(data);
        return remote_arm(data);
}

static int tty_begin(struct remote *x) {
        struct termios raw;
        sigset_t set;
        int r;

        if (tcgetattr(terminal_of(x), &x->saved) < 0)
                return -errno;
        raw = x->saved;
        cfmakeraw(&raw);
        if (tcsetattr(terminal_of(x), TCSADRAIN, &raw) < 0)
                return -errno;
        x->is_raw = true;
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGWINCH);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(x->session->loop, &x->winch, SIGWINCH, on_winch, x);
        send_size(x);
        return r;
}

static void remote_done(struct remote *x) {
        if (x->is_raw)
                (void) tcsetattr(terminal_of(x), TCSADRAIN, &x->saved);
        (void) sd_event_source_disable_unref(x->io);
        (void) sd_event_source_disable_unref(x->input);
        (void) sd_event_source_disable_unref(x->winch);
        if (x->ws)
                wslay_event_context_free(x->ws);
        if (x->fd >= 0)
                (void) close(x->fd);
}

/* ---- the whole ---- */

/* Sixteen random bytes in base64, as RFC 6455 wants them. The server's answer to them guards
 * against caches on the way, of which a local socket has none: 101 is answer enough. */
static void websocket_key(char text[64]) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        uint8_t random[22];
        size_t n = (size_t) snprintf(text, 64, "Sec-WebSocket-Key: ");

        (void) getrandom(random, sizeof(random), 0);
        for (size_t i = 0; i < 21; i++)
                text[n++] = digits[random[i] % 64];
        text[n++] = digits[(random[21] % 4) * 16]; /* the last digit carries two bits */
        memcpy(text + n, "==", 3);
}

static int remote_dial(struct remote *x, const char *path, struct err *e) {
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = ws_recv,
                .send_callback = ws_send,
                .genmask_callback = ws_mask,
                .on_msg_recv_callback = ws_message,
        };
        char key[64];
        const char *const headers[] = { key, "Sec-WebSocket-Version: 13",
                                        "Sec-WebSocket-Protocol: v5.channel.k8s.io", NULL };
        AUTO_DONE(reply) struct reply reply = { .fd = -1 };
        int r;

        websocket_key(key);
        r = session_call(x->session,
                         &(struct client_request){
                                 .path = path, .upgrade = "websocket", .headers = headers },
                         &reply, e);
        if (r < 0)
                return r;
        if (reply.fd < 0)
                return err_set(e, -EPROTO, "the server does not run commands: it answered %u",
                               reply.status);
        x->fd = STEAL_FD(reply.fd);
        if (wslay_event_context_client_init(&x->ws, &callbacks, x) != 0)
                return err_errno(e, -ENOMEM, "cannot run the command");
        wslay_event_config_set_max_recv_msg_length(x->ws, MESSAGE_MAX_BYTES);
        r = sd_event_add_io(x->session->loop, &x->io, x->fd, EPOLLIN, on_socket, x);
        return r < 0 ? err_errno(e, r, "cannot run the command") : 0;
}

static int remote_loop(struct remote *x, const char *path, struct err *e) {
        int r = remote_dial(x, path, e);

        if (r == 0 && x->streams->has_tty)
                r = tty_begin(x);
        if (r >= 0 && x->streams->in >= 0)
                r = input_begin(x);
        if (r >= 0)
                r = remote_arm(x);
        while (r >= 0 && !x->is_over)
                r = sd_event_run(x->session->loop, UINT64_MAX);
        if (r < 0)
                return e->text[0] ? r : err_errno(e, r, "cannot run the command");
        return x->code < 0 ? err_set(e, x->code, "%s", x->err.text) : x->code;
}

int remote_run(struct session *s, const char *path, const struct remote_streams *streams,
               struct err *e) {
        struct remote x = { .session = s, .streams = streams, .fd = -1, .code = -ECONNRESET };
        int r;

        (void) err_set(&x.err, -ECONNRESET, "the connection ended before the command did");
        r = remote_loop(&x, path, e);
        remote_done(&x);
        return r;
}

char *remote_path(struct session *s, const json_t *pod, const char *container, const char *verb,
                  const struct remote_streams *streams) {
        char *path = session_path(s, &pod_kind, tree_text(pod, "metadata", "namespace", NULL),
                                  tree_text(pod, "metadata", "name", NULL), verb);

        (void) client_path_query(&path, "container", container);
        (void) client_path_query(&path, "stdin", streams->in >= 0 ? "true" : "false");
        (void) client_path_query(&path, "stdout", "true");
        (void) client_path_query(&path, "stderr", streams->has_tty ? "false" : "true");
        (void) client_path_query(&path, "tty", streams->has_tty ? "true" : "false");
        return path;
}
