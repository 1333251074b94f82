#include "daemon/runtime/capability.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <strings.h>

/* By number, as capabilities(7) lists them. */
static const char *const capability_names[CAPABILITY_COUNT] = {
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
};

#define BIT(name) (1ULL << CAP_##name)
const uint64_t capability_default = BIT(CHOWN) | BIT(DAC_OVERRIDE) | BIT(FSETID) | BIT(FOWNER) |
                                    BIT(MKNOD) | BIT(NET_RAW) | BIT(SETGID) | BIT(SETUID) |
                                    BIT(SETFCAP) | BIT(SETPCAP) | BIT(NET_BIND_SERVICE) |
                                    BIT(SYS_CHROOT) | BIT(KILL) | BIT(AUDIT_WRITE);

int capability_from_name(const char *name) {
        if (strncasecmp(name, "CAP_", 4) == 0)
                name += 4;
        for (int bit = 0; bit < CAPABILITY_COUNT; bit++)
                if (strcasecmp(name, capability_names[bit]) == 0)
                        return bit;
        return -EINVAL;
}

const char *capability_name(unsigned bit) {
        assert(bit < CAPABILITY_COUNT);
        return capability_names[bit];
}
