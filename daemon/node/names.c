#include "daemon/node/names.h"

#include "api/kinds/pod.h"
#include "base/str.h"

#include <stdio.h>

#define NAMESERVERS_MAX 3
#define SEARCHES_MAX 32
#define SEARCH_BYTES_MAX 2048

char *names_hostname(const struct pod *pod, char buf[64]) {
        const char *name = str_is_empty(pod->spec.hostname) ? str_or_empty(pod->metadata.name)
                                                            : pod->spec.hostname;

        (void) snprintf(buf, 64, "%.63s", name);
        for (size_t n = strlen(buf); n > 0 && (buf[n - 1] == '-' || buf[n - 1] == '.'); n--)
                buf[n - 1] = '\0';
        return buf;
}

char *names_hosts(const struct pod *pod, const char *ip, const char *hostname,
                  const char *cluster_domain) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "# Kubernetes-managed hosts file.\n"
                       "127.0.0.1\tlocalhost\n"
                       "::1\tlocalhost ip6-localhost ip6-loopback\n"
                       "fe00::\tip6-localnet\n"
                       "ff02::1\tip6-allnodes\n"
                       "ff02::2\tip6-allrouters\n");
        if (!str_is_empty(ip)) {
                strbuf_addf(&b, "%s\t", ip);
                if (!str_is_empty(pod->spec.subdomain))
                        strbuf_addf(&b, "%s.%s.%s.svc.%s\t", hostname, pod->spec.subdomain,
                                    pod->metadata.namespace, cluster_domain);
                strbuf_addf(&b, "%s\n", hostname);
        }
        if (pod->spec.host_aliases.n > 0)
                strbuf_add(&b, "\n# Entries added by HostAliases.\n");
        for (size_t i = 0; i < pod->spec.host_aliases.n; i++) {
                const struct host_alias *alias = &pod->spec.host_aliases.items[i];

                strbuf_add(&b, str_or_empty(alias->ip));
                for (size_t j = 0; j < alias->hostnames.n; j++)
                        strbuf_addf(&b, "\t%s", alias->hostnames.items[j]);
                strbuf_add_char(&b, '\n');
        }
        return strbuf_steal(&b);
}

struct resolv {
        struct strbuf servers, search, options;
        size_t n_servers, n_searches;
};

static void resolv_done(struct resolv *v) {
        strbuf_done(&v->servers);
        strbuf_done(&v->search);
        strbuf_done(&v->options);
}
DEFINE_AUTO_DONE(resolv);

static void add_server(struct resolv *v, const char *ip, size_t len) {
        if (v->n_servers >= NAMESERVERS_MAX || len == 0)
                return;
        strbuf_addf(&v->servers, "nameserver %.*s\n", (int) len, ip);
        v->n_servers++;
}

static void add_search(struct resolv *v, const char *domain, size_t len) {
        if (v->n_searches >= SEARCHES_MAX || len == 0 || v->search.len + len + 1 > SEARCH_BYTES_MAX)
                return;
        strbuf_addf(&v->search, " %.*s", (int) len, domain);
        v->n_searches++;
}

/* Calls add for each word of "keyword word word..." lines; as the resolver does, the last search
 * line would win, but machines have one. */
static void each_word(const char *text, const char *keyword,
                      void (*add)(struct resolv *v, const char *word, size_t len),
                      struct resolv *v) {
        size_t keyword_len = strlen(keyword);

        for (const char *line = text; *line;) {
                size_t len = strcspn(line, "\n");
                const char *end = line + len, *p = line + strspn(line, " \t");

                if (p + keyword_len < end && strncmp(p, keyword, keyword_len) == 0 &&
                    (p[keyword_len] == ' ' || p[keyword_len] == '\t')) {
                        for (p += keyword_len; p < end;) {
                                size_t n;

                                p += strspn(p, " \t\r");
                                n = MIN(strcspn(p, " \t\r\n"), p < end ? (size_t) (end - p) : 0);
                                if (n == 0)
                                        break;
                                add(v, p, n);
                                p += n;
                        }
                }
                line = *end ? end + 1 : end;
        }
}

static void add_option(struct resolv *v, const char *option, size_t len) {
        strbuf_addf(&v->options, " %.*s", (int) len, option);
}

static void add_cluster(struct resolv *v, const struct pod *pod, const struct names_dns *dns) {
        char domain[600];

        add_server(v, dns->dns_address, strlen(dns->dns_address));
        (void) snprintf(domain, sizeof(domain), "%.253s.svc.%.253s", pod->metadata.namespace,
                        dns->cluster_domain);
        add_search(v, domain, strlen(domain));
        (void) snprintf(domain, sizeof(domain), "svc.%.253s", dns->cluster_domain);
        add_search(v, domain, strlen(domain));
        add_search(v, dns->cluster_domain, strlen(dns->cluster_domain));
        each_word(dns->host_resolv_conf, "search", add_search, v);
        add_option(v, "ndots:5", strlen("ndots:5"));
}

static void add_config(struct resolv *v, const struct pod_dns_config *c) {
        for (size_t i = 0; i < c->nameservers.n; i++)
                add_server(v, c->nameservers.items[i], strlen(c->nameservers.items[i]));
        for (size_t i = 0; i < c->searches.n; i++)
                add_search(v, c->searches.items[i], strlen(c->searches.items[i]));
        for (size_t i = 0; i < c->options.n; i++) {
                const char *value = c->options.items[i].value;

                strbuf_addf(&v->options, " %s%s%s", str_or_empty(c->options.items[i].name),
                            value ? ":" : "", str_or_empty(value));
        }
}

char *names_resolv_conf(const struct pod *pod, const struct names_dns *dns) {
        AUTO_DONE(resolv) struct resolv v = { 0 };
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        const char *policy = pod->spec.dns_policy ? pod->spec.dns_policy : "ClusterFirst";
        bool is_cluster = str_eq(policy, "ClusterFirstWithHostNet") ||
                          (str_eq(policy, "ClusterFirst") && !pod->spec.host_network);

        if (is_cluster) {
                add_cluster(&v, pod, dns);
        } else if (!str_eq(policy, "None")) {
                each_word(dns->host_resolv_conf, "nameserver", add_server, &v);
                each_word(dns->host_resolv_conf, "search", add_search, &v);
                each_word(dns->host_resolv_conf, "options", add_option, &v);
        }
        if (pod->spec.dns_config)
                add_config(&v, pod->spec.dns_config);

        if (v.search.len > 0)
                strbuf_addf(&out, "search%s\n", v.search.s);
        strbuf_add(&out, str_or_empty(v.servers.s));
        if (v.options.len > 0)
                strbuf_addf(&out, "options%s\n", v.options.s);
        if (v.search.has_failed || v.servers.has_failed || v.options.has_failed)
                return NULL;
        strbuf_add(&out, "");
        return strbuf_steal(&out);
}
