#include "daemon/pod/creds.h"
#include "daemon/pod/devices.h"
#include "tests/unit/test.h"

#include <string.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "app:x:1001:1002:An App:/home/app:/bin/sh\n"
                             "broken\n:::\n"
                             "1234:x:55:56::/odd:/bin/sh\n";
static const char group[] = "root:x:0:\nstaff:x:50:app,root\nextra:x:77:app\nother:x:78:ap,pp\n";

static void a_name_brings_its_groups_and_home(void **state) {
        struct creds c;
        (void) state;

        assert_int_equal(creds_resolve("app", passwd, group, &c, NULL), 0);
        assert_int_equal(c.uid, 1001);
        assert_int_equal(c.gid, 1002);
        assert_string_equal(c.home, "/home/app");
        assert_int_equal(c.n_groups, 2);
        assert_int_equal(c.groups[0], 50);
        assert_int_equal(c.groups[1], 77);
}

static void numbers_need_no_entry(void **state) {
        struct creds c;
        (void) state;

        assert_int_equal(creds_resolve("4000", passwd, group, &c, NULL), 0);
        assert_int_equal(c.uid, 4000);
        assert_int_equal(c.gid, 0);
        assert_string_equal(c.home, "/");
        assert_int_equal(creds_resolve("4000:5000", "", "", &c, NULL), 0);
        assert_int_equal(c.gid, 5000);
        /* A number that has an entry takes its group. */
        assert_int_equal(creds_resolve("1001", passwd, group, &c, NULL), 0);
        assert_int_equal(c.gid, 1002);
        /* A name that looks like a number is a name. */
        assert_int_equal(creds_resolve("1234", passwd, group, &c, NULL), 0);
        assert_int_equal(c.uid, 55);
}

static void groups_by_name_or_number(void **state) {
        struct creds c;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(creds_resolve("app:staff", passwd, group, &c, &e), 0);
        assert_int_equal(c.gid, 50);
        assert_int_equal(creds_resolve("app:nobody", passwd, group, &c, &e), -ENOENT);
        assert_string_equal(e.text, "group \"nobody\" is not in the image's /etc/group");
        assert_int_equal(creds_resolve("ghost", passwd, group, &c, &e), -ENOENT);
        assert_int_equal(creds_resolve("-1", passwd, group, &c, &e), -ENOENT);
        assert_int_equal(creds_resolve("4294967295", passwd, group, &c, &e), -ENOENT);
}

static void capability_names_become_bits(void **state) {
        json_t *good = json_pack("[ss]", "CAP_CHOWN", "CAP_KILL");
        json_t *bad = json_pack("[s]", "CAP_FLY");
        struct err e = { 0 };
        uint64_t mask = 0;
        (void) state;

        assert_int_equal(creds_capabilities(good, &mask, &e), 0);
        assert_int_equal(mask, 1 << 0 | 1 << 5);
        assert_int_equal(creds_capabilities(bad, &mask, &e), -EINVAL);
        json_decref(good);
        json_decref(bad);
}

/* Runs a device program as the kernel would. */
static int decide(const struct bpf_insn *p, int type, int access, int major, int minor) {
        int64_t r[11] = { 0 };

        for (size_t i = 0;; i++) {
                int64_t *d = &r[p[i].dst_reg], s = r[p[i].src_reg];

                switch (p[i].code) {
                case BPF_LDX | BPF_MEM | BPF_W:
                        *d = p[i].off == 0 ? access << 16 | type : p[i].off == 4 ? major : minor;
                        break;
                case BPF_ALU | BPF_MOV | BPF_X:
                        *d = s;
                        break;
                case BPF_ALU64 | BPF_MOV | BPF_K:
                        *d = p[i].imm;
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        *d &= p[i].imm;
                        break;
                case BPF_ALU | BPF_RSH | BPF_K:
                        *d >>= p[i].imm;
                        break;
                case BPF_JMP | BPF_JNE | BPF_K:
                        if (*d != p[i].imm)
                                i += (size_t) p[i].off;
                        break;
                case BPF_JMP | BPF_EXIT:
                        return (int) r[0];
                default:
                        fail_msg("unexpected instruction %d", p[i].code);
                }
        }
}

static void the_last_device_rule_that_fits_decides(void **state) {
        json_t *array = json_loads(
                "[{\"allow\":false,\"access\":\"rwm\"},"
                "{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},"
                "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},"
                "{\"allow\":true,\"type\":\"c\",\"major\":136,\"access\":\"rw\"},"
                "{\"allow\":false,\"type\":\"c\",\"major\":136,\"minor\":9,\"access\":\"w\"}]",
                0, NULL);
        struct devices_rule rules[DEVICES_RULES_MAX];
        struct bpf_insn program[DEVICES_PROGRAM_MAX];
        int n = devices_parse(array, rules, NULL);
        (void) state;

        assert_int_equal(n, 5);
        assert_true(devices_compile(rules, (size_t) n, program) < DEVICES_PROGRAM_MAX);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ, 1, 3), 1);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ, 1, 4), 0);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_MKNOD, 8, 0), 1);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_ACC_MKNOD, 8, 0), 0);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_CHAR,
                                BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE, 136, 7),
                         1);
        assert_int_equal(decide(program, BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_WRITE, 136, 9), 0);
        json_decref(array);
}

static void too_many_device_rules_are_refused(void **state) {
        json_t *array = json_array();
        struct devices_rule rules[DEVICES_RULES_MAX];
        (void) state;

        for (int i = 0; i <= DEVICES_RULES_MAX; i++)
                (void) json_array_append_new(array, json_object());
        assert_int_equal(devices_parse(array, rules, NULL), -E2BIG);
        json_decref(array);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_brings_its_groups_and_home),
                cmocka_unit_test(numbers_need_no_entry),
                cmocka_unit_test(groups_by_name_or_number),
                cmocka_unit_test(capability_names_become_bits),
                cmocka_unit_test(the_last_device_rule_that_fits_decides),
                cmocka_unit_test(too_many_device_rules_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
