/* Drives daemon/network for the system tests and benches, as orchd node does: one command a line on
 * standard input, one answer a line: "ok MICROSECONDS" or "failed: WORDS".
 *
 *   setup | teardown | restart                 (restart: forget everything, as a new process would)
 *   attach PID UID ADDRESS | detach UID
 *   apply FILE     services, one a line: ADDRESS PROTOCOL PORT random|sticky ENDPOINT:PORT...
 *   names FILE OUT the same services as a DNS snapshot: svc0.default, svc1.default, ... */
#include "base/array.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/network/network.h"
#include "daemon/plan/dns_plan.h"
#include "daemon/plan/nft_plan.h"
#include "daemon/plan/service_table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct drive {
        struct loop *loop;
        struct network *network;
        bool is_over;
        int r;
        struct err e;
};

static void note_done(void *userdata, int r, const struct err *e) {
        struct drive *d = userdata;

        d->is_over = true;
        d->r = r;
        d->e = *e;
}

static int wait_done(struct drive *d, int r) {
        if (r < 0)
                return r;
        while (!d->is_over)
                (void) loop_step(d->loop, USEC_NEVER);
        return d->r;
}

/* --- tables --------------------------------------------------------------------------------- */

struct table {
        struct service_table t;
        size_t cap;
};

static void table_done(struct table *t) {
        for (size_t i = 0; i < t->t.n; i++) {
                struct service_entry *s = &t->t.items[i];

                for (size_t k = 0; k < s->n_endpoints; k++)
                        free((void *) s->endpoints[k].ports);
                free((void *) s->endpoints);
                free((void *) s->ports);
                free((void *) s->addrs);
                free((void *) s->name);
        }
        free(t->t.items);
}

static int read_endpoint(char *word, struct service_table_endpoint *ep) {
        char *colon = strrchr(word, ':');
        uint16_t *port = calloc(1, sizeof(*port));

        if (!port)
                return -ENOMEM;
        ep->ports = port;
        if (!colon)
                return -EINVAL;
        *colon = '\0';
        *port = (uint16_t) strtoul(colon + 1, NULL, 10);
        ep->is_ready = true;
        return ip_parse(word, &ep->addr);
}

static int read_service(char *line, size_t number, struct service_entry *s) {
        struct service_table_port *port = calloc(1, sizeof(*port));
        struct service_table_endpoint *eps = calloc(NFT_SLOTS_MAX, sizeof(*eps));
        struct ip_addr *addr = calloc(1, sizeof(*addr));
        char *word[4], *rest = line, *w;

        *s = (struct service_entry){ .namespace = "default",
                                     .ports = port,
                                     .n_ports = 1,
                                     .endpoints = eps,
                                     .addrs = addr,
                                     .n_addrs = 1 };
        s->name = str_format("svc%zu", number);
        if (!port || !eps || !addr || !s->name)
                return -ENOMEM;
        for (size_t i = 0; i < 4; i++)
                if (!(word[i] = strsep(&rest, " ")))
                        return -EINVAL;
        if (ip_parse(word[0], addr) < 0)
                return -EINVAL;
        port->name = "";
        port->protocol = str_eq(word[1], "udp") ? PROTOCOL_UDP : PROTOCOL_TCP;
        port->port = (uint16_t) strtoul(word[2], NULL, 10);
        s->has_affinity = str_eq(word[3], "sticky");
        while ((w = strsep(&rest, " ")) && s->n_endpoints < NFT_SLOTS_MAX) {
                int r = w[0] ? read_endpoint(w, &eps[s->n_endpoints++]) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_table(const char *path, struct table *t, struct err *e) {
        AUTO_FREE char *text = NULL;
        char *rest, *line;
        int r;

        r = file_read(path, 64U << 20, &text, NULL, e);
        for (rest = text; r >= 0 && (line = strsep(&rest, "\n"));) {
                if (line[0] == '\0')
                        continue;
                r = array_reserve(&t->t.items, &t->cap, t->t.n, sizeof(*t->t.items));
                if (r >= 0) {
                        r = read_service(line, t->t.n, &t->t.items[t->t.n]);
                        t->t.n++;
                }
                if (r < 0)
                        return err_errno(e, r, "%s", line);
        }
        return r;
}

/* --- commands ------------------------------------------------------------------------------- */

static int apply(struct drive *d, const char *path, uint64_t *ret_start, struct err *e) {
        AUTO(nft_model) struct nft_model *m = NULL;
        struct network_config c = network_config_default();
        struct table t = { 0 };
        int r;

        r = read_table(path, &t, e);
        *ret_start = clock_now_usec();
        if (r >= 0)
                r = nft_plan(&t.t, &c.pod_cidr, network_rules_applied(d->network), &m, e);
        if (r >= 0)
                r = wait_done(d, network_rules_apply(d->network, m, note_done, d, e));
        table_done(&t);
        return r;
}

static int names(const char *path, const char *out, struct err *e) {
        static const char *const namespaces[] = { "default", "kube-system" };
        struct network_config c = network_config_default();
        const struct dns_facts facts = { .domain = "cluster.local",
                                         .gateway = ip_from_u32(0x0af40001),
                                         .pod_cidr = c.cluster_cidr,
                                         .service_cidr = c.service_cidr,
                                         .serial = (uint32_t) (clock_wall_usec() / USEC_PER_SEC) };
        AUTO_FREE uint8_t *data = NULL;
        struct table t = { 0 };
        size_t len = 0;
        int r;

        r = read_table(path, &t, e);
        t.t.namespaces = (const char **) namespaces;
        t.t.n_namespaces = ARRAY_SIZE(namespaces);
        if (r >= 0)
                r = dns_plan(&t.t, &facts, &data, &len, e);
        if (r >= 0)
                r = file_write_atomic(out, data, len, 0644, false, e);
        table_done(&t);
        return r;
}

static int attach(struct drive *d, char *const *args, struct err *e) {
        AUTO_CLOSE int fd = -1;
        struct network_pod pod = { .uid = args[1] };
        char path[64];

        if (!args[0] || !args[1] || !args[2] || ip_parse(args[2], &pod.addr) < 0)
                return err_set(e, -EINVAL, "attach PID UID ADDRESS");
        (void) snprintf(path, sizeof(path), "/proc/%s/ns/net", args[0]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return err_errno(e, -errno, "%s", path);
        pod.netns_fd = fd;
        return wait_done(d, network_attach(d->network, &pod, note_done, d, e));
}

static int restart(struct drive *d, struct err *e) {
        struct network_config c = network_config_default();

        network_unref(STEAL(d->network));
        return network_new(d->loop, &c, &d->network, e);
}

static int run(struct drive *d, char *line, uint64_t *ret_start, struct err *e) {
        char *args[5] = { 0 }, *rest = line, *word;
        size_t n = 0;

        while (n < 4 && (word = strsep(&rest, " ")))
                args[n++] = word;
        if (str_eq(args[0], "setup"))
                return network_setup(d->network, e);
        if (str_eq(args[0], "teardown"))
                return network_teardown(d->network, e);
        if (str_eq(args[0], "restart"))
                return restart(d, e);
        if (str_eq(args[0], "attach"))
                return attach(d, args + 1, e);
        if (str_eq(args[0], "detach") && args[1])
                return wait_done(d, network_detach(d->network, args[1], note_done, d, e));
        if (str_eq(args[0], "apply") && args[1])
                return apply(d, args[1], ret_start, e);
        if (str_eq(args[0], "names") && args[2])
                return names(args[1], args[2], e);
        return err_set(e, -EINVAL, "unknown command");
}

int main(void) {
        struct drive d = { 0 };
        struct err e = { 0 };
        char line[1024];

        if (loop_new(&d.loop, &e) < 0 || restart(&d, &e) < 0) {
                (void) fprintf(stderr, "%s\n", err_text(&e));
                return 1;
        }
        while (fgets(line, sizeof(line), stdin)) {
                uint64_t start = clock_now_usec();
                int r;

                line[strcspn(line, "\n")] = '\0';
                e = d.e = (struct err){ 0 };
                d.is_over = false;
                r = run(&d, line, &start, &e);
                if (r < 0)
                        (void) printf("failed: %s\n", err_text(d.e.code ? &d.e : &e));
                else
                        (void) printf("ok %llu\n", (unsigned long long) (clock_now_usec() - start));
                (void) fflush(stdout);
        }
        network_unref(d.network);
        loop_unref(d.loop);
        return 0;
}
