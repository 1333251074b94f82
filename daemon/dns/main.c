/* orch-dns: answers the cluster's names from the snapshot that the node writes, and passes other
 * names on to the host's resolvers. Goes on with what it has when the node is down. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/process.h"
#include "base/process_user.h"
#include "base/str.h"
#include "daemon/dns/dns.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char usage[] =
        "usage: orch-dns [OPTION...]\n"
        "Answers the names of services and passes other names on.\n\n"
        "  --snapshot PATH      names, as orchd-node writes them (/run/orch/dns/snapshot)\n"
        "  --listen ADDR[:PORT] where to listen, UDP and TCP; up to 8 times (10.244.0.1:53)\n"
        "  --domain NAME        the cluster's domain (cluster.local)\n"
        "  --upstream ADDR[:PORT]  whom to ask for other names; up to 4 times (those of "
        "resolv.conf)\n"
        "  --resolv-conf PATH   (/etc/resolv.conf)\n"
        "  --user NAME|UID      become this user once the ports are open\n"
        "  --ready-fd N         one line is written to N once names are answered\n"
        "  --debug              say more\n"
        "  --help, --version\n";

enum option_code {
        OPTION_SNAPSHOT = 256,
        OPTION_LISTEN,
        OPTION_DOMAIN,
        OPTION_UPSTREAM,
        OPTION_RESOLV_CONF,
        OPTION_USER,
        OPTION_READY_FD,
        OPTION_DEBUG,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct option long_options[] = {
        { "snapshot", required_argument, NULL, OPTION_SNAPSHOT },
        { "listen", required_argument, NULL, OPTION_LISTEN },
        { "domain", required_argument, NULL, OPTION_DOMAIN },
        { "upstream", required_argument, NULL, OPTION_UPSTREAM },
        { "resolv-conf", required_argument, NULL, OPTION_RESOLV_CONF },
        { "user", required_argument, NULL, OPTION_USER },
        { "ready-fd", required_argument, NULL, OPTION_READY_FD },
        { "debug", no_argument, NULL, OPTION_DEBUG },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { 0 },
};

static int add_peer(struct dns_peer *peers, size_t *n, size_t most, const char *text,
                    struct err *e) {
        if (*n >= most)
                return err_set(e, -E2BIG, "more than %zu addresses", most);
        if (dns_peer_parse(text, &peers[*n]) < 0)
                return err_set(e, -EINVAL, "\"%s\" is no address; write 10.0.0.1 or 10.0.0.1:5353",
                               text);
        (*n)++;
        return 0;
}

/* Returns 0 to go on, 1 to end with success, or a negative errno. */
static int take_option(struct dns_options *o, int code, const char *value, struct err *e) {
        switch (code) {
        case OPTION_SNAPSHOT:
                o->snapshot = value;
                return 0;
        case OPTION_LISTEN:
                return add_peer(o->listen, &o->n_listen, DNS_LISTENERS_MAX, value, e);
        case OPTION_DOMAIN:
                o->domain = value;
                return 0;
        case OPTION_UPSTREAM:
                return add_peer(o->upstream, &o->n_upstream, DNS_UPSTREAMS_MAX, value, e);
        case OPTION_RESOLV_CONF:
                o->resolv_conf = value;
                return 0;
        case OPTION_USER:
                o->user = value;
                return 0;
        case OPTION_READY_FD:
                return str_to_int64(value, 3, 1 << 20, &o->ready_fd) < 0
                               ? err_set(e, -EINVAL,
                                         "--ready-fd takes a descriptor's number from 3")
                               : 0;
        case OPTION_DEBUG:
                log_set_level(LOG_LEVEL_DEBUG);
                return 0;
        case OPTION_HELP:
                (void) fputs(usage, stdout);
                return 1;
        case OPTION_VERSION:
                (void) puts("orch-dns " ORCH_VERSION);
                return 1;
        default:
                return err_set(e, -EINVAL, "see orch-dns --help");
        }
}

static int read_options(int argc, char **argv, struct dns_options *o, struct err *e) {
        int code, r;

        while ((code = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                r = take_option(o, code, optarg, e);
                if (r != 0)
                        return r;
        }
        if (optind < argc)
                return err_set(e, -EINVAL, "unexpected \"%s\"; see orch-dns --help", argv[optind]);
        if (o->n_listen == 0)
                return add_peer(o->listen, &o->n_listen, DNS_LISTENERS_MAX, "10.244.0.1", e);
        return 0;
}

/* --- signals
 * -------------------------------------------------------------------------------------- */

struct signals {
        struct dns_poller poller;
        bool is_over;
};

static void signal_ready(struct dns_poller *p, uint32_t events) {
        struct signals *s = CONTAINER_OF(p, struct signals, poller);
        struct signalfd_siginfo info;

        (void) events;
        if (read(p->fd, &info, sizeof(info)) != (ssize_t) sizeof(info))
                return;
        if (info.ssi_signo == SIGHUP)
                dns_zone_file_reload(p->server->zone);
        else
                s->is_over = true;
}

static int signals_init(struct dns_server *server, struct signals *s, struct err *e) {
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGHUP);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        s->poller.ready = signal_ready;
        s->poller.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->poller.fd < 0)
                return err_errno(e, -errno, "signalfd");
        r = dns_poller_add(server, &s->poller, EPOLLIN);
        return r < 0 ? err_errno(e, r, "epoll") : 0;
}

/* --- the loop
 * --------------------------------------------------------------------------------------- */

static int timeout_of(const struct dns_server *s) {
        uint64_t due = MIN(dns_forward_due(s->forward), dns_tcp_due(s->tcp)), now;

        due = MIN(due, dns_zone_file_due(s->zone));
        if (due == USEC_NEVER)
                return -1;
        now = clock_now_usec();
        return due <= now ? 0 : (int) MIN((due - now + 999) / 1000, 60000ULL);
}

/* One event at a time: what its handler closes can't be among events read already. */
static int run(struct dns_server *s, const struct signals *signals) {
        while (!signals->is_over) {
                struct epoll_event ev;
                int n = epoll_wait(s->epoll_fd, &ev, 1, timeout_of(s));

                if (n < 0 && errno != EINTR)
                        return -errno;
                s->now_usec = clock_now_usec();
                if (n > 0) {
                        struct dns_poller *p = ev.data.ptr;

                        p->ready(p, ev.events);
                }
                dns_forward_expire(s->forward);
                dns_tcp_expire(s->tcp);
                dns_zone_file_expire(s->zone);
        }
        return 0;
}

static int server_start(struct dns_server *s, struct signals *signals, struct err *e) {
        int r = dns_name_encode(s->options->domain, s->domain);

        if (r < 2)
                return err_set(e, -EINVAL, "--domain \"%s\" is no domain", s->options->domain);
        s->domain_len = (size_t) r;
        s->now_usec = clock_now_usec();
        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll_fd < 0)
                return err_errno(e, -errno, "epoll");
        r = signals_init(s, signals, e);
        if (r >= 0)
                r = dns_udp_new(s, &s->udp, e);
        if (r >= 0)
                r = dns_tcp_new(s, &s->tcp, e);
        if (r >= 0)
                r = process_user_become(s->options->user, e);
        if (r >= 0 && process_follow_launcher() < 0)
                r = err_set(e, -ESRCH, "the launcher that started this program is gone");
        if (r >= 0)
                r = dns_forward_new(s, &s->forward, e);
        return r < 0 ? r : dns_zone_file_new(s, &s->zone, e);
}

static void server_stop(struct dns_server *s, struct signals *signals) {
        dns_forward_unref(s->forward);
        dns_tcp_unref(s->tcp);
        dns_udp_unref(s->udp);
        dns_zone_file_unref(s->zone);
        dns_poller_close(&signals->poller);
        if (s->epoll_fd >= 0)
                (void) close(s->epoll_fd);
}

static void tell_ready(const struct dns_options *options) {
        LOG_NOTICE(NULL, "ready");
        if (options->ready_fd < 0)
                return;
        (void) fd_write_all((int) options->ready_fd, "ready\n", 6);
        (void) close((int) options->ready_fd);
}

int main(int argc, char **argv) {
        struct dns_options options = { .snapshot = "/run/orch/dns/snapshot",
                                       .resolv_conf = "/etc/resolv.conf",
                                       .domain = "cluster.local",
                                       .ready_fd = -1 };
        struct dns_server server = { .options = &options, .epoll_fd = -1 };
        struct signals signals = { .poller.fd = -1 };
        struct err e = { 0 };
        int r;

        log_init("orch-dns", LOG_LEVEL_NOTICE);
        r = read_options(argc, argv, &options, &e);
        if (r > 0)
                return 0;
        if (r == 0)
                r = server_start(&server, &signals, &e);
        if (r == 0) {
                tell_ready(&options);
                r = run(&server, &signals);
                server_stop(&server, &signals);
                return r < 0;
        }
        server_stop(&server, &signals);
        LOG_ERROR(NULL, "%s", err_text(&e));
        return PROCESS_EXIT_CONFIG;
}
