#include "daemon/orchd_options.h"

#include "base/fd.h"
#include "base/process_user.h"
#include "base/str.h"
#include "daemon/orchd_image_limits.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Used where no user "orch" exists: inside the range that systemd keeps for dynamic users, so
 * nobody's. */
#define ORCHD_FALLBACK_UID "61999"

#define OPTION_SERVER (1 << 0)
#define OPTION_NODE (1 << 1)
#define OPTION_DNS (1 << 2)

/* Every option with a value: the table gives parsing, help, defaults and what is handed on to which
 * program. */
static const struct orchd_option {
        const char *name;
        size_t offset;
        const char *def; /* NULL: found out, or none */
        unsigned handed_to;
        const char *doc;
        const char *dns_name; /* what orch-dns calls it; NULL: the same */
} orchd_options_table[] = {
        { "state-dir", offsetof(struct orchd_options, state_dir), "/var/lib/orch",
          OPTION_SERVER | OPTION_NODE, "what must survive a reboot" },
        { "run-dir", offsetof(struct orchd_options, run_dir), "/run/orch",
          OPTION_SERVER | OPTION_NODE, "sockets and running pods; on tmpfs" },
        { "listen", offsetof(struct orchd_options, listen), ":6443", OPTION_SERVER,
          "address and port of the API with TLS (besides RUN-DIR/orch.sock)" },
        { "insecure-listen", offsetof(struct orchd_options, insecure_listen), NULL, OPTION_SERVER,
          "loopback address and port without TLS and credentials; none if not given" },
        { "tls-san", offsetof(struct orchd_options, tls_san), NULL, OPTION_SERVER,
          "further names and addresses of the server's certificate, commas between" },
        { "audit-log", offsetof(struct orchd_options, audit_log), NULL, OPTION_SERVER,
          "file that gets a line of JSON for each request; none if not given" },
        { "node-name", offsetof(struct orchd_options, node_name), NULL, OPTION_SERVER | OPTION_NODE,
          "name of this node; the host's name if not given" },
        { "pod-cidr", offsetof(struct orchd_options, pod_cidr), "10.244.0.0/24", OPTION_NODE,
          "addresses of this node's pods" },
        { "service-cidr", offsetof(struct orchd_options, service_cidr), "10.96.0.0/16",
          OPTION_SERVER | OPTION_NODE, "addresses of services" },
        { "dns-address", offsetof(struct orchd_options, dns_address), NULL,
          OPTION_NODE | OPTION_DNS,
          "where names are answered; the first address of --pod-cidr if not given", "listen" },
        { "cluster-domain", offsetof(struct orchd_options, cluster_domain), "cluster.local",
          OPTION_SERVER | OPTION_NODE | OPTION_DNS, "ending of every service's name", "domain" },
        { "dns-upstream", offsetof(struct orchd_options, dns_upstream), NULL, OPTION_DNS,
          "resolver for other names; those of /etc/resolv.conf if not given", "upstream" },
        { "user", offsetof(struct orchd_options, user), NULL, OPTION_SERVER | OPTION_DNS,
          "user of server and DNS; \"orch\" if it exists, else " ORCHD_FALLBACK_UID },
        { "registries", offsetof(struct orchd_options, registries), NULL, OPTION_NODE,
          "file about registries; /etc/orch/registries.yaml if not given" },
        { "image-gc-high-threshold-percent", offsetof(struct orchd_options, image_high),
          ORCHD_IMAGE_HIGH, OPTION_NODE,
          "of the disk in use: from here on images that nobody needs go; 100: never" },
        { "image-gc-low-threshold-percent", offsetof(struct orchd_options, image_low),
          ORCHD_IMAGE_LOW, OPTION_NODE, "until less than this is in use" },
        { "image-minimum-gc-age", offsetof(struct orchd_options, image_age), ORCHD_IMAGE_AGE,
          OPTION_NODE, "images that came or were used later than this ago stay" },
        { "build-webhook", offsetof(struct orchd_options, build_webhook), NULL, OPTION_NODE,
          "URL that is told of builds that failed" },
        { "libexec-dir", offsetof(struct orchd_options, libexec_dir), NULL, OPTION_NODE,
          "folder of orch's other programs" },
};

static char **orchd_options_member(struct orchd_options *o, const struct orchd_option *option) {
        return (char **) (void *) ((char *) o + option->offset);
}

static void orchd_options_help(void) {
        (void) puts(
                "orchd: a complete one-node Kubernetes-style cluster.\n\n"
                "usage: orchd [options]          server, node and DNS on this machine\n"
                "       orchd server [options]   the API server alone (see orchd-server --help)\n"
                "       orchd node [options]     the node agent alone (see orchd-node "
                "--help)\n\noptions:");
        for (size_t i = 0; i < ARRAY_SIZE(orchd_options_table); i++) {
                const struct orchd_option *option = &orchd_options_table[i];

                (void) printf("  --%-16s %s%s%s%s\n", option->name, option->doc,
                              option->def ? " (" : "", str_or_empty(option->def),
                              option->def ? ")" : "");
        }
        (void) puts("  --ready-fd         descriptor that gets a line once everything is ready\n"
                    "  --debug            say more\n"
                    "  --version, --help");
}

/* "10.244.0.0/24" → "10.244.0.1". */
static int orchd_options_first_address(const char *cidr, char **ret, struct err *e) {
        AUTO_FREE char *text = strdup(cidr);
        char out[INET_ADDRSTRLEN];
        struct in_addr address;
        int64_t bits = 0;
        char *slash;

        if (!text)
                return err_set(e, -ENOMEM, "out of memory");
        slash = strchr(text, '/');
        if (slash)
                *slash = '\0';
        if (!slash || inet_pton(AF_INET, text, &address) != 1 ||
            str_to_int64(slash + 1, 8, 29, &bits) < 0)
                return err_set(e, -EINVAL,
                               "--pod-cidr %s is not an IPv4 network; write it like 10.244.0.0/24",
                               cidr);
        address.s_addr = htonl((ntohl(address.s_addr) & (0xffffffffU << (32 - bits))) + 1);
        *ret = strdup(inet_ntop(AF_INET, &address, out, sizeof(out)));
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int orchd_options_fill(struct orchd_options *o, char **argv, struct err *e) {
        char host[HOST_NAME_MAX + 1] = "";
        struct orchd_image_limits limits;
        int r;
        uid_t uid;
        gid_t gid;

        for (size_t i = 0; i < ARRAY_SIZE(orchd_options_table); i++) {
                const struct orchd_option *option = &orchd_options_table[i];
                char **member = orchd_options_member(o, option);

                if (*member || !option->def)
                        continue;
                *member = strdup(option->def);
                if (!*member)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        if (!o->node_name) {
                (void) gethostname(host, sizeof(host) - 1);
                for (char *p = host; *p; p++)
                        *p = (char) (*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
                o->node_name = strdup(host);
        }
        if (!o->user)
                o->user = strdup(process_user_find("orch", &uid, &gid, NULL) == 0
                                         ? "orch"
                                         : ORCHD_FALLBACK_UID);
        if (!o->libexec_dir)
                o->libexec_dir = orchd_options_find_libexec(argv);
        if (!o->node_name || !o->user || !o->libexec_dir)
                return err_set(e, -ENOMEM, "out of memory");
        if (!str_is_dns_subdomain(o->node_name))
                return err_set(e, -EINVAL,
                               "\"%s\" can't be a node's name (lower-case letters, digits, '-' and "
                               "'.'); give one with --node-name",
                               o->node_name);
        r = orchd_image_limits_read(o->image_high, o->image_low, o->image_age, &limits, e);
        if (r < 0)
                return r;
        return o->dns_address ? 0 : orchd_options_first_address(o->pod_cidr, &o->dns_address, e);
}

static int orchd_options_unknown(const char *word, struct err *e) {
        const char *names[ARRAY_SIZE(orchd_options_table)];
        const char *nearest;

        for (size_t i = 0; i < ARRAY_SIZE(orchd_options_table); i++)
                names[i] = orchd_options_table[i].name;
        nearest = str_nearest(word + strspn(word, "-"), names, ARRAY_SIZE(names));
        if (nearest)
                return err_set(e, -EINVAL, "unknown option %s; did you mean --%s?", word, nearest);
        return err_set(e, -EINVAL,
                       "unknown option or argument %s; orchd --help lists what there is", word);
}

/* One option's value. Returns 0, or a negative errno. */
static int orchd_options_take(struct orchd_options *o, int c, const char *value, struct err *e) {
        char **member;
        int64_t number = 0;

        if (c == 'd') {
                o->is_debugging = true;
                return 0;
        }
        if (c == 'r') {
                if (str_to_int64(value, 3, 1 << 20, &number) < 0)
                        return err_set(e, -EINVAL, "--ready-fd takes a descriptor's number from 3");
                o->ready_fd = (int) number;
                return 0;
        }
        member = orchd_options_member(o, &orchd_options_table[c - 256]);
        if (str_is_empty(value))
                return err_set(e, -EINVAL, "--%s is empty", orchd_options_table[c - 256].name);
        free(*member);
        *member = strdup(value);
        return *member ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int orchd_options_read(int argc, char **argv, struct orchd_options *ret, struct err *e) {
        struct option options[ARRAY_SIZE(orchd_options_table) + 5] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                { "debug", no_argument, NULL, 'd' },
                { "ready-fd", required_argument, NULL, 'r' },
        };
        int c, r = 0;

        *ret = (struct orchd_options){ .ready_fd = -1 };
        for (size_t i = 0; i < ARRAY_SIZE(orchd_options_table); i++)
                options[4 + i] = (struct option){ orchd_options_table[i].name, required_argument,
                                                  NULL, 256 + (int) i };
        opterr = 0;
        while (r == 0 && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
                if (c == 'h' || c == 'v') {
                        if (c == 'h')
                                orchd_options_help();
                        else
                                (void) puts("orchd " ORCH_VERSION);
                        return 1;
                }
                if (c == '?')
                        r = orchd_options_unknown(argv[optind - 1], e);
                else if (c == ':')
                        r = err_set(e, -EINVAL, "%s wants a value", argv[optind - 1]);
                else
                        r = orchd_options_take(ret, c, optarg, e);
        }
        if (r == 0 && optind < argc)
                r = orchd_options_unknown(argv[optind], e);
        return r < 0 ? r : orchd_options_fill(ret, argv, e);
}

void orchd_options_done(struct orchd_options *o) {
        for (size_t i = 0; i < ARRAY_SIZE(orchd_options_table); i++)
                free(*orchd_options_member(o, &orchd_options_table[i]));
        *o = (struct orchd_options){ .ready_fd = -1 };
}

static int orchd_options_make_folder(const char *parent, const char *name, uid_t uid, gid_t gid,
                                     struct err *e) {
        AUTO_FREE char *path = str_format("%s%s%s", parent, name[0] ? "/" : "", name);
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(path, 0755, e);
        /* Nothing is made in a folder that is there already; root is let past modes, but not past a
         * read-only mount. */
        if (r == 0 && access(path, W_OK) < 0 && errno == EROFS)
                r = -EROFS;
        if (r == -EROFS)
                return err_set(e, r,
                               "%s is on a read-only file system; remount it writable, or choose a "
                               "writable place with "
                               "--state-dir and --run-dir",
                               path);
        if (r < 0)
                return r;
        if (geteuid() == 0 && chown(path, uid, gid) < 0)
                return err_errno(e, -errno, "cannot give %s to user %u", path, (unsigned) uid);
        return 0;
}

int orchd_options_make_folders(const struct orchd_options *o, struct err *e) {
        uid_t uid = 0;
        gid_t gid = 0;
        int r = process_user_find(o->user, &uid, &gid, e);

        if (r == 0)
                r = orchd_options_make_folder(o->state_dir, "", 0, 0, e);
        if (r == 0)
                r = orchd_options_make_folder(o->state_dir, "server", uid, gid, e);
        if (r == 0)
                r = orchd_options_make_folder(o->run_dir, "", 0, 0, e);
        if (r == 0)
                r = orchd_options_make_folder(o->run_dir, "dns", 0, 0, e);
        return r;
}

static int orchd_options_add(char **argv, char *take_word, struct err *e) {
        size_t n = 0;

        while (argv[n])
                n++;
        if (!take_word)
                return err_set(e, -ENOMEM, "out of memory");
        if (n + 1 >= ORCHD_ARGS_MAX) {
                free(take_word);
                return err_set(e, -E2BIG, "too many options");
        }
        argv[n] = take_word;
        return 0;
}

int orchd_options_argv(const struct orchd_options *o, const char *program, char **ret_argv,
                       struct err *e) {
        unsigned flag = strcmp(program, "orchd-server") == 0 ? OPTION_SERVER
                        : strcmp(program, "orchd-node") == 0 ? OPTION_NODE
                                                             : OPTION_DNS;
        int r = orchd_options_add(ret_argv, str_format("%s/%s", o->libexec_dir, program), e);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(orchd_options_table); i++) {
                const struct orchd_option *option = &orchd_options_table[i];
                const char *value =
                        *(char *const *) (const void *) ((const char *) o + option->offset);

                const char *name =
                        flag == OPTION_DNS && option->dns_name ? option->dns_name : option->name;

                if ((option->handed_to & flag) && value)
                        r = orchd_options_add(ret_argv, str_format("--%s=%s", name, value), e);
        }
        if (r == 0 && flag == OPTION_NODE)
                r = orchd_options_add(ret_argv, str_format("--socket=%s/orch.sock", o->run_dir), e);
        if (r == 0 && flag == OPTION_DNS)
                r = orchd_options_add(ret_argv,
                                      str_format("--snapshot=%s/dns/snapshot", o->run_dir), e);
        if (r == 0)
                r = orchd_options_add(ret_argv, str_format("--ready-fd=%d", ORCHD_CHILD_READY_FD),
                                      e);
        if (r == 0 && o->is_debugging)
                r = orchd_options_add(
                        ret_argv, strdup(flag == OPTION_DNS ? "--debug" : "--log-level=debug"), e);
        return r;
}

char *orchd_options_find_libexec(char **argv) {
        /* Beside this program; or wherever the whole tree was moved to. */
        static const char *const relative[] = { "", "/../libexec/orch" };
        static const char flag[] = "--libexec-dir=";
        const char *from_environment = getenv("ORCH_LIBEXEC_DIR");
        char self[PATH_MAX];
        ssize_t n;

        for (; argv && *argv; argv++)
                if (str_starts_with(*argv, flag))
                        return strdup(*argv + strlen(flag));
        if (!str_is_empty(from_environment))
                return strdup(from_environment);
        n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        for (size_t i = 0; n > 0 && i < ARRAY_SIZE(relative); i++) {
                AUTO_FREE char *folder = NULL;
                AUTO_FREE char *server = NULL;

                self[n] = '\0';
                folder = str_format("%.*s%s", (int) (strrchr(self, '/') - self), self, relative[i]);
                server = folder ? str_format("%s/orchd-server", folder) : NULL;
                if (!server || access(server, X_OK) == 0)
                        return server ? STEAL(folder) : NULL;
        }
        return strdup(ORCH_LIBEXEC_DIR);
}
