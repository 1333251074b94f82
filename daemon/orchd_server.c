/* orchd-server: the API, the store and the controllers. Opens its sockets, gives up root, answers.
 */
#include "api/client/client.h"
#include "api/client/timer.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "base/process_user.h"
#include "base/slab.h"
#include "base/str.h"
#include "daemon/control/control.h"
#include "daemon/loop/loop.h"
#include "daemon/orchd_keys.h"
#include "daemon/pki/pki.h"
#include "daemon/registry/registry.h"
#include "daemon/registry/user.h"
#include "daemon/server/audit.h"
#include "daemon/server/server.h"
#include "daemon/store/store.h"
#include "daemon/store/store_sqlite.h"

#include <getopt.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define ADMIN_GROUP "orch"
/* History is kept in memory by the registry; the store needs none. */
#define STORE_KEEP_REVISIONS 1
/* How long a stop waits for connections after the last write. */
#define STOP_LINGER_USEC (200 * USEC_PER_MSEC)

struct options {
        const char *state_dir, *run_dir, *listen, *insecure_listen, *service_cidr, *user;
        const char *audit_log;                            /* NULL: none */
        const char *node_name, *cluster_domain, *tls_san; /* NULL: none */
        int64_t ready_fd;                                 /* -1: none */
        int64_t idle_timeout_s;                           /* 0: the server's */
        enum log_level log_level;
};

struct daemon {
        struct options options;
        struct loop *loop;
        struct timers *timers;
        struct store *store;
        struct registry *registry;
        struct client *client;
        struct control *control;
        struct server *server;
        sd_event_source *signals[2];
        struct pki *pki;
        struct audit *audit;
        int unix_fd, tls_fd, tcp_fd;
        gid_t admin_gid;
        bool is_stopping;
        int exit_code;
};

static const char USAGE[] =
        "usage: orchd-server [options]\n"
        "\n"
        "The API server, its store and the controllers. orchd starts it.\n"
        "\n"
        "  --state-dir DIR       what must survive a reboot (/var/lib/orch); uses DIR/server\n"
        "  --run-dir DIR         where orch.sock is made (/run/orch)\n"
        "  --listen ADDRESS      address and port of the API with TLS (:6443, every address); "
        "\"none\" for\n"
        "                        the socket alone\n"
        "  --insecure-listen ADDRESS  loopback address and port without TLS, where everybody is\n"
        "                        the administrator (none)\n"
        "  --tls-san NAMES       further names and addresses of the certificate, commas between\n"
        "  --audit-log FILE      a line of JSON for each request; 5 files of 10 MiB (none)\n"
        "  --node-name NAME      a name of this machine, for the certificate\n"
        "  --cluster-domain DOMAIN  ending of every service's name (cluster.local)\n"
        "  --service-cidr CIDR   addresses of services (10.96.0.0/16)\n"
        "  --user NAME|UID       who to become when started as root\n"
        "  --log-level LEVEL     error, warning, notice or debug (notice)\n"
        "  --idle-timeout SEC    when a connection without progress is closed (75)\n"
        "  --ready-fd N          one line is written to N once the API answers\n"
        "  --help, --version\n";

static int log_level_parse(const char *text, enum log_level *ret) {
        static const struct {
                const char *name;
                enum log_level level;
        } LEVELS[] = {
                { "error", LOG_LEVEL_ERROR },
                { "warning", LOG_LEVEL_WARNING },
                { "notice", LOG_LEVEL_NOTICE },
                { "debug", LOG_LEVEL_DEBUG },
        };

        for (size_t i = 0; i < ARRAY_SIZE(LEVELS); i++) {
                if (str_eq(text, LEVELS[i].name)) {
                        *ret = LEVELS[i].level;
                        return 0;
                }
        }
        return -EINVAL;
}

static int option_set(struct options *o, int option, const char *value) {
        switch (option) {
        case 's':
                o->state_dir = value;
                return 0;
        case 'r':
                o->run_dir = value;
                return 0;
        case 'l':
                o->listen = value;
                return 0;
        case 'i':
                o->insecure_listen = value;
                return 0;
        case 'a':
                o->audit_log = value;
                return 0;
        case 't':
                o->tls_san = value;
                return 0;
        case 'n':
                o->node_name = value;
                return 0;
        case 'd':
                o->cluster_domain = value;
                return 0;
        case 'c':
                o->service_cidr = value;
                return 0;
        case 'u':
                o->user = value;
                return 0;
        case 'w':
                return str_to_int64(value, 1, 3600, &o->idle_timeout_s);
        case 'f':
                return str_to_int64(value, 0, 1 << 20, &o->ready_fd);
        case 'v':
                return log_level_parse(value, &o->log_level);
        default:
                return -EINVAL;
        }
}

/* Returns 0 to go on, 1 to end well, or -EINVAL after a word on standard error. */
static int options_parse(int argc, char **argv, struct options *ret) {
        static const struct option LONG[] = {
                { "state-dir", required_argument, NULL, 's' },
                { "run-dir", required_argument, NULL, 'r' },
                { "listen", required_argument, NULL, 'l' },
                { "insecure-listen", required_argument, NULL, 'i' },
                { "tls-san", required_argument, NULL, 't' },
                { "audit-log", required_argument, NULL, 'a' },
                { "node-name", required_argument, NULL, 'n' },
                { "cluster-domain", required_argument, NULL, 'd' },
                { "service-cidr", required_argument, NULL, 'c' },
                { "user", required_argument, NULL, 'u' },
                { "idle-timeout", required_argument, NULL, 'w' },
                { "ready-fd", required_argument, NULL, 'f' },
                { "log-level", required_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { 0 },
        };
        int option;

        while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
                if (option == 'h' || option == 'V') {
                        (void) printf("%s",
                                      option == 'h' ? USAGE : "orchd-server " ORCH_VERSION "\n");
                        return 1;
                }
                if (option_set(ret, option, optarg) < 0) {
                        (void) fprintf(stderr, "orchd-server: see --help for the options\n");
                        return -EINVAL;
                }
        }
        if (optind == argc)
                return 0;
        (void) fprintf(stderr, "orchd-server: unexpected \"%s\"; see --help\n", argv[optind]);
        return -EINVAL;
}

/* ---- folders and sockets ---- */

/* A folder that root makes for the user that the server will be. */
static int folder_make(const char *path, const char *user, struct err *e) {
        uid_t uid;
        gid_t gid;
        int r = dir_make_all(path, 0700, e);

        if (r < 0)
                return err_wrap(e, r, "state folder (choose another with --state-dir)");
        if (geteuid() != 0 || !user)
                return 0;
        r = process_user_find(user, &uid, &gid, e);
        if (r == 0 && chown(path, uid, gid) < 0)
                r = err_errno(e, -errno, "cannot give %s to user %s", path, user);
        return r;
}

static int sockets_open(struct daemon *d, struct err *e) {
        AUTO_FREE char *path = str_format("%s/orch.sock", d->options.run_dir);
        const struct group *group = getgrnam(ADMIN_GROUP);
        int r;

        d->admin_gid = group ? group->gr_gid : (gid_t) -1;
        if (!path)
                return err_set(e, -ENOMEM, "memory is out");
        r = dir_make_all(d->options.run_dir, 0755, e);
        if (r < 0)
                return err_wrap(e, r, "run folder (choose another with --run-dir)");
        d->unix_fd = listen_unix(path, d->admin_gid, e);
        if (d->unix_fd < 0)
                return d->unix_fd;
        if (!str_eq(d->options.listen, "none")) {
                d->tls_fd = listen_tcp(d->options.listen, "--listen", false, e);
                if (d->tls_fd < 0)
                        return d->tls_fd;
        }
        if (str_eq(d->options.insecure_listen, "none"))
                return 0;
        d->tcp_fd = listen_tcp(d->options.insecure_listen, "--insecure-listen", true, e);
        if (d->tcp_fd >= 0)
                LOG_WARN(NULL,
                         "%s has no TLS and asks for no credentials (--insecure-listen): every "
                         "user of this machine may administer the cluster there",
                         d->options.insecure_listen);
        return MIN(d->tcp_fd, 0);
}

/* ---- life ---- */

static void ready_tell(struct daemon *d) {
        static const char LINE[] = "ready\n";
        int fd = (int) d->options.ready_fd;

        if (fd < 0)
                return;
        if (fd_write_all(fd, LINE, strlen(LINE)) < 0)
                LOG_WARN(NULL,
                         "the launcher can't be told that the API answers; it may restart the "
                         "server");
        (void) close(fd);
        d->options.ready_fd = -1;
}

/* The port of "--listen", 0: none. */
static int64_t tls_port(const char *listen) {
        const char *colon = strrchr(listen, ':');
        int64_t port = 0;

        if (colon)
                (void) str_to_int64(colon + 1, 1, UINT16_MAX, &port);
        return port;
}

static int controllers_start(struct daemon *d, struct err *e) {
        /* Who the controllers are where it matters who changed something. */
        static const struct user CONTROL_USER = USER_MASTER("system:kube-controller-manager");
        struct control_options options = {
                .timers = d->timers,
                .ca_pem = pki_ca_pem(d->pki),
                .node_name = d->options.node_name,
                .api_port = tls_port(d->options.listen),
        };
        int r = registry_client_new(d->registry, &CONTROL_USER, &d->client, e);

        if (r < 0)
                return r;
        options.client = d->client;
        return control_start(&options, &d->control, e);
}

static void registry_is_ready(void *data, int result, const char *text) {
        struct daemon *d = data;
        const struct server_options options = {
                .event = loop_event(d->loop),
                .registry = d->registry,
                .timers = d->timers,
                .unix_fd = STEAL_FD(d->unix_fd),
                .tls_fd = STEAL_FD(d->tls_fd),
                .tcp_fd = STEAL_FD(d->tcp_fd),
                .pki = d->pki,
                .audit = d->audit,
                .admin_gid = d->admin_gid,
                .idle_timeout_s = (unsigned) d->options.idle_timeout_s,
        };
        struct err e = { 0 };

        if (result < 0)
                (void) err_set(&e, result, "%s", text);
        if (result == 0)
                result = server_new(&options, &d->server, &e);
        if (result == 0)
                result = controllers_start(d, &e);
        if (result < 0) {
                LOG_ERROR(NULL, "%s", err_text(&e));
                loop_exit(d->loop, 1);
                return;
        }
        ready_tell(d);
        LOG_NOTICE(NULL, "the API answers on %s/orch.sock%s%s", d->options.run_dir,
                   options.tls_fd >= 0 ? " and with TLS on " : "",
                   options.tls_fd >= 0 ? d->options.listen : "");
}

static void linger_over(void *data) {
        struct daemon *d = data;

        loop_exit(d->loop, d->exit_code);
}

/* Every write is answered; what was said may still be on its way to clients. */
static void registry_is_idle(void *data) {
        struct daemon *d = data;
        struct timer *timer;

        if (d->timers->vtable->add(d->timers,
                                   d->timers->vtable->now_usec(d->timers) + STOP_LINGER_USEC,
                                   linger_over, d, &timer) < 0)
                loop_exit(d->loop, d->exit_code);
}

/* A store that failed for good stays so until it is opened anew: the launcher sees to that. */
static void store_has_failed(void *data, const char *text) {
        struct daemon *d = data;

        LOG_ERROR(NULL, "%s; the server ends and is started again", text);
        if (d->is_stopping)
                return;
        d->is_stopping = true;
        d->exit_code = 1;
        registry_is_idle(d);
}

static int signalled(sd_event_source *source, const struct signalfd_siginfo *info, void *data) {
        struct daemon *d = data;

        if (d->is_stopping || !d->server) {
                loop_exit(d->loop, 0);
                return 0;
        }
        d->is_stopping = true;
        control_unref(STEAL(d->control));
        LOG_NOTICE(NULL, "stopping: writes under way are finished first");
        control_unref(STEAL(d->control));
        server_quiesce(d->server);
        registry_stop(d->registry, registry_is_idle, d);
        return 0;
}

/* Every connection is one. A refusal only means fewer connections. */
static void files_raise(void) {
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return;
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
}

/* Objects of so many bytes in all are what malloc() does well. */
#define SLABS_FROM_BYTES ((size_t) 2 << 20)

/* How glibc keeps memory. Fixed, the threshold of mmap() doesn't grow with the first large body, so
 * that the memory of such bodies goes back; a little room at the top spares a brk() and fresh
 * pages for each tree; without fast bins a large block needn't gather thousands of small ones. */
static void memory_tune(void) {
        (void) mallopt(M_MMAP_THRESHOLD, 256 << 10);
        (void) mallopt(M_TRIM_THRESHOLD, 4 << 20);
        (void) mallopt(M_TOP_PAD, 256 << 10);
        (void) mallopt(M_MXFAST, 0);
        text_json_keep_memory();
        slab_begin(SLABS_FROM_BYTES);
}

static int daemon_start(struct daemon *d, struct err *e) {
        const struct store_sqlite_options store_options = { .keep_revisions =
                                                                    STORE_KEEP_REVISIONS };
        AUTO_FREE char *folder = str_format("%s/server", d->options.state_dir);
        struct registry_options options = { .service_cidr = d->options.service_cidr };
        const struct orchd_keys_options keys = {
                .state_dir = d->options.state_dir,
                .listen = d->options.listen,
                .node_name = d->options.node_name,
                .cluster_domain = d->options.cluster_domain,
                .service_cidr = d->options.service_cidr,
                .tls_san = d->options.tls_san,
                .now_usec = clock_wall_usec(),
        };
        int r;

        if (!folder)
                return err_set(e, -ENOMEM, "memory is out");
        files_raise();
        memory_tune();
        r = dir_make_all(d->options.state_dir, 0755, e);
        if (r == 0)
                r = folder_make(folder, d->options.user, e);
        if (r == 0)
                r = sockets_open(d, e);
        if (r == 0 && !str_eq(d->options.listen, "none"))
                orchd_keys_link(d->options.state_dir);
        if (r == 0) /* from here on nothing can be opened that only root may */
                r = process_user_become(d->options.user, e);
        if (r == 0)
                r = process_follow_launcher();
        if (r == 0)
                r = loop_new(&d->loop, e);
        if (r == 0)
                r = timers_new_event(loop_event(d->loop), &d->timers, e);
        if (r == 0)
                r = store_open_sqlite(d->loop, folder, &store_options, &d->store, e);
        /* The store has locked the folder: nobody else makes keys there. */
        if (r == 0)
                r = orchd_keys_open(&keys, &d->pki, e);
        if (r == 0 && d->options.audit_log)
                r = audit_open(d->loop, d->options.audit_log, 0, &d->audit, e);
        if (r < 0)
                return r;
        if (sd_event_add_signal(loop_event(d->loop), &d->signals[0],
                                SIGTERM | SD_EVENT_SIGNAL_PROCMASK, signalled, d) < 0 ||
            sd_event_add_signal(loop_event(d->loop), &d->signals[1],
                                SIGINT | SD_EVENT_SIGNAL_PROCMASK, signalled, d) < 0)
                return err_set(e, -ENOMEM, "signals can't be received");
        options.store = d->store;
        options.token_key = pki_token_key(d->pki);
        options.timers = d->timers;
        options.on_failure = store_has_failed;
        options.data = d;
        return registry_new(&options, registry_is_ready, d, &d->registry, e);
}

static void daemon_done(struct daemon *d) {
        server_unref(d->server);
        audit_unref(d->audit);
        control_unref(d->control);
        client_unref(d->client);
        for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
                sd_event_source_disable_unref(d->signals[i]);
        /* The store calls back for what it still owes. */
        store_unref(d->store);
        registry_unref(d->registry);
        if (d->timers)
                timers_free_event(d->timers);
        loop_unref(d->loop);
        macros_close_fd(&d->unix_fd);
        macros_close_fd(&d->tls_fd);
        macros_close_fd(&d->tcp_fd);
        pki_unref(d->pki);
}

/* A full, read-only or failing disk and a damaged database may be mended while the launcher keeps
 * trying; the node goes on with its pods meanwhile. */
static bool is_of_the_disk(int r) {
        return r == -ENOSPC || r == -EROFS || r == -EIO || r == -EUCLEAN;
}

int main(int argc, char **argv) {
        struct daemon d = {
                .options = {
                        .state_dir = "/var/lib/orch",
                        .run_dir = "/run/orch",
                        .listen = ":6443",
                        .insecure_listen = "none",
                        .cluster_domain = "cluster.local",
                        .service_cidr = "10.96.0.0/16",
                        .ready_fd = -1,
                        .log_level = LOG_LEVEL_NOTICE,
                },
                .unix_fd = -1,
                .tls_fd = -1,
                .tcp_fd = -1,
        };
        struct err e = { 0 };
        int r;

        r = options_parse(argc, argv, &d.options);
        if (r != 0)
                return r < 0 ? 2 : 0;
        log_init("orchd-server", d.options.log_level);
        r = daemon_start(&d, &e);
        if (r < 0) {
                LOG_ERROR(NULL, "%s", err_text(&e));
                daemon_done(&d);
                return is_of_the_disk(r) ? 1 : PROCESS_EXIT_CONFIG;
        }
        r = loop_run(d.loop);
        daemon_done(&d);
        return r == 0 ? 0 : 1;
}
