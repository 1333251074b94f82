#include "daemon/runtime/capability.h"
#include "daemon/runtime/oci.h"
#include "daemon/runtime/runtime.h"
#include "daemon/runtime/seccomp_profile.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const layers[] = { "/l/b:c", "/l/a" };
static const char *const args[] = { "say", "\"quoted\"\n" };

static struct runtime_container_spec simple(void) {
        return (struct runtime_container_spec){ .name = "web",
                                                .instance = 2,
                                                .layers = layers,
                                                .n_layers = 2,
                                                .args = args,
                                                .n_args = 2 };
}

static json_t *build(const struct runtime_container_spec *spec, struct err *e) {
        const struct oci_input in = { .spec = spec,
                                      .pod_dir = "/run/p",
                                      .state_dir = "/state/p",
                                      .cgroup_path = "/orch/podu/web",
                                      .hostname = "box",
                                      .seccomp_path = "/run/s.bpf",
                                      .pod_pid = 42,
                                      .has_hosts = true };
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        json_error_t error;
        json_t *config;

        if (oci_build(&in, &text, e) < 0)
                return NULL;
        config = json_loadb(text.s, text.len, JSON_REJECT_DUPLICATES, &error);
        if (!config)
                fail_msg("%s at %d in %s", error.text, error.position, text.s);
        return config;
}

static const char *string_at(json_t *o, const char *group, const char *key) {
        return json_string_value(json_object_get(json_object_get(o, group), key));
}

static void a_bundle_is_json_with_everything_in_it(void **state) {
        struct runtime_container_spec spec = simple();
        struct err e = { 0 };
        json_t *config, *linux_;
        (void) state;

        spec.limits.memory_limit_bytes = 1 << 20;
        config = build(&spec, &e);
        linux_ = json_object_get(config, "linux");

        assert_string_equal(json_string_value(json_object_get(config, "ociVersion")), "1.0.2");
        assert_string_equal(
                json_string_value(json_array_get(
                        json_object_get(json_object_get(config, "process"), "args"), 1)),
                "\"quoted\"\n");
        assert_string_equal(string_at(config, "annotations", "dev.orch.overlay.lower"),
                            "/l/b\\:c:/l/a");
        assert_string_equal(string_at(config, "annotations", "dev.orch.overlay.upper"),
                            "/state/p/web/2/upper");
        assert_string_equal(string_at(config, "annotations", "dev.orch.user"), "0");
        assert_int_equal(
                json_integer_value(json_object_get(
                        json_object_get(json_object_get(linux_, "resources"), "memory"), "limit")),
                1 << 20);
        assert_true(json_array_size(json_object_get(linux_, "maskedPaths")) > 5);
        assert_true(json_is_true(
                json_object_get(json_object_get(config, "process"), "noNewPrivileges")));
        json_decref(config);
}

static void privileged_masks_nothing_and_refuses_nothing(void **state) {
        struct runtime_container_spec spec = simple();
        json_t *config, *linux_;
        uint64_t mask;
        (void) state;

        spec.is_privileged = true;
        config = build(&spec, NULL);
        linux_ = json_object_get(config, "linux");

        assert_int_equal(oci_capabilities(&spec, &mask, NULL), 0);
        assert_true(mask == CAPABILITY_ALL);
        assert_null(json_object_get(linux_, "maskedPaths"));
        assert_int_equal(
                json_array_size(json_object_get(json_object_get(linux_, "resources"), "devices")),
                1);
        json_decref(config);
}

static void users_and_groups_win_over_the_images(void **state) {
        struct runtime_container_spec spec = simple();
        json_t *config;
        (void) state;

        spec.user = "app:staff";
        spec.run_as_group = (struct runtime_opt_id){ true, 9 };
        config = build(&spec, NULL);
        assert_string_equal(string_at(config, "annotations", "dev.orch.user"), "app:9");
        json_decref(config);
}

static void bad_mounts_are_refused_in_words(void **state) {
        const struct runtime_mount relative = { .target = "data", .source = "/x" };
        const struct runtime_mount both_ways = { .target = "/data",
                                                 .source = "/x",
                                                 .is_bidirectional = true };
        struct runtime_container_spec spec = simple();
        struct err e = { 0 };
        (void) state;

        spec.n_mounts = 1;
        spec.mounts = &relative;
        assert_null(build(&spec, &e));
        assert_string_equal(e.text, "mountPath \"data\" is not an absolute path");
        spec.mounts = &both_ways;
        assert_null(build(&spec, &e));
        assert_non_null(strstr(e.text, "use HostToContainer"));
}

static void capabilities_are_added_and_dropped(void **state) {
        const char *const all[] = { "ALL" };
        const char *const two[] = { "NET_ADMIN", "cap_sys_time" };
        const char *const bad[] = { "FLY" };
        struct runtime_container_spec spec = simple();
        struct err e = { 0 };
        uint64_t mask = 0;
        (void) state;

        assert_int_equal(oci_capabilities(&spec, &mask, &e), 0);
        assert_true(mask == 0xa80425fb);

        spec.cap_drop = all;
        spec.n_cap_drop = 1;
        spec.cap_add = two;
        spec.n_cap_add = 2;
        assert_int_equal(oci_capabilities(&spec, &mask, &e), 0);
        assert_true(mask == (1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_TIME));

        spec.cap_add = all;
        spec.n_cap_add = 1;
        spec.cap_drop = two;
        spec.n_cap_drop = 2;
        assert_int_equal(oci_capabilities(&spec, &mask, &e), 0);
        assert_true(mask == (CAPABILITY_ALL & ~(1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_TIME)));

        spec.cap_drop = bad;
        spec.n_cap_drop = 1;
        assert_int_equal(oci_capabilities(&spec, &mask, &e), -EINVAL);
        assert_string_equal(e.text, "unknown capability \"FLY\"");
}

static void the_seccomp_profile_compiles_for_any_capabilities(void **state) {
        const uint64_t masks[] = { 0, CAPABILITY_ALL, 0xa80425fb };
        char dir[] = "/tmp/orch-test-seccomp-XXXXXX", path[64];
        struct err e = { 0 };
        (void) state;

        assert_non_null(mkdtemp(dir));
        (void) snprintf(path, sizeof(path), "%s/p", dir);
        for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
                struct stat st;

                if (seccomp_profile_write(masks[i], path, &e) < 0)
                        fail_msg("%s", e.text);
                assert_int_equal(stat(path, &st), 0);
                assert_true(st.st_size > 800 && st.st_size % 8 == 0);
                assert_true(st.st_size / 8 <= 4096);
        }
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(dir), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_bundle_is_json_with_everything_in_it),
                cmocka_unit_test(privileged_masks_nothing_and_refuses_nothing),
                cmocka_unit_test(users_and_groups_win_over_the_images),
                cmocka_unit_test(bad_mounts_are_refused_in_words),
                cmocka_unit_test(capabilities_are_added_and_dropped),
                cmocka_unit_test(the_seccomp_profile_compiles_for_any_capabilities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
