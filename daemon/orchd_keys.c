#include "daemon/orchd_keys.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/pki/pki.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64U
#define KUBECONFIG "server/admin.kubeconfig"
#define KUBECONFIG_MAX_BYTES (64U << 10)

/* ---- names ---- */

struct names {
        char *items[NAMES_MAX]; /* owned */
        size_t n;
        bool has_failed;
};

static void names_done(struct names *n) {
        for (size_t i = 0; i < n->n; i++)
                free(n->items[i]);
}
DEFINE_AUTO_DONE(names);

/* take: NULL counts as out of memory. */
static void name_add(struct names *n, char *take) {
        if (take && n->n < NAMES_MAX)
                n->items[n->n++] = take;
        else
                n->has_failed = true;
}

/* The host of "127.0.0.1:6443" and "[::1]:6443", the caller's; NULL for "every address". */
static char *listen_host(const char *listen) {
        const char *colon = strrchr(listen, ':');
        size_t len = colon ? (size_t) (colon - listen) : 0;

        if (len > 1 && listen[0] == '[') {
                listen++;
                len -= 2;
        }
        if (len == 0 || strncmp(listen, "0.0.0.0", len) == 0 || strncmp(listen, "::", len) == 0)
                return NULL;
        return strndup(listen, len);
}

/* Service "kubernetes" has the first address of the range. */
static char *first_address(const char *cidr) {
        AUTO_FREE char *text = strndup(cidr, strcspn(cidr, "/"));
        char out[INET_ADDRSTRLEN];
        struct in_addr address;

        if (!text || inet_pton(AF_INET, text, &address) != 1)
                return NULL;
        address.s_addr = htonl(ntohl(address.s_addr) + 1);
        return strdup(str_or_empty(inet_ntop(AF_INET, &address, out, sizeof(out))));
}

static void names_collect(struct names *n, const struct orchd_keys_options *o) {
        static const char *const FIXED[] = {
                "localhost",  "127.0.0.1",          "::1",
                "kubernetes", "kubernetes.default", "kubernetes.default.svc"
        };
        char *host = str_eq(o->listen, "none") ? NULL : listen_host(o->listen);
        char *address = first_address(o->service_cidr);

        for (size_t i = 0; i < ARRAY_SIZE(FIXED); i++)
                name_add(n, strdup(FIXED[i]));
        name_add(n, str_format("kubernetes.default.svc.%s", o->cluster_domain));
        if (address)
                name_add(n, address);
        if (!str_is_empty(o->node_name))
                name_add(n, strdup(o->node_name));
        if (host)
                name_add(n, host);
        for (const char *at = str_or_empty(o->tls_san); *at; at += strspn(at, ", ")) {
                size_t len = strcspn(at, ", ");

                name_add(n, strndup(at, len));
                at += len;
        }
}

/* ---- kubeconfig ---- */

/* Where a client on this machine finds the server. */
static char *server_url(const char *listen) {
        AUTO_FREE char *host = listen_host(listen);
        const char *port = strrchr(listen, ':');
        bool is_v6 = host && strchr(host, ':');

        return str_format("https://%s%s%s%s", is_v6 ? "[" : "", host ? host : "127.0.0.1",
                          is_v6 ? "]" : "", port ? port : ":6443");
}

/* Flash isn't written for what it says already. */
static int kubeconfig_write(const struct orchd_keys_options *o, const struct pki *pki,
                            struct err *e) {
        AUTO_FREE char *path = str_format("%s/" KUBECONFIG, o->state_dir);
        AUTO_FREE char *url = server_url(o->listen);
        AUTO_FREE char *text = url ? pki_kubeconfig(pki, url) : NULL;
        AUTO_FREE char *there = NULL;

        if (!path || !text)
                return err_set(e, -ENOMEM, "memory is out");
        if (file_read(path, KUBECONFIG_MAX_BYTES, &there, NULL, NULL) == 0 && str_eq(there, text))
                return 0;
        return file_write_atomic(path, text, strlen(text), 0600, true, e);
}

void orchd_keys_link(const char *state_dir) {
        AUTO_FREE char *path = str_format("%s/admin.kubeconfig", state_dir);

        if (path && symlink(KUBECONFIG, path) < 0 && errno != EEXIST)
                LOG_WARN(NULL, "cannot make %s (%s); the kubeconfig is %s/" KUBECONFIG, path,
                         strerror(errno), state_dir);
}

/* ---- all ---- */

int orchd_keys_open(const struct orchd_keys_options *o, struct pki **ret_pki, struct err *e) {
        AUTO_FREE char *directory = str_format("%s/server/pki", o->state_dir);
        AUTO_DONE(names) struct names names = { 0 };
        AUTO(pki) struct pki *pki = NULL;
        struct pki_options options = { .directory = directory, .now_usec = o->now_usec };
        int r;

        names_collect(&names, o);
        if (!directory || names.has_failed)
                return err_set(e, -EINVAL, "--tls-san: more than %u names", NAMES_MAX);
        options.names = (const char *const *) names.items;
        options.n_names = names.n;
        r = pki_open(&options, &pki, e);
        if (r == 0 && !str_eq(o->listen, "none"))
                r = kubeconfig_write(o, pki, e);
        if (r < 0)
                return r;
        *ret_pki = STEAL(pki);
        return 0;
}
