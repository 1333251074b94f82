#include "api/kinds/pod.h"
#include "base/macros.h"
#include "daemon/node/names.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static const struct names_dns dns = {
        .dns_address = "10.244.0.1",
        .cluster_domain = "cluster.local",
        .host_resolv_conf = "# mine\nsearch example.com corp.example\nnameserver "
                            "192.0.2.1\nnameserver 192.0.2.2\noptions edns0 trust-ad\n",
};

static struct pod pod_in(const char *ns) {
        return (struct pod){ .metadata = { .name = "web-1", .namespace = ns } };
}

static void cluster_first_searches_the_cluster_then_the_machine(void **state) {
        struct pod p = pod_in("shop");
        AUTO_FREE char *text = names_resolv_conf(&p, &dns);
        (void) state;

        assert_string_equal(text, "search shop.svc.cluster.local svc.cluster.local cluster.local "
                                  "example.com corp.example\n"
                                  "nameserver 10.244.0.1\n"
                                  "options ndots:5\n");
}

static void default_policy_is_the_machines_own(void **state) {
        struct pod p = pod_in("shop");
        AUTO_FREE char *text = NULL;
        (void) state;
        p.spec.dns_policy = "Default";

        text = names_resolv_conf(&p, &dns);

        assert_string_equal(
                text,
                "search example.com corp.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"
                "options edns0 trust-ad\n");
}

static void a_pod_on_the_host_network_uses_the_machines_unless_it_insists(void **state) {
        struct pod p = pod_in("shop");
        AUTO_FREE char *plain = NULL, *insisting = NULL;
        (void) state;
        p.spec.host_network = true;
        p.spec.dns_policy = "ClusterFirst";

        plain = names_resolv_conf(&p, &dns);
        p.spec.dns_policy = "ClusterFirstWithHostNet";
        insisting = names_resolv_conf(&p, &dns);

        assert_null(strstr(plain, "10.244.0.1"));
        assert_non_null(strstr(insisting, "nameserver 10.244.0.1\n"));
}

static void none_leaves_only_what_the_pod_says(void **state) {
        const char *servers[] = { "192.0.2.53", "192.0.2.54", "192.0.2.55", "192.0.2.56" };
        const char *searches[] = { "a.example" };
        struct pod_dns_config_option options[] = { { "ndots", "2" }, { "rotate", NULL } };
        struct pod_dns_config config = { .nameservers = { servers, 4 },
                                         .searches = { searches, 1 } };
        struct pod p = pod_in("shop");
        AUTO_FREE char *text = NULL;
        (void) state;
        config.options.items = options;
        config.options.n = 2;
        p.spec.dns_policy = "None";
        p.spec.dns_config = &config;

        text = names_resolv_conf(&p, &dns);

        assert_string_equal(text, "search a.example\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n"
                                  "nameserver 192.0.2.55\noptions ndots:2 rotate\n");
}

static void hosts_has_the_pod_and_its_aliases(void **state) {
        const char *names[] = { "db", "db.internal" };
        struct host_alias alias = { .ip = "192.0.2.9", .hostnames = { names, 2 } };
        struct pod p = pod_in("shop");
        AUTO_FREE char *text = NULL;
        (void) state;
        p.spec.host_aliases.items = &alias;
        p.spec.host_aliases.n = 1;
        p.spec.subdomain = "peers";

        text = names_hosts(&p, "10.244.0.7", "web-1", "cluster.local");

        assert_non_null(strstr(text, "127.0.0.1\tlocalhost\n"));
        assert_non_null(strstr(text, "10.244.0.7\tweb-1.peers.shop.svc.cluster.local\tweb-1\n"));
        assert_non_null(strstr(text, "192.0.2.9\tdb\tdb.internal\n"));
}

static void a_long_name_is_cut_to_a_hostname(void **state) {
        struct pod p = pod_in("shop");
        char buf[64];
        (void) state;
        p.metadata.name = "a-very-long-name-of-a-pod-that-has-exactly-sixty-three-chars-------tail";

        names_hostname(&p, buf);

        assert_true(strlen(buf) < 64);
        assert_int_not_equal(buf[strlen(buf) - 1], '-');
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cluster_first_searches_the_cluster_then_the_machine),
                cmocka_unit_test(default_policy_is_the_machines_own),
                cmocka_unit_test(a_pod_on_the_host_network_uses_the_machines_unless_it_insists),
                cmocka_unit_test(none_leaves_only_what_the_pod_says),
                cmocka_unit_test(hosts_has_the_pod_and_its_aliases),
                cmocka_unit_test(a_long_name_is_cut_to_a_hostname),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
