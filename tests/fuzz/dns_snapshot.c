/* Any bytes as a snapshot file, with the checksum made right; then a few questions to what was
 * accepted. */
#include "daemon/plan/dns_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct dns_snapshot *s, const char *name, uint16_t type) {
        uint8_t query[DNS_HEADER_LEN + DNS_NAME_MAX + 4] = { 0, 1, 1, 0, 0, 1 };
        static uint8_t bytes[DNS_TCP_MAX];
        struct dns_reply out = { .bytes = bytes, .size = sizeof(bytes) };
        const struct dns_settings settings = { .is_tcp = true, .seed = dns_snapshot_seed(s) };
        int len = dns_name_encode(name, query + DNS_HEADER_LEN);
        size_t at = DNS_HEADER_LEN + (size_t) len;

        query[at + 1] = (uint8_t) type;
        query[at + 3] = 1;
        (void) dns_answer(s, &settings, query, at + 4, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const size_t checked = offsetof(struct dns_header, seed);
        size_t len = size & ~(size_t) 7;
        uint32_t len32 = (uint32_t) len;
        struct dns_snapshot s;
        uint8_t *copy;

        if (len < sizeof(struct dns_header) || len > 1U << 20)
                return 0;
        /* Of exactly that size, so that a step beyond is seen. */
        copy = aligned_alloc(8, len);
        if (!copy)
                return 0;
        memcpy(copy, data, len);
        memcpy(copy + offsetof(struct dns_header, len), &len32, sizeof(len32));
        if (len > checked) {
                uint64_t sum = dns_snapshot_checksum(copy + checked, len - checked);

                memcpy(copy + offsetof(struct dns_header, checksum), &sum, sizeof(sum));
        }
        if (dns_snapshot_open(copy, len, &s, NULL) == 0) {
                static const char *const names[] = { "svc0.default.svc.cluster.local",
                                                     "_http._tcp.web.default.svc.cluster.local",
                                                     "nobody.cluster.local", "example.org",
                                                     "10-0-0-1.default.pod.cluster.local" };
                static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_SRV, DNS_TYPE_CNAME,
                                                  DNS_TYPE_ANY };

                for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
                        for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
                                ask(&s, names[n], types[t]);
        }
        free(copy);
        return 0;
}
