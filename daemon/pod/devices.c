#include "daemon/pod/devices.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int devices_number(const json_t *o, const char *key) {
        const json_t *n = json_object_get(o, key);
        json_int_t v = json_integer_value(n);

        return json_is_integer(n) && v >= 0 && v <= 0xfffff ? (int) v : -1;
}

int devices_parse(const json_t *array, struct devices_rule rules[DEVICES_RULES_MAX],
                  struct err *e) {
        size_t n = json_array_size(array);

        if (n > DEVICES_RULES_MAX)
                return err_set(e, -E2BIG, "%zu device rules are more than %d", n,
                               DEVICES_RULES_MAX);
        for (size_t i = 0; i < n; i++) {
                const json_t *o = json_array_get(array, i);
                const char *type = json_string_value(json_object_get(o, "type"));
                const char *access = json_string_value(json_object_get(o, "access"));

                rules[i] = (struct devices_rule){
                        .is_allowed = json_is_true(json_object_get(o, "allow")),
                        .type = str_is_empty(type) ? 'a' : type[0],
                        .major = devices_number(o, "major"),
                        .minor = devices_number(o, "minor"),
                };
                if (!strchr("abc", rules[i].type))
                        return err_set(e, -EINVAL, "device rule %zu: unknown type \"%s\"", i, type);
                access = str_is_empty(access) ? "rwm" : access;
                rules[i].access = (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0U) |
                                  (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0U) |
                                  (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0U);
        }
        return (int) n;
}

static struct bpf_insn devices_insn(int code, int dst, int src, int off, int imm) {
        return (struct bpf_insn){ .code = (__u8) code,
                                  .dst_reg = (__u8) dst & 0xf,
                                  .src_reg = (__u8) src & 0xf,
                                  .off = (__s16) off,
                                  .imm = imm };
}

/* One rule: jumps behind itself unless all fits. r2 type, r3 access, r4 major, r5 minor. */
static size_t devices_compile_rule(const struct devices_rule *rule, struct bpf_insn *p) {
        size_t n = 0, first_jump[4], n_jumps = 0;

        if (rule->type != 'a') {
                first_jump[n_jumps++] = n;
                p[n++] = devices_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
                                      rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        }
        if (rule->access != 7) {
                /* asked & ~access != 0: this rule doesn't cover it */
                p[n++] = devices_insn(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
                p[n++] = devices_insn(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
                                      (int) (~rule->access & 7));
                first_jump[n_jumps++] = n;
                p[n++] = devices_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, 0);
        }
        if (rule->major >= 0) {
                first_jump[n_jumps++] = n;
                p[n++] = devices_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, rule->major);
        }
        if (rule->minor >= 0) {
                first_jump[n_jumps++] = n;
                p[n++] = devices_insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, rule->minor);
        }
        p[n++] = devices_insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, rule->is_allowed);
        p[n++] = devices_insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        for (size_t i = 0; i < n_jumps; i++)
                p[first_jump[i]].off = (__s16) (n - first_jump[i] - 1);
        return n;
}

size_t devices_compile(const struct devices_rule *rules, size_t n,
                       struct bpf_insn program[DEVICES_PROGRAM_MAX]) {
        size_t len = 0;

        /* struct bpf_cgroup_dev_ctx: access_type (access << 16 | type), major, minor */
        program[len++] = devices_insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
        program[len++] = devices_insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
        program[len++] = devices_insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
        program[len++] = devices_insn(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
        program[len++] = devices_insn(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
        program[len++] = devices_insn(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        /* The last rule that fits decides: the first one met, walking backwards. */
        while (n-- > 0) {
                len += devices_compile_rule(&rules[n], program + len);
                if (rules[n].type == 'a' && rules[n].access == 7 && rules[n].major < 0 &&
                    rules[n].minor < 0)
                        return len; /* covers all that is left: more would be dead code, which the
                                       kernel refuses */
        }
        program[len++] = devices_insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
        program[len++] = devices_insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        return len;
}

/* A group that is used again has the program of the same container's life before, and a container's
 * devices never change. Checking it anew would cost half a millisecond of every restart. */
static bool devices_is_attached(int group_fd) {
        union bpf_attr attr;

        memset(&attr, 0, sizeof(attr));
        attr.query.target_fd = (__u32) group_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0 &&
               attr.query.prog_cnt > 0;
}

static int devices_attach(int group_fd, const struct bpf_insn *program, size_t len) {
        AUTO_CLOSE int fd = -1;
        union bpf_attr attr;

        if (devices_is_attached(group_fd))
                return 0;
        memset(&attr, 0, sizeof(attr));
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.insns = (__u64) (uintptr_t) program;
        attr.insn_cnt = (__u32) len;
        attr.license = (__u64) (uintptr_t) "GPL";
        fd = (int) syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
        if (fd < 0)
                return -errno;

        memset(&attr, 0, sizeof(attr));
        attr.target_fd = (__u32) group_fd;
        attr.attach_bpf_fd = (__u32) fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int devices_write_v1(const struct devices_rule *rules, size_t n, const char *dir,
                            struct err *e) {
        char path[CGROUP_DIR_MAX + 32], text[64], major[16], minor[16];

        for (size_t i = 0; i < n; i++) {
                const struct devices_rule *rule = &rules[i];
                int r;

                (void) snprintf(path, sizeof(path), "%s/devices.%s", dir,
                                rule->is_allowed ? "allow" : "deny");
                (void) snprintf(major, sizeof(major), rule->major < 0 ? "*" : "%d", rule->major);
                (void) snprintf(minor, sizeof(minor), rule->minor < 0 ? "*" : "%d", rule->minor);
                if (rule->type == 'a')
                        (void) snprintf(text, sizeof(text), "a");
                else
                        (void) snprintf(text, sizeof(text), "%c %s:%s %s%s%s", rule->type, major,
                                        minor, rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
                                        rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                                        rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
                r = file_write_text(path, text, e);
                if (r < 0)
                        return err_wrap(e, r, "device rule %zu", i);
        }
        return 0;
}

int devices_apply(const json_t *config, const struct cgroup_host *host, const char *group,
                  struct err *e) {
        const json_t *array = bundle_get(config, "linux", "resources", "devices", NULL);
        struct devices_rule rules[DEVICES_RULES_MAX];
        struct bpf_insn program[DEVICES_PROGRAM_MAX];
        char dir[CGROUP_DIR_MAX];
        AUTO_CLOSE int fd = -1;
        int r, n;

        n = devices_parse(array, rules, e);
        if (n <= 0)
                return n;
        if (cgroup_dir(host, CGROUP_UNIFIED, group, dir)) {
                fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = fd < 0 ? -errno
                           : devices_attach(fd, program,
                                            devices_compile(rules, (size_t) n, program));
                if (r == 0)
                        return 0;
        }
        /* A unified tree without BPF: the version 1 controller may be there all the same. */
        if (cgroup_dir(host, CGROUP_DEVICES, group, dir)) {
                (void) dir_make_all(dir, 0755, NULL);
                return devices_write_v1(rules, (size_t) n, dir, e);
        }
        return rules[0].is_allowed ? 0 : -EOPNOTSUPP;
}
