#include "daemon/plan/nft_plan.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define VIP 0x0a60000aU
#define POD 0x0af40000U

static const struct ip_prefix pods = { { IP_V4, { 10, 244, 0, 0 } }, 24 };
static const uint16_t ports[] = { 8080 };

/* One service with up to 8 endpoints: POD + each of offsets, ending with 0. */
struct world {
        struct service_table_port port;
        struct ip_addr vip;
        struct service_table_endpoint eps[8];
        struct service_entry service;
        struct service_table t;
};

static void world_init(struct world *w, enum service_protocol protocol, const uint32_t *offsets) {
        *w = (struct world){ .port = { "", protocol, 80 }, .vip = ip_from_u32(VIP) };
        w->service = (struct service_entry){ .namespace = "default",
                                             .name = "web",
                                             .addrs = &w->vip,
                                             .n_addrs = 1,
                                             .ports = &w->port,
                                             .n_ports = 1,
                                             .endpoints = w->eps };
        for (; *offsets; offsets++)
                w->eps[w->service.n_endpoints++] =
                        (struct service_table_endpoint){ .addr = ip_from_u32(POD + *offsets),
                                                         .is_ready = true,
                                                         .is_serving = true,
                                                         .ports = ports };
        w->t = (struct service_table){ .items = &w->service, .n = 1 };
}

static struct nft_model *plan(const struct world *w, const struct nft_model *before) {
        struct nft_model *m = NULL;

        assert_int_equal(nft_plan(&w->t, &pods, before, &m, NULL), 0);
        return m;
}

static void each_endpoint_gets_a_slot(void **state) {
        const uint32_t offsets[] = { 2, 3, 0x102, 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);

        m = plan(&w, NULL);

        assert_int_equal(m->n_services, 1);
        assert_int_equal(m->services[0].chain, 3);
        assert_int_equal(m->services[0].key.addr, VIP);
        assert_int_equal(m->services[0].key.port, 80);
        assert_int_equal(m->n_endpoints, 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(m->endpoints[i].key.slot, i);
                assert_int_equal(m->endpoints[i].to_addr, POD + offsets[i]);
                assert_int_equal(m->endpoints[i].to_port, 8080);
        }
        /* The third lives on another node. */
        assert_int_equal(m->n_hairpins, 2);
}

static void only_ready_endpoints_serve(void **state) {
        const uint32_t offsets[] = { 2, 3, 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);
        w.eps[0].is_ready = false;

        m = plan(&w, NULL);

        assert_int_equal(m->n_endpoints, 1);
        assert_int_equal(m->endpoints[0].to_addr, POD + 3);
}

static void endpoints_that_end_serve_when_no_other_does(void **state) {
        const uint32_t offsets[] = { 2, 3, 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);
        w.eps[0].is_ready = w.eps[1].is_ready = false;
        w.eps[1].is_serving = false;
        w.eps[0].is_terminating = w.eps[1].is_terminating = true;

        m = plan(&w, NULL);

        assert_int_equal(m->n_endpoints, 1);
        assert_int_equal(m->endpoints[0].to_addr, POD + 2);
}

static void a_service_without_endpoints_has_no_element(void **state) {
        const uint32_t none[] = { 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, none);

        m = plan(&w, NULL);

        assert_int_equal(m->n_services + m->n_endpoints + m->n_hairpins, 0);
}

static void affinity_and_unready_publishing_are_respected(void **state) {
        const uint32_t offsets[] = { 2, 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);
        w.service.has_affinity = true;
        w.service.is_publishing_unready = true;
        w.eps[0].is_ready = false;

        m = plan(&w, NULL);

        assert_int_equal(m->n_services, 1);
        assert_int_equal(m->services[0].chain, NFT_CHAIN_STICKY | 1);
}

static void headless_services_need_no_rules(void **state) {
        const uint32_t offsets[] = { 2, 0 };
        AUTO(nft_model) struct nft_model *m = NULL;
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);
        w.service.kind = SERVICE_HEADLESS;

        m = plan(&w, NULL);

        assert_int_equal(m->n_services, 0);
}

static void nothing_differs_from_itself(void **state) {
        const uint32_t offsets[] = { 2, 3, 0 };
        AUTO(nft_model) struct nft_model *a = NULL, *b = NULL;
        AUTO_DONE(nft_diff) struct nft_diff d = { 0 };
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, offsets);
        a = plan(&w, NULL);
        b = plan(&w, a);

        assert_int_equal(nft_plan_diff(a, b, &d, NULL), 0);

        assert_true(nft_diff_is_empty(&d));
}

/* Removing the first of four moves the last one into its slot: three elements change, not eight. */
static void a_removed_endpoint_changes_a_handful_of_elements(void **state) {
        const uint32_t four[] = { 2, 3, 4, 5, 0 }, three[] = { 3, 4, 5, 0 };
        AUTO(nft_model) struct nft_model *a = NULL, *b = NULL;
        AUTO_DONE(nft_diff) struct nft_diff d = { 0 };
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_TCP, four);
        a = plan(&w, NULL);
        world_init(&w, PROTOCOL_TCP, three);
        b = plan(&w, a);

        assert_int_equal(nft_plan_diff(a, b, &d, NULL), 0);

        assert_int_equal(d.del.n_services, 1);
        assert_int_equal(d.add.n_services, 1);
        assert_int_equal(d.del.n_endpoints, 2);
        assert_int_equal(d.add.n_endpoints, 1);
        assert_int_equal(d.add.endpoints[0].key.slot, 0);
        assert_int_equal(d.add.endpoints[0].to_addr, POD + 5);
        assert_int_equal(d.del.n_hairpins, 1);
        assert_int_equal(d.n_chains, 1);
        assert_int_equal(d.chains[0], 3);
        assert_int_equal(d.n_gone_udp, 0);
}

static void a_removed_udp_endpoint_is_reported_but_a_moved_one_is_not(void **state) {
        const uint32_t four[] = { 2, 3, 4, 5, 0 }, three[] = { 3, 4, 5, 0 };
        AUTO(nft_model) struct nft_model *a = NULL, *b = NULL;
        AUTO_DONE(nft_diff) struct nft_diff d = { 0 };
        struct world w;
        (void) state;
        world_init(&w, PROTOCOL_UDP, four);
        a = plan(&w, NULL);
        world_init(&w, PROTOCOL_UDP, three);
        b = plan(&w, a);

        assert_int_equal(nft_plan_diff(a, b, &d, NULL), 0);

        assert_int_equal(d.n_gone_udp, 1);
        assert_int_equal(d.gone_udp[0].to_addr, POD + 2);
}

/* What deletions and additions make of the first model is the second one, over random changes. */
static void a_difference_leads_from_one_model_to_the_other(void **state) {
        struct nft_model *before = NULL;
        uint32_t seed = 12345;
        (void) state;

        for (int round = 0; round < 500; round++) {
                AUTO_DONE(nft_diff) struct nft_diff d = { 0 };
                struct nft_model *after;
                uint32_t offsets[9] = { 0 };
                size_t n = 0, total;
                struct world w;

                seed = seed * 1664525 + 1013904223;
                for (uint32_t bit = 0; bit < 8; bit++)
                        if (seed >> (16 + bit) & 1)
                                offsets[n++] = bit + 2;
                world_init(&w, PROTOCOL_TCP, offsets);
                after = plan(&w, before);
                assert_int_equal(nft_plan_diff(before, after, &d, NULL), 0);

                total = (before ? before->n_endpoints : 0) - d.del.n_endpoints + d.add.n_endpoints;
                assert_int_equal(total, after->n_endpoints);
                assert_int_equal(after->n_endpoints, n);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(after->endpoints[i].key.slot, i);
                assert_true(d.add.n_endpoints <= 8 && d.del.n_endpoints <= 8);
                nft_model_unref(before);
                before = after;
        }
        nft_model_unref(before);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_endpoint_gets_a_slot),
                cmocka_unit_test(only_ready_endpoints_serve),
                cmocka_unit_test(endpoints_that_end_serve_when_no_other_does),
                cmocka_unit_test(a_service_without_endpoints_has_no_element),
                cmocka_unit_test(affinity_and_unready_publishing_are_respected),
                cmocka_unit_test(headless_services_need_no_rules),
                cmocka_unit_test(nothing_differs_from_itself),
                cmocka_unit_test(a_removed_endpoint_changes_a_handful_of_elements),
                cmocka_unit_test(a_removed_udp_endpoint_is_reported_but_a_moved_one_is_not),
                cmocka_unit_test(a_difference_leads_from_one_model_to_the_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
