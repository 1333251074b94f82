#include "base/macros.h"
#include "daemon/runtime/cgroup.h"
#include "daemon/runtime/kv.h"
#include "tests/unit/test.h"

#include <string.h>

static const char hybrid_mounts[] =
        "22 27 0:21 / /proc rw - proc proc rw\n"
        "30 29 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        "31 29 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 29 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 29 0:29 /docker/x /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
static const char hybrid_self[] =
        "4:memory:/own\n3:cpu,cpuacct:/\n2:pids:/docker/x/deep\n0::/own2\n";

static const struct cgroup_host v1 = {
        .dir = { [CGROUP_MEMORY] = "/m", [CGROUP_CPU] = "/c", [CGROUP_PIDS] = "/p" }
};
static const struct cgroup_host v2 = { .dir = { [CGROUP_UNIFIED] = "/u" },
                                       .v2 = 1u << CGROUP_MEMORY | 1u << CGROUP_CPU |
                                             1u << CGROUP_PIDS };

static const char *value_of(const struct cgroup_setting *s, size_t n, const char *file) {
        const char *value = NULL;

        for (size_t i = 0; i < n; i++)
                if (strcmp(s[i].file, file) == 0)
                        value = s[i].value;
        return value;
}

static void a_hybrid_machine_is_understood(void **state) {
        struct cgroup_host host;
        (void) state;

        cgroup_find(hybrid_mounts, hybrid_self, "orch", false, &host);
        assert_string_equal(host.dir[CGROUP_UNIFIED], "/sys/fs/cgroup/unified/orch");
        assert_string_equal(host.dir[CGROUP_MEMORY], "/sys/fs/cgroup/memory/own/orch");
        assert_string_equal(host.dir[CGROUP_CPU], "/sys/fs/cgroup/cpu,cpuacct/orch");
        assert_string_equal(host.dir[CGROUP_CPUACCT], "/sys/fs/cgroup/cpu,cpuacct/orch");
        assert_string_equal(host.dir[CGROUP_PIDS], "/sys/fs/cgroup/pids/deep/orch");
        assert_string_equal(host.dir[CGROUP_FREEZER], "");
}

static void a_delegated_group_is_the_base(void **state) {
        struct cgroup_host host;
        (void) state;

        cgroup_find("1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                    "0::/system.slice/orchd.service\n", "orch", true, &host);
        assert_string_equal(host.dir[CGROUP_UNIFIED],
                            "/sys/fs/cgroup/system.slice/orchd.service/orch");
}

static void limits_become_files_of_version_2(void **state) {
        const struct cgroup_limits l = { .memory_bytes = 1000,
                                         .cpu_shares = 1024,
                                         .cpu_quota_usec = 50000,
                                         .cpu_period_usec = 100000,
                                         .pids = 7 };
        struct cgroup_setting s[CGROUP_SETTINGS_MAX];
        size_t n = cgroup_plan(&v2, &l, false, s);
        (void) state;

        assert_string_equal(value_of(s, n, "memory.max"), "1000");
        assert_string_equal(value_of(s, n, "memory.swap.max"), "0");
        assert_string_equal(value_of(s, n, "memory.oom.group"), "1");
        assert_string_equal(value_of(s, n, "cpu.weight"), "39");
        assert_string_equal(value_of(s, n, "cpu.max"), "50000 100000");
        assert_string_equal(value_of(s, n, "pids.max"), "7");
        for (size_t i = 0; i < n; i++)
                assert_int_equal(s[i].tree, CGROUP_UNIFIED);
}

static void limits_become_files_of_version_1(void **state) {
        const struct cgroup_limits l = { .memory_bytes = 1000,
                                         .cpu_shares = 102,
                                         .cpu_quota_usec = 50000 };
        struct cgroup_setting s[CGROUP_SETTINGS_MAX];
        size_t n = cgroup_plan(&v1, &l, false, s);
        (void) state;

        assert_string_equal(value_of(s, n, "memory.limit_in_bytes"), "1000");
        assert_string_equal(value_of(s, n, "memory.memsw.limit_in_bytes"), "1000");
        assert_string_equal(value_of(s, n, "cpu.shares"), "102");
        assert_string_equal(value_of(s, n, "cpu.cfs_quota_us"), "50000");
        assert_null(value_of(s, n, "pids.max"));
}

static void an_update_lifts_what_is_gone_and_a_start_leaves_it_out(void **state) {
        const struct cgroup_limits none = { 0 };
        struct cgroup_setting s[CGROUP_SETTINGS_MAX];
        size_t n;
        (void) state;

        assert_int_equal(cgroup_plan(&v2, &none, false, s), 0);
        n = cgroup_plan(&v2, &none, true, s);
        assert_string_equal(value_of(s, n, "memory.max"), "max");
        assert_string_equal(value_of(s, n, "cpu.max"), "max 100000");
        assert_string_equal(value_of(s, n, "pids.max"), "max");
        n = cgroup_plan(&v1, &none, true, s);
        assert_string_equal(value_of(s, n, "memory.limit_in_bytes"), "-1");
        assert_string_equal(value_of(s, n, "cpu.cfs_quota_us"), "-1");
}

static void what_the_machine_lacks_is_left_out(void **state) {
        const struct cgroup_host nothing = { 0 };
        const struct cgroup_limits l = { .memory_bytes = 1, .cpu_shares = 2, .pids = 3 };
        struct cgroup_setting s[CGROUP_SETTINGS_MAX];
        char dir[CGROUP_DIR_MAX];
        (void) state;

        assert_int_equal(cgroup_plan(&nothing, &l, true, s), 0);
        assert_null(cgroup_dir(&nothing, CGROUP_MEMORY, "podx", dir));
        assert_int_equal(cgroup_kill(&nothing, "podx"), -ENOENT);
        assert_false(cgroup_is_populated(&nothing, "podx"));
}

static void millicores_become_shares_quota_and_weight(void **state) {
        (void) state;

        assert_int_equal(cgroup_shares_from_milli(0), 0);
        assert_int_equal(cgroup_shares_from_milli(1), 2);
        assert_int_equal(cgroup_shares_from_milli(1000), 1024);
        assert_int_equal(cgroup_shares_from_milli(INT64_MAX), 262144);
        assert_int_equal(cgroup_quota_from_milli(0, 100000), 0);
        assert_int_equal(cgroup_quota_from_milli(1, 100000), 1000);
        assert_int_equal(cgroup_quota_from_milli(1500, 100000), 150000);
        assert_int_equal(cgroup_weight_from_shares(2), 1);
        assert_int_equal(cgroup_weight_from_shares(262144), 10000);
        assert_int_equal(cgroup_weight_from_shares(0), 0);
}

static void fields_are_found_by_whole_words(void **state) {
        (void) state;

        assert_int_equal(cgroup_field("oom 1\noom_kill 3\n", "oom_kill"), 3);
        assert_int_equal(cgroup_field("oom 1\noom_kill 3\n", "oom"), 1);
        assert_int_equal(cgroup_field("oom_kill_disable 0\n", "oom_kill"), 0);
        assert_int_equal(cgroup_field("", "oom"), 0);
}

static void the_layout_survives_pod_conf(void **state) {
        char text[2048], *cursor = text, *key, *value;
        struct kv_writer w = { .buf = text, .cap = sizeof(text) };
        struct cgroup_host loaded = { 0 };
        (void) state;

        cgroup_host_save(&v2, &w);
        while (kv_next(&cursor, &key, &value))
                cgroup_host_load(&loaded, key, value);
        assert_memory_equal(&loaded, &v2, sizeof(v2));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_hybrid_machine_is_understood),
                cmocka_unit_test(a_delegated_group_is_the_base),
                cmocka_unit_test(limits_become_files_of_version_2),
                cmocka_unit_test(limits_become_files_of_version_1),
                cmocka_unit_test(an_update_lifts_what_is_gone_and_a_start_leaves_it_out),
                cmocka_unit_test(what_the_machine_lacks_is_left_out),
                cmocka_unit_test(millicores_become_shares_quota_and_weight),
                cmocka_unit_test(fields_are_found_by_whole_words),
                cmocka_unit_test(the_layout_survives_pod_conf),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
