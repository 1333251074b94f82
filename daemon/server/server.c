#include "daemon/server/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/tcp.h"
#include "daemon/pki/pki.h"
#include "daemon/server/authn.h"
#include "daemon/server/face.h"
#include "daemon/server/peer.h"
#include "daemon/server/route.h"
#include "daemon/server/share.h"
#include "daemon/server/tls.h"
#include "daemon/server/tunnel.h"
#include "daemon/server/usage.h"

#include <malloc.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define MAX_CONNECTIONS 12000U
#define SPARE_DESCRIPTORS 256U
/* Of connections without a request, the longest silent one goes beyond it: whoever opens thousands
 * neither fills the memory nor keeps others out. Those that have asked something before have used
 * all of CONNECTION_BYTES, and may be closed between two requests (RFC 9112, section 9.5); new ones
 * take a few pages, and are about to ask. */
static const unsigned MAX_IDLE[] = {
        [IDLE_GREETING] = 1024,
        [IDLE_NEW] = 4096,
        [IDLE_KEPT] = 512,
};
#define IDLE_TIMEOUT_S 75U
/* What a TLS handshake may take, from the first byte to the last. */
#define GREETING_USEC (10 * USEC_PER_SEC)
/* For each connection: request line and headers must fit, twice what http.c lets pass, so that most
 * of what is too much is refused there, in Kubernetes' words; a watch writes from it. */
#define CONNECTION_BYTES (48U << 10)

/* ---- the loop ---- */

/* libmicrohttpd says how long it can wait after every run; without asking, a resumed connection
 * stalls. */
static void face_run(struct face *f) {
        MHD_UNSIGNED_LONG_LONG wait_ms;
        uint64_t now_usec;

        fair_turn(&f->server->fair);
        (void) MHD_run(f->daemon);
        if (MHD_get_timeout(f->daemon, &wait_ms) != MHD_YES) {
                (void) sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_now(f->server->event, CLOCK_MONOTONIC, &now_usec);
        (void) sd_event_source_set_time(f->timer, now_usec + wait_ms * USEC_PER_MSEC);
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

static int face_io(sd_event_source *source, int fd, uint32_t events, void *data) {
        face_run(data);
        return 0;
}

static int face_timer(sd_event_source *source, uint64_t usec, void *data) {
        face_run(data);
        return 0;
}

static int face_kicked(sd_event_source *source, void *data) {
        face_run(data);
        return 0;
}

void face_kick(struct face *f) {
        (void) sd_event_source_set_enabled(f->kick, SD_EVENT_ONESHOT);
}

/* Fewer connections than these aren't worth the walk through the heap. */
#define CROWD_MIN 256

/* ---- connections ---- */

static int idle_sweep(sd_event_source *source, uint64_t usec, void *data);

static uint64_t idle_due(const struct server *s, const struct connection *c) {
        if (c->idle_kind == IDLE_GREETING)
                return c->since_usec + GREETING_USEC;
        /* A third beyond libmicrohttpd's own time-out, which every byte winds up again. */
        return c->since_usec + s->idle_timeout_s * USEC_PER_SEC * 4 / 3;
}

static struct connection *idle_first(const struct server *s, enum idle_kind kind) {
        if (list_is_empty(&s->idle[kind].list))
                return NULL;
        return CONTAINER_OF(s->idle[kind].list.next, struct connection, link);
}

static void sweep_schedule(struct server *s) {
        uint64_t due_usec = UINT64_MAX;

        for (unsigned i = 0; i < IDLE_KINDS; i++) {
                const struct connection *first = idle_first(s, i);

                if (first)
                        due_usec = MIN(due_usec, idle_due(s, first));
        }
        if (due_usec == UINT64_MAX) {
                (void) sd_event_source_set_enabled(s->sweep, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(s->sweep, due_usec);
        (void) sd_event_source_set_enabled(s->sweep, SD_EVENT_ONESHOT);
}

static void idle_remove(struct connection *c) {
        if (c->is_idle)
                c->face->server->idle[c->idle_kind].n--;
        c->is_idle = false;
        list_remove(&c->link);
}

/* libmicrohttpd sees the end and cleans up. */
static void connection_close(struct connection *c) {
        (void) shutdown(c->fd, SHUT_RDWR);
        idle_remove(c);
}

/* Those who are through with their handshake have as long as anybody for a request. */
static void connection_expire(struct connection *c) {
        if (c->idle_kind == IDLE_GREETING && tls_is_established(c->session))
                connection_set_idle(c, true);
        else
                connection_close(c);
}

static int idle_sweep(sd_event_source *source, uint64_t usec, void *data) {
        struct server *s = data;
        uint64_t now_usec;

        (void) sd_event_now(s->event, CLOCK_MONOTONIC, &now_usec);
        for (unsigned i = 0; i < IDLE_KINDS; i++) {
                struct connection *first;

                while ((first = idle_first(s, i)) && idle_due(s, first) <= now_usec)
                        connection_expire(first);
        }
        sweep_schedule(s);
        return 0;
}

static void idle_add(struct connection *c, enum idle_kind kind) {
        struct server *s = c->face->server;
        struct idle *idle = &s->idle[kind];

        if (idle->n >= MAX_IDLE[kind])
                connection_close(idle_first(s, kind));
        (void) sd_event_now(s->event, CLOCK_MONOTONIC, &c->since_usec);
        list_append(&idle->list, &c->link);
        c->idle_kind = kind;
        c->is_idle = true;
        idle->n++;
        if (idle->n == 1)
                sweep_schedule(s);
}

void connection_set_idle(struct connection *c, bool is_idle) {
        idle_remove(c);
        if (is_idle)
                idle_add(c, c->has_asked ? IDLE_KEPT : IDLE_NEW);
}

/* Without a certificate to show there is nothing to say: such a connection is closed. */
static void greeting_begin(struct connection *c, struct MHD_Connection *mhd) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        struct server *s = c->face->server;
        struct err e = { 0 };

        c->session = info ? info->tls_session : NULL;
        if (!c->session || tls_begin(s->tls, c->session, c->fd, &c->credentials, &e) < 0) {
                LOG_ERROR(NULL, "a TLS connection is refused: %s", err_text(&e));
                (void) shutdown(c->fd, SHUT_RDWR);
                return;
        }
        idle_add(c, IDLE_GREETING);
}

/* ---- crowds ---- */

static int crowd_trim(sd_event_source *source, uint64_t usec, void *data) {
        (void) malloc_trim(0);
        return 0;
}

static void crowd_grow(struct server *s) {
        s->n_connections++;
        s->most_connections = MAX(s->most_connections, s->n_connections);
}

/* A crowd leaves holes all over the heap, 10 KiB for each TLS connection; what it took is given
 * back once when most of it has gone. */
static void crowd_shrink(struct server *s) {
        s->n_connections--;
        if (s->most_connections < CROWD_MIN || s->n_connections >= s->most_connections / 4)
                return;
        s->most_connections = s->n_connections;
        s->trim = sd_event_source_disable_unref(s->trim);
        (void) sd_event_add_time_relative(s->event, &s->trim, CLOCK_MONOTONIC, USEC_PER_SEC, 0,
                                          crowd_trim, s);
}

static struct connection *connection_new(struct face *f, struct MHD_Connection *mhd) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct connection *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        list_init(&c->link);
        c->face = f;
        crowd_grow(f->server);
        c->fd = info ? info->connect_fd : -1;
        if (f->kind != FACE_UNIX)
                tcp_keepalive(c->fd);
        c->pid = f->kind == FACE_UNIX ? peer_pid(c->fd) : 0;
        c->is_allowed = f->kind != FACE_UNIX || peer_is_admin(c->fd, f->server->admin_gid);
        if (f->kind == FACE_TLS)
                greeting_begin(c, mhd);
        else
                connection_set_idle(c, true);
        return c;
}

static void connection_notify(void *data, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code) {
        struct connection *c;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                *socket_context = connection_new(data, mhd);
                return;
        }
        c = *socket_context;
        if (!c)
                return;
        idle_remove(c);
        connection_forget_client(c);
        crowd_shrink(c->face->server);
        free(c);
        *socket_context = NULL;
}

/* ---- the server ---- */

/* Files, the store and upgraded connections want descriptors, too. */
static unsigned max_connections(const struct server_options *o) {
        struct rlimit files;

        if (o->max_connections > 0)
                return o->max_connections;
        if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur <= 2 * SPARE_DESCRIPTORS)
                return SPARE_DESCRIPTORS;
        return (unsigned) MIN((rlim_t) MAX_CONNECTIONS, files.rlim_cur - SPARE_DESCRIPTORS);
}

static void log_line(void *data, const char *fmt, va_list args)
        __attribute__((format(printf, 2, 0)));

static void log_line(void *data, const char *fmt, va_list args) {
        char text[256];

        if (vsnprintf(text, sizeof(text), fmt, args) > 0) {
                text[strcspn(text, "\n")] = '\0';
                LOG_DEBUG("http", "%s", text);
        }
}

/* Path and query reach the registry as they came. */
static size_t keep_escapes(void *data, struct MHD_Connection *mhd, char *text) {
        return strlen(text);
}

/* What libmicrohttpd wants besides for TLS. Each connection gets its own credentials before its
 * handshake (tls_begin()); these here only make it agree. */
struct face_tls {
        char *key, *cert; /* owned */
        struct MHD_OptionItem options[5];
};

static void face_tls_done(struct face_tls *t) {
        if (t->key)
                gnutls_memset(t->key, 0, strlen(t->key));
        free(t->key);
        free(t->cert);
}
DEFINE_AUTO_DONE(face_tls);

static int face_tls_init(struct face_tls *t, const struct pki *pki, struct err *e) {
        t->key = pki_server_key_pem(pki);
        t->cert = pki_server_cert_pem(pki);
        if (!t->key || !t->cert)
                return err_set(e, -ENOMEM, "memory is out");
        t->options[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, t->key };
        t->options[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, t->cert };
        t->options[2] =
                (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) TLS_PRIORITIES };
        t->options[3] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
        return 0;
}

static int face_start(struct face *f, const struct server_options *o, int fd, struct err *e) {
        const union MHD_DaemonInfo *info;
        unsigned max = max_connections(o);
        AUTO_DONE(face_tls) struct face_tls tls = { .options = { { MHD_OPTION_END, 0, NULL } } };
        unsigned flags = f->kind == FACE_TLS ? MHD_USE_TLS : 0;

        if (f->kind == FACE_TLS && face_tls_init(&tls, o->pki, e) < 0)
                return -ENOMEM;

        f->daemon = MHD_start_daemon(
                flags | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                        MHD_USE_ERROR_LOG,
                0, NULL, NULL, http_access, f, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
                MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, max,
                MHD_OPTION_CONNECTION_TIMEOUT, f->server->idle_timeout_s,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES,
                MHD_OPTION_NOTIFY_CONNECTION, connection_notify, f, MHD_OPTION_NOTIFY_COMPLETED,
                http_completed, f, MHD_OPTION_URI_LOG_CALLBACK, http_uri, f,
                MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY, tls.options,
                MHD_OPTION_END);
        if (!f->daemon)
                return err_set(e, -EIO, "the HTTP library refused to start");
        info = MHD_get_daemon_info(f->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info ||
            sd_event_add_io(f->server->event, &f->io, info->epoll_fd, EPOLLIN, face_io, f) < 0 ||
            sd_event_add_time(f->server->event, &f->timer, CLOCK_MONOTONIC, 0, 1000, face_timer,
                              f) < 0 ||
            sd_event_add_defer(f->server->event, &f->kick, face_kicked, f) < 0)
                return err_set(e, -ENOMEM, "the HTTP server could not join the event loop");
        face_kick(f);
        return 0;
}

static void server_kick(void *data) {
        struct server *s = data;

        for (unsigned i = 0; i < s->n_faces; i++)
                if (s->faces[i].kick)
                        face_kick(&s->faces[i]);
}

int server_new(const struct server_options *options, struct server **ret_server, struct err *e) {
        AUTO(server) struct server *s = calloc(1, sizeof(*s));
        const int fds[] = {
                [FACE_UNIX] = options->unix_fd,
                [FACE_TLS] = options->tls_fd,
                [FACE_LOOPBACK] = options->tcp_fd,
        };
        int r = 0;

        if (!s)
                return err_set(e, -ENOMEM, "memory is out");
        for (unsigned i = 0; i < IDLE_KINDS; i++)
                list_init(&s->idle[i].list);
        list_init(&s->suspended);
        list_init(&s->execs);
        list_init(&s->forwards);
        list_init(&s->measures);
        s->event = sd_event_ref(options->event);
        s->host = (struct wire_host){ .event = s->event, .kick = server_kick, .data = s };
        s->registry = options->registry;
        s->audit = options->audit;
        s->timers = options->timers;
        s->admin_gid = options->admin_gid;
        s->idle_timeout_s = options->idle_timeout_s ? options->idle_timeout_s : IDLE_TIMEOUT_S;
        if (nodes_new(&s->host, s->timers, &s->nodes) < 0 || share_init(s) < 0 ||
            watch_streams_init(s) < 0 ||
            sd_event_add_time(s->event, &s->sweep, CLOCK_MONOTONIC, 0, USEC_PER_SEC, idle_sweep,
                              s) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        (void) sd_event_source_set_enabled(s->sweep, SD_EVENT_OFF);
        if (options->tls_fd >= 0)
                r = tls_new(options->pki, NULL, &s->tls, e);
        for (size_t i = 0; i < ARRAY_SIZE(fds) && r == 0; i++) {
                struct face *f = &s->faces[s->n_faces];

                if (fds[i] < 0)
                        continue;
                s->n_faces++;
                f->server = s;
                f->kind = (enum face_kind) i;
                r = face_start(f, options, fds[i], e);
        }
        if (r < 0)
                return r;
        *ret_server = STEAL(s);
        return 0;
}

void server_quiesce(struct server *s) {
        for (unsigned i = 0; i < s->n_faces; i++) {
                int fd = MHD_quiesce_daemon(s->faces[i].daemon);

                if (fd >= 0)
                        (void) close(fd);
        }
}

void server_unref(struct server *s) {
        if (!s)
                return;
        s->is_stopping = true;
        share_stop(s);
        watch_streams_stop(s);
        exec_stop(s);
        forward_stop(s);
        if (s->nodes)
                nodes_stop(s->nodes);
        /* libmicrohttpd doesn't stop while it holds suspended connections. */
        LIST_FOREACH(i, &s->suspended)
                request_resume(CONTAINER_OF(i, struct request, suspended_link));
        for (unsigned i = 0; i < s->n_faces; i++) {
                struct face *f = &s->faces[i];

                sd_event_source_disable_unref(f->io);
                sd_event_source_disable_unref(f->timer);
                f->kick = sd_event_source_disable_unref(f->kick);
                if (f->daemon)
                        MHD_stop_daemon(f->daemon);
        }
        usage_unref(s->usage);
        nodes_unref(s->nodes);
        sd_event_source_disable_unref(s->sweep);
        sd_event_source_disable_unref(s->trim);
        tls_unref(s->tls);
        sd_event_unref(s->event);
        fair_done(&s->fair);
        free(s);
}
