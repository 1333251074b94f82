/* Names from services to bytes: dns_plan, dns_snapshot and dns_answer together. */
#include "daemon/plan/dns_answer.h"
#include "daemon/plan/dns_plan.h"
#include "daemon/plan/dns_snapshot.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE "cluster.local"

static const uint8_t domain[] = "\7cluster\5local";

struct fixture {
        uint8_t *data;
        size_t len;
        struct dns_snapshot s;
};

static struct ip_addr ip(const char *text) {
        struct ip_addr a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

static struct ip_prefix prefix(const char *text) {
        struct ip_prefix p;

        assert_int_equal(ip_prefix_parse(text, &p), 0);
        return p;
}

static const char *namespaces[] = { "default", "empty" };
static const struct service_table_port web_ports[] = { { "http", PROTOCOL_TCP, 80 },
                                                       { "", PROTOCOL_UDP, 81 } };
static const struct service_table_port db_ports[] = { { "sql", PROTOCOL_TCP, 5432 } };
static const uint16_t db_port[] = { 5433 };

static int setup(void **state) {
        struct ip_addr web_addrs[] = { ip("10.96.0.5"), ip("fd00::5") };
        struct service_table_endpoint db_eps[] = {
                { .addr = ip("10.244.0.7"),
                  .hostname = "db-0",
                  .is_ready = true,
                  .ports = db_port },
                { .addr = ip("10.244.0.8"), .is_ready = true, .ports = db_port },
                { .addr = ip("10.244.0.9"), .is_ready = false, .ports = db_port },
        };
        struct service_table_endpoint big_eps[100];
        struct service_entry services[] = {
                { .namespace = "default",
                  .name = "big",
                  .kind = SERVICE_HEADLESS,
                  .endpoints = big_eps,
                  .n_endpoints = 100 },
                { .namespace = "default",
                  .name = "db",
                  .kind = SERVICE_HEADLESS,
                  .ports = db_ports,
                  .n_ports = 1,
                  .endpoints = db_eps,
                  .n_endpoints = 3 },
                { .namespace = "default", .name = "idle", .kind = SERVICE_HEADLESS },
                { .namespace = "default",
                  .name = "out",
                  .kind = SERVICE_EXTERNAL,
                  .external_name = "www.example.org" },
                { .namespace = "default",
                  .name = "to-web",
                  .kind = SERVICE_EXTERNAL,
                  .external_name = "web.default.svc.cluster.local" },
                { .namespace = "default",
                  .name = "web",
                  .addrs = web_addrs,
                  .n_addrs = 2,
                  .ports = web_ports,
                  .n_ports = 2 },
        };
        struct service_table t = { .items = services,
                                   .n = ARRAY_SIZE(services),
                                   .namespaces = namespaces,
                                   .n_namespaces = 2 };
        const struct dns_facts facts = { .domain = ZONE,
                                         .gateway = ip("10.244.0.1"),
                                         .pod_cidr = prefix("10.244.0.0/16"),
                                         .service_cidr = prefix("10.96.0.0/12"),
                                         .serial = 7 };
        struct fixture *f = calloc(1, sizeof(*f));

        for (unsigned i = 0; i < 100; i++)
                big_eps[i] = (struct service_table_endpoint){ .addr = ip_from_u32(0x0af40100 + i),
                                                              .is_ready = true };
        assert_non_null(f);
        assert_int_equal(dns_plan(&t, &facts, &f->data, &f->len, NULL), 0);
        assert_int_equal(dns_snapshot_open(f->data, f->len, &f->s, NULL), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        free(f->data);
        free(f);
        return 0;
}

/* --- asking -------------------------------------------------------------------------------------
 */

struct query {
        uint8_t bytes[512];
        size_t len;
};

static struct query query_for(const char *name, uint16_t type) {
        struct query q = { .bytes = { 0x12, 0x34, 1, 0, 0, 1 } };
        size_t at = DNS_HEADER_LEN;

        /* By hand, to keep capitals. */
        while (*name) {
                size_t label = strcspn(name, ".");

                q.bytes[at++] = (uint8_t) label;
                memcpy(q.bytes + at, name, label);
                at += label;
                name += label + (name[label] == '.');
        }
        at++;
        q.bytes[at++] = (uint8_t) (type >> 8);
        q.bytes[at++] = (uint8_t) type;
        at++;
        q.bytes[at++] = 1;
        q.len = at;
        return q;
}

static void add_edns(struct query *q, uint16_t payload, uint8_t version) {
        const uint8_t opt[] = {
                0, 0, 41, (uint8_t) (payload >> 8), (uint8_t) payload, 0, version, 0, 0, 0, 0
        };

        memcpy(q->bytes + q->len, opt, sizeof(opt));
        q->len += sizeof(opt);
        q->bytes[11] = 1;
}

struct reply {
        enum dns_verdict verdict;
        uint8_t bytes[DNS_TCP_MAX];
        size_t len;
        unsigned rcode, answers, authority, additional;
        bool is_cut, is_authoritative;
};

static void ask_bytes(const struct dns_snapshot *s, const struct query *q, bool is_tcp,
                      struct reply *ret) {
        const struct dns_settings settings = { .is_tcp = is_tcp,
                                               .can_forward = true,
                                               .seed = s ? dns_snapshot_seed(s) : 0,
                                               .domain = domain,
                                               .domain_len = sizeof(domain) };
        struct dns_reply out = { .bytes = ret->bytes, .size = is_tcp ? DNS_TCP_MAX : DNS_UDP_MAX };
        const uint8_t *p = ret->bytes;

        ret->verdict = dns_answer(s, &settings, q->bytes, q->len, &out);
        ret->len = out.len;
        if (ret->verdict != DNS_ANSWERED)
                return;
        assert_true(ret->len >= DNS_HEADER_LEN);
        assert_memory_equal(p, q->bytes, 2);
        ret->rcode = p[3] & 15;
        ret->is_cut = p[2] & 2;
        ret->is_authoritative = p[2] & 4;
        ret->answers = (unsigned) (p[6] << 8 | p[7]);
        ret->authority = (unsigned) (p[8] << 8 | p[9]);
        ret->additional = (unsigned) (p[10] << 8 | p[11]);
}

static struct reply *ask(const struct fixture *f, const char *name, uint16_t type) {
        struct query q = query_for(name, type);
        struct reply *r = test_malloc(sizeof(*r));

        ask_bytes(&f->s, &q, false, r);
        return r;
}

/* The data of the first answer. */
static const uint8_t *data_of(const struct reply *r, const char *name) {
        return r->bytes + DNS_HEADER_LEN + strlen(name) + 2 + 4 + 12;
}

static void expect(const struct fixture *f, const char *name, uint16_t type, unsigned rcode,
                   unsigned answers) {
        struct reply *r = ask(f, name, type);

        if (r->verdict != DNS_ANSWERED || r->rcode != rcode || r->answers != answers)
                fail_msg("%s type %u: verdict %d, rcode %u, %u answers", name, type, r->verdict,
                         r->rcode, r->answers);
        /* A negative answer brings the SOA, by which it may be kept. */
        if (answers == 0 && r->authority != 1)
                fail_msg("%s type %u: no SOA", name, type);
        test_free(r);
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void a_service_has_its_addresses(void **state) {
        static const char name[] = "web.default.svc." ZONE;
        const uint8_t v4[] = { 10, 96, 0, 5 };
        struct reply *r = ask(*state, name, DNS_TYPE_A);

        assert_int_equal(r->answers, 1);
        assert_true(r->is_authoritative);
        assert_memory_equal(data_of(r, name), v4, 4);
        assert_int_equal(data_of(r, name)[-3], DNS_TTL);
        test_free(r);
        expect(*state, name, DNS_TYPE_AAAA, DNS_RCODE_OK, 1);
        expect(*state, name, DNS_TYPE_SRV, DNS_RCODE_OK, 0);
        expect(*state, "_http._tcp.web.default.svc." ZONE, DNS_TYPE_SRV, DNS_RCODE_OK, 1);
}

static void case_is_ignored_but_kept(void **state) {
        static const char name[] = "wEb.DeFault.svC.cluster.LOCAL";
        struct reply *r = ask(*state, name, DNS_TYPE_A);

        assert_int_equal(r->answers, 1);
        assert_memory_equal(r->bytes + DNS_HEADER_LEN + 1, "wEb", 3);
        test_free(r);
}

static void a_headless_service_has_its_ready_endpoints(void **state) {
        static const char srv[] = "_sql._tcp.db.default.svc." ZONE;
        const uint8_t port_of_srv[] = { 0, 0, 0, 50, 5433 >> 8, 5433 & 0xff };
        struct reply *r;

        expect(*state, "db.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 2);
        expect(*state, "db-0.db.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 1);
        expect(*state, "10-244-0-8.db.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 1);
        expect(*state, "10-244-0-9.db.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "idle.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        r = ask(*state, srv, DNS_TYPE_SRV);
        assert_int_equal(r->answers, 2);
        assert_int_equal(r->additional, 2);
        assert_memory_equal(data_of(r, srv), port_of_srv, sizeof(port_of_srv));
        test_free(r);
}

static void addresses_lead_back_to_names(void **state) {
        expect(*state, "5.0.96.10.in-addr.arpa", DNS_TYPE_PTR, DNS_RCODE_OK, 1);
        expect(*state, "7.0.244.10.in-addr.arpa", DNS_TYPE_PTR, DNS_RCODE_OK, 1);
        expect(*state, "6.0.96.10.in-addr.arpa", DNS_TYPE_PTR, DNS_RCODE_NO_NAME, 0);
        expect(*state, "1.1.111.10.in-addr.arpa", DNS_TYPE_PTR, DNS_RCODE_NO_NAME, 0);
        expect(*state, "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
               DNS_TYPE_PTR, DNS_RCODE_OK, 1);
}

static void names_in_between_exist_without_data(void **state) {
        expect(*state, "default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 0);
        expect(*state, "_tcp.web.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 0);
        expect(*state, "svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 0);
        expect(*state, ZONE, DNS_TYPE_A, DNS_RCODE_OK, 0);
        expect(*state, ZONE, DNS_TYPE_SOA, DNS_RCODE_OK, 1);
        expect(*state, "empty.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 0);
        expect(*state, "nobody.svc." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "example.org.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "dns-version." ZONE, DNS_TYPE_TXT, DNS_RCODE_OK, 1);
        expect(*state, "ns.dns." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 1);
}

static void pod_addresses_are_names_in_known_namespaces(void **state) {
        expect(*state, "10-244-0-7.default.pod." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 1);
        expect(*state, "10-244-0-7.default.pod." ZONE, DNS_TYPE_AAAA, DNS_RCODE_OK, 0);
        expect(*state, "10-244-0-7.nobody.pod." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "10-244-0-256.default.pod." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "10-244-0.default.pod." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "10-244-0-1-1.default.pod." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
        expect(*state, "10-244--1.default.pod." ZONE, DNS_TYPE_A, DNS_RCODE_NO_NAME, 0);
}

static void an_external_name_is_an_alias(void **state) {
        expect(*state, "out.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 1);
        expect(*state, "to-web.default.svc." ZONE, DNS_TYPE_A, DNS_RCODE_OK, 2);
        expect(*state, "to-web.default.svc." ZONE, DNS_TYPE_CNAME, DNS_RCODE_OK, 1);
}

static void foreign_names_are_forwarded(void **state) {
        struct reply *r = ask(*state, "www.example.org", DNS_TYPE_A);

        assert_int_equal(r->verdict, DNS_FORWARD);
        test_free(r);
        r = ask(*state, "xcluster.local", DNS_TYPE_A);
        assert_int_equal(r->verdict, DNS_FORWARD);
        test_free(r);
        r = ask(*state, "1.1.95.10.in-addr.arpa", DNS_TYPE_PTR);
        assert_int_equal(r->verdict, DNS_FORWARD);
        test_free(r);
}

static void what_does_not_fit_is_cut_and_whole_over_tcp(void **state) {
        const struct fixture *f = *state;
        struct query q = query_for("big.default.svc." ZONE, DNS_TYPE_A);
        struct reply *r = test_malloc(sizeof(*r));

        ask_bytes(&f->s, &q, false, r);
        assert_true(r->is_cut);
        assert_true(r->len <= 512 && r->answers > 20);
        ask_bytes(&f->s, &q, true, r);
        assert_false(r->is_cut);
        assert_int_equal(r->answers, 100);
        add_edns(&q, 4096, 0);
        ask_bytes(&f->s, &q, false, r);
        assert_true(r->is_cut);
        assert_true(r->len > 512 && r->len <= DNS_UDP_MAX);
        assert_int_equal(r->additional, 1);
        test_free(r);
}

static void answers_begin_with_another_endpoint_each_time(void **state) {
        static const char name[] = "db.default.svc." ZONE;
        const struct fixture *f = *state;
        struct query q = query_for(name, DNS_TYPE_A);
        struct reply *r = test_malloc(sizeof(*r));
        uint8_t first;

        ask_bytes(&f->s, &q, false, r);
        first = data_of(r, name)[3];
        q.bytes[1]++;
        ask_bytes(&f->s, &q, false, r);

        assert_int_equal(r->answers, 2);
        assert_int_not_equal(data_of(r, name)[3], first);
        test_free(r);
}

static void edns_of_a_later_version_is_refused(void **state) {
        const struct fixture *f = *state;
        struct query q = query_for("web.default.svc." ZONE, DNS_TYPE_A);
        struct reply *r = test_malloc(sizeof(*r));

        add_edns(&q, 1232, 1);
        ask_bytes(&f->s, &q, false, r);

        assert_int_equal(r->answers, 0);
        assert_int_equal(r->additional, 1);
        assert_int_equal(r->rcode, DNS_RCODE_BAD_VERSION & 15);
        assert_int_equal(r->bytes[r->len - 6], DNS_RCODE_BAD_VERSION >> 4);
        test_free(r);
}

static void nonsense_gets_a_short_answer_or_none(void **state) {
        const struct fixture *f = *state;
        struct query good = query_for("web.default.svc." ZONE, DNS_TYPE_A), q;
        struct reply *r = test_malloc(sizeof(*r));

        q = good;
        q.bytes[2] |= 0x80;
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->verdict, DNS_DROP);
        q = good;
        q.len = 11;
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->verdict, DNS_DROP);
        q = good;
        q.bytes[2] = 0x28;
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->rcode, DNS_RCODE_NOT_IMPLEMENTED);
        q = good;
        q.bytes[5] = 2;
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->rcode, DNS_RCODE_FORMAT);
        q = good;
        q.bytes[DNS_HEADER_LEN] = 0xc0;
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->rcode, DNS_RCODE_FORMAT);
        q = query_for("web.default.svc." ZONE, DNS_TYPE_AXFR);
        ask_bytes(&f->s, &q, false, r);
        assert_int_equal(r->rcode, DNS_RCODE_REFUSED);
        for (q = good; q.len > DNS_HEADER_LEN; q.len--) {
                ask_bytes(&f->s, &q, false, r);
                assert_int_equal(r->verdict, DNS_ANSWERED);
                assert_int_equal(r->rcode, q.len == good.len ? DNS_RCODE_OK : DNS_RCODE_FORMAT);
        }
        test_free(r);
}

static void without_a_snapshot_only_foreign_names_go_on(void **state) {
        struct query q = query_for("web.default.svc." ZONE, DNS_TYPE_A);
        struct reply *r = test_malloc(sizeof(*r));
        (void) state;

        ask_bytes(NULL, &q, false, r);
        assert_int_equal(r->rcode, DNS_RCODE_FAILURE);
        q = query_for("www.example.org", DNS_TYPE_A);
        ask_bytes(NULL, &q, false, r);
        assert_int_equal(r->verdict, DNS_FORWARD);
        test_free(r);
}

static void a_failure_repeats_the_question(void **state) {
        struct query q = query_for("www.example.org", DNS_TYPE_A);
        uint8_t out[DNS_UDP_MAX];
        (void) state;

        assert_int_equal(dns_answer_error(q.bytes, q.len, DNS_RCODE_FAILURE, out), q.len);
        assert_int_equal(out[3] & 15, DNS_RCODE_FAILURE);
        assert_memory_equal(out + DNS_HEADER_LEN, q.bytes + DNS_HEADER_LEN, q.len - DNS_HEADER_LEN);
}

/* Also with a right checksum: every single byte changed must be refused or leave all answers safe.
 */
static void a_damaged_snapshot_is_refused(void **state) {
        const struct fixture *f = *state;
        const size_t checked = offsetof(struct dns_header, seed);
        struct query q = query_for("_sql._tcp.db.default.svc." ZONE, DNS_TYPE_SRV);
        struct reply *r = test_malloc(sizeof(*r));
        uint8_t *copy = aligned_alloc(8, f->len);
        struct dns_snapshot s;
        struct err e = { 0 };

        assert_non_null(copy);
        memcpy(copy, f->data, f->len);
        for (size_t i = 0; i < f->len; i++) {
                uint64_t sum;

                copy[i] ^= 0x41;
                assert_int_equal(dns_snapshot_open(copy, f->len, &s, &e), -EINVAL);
                sum = dns_snapshot_checksum(copy + checked, f->len - checked);
                memcpy(copy + offsetof(struct dns_header, checksum), &sum, sizeof(sum));
                if (dns_snapshot_open(copy, f->len, &s, NULL) == 0)
                        ask_bytes(&s, &q, false, r);
                copy[i] ^= 0x41;
                memcpy(copy, f->data, sizeof(struct dns_header));
        }
        assert_int_equal(dns_snapshot_open(copy, f->len - 8, &s, &e), -EINVAL);
        free(copy);
        test_free(r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_service_has_its_addresses),
                cmocka_unit_test(case_is_ignored_but_kept),
                cmocka_unit_test(a_headless_service_has_its_ready_endpoints),
                cmocka_unit_test(addresses_lead_back_to_names),
                cmocka_unit_test(names_in_between_exist_without_data),
                cmocka_unit_test(pod_addresses_are_names_in_known_namespaces),
                cmocka_unit_test(an_external_name_is_an_alias),
                cmocka_unit_test(foreign_names_are_forwarded),
                cmocka_unit_test(what_does_not_fit_is_cut_and_whole_over_tcp),
                cmocka_unit_test(answers_begin_with_another_endpoint_each_time),
                cmocka_unit_test(edns_of_a_later_version_is_refused),
                cmocka_unit_test(nonsense_gets_a_short_answer_or_none),
                cmocka_unit_test(without_a_snapshot_only_foreign_names_go_on),
                cmocka_unit_test(a_failure_repeats_the_question),
                cmocka_unit_test(a_damaged_snapshot_is_refused),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
