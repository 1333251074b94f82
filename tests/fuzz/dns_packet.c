/* Any bytes as a query, by UDP and TCP, with a snapshot and without. */
#include "daemon/plan/dns_answer.h"
#include "daemon/plan/dns_plan.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One service of each kind. */
static void make_snapshot(uint8_t **ret_data, size_t *ret_len) {
        static const char *namespaces[] = { "default" };
        static const struct service_table_port ports[] = { { "http", PROTOCOL_TCP, 80 } };
        static const uint16_t port[] = { 8080 };
        static const struct ip_addr addr = { IP_V4, { 10, 96, 0, 1 } };
        static const struct service_table_endpoint eps[] = {
                { .addr = { IP_V4, { 10, 244, 0, 2 } }, .is_ready = true, .ports = port },
                { .addr = { IP_V4, { 10, 244, 0, 3 } }, .is_ready = true, .ports = port },
        };
        struct service_entry services[] = {
                { .namespace = "default",
                  .name = "db",
                  .kind = SERVICE_HEADLESS,
                  .ports = ports,
                  .n_ports = 1,
                  .endpoints = eps,
                  .n_endpoints = 2 },
                { .namespace = "default",
                  .name = "out",
                  .kind = SERVICE_EXTERNAL,
                  .external_name = "db.default.svc.cluster.local" },
                { .namespace = "default",
                  .name = "web",
                  .addrs = &addr,
                  .n_addrs = 1,
                  .ports = ports,
                  .n_ports = 1 },
        };
        struct service_table t = {
                .items = services, .n = 3, .namespaces = namespaces, .n_namespaces = 1
        };
        const struct dns_facts facts = {
                .domain = "cluster.local", .gateway = addr, .pod_cidr = { addr, 16 }, .serial = 1
        };

        if (dns_plan(&t, &facts, ret_data, ret_len, NULL) < 0)
                abort();
}

static void answer(const struct dns_snapshot *s, const uint8_t *data, size_t size, bool is_tcp) {
        static const uint8_t domain[] = "\7cluster\5local";
        static uint8_t out[DNS_TCP_MAX];
        const struct dns_settings settings = { .is_tcp = is_tcp,
                                               .can_forward = size % 2,
                                               .seed = s ? dns_snapshot_seed(s) : 0,
                                               .domain = domain,
                                               .domain_len = sizeof(domain) };
        struct dns_reply reply = { .bytes = out, .size = is_tcp ? DNS_TCP_MAX : DNS_UDP_MAX };
        enum dns_verdict v = dns_answer(s, &settings, data, size, &reply);

        if (v == DNS_ANSWERED)
                assert(reply.len >= DNS_HEADER_LEN && reply.len <= reply.size &&
                       memcmp(out, data, 2) == 0);
        if (v == DNS_FORWARD)
                assert(dns_answer_error(data, size, DNS_RCODE_FAILURE, out) >= DNS_HEADER_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t *bytes;
        static size_t len;
        struct dns_snapshot s;

        if (!bytes)
                make_snapshot(&bytes, &len);
        if (dns_snapshot_open(bytes, len, &s, NULL) < 0)
                abort();
        answer(&s, data, size, false);
        answer(&s, data, size, true);
        answer(NULL, data, size, false);
        return 0;
}
