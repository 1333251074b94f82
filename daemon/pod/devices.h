#pragma once

#include "base/err.h"
#include "daemon/runtime/cgroup.h"

#include <jansson.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/* Which devices a container may open: the rules of linux.resources.devices, as a BPF program on the
 * unified group or as lists of the version 1 controller. Later rules win, as in the specification.
 */
#define DEVICES_RULES_MAX 64
#define DEVICES_PROGRAM_MAX (16 + DEVICES_RULES_MAX * 8)

struct devices_rule {
        bool is_allowed;
        char type;        /* 'a', 'b', 'c' */
        int major, minor; /* -1: any */
        unsigned access;  /* BPF_DEVCG_ACC_… */
};

/* Returns the number of rules or -EINVAL, -E2BIG. Pure. */
int devices_parse(const json_t *array, struct devices_rule rules[DEVICES_RULES_MAX], struct err *e);
/* The program that says yes or no. Returns its length. Pure. */
size_t devices_compile(const struct devices_rule *rules, size_t n,
                       struct bpf_insn program[DEVICES_PROGRAM_MAX]);
/* Applies config's rules to the group. Nothing when there are none. -EOPNOTSUPP: no means to. */
int devices_apply(const json_t *config, const struct cgroup_host *host, const char *group,
                  struct err *e);
