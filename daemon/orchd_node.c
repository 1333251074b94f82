/* orchd-node: runs the pods bound to this machine. See orchd(8). */
#include "api/client/http.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/node/node.h"
#include "daemon/node/node_config.h"
#include "daemon/orchd_image_limits.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

struct options {
        struct node_config node;
        const char *socket;
        char *name, *default_socket;                    /* owned */
        const char *image_high, *image_low, *image_age; /* NULL: default */
        int ready_fd;
        enum log_level level;
};

static void usage(FILE *to) {
        (void) fprintf(
                to,
                "usage: orchd-node [OPTION]...\n"
                "Runs the pods that the server binds to this machine.\n\n"
                "  --state-dir DIR       what survives a reboot (/var/lib/orch)\n"
                "  --run-dir DIR         what doesn't (/run/orch)\n"
                "  --socket PATH         the server's socket (RUN_DIR/orch.sock)\n"
                "  --node-name NAME      of the Node object (the host's name)\n"
                "  --pod-cidr PREFIX     addresses of this node's pods (10.244.0.0/24)\n"
                "  --cluster-cidr PREFIX addresses of all pods (10.244.0.0/16)\n"
                "  --service-cidr PREFIX addresses of services (10.96.0.0/16)\n"
                "  --bridge NAME         of the pods' network (orch0)\n"
                "  --dns-address IP      where orch-dns answers (the bridge's address)\n"
                "  --cluster-domain NAME (cluster.local)\n"
                "  --libexec-dir DIR     where orch-pod, orch-image and orch-build are\n"
                "  --registries FILE     how registries are reached, where it isn't\n"
                "                        " NODE_REGISTRIES_FILE "\n"
                "  --image-gc-high-threshold-percent N  of the disk in use: images go "
                "(" ORCHD_IMAGE_HIGH "; 100: never)\n"
                "  --image-gc-low-threshold-percent N   until less is in use (" ORCHD_IMAGE_LOW
                ")\n"
                "  --image-minimum-gc-age DURATION      younger ones stay (" ORCHD_IMAGE_AGE ")\n"
                "  --build-webhook URL   is told of builds that failed\n"
                "  --resolv-conf FILE    the machine's (/etc/resolv.conf)\n"
                "  --cgroup NAME         group of the pods, below this process's own (orch)\n"
                "  --log-level LEVEL     error, warning, notice, debug\n"
                "  --ready-fd N          gets one line when the node is registered\n");
}

static int parse_prefix(const char *option, const char *text, struct ip_prefix *ret,
                        struct err *e) {
        if (ip_prefix_parse(text, ret) < 0 || ret->addr.family != IP_V4)
                return err_set(e, -EINVAL, "--%s %s is no IPv4 prefix; write it like 10.244.0.0/24",
                               option, text);
        return 0;
}

static int parse_level(const char *text, enum log_level *ret, struct err *e) {
        static const struct {
                const char *name;
                enum log_level level;
        } levels[] = { { "error", LOG_LEVEL_ERROR },
                       { "warning", LOG_LEVEL_WARNING },
                       { "notice", LOG_LEVEL_NOTICE },
                       { "debug", LOG_LEVEL_DEBUG } };

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (str_eq(text, levels[i].name)) {
                        *ret = levels[i].level;
                        return 0;
                }
        return err_set(e, -EINVAL, "--log-level %s: use error, warning, notice or debug", text);
}

static int take_number(const char *text, int *ret, struct err *e) {
        int64_t n;

        if (str_to_int64(text, 0, 1 << 20, &n) < 0)
                return err_set(e, -EINVAL, "--ready-fd %s is no descriptor", text);
        *ret = (int) n;
        return 0;
}

static int take_name(const char *text, char **ret) {
        free(*ret);
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int take_webhook(const char *text, const char **ret, struct err *e) {
        if (!str_starts_with(text, "http://") && !str_starts_with(text, "https://"))
                return err_set(e, -EINVAL, "--build-webhook %s: write a URL like https://host/path",
                               text);
        *ret = text;
        return 0;
}

static int take_option(struct options *o, int c, const char *name, const char *arg, struct err *e) {
        switch (c) {
        case 's':
                o->node.state_dir = arg;
                return 0;
        case 'r':
                o->node.run_dir = arg;
                return 0;
        case 'S':
                o->socket = arg;
                return 0;
        case 'n':
                return take_name(arg, &o->name);
        case 'p':
                return parse_prefix(name, arg, &o->node.network.pod_cidr, e);
        case 'C':
                return parse_prefix(name, arg, &o->node.network.cluster_cidr, e);
        case 'v':
                return parse_prefix(name, arg, &o->node.network.service_cidr, e);
        case 'b':
                o->node.network.bridge = arg;
                return 0;
        case 'd':
                o->node.dns_address = arg;
                return 0;
        case 'D':
                o->node.cluster_domain = arg;
                return 0;
        case 'x':
                o->node.libexec_dir = arg;
                return 0;
        case 'i':
                o->node.registries_file = arg;
                return 0;
        case 'H':
                o->image_high = arg;
                return 0;
        case 'L':
                o->image_low = arg;
                return 0;
        case 'A':
                o->image_age = arg;
                return 0;
        case 'w':
                return take_webhook(arg, &o->node.build_webhook, e);
        case 'R':
                o->node.host_resolv_conf = arg;
                return 0;
        case 'g':
                o->node.cgroup_name = arg;
                return 0;
        case 'l':
                return parse_level(arg, &o->level, e);
        case 'f':
                return take_number(arg, &o->ready_fd, e);
        default:
                return err_set(e, -EINVAL, "unknown option; orchd-node --help lists them");
        }
}

/* 1: help was asked for. */
static int options_read(int argc, char **argv, struct options *o, struct err *e) {
        static const struct option known[] = {
                { "state-dir", 1, NULL, 's' },
                { "run-dir", 1, NULL, 'r' },
                { "socket", 1, NULL, 'S' },
                { "node-name", 1, NULL, 'n' },
                { "pod-cidr", 1, NULL, 'p' },
                { "service-cidr", 1, NULL, 'v' },
                { "cluster-cidr", 1, NULL, 'C' },
                { "bridge", 1, NULL, 'b' },
                { "registries", 1, NULL, 'i' },
                { "dns-address", 1, NULL, 'd' },
                { "cluster-domain", 1, NULL, 'D' },
                { "libexec-dir", 1, NULL, 'x' },
                { "resolv-conf", 1, NULL, 'R' },
                { "cgroup", 1, NULL, 'g' },
                { "log-level", 1, NULL, 'l' },
                { "ready-fd", 1, NULL, 'f' },
                { "image-gc-high-threshold-percent", 1, NULL, 'H' },
                { "image-gc-low-threshold-percent", 1, NULL, 'L' },
                { "image-minimum-gc-age", 1, NULL, 'A' },
                { "build-webhook", 1, NULL, 'w' },
                { "help", 0, NULL, 'h' },
                { 0 },
        };
        int c, index = 0;

        while ((c = getopt_long(argc, argv, "h", known, &index)) != -1) {
                int r;

                if (c == 'h')
                        return 1;
                r = take_option(o, c, c == '?' ? "" : known[index].name, optarg, e);
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return err_set(e, -EINVAL, "%s: orchd-node takes options only", argv[optind]);
        return 0;
}

static int options_complete(struct options *o, struct err *e) {
        struct orchd_image_limits limits = { 0 };
        char host[256] = "";
        int r;

        if (!o->name && gethostname(host, sizeof(host) - 1) == 0) {
                o->name = strdup(host);
                for (char *p = o->name; p && *p; p++)
                        *p = *p >= 'A' && *p <= 'Z' ? (char) (*p - 'A' + 'a') : *p;
        }
        if (!o->name || !str_is_dns_subdomain(o->name))
                return err_set(e, -EINVAL,
                               "\"%s\" can't be the node's name: give one of lower-case letters, "
                               "digits, '-' and "
                               "'.' with --node-name",
                               str_or_empty(o->name));
        o->node.name = o->name;
        if (!o->socket) {
                o->default_socket = str_format("%s/orch.sock", o->node.run_dir);
                if (!o->default_socket)
                        return err_set(e, -ENOMEM, "out of memory");
                o->socket = o->default_socket;
        }
        o->node.socket_path = o->socket;
        r = orchd_image_limits_read(o->image_high, o->image_low, o->image_age, &limits, e);
        if (r < 0)
                return r;
        o->node.image_gc_high_pct = limits.high_pct;
        o->node.image_gc_low_pct = limits.low_pct;
        o->node.image_gc_min_age_sec = limits.min_age_sec;
        return 0;
}

/* What neither the node nor a container may ever need is given up before anything is read. Dropping
 * from the bounding set also binds what is started later. */
static void drop_capabilities(void) {
        static const cap_value_t needless[] = {
                CAP_SYS_TIME,      CAP_SYS_BOOT,     CAP_SYS_PACCT,
                CAP_WAKE_ALARM,    CAP_SYS_RAWIO,    CAP_SYS_MODULE,
                CAP_MAC_ADMIN,     CAP_MAC_OVERRIDE, CAP_LINUX_IMMUTABLE,
                CAP_AUDIT_CONTROL, CAP_AUDIT_READ,   CAP_BLOCK_SUSPEND,
                CAP_LEASE
        };
        cap_t caps = cap_get_proc();

        for (size_t i = 0; i < ARRAY_SIZE(needless); i++)
                (void) cap_drop_bound(needless[i]);
        if (!caps)
                return;
        (void) cap_set_flag(caps, CAP_EFFECTIVE, (int) ARRAY_SIZE(needless), needless, CAP_CLEAR);
        (void) cap_set_flag(caps, CAP_PERMITTED, (int) ARRAY_SIZE(needless), needless, CAP_CLEAR);
        (void) cap_set_flag(caps, CAP_INHERITABLE, (int) ARRAY_SIZE(needless), needless, CAP_CLEAR);
        (void) cap_set_proc(caps);
        (void) cap_free(caps);
}

static void on_ready(void *userdata) {
        struct options *o = userdata;

        if (o->ready_fd < 0)
                return;
        (void) fd_write_all(o->ready_fd, "ready\n", 6);
        (void) close(o->ready_fd);
        o->ready_fd = -1;
}

static int run(struct options *o, struct err *e) {
        AUTO(loop) struct loop *loop = NULL;
        AUTO(client) struct client *client = NULL;
        AUTO(node) struct node *node = NULL;
        const struct client_http_options http = { .socket_path = o->socket,
                                                  .user_agent = "orchd-node/" ORCH_VERSION };
        struct node_config config = o->node;
        int r;

        config.on_ready = on_ready;
        config.userdata = o;
        if (geteuid() != 0)
                return err_set(e, -EPERM, "orchd-node makes namespaces and mounts: run it as root");
        drop_capabilities();
        if (process_follow_launcher() < 0)
                return err_set(e, -ESRCH, "the launcher that started this program is gone");
        r = loop_new(&loop, e);
        if (r == 0)
                r = loop_exit_on_signals(loop, e);
        if (r == 0)
                r = client_http_new(loop_event(loop), &http, &client, e);
        if (r == 0)
                r = node_new(loop, client, &config, &node, e);
        if (r < 0)
                return r;
        r = loop_run(loop);
        return r < 0 ? err_errno(e, r, "the event loop failed") : r;
}

int main(int argc, char **argv) {
        struct options o = { .node = { .state_dir = "/var/lib/orch",
                                       .run_dir = "/run/orch",
                                       .cluster_domain = "cluster.local",
                                       .libexec_dir = ORCH_LIBEXEC_DIR },
                             .ready_fd = -1,
                             .level = LOG_LEVEL_NOTICE };
        struct err e = { 0 };
        int r;

        (void) setlocale(LC_ALL, "C.UTF-8");
        o.node.network = network_config_default();
        log_init("orchd-node", LOG_LEVEL_NOTICE);
        r = options_read(argc, argv, &o, &e);
        if (r > 0) {
                usage(stdout);
                return 0;
        }
        if (r == 0)
                r = options_complete(&o, &e);
        log_set_level(o.level);
        if (r == 0)
                r = run(&o, &e);
        free(o.name);
        free(o.default_socket);
        if (r >= 0)
                return r;
        LOG_ERROR(NULL, "%s", err_text(&e));
        return r == -EINVAL || r == -EPERM || r == -EBUSY ? PROCESS_EXIT_CONFIG : 1;
}
