#include "daemon/runtime/seccomp_profile.h"

#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIT(name) (1ULL << CAP_##name)

/* No comma after the last, so that clang-format lays them out in columns and a page shows them all.
 * Unknown to this libseccomp: skipped. */
static const char *const seccomp_allowed[] = {
        /* files */
        "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
        "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
        "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat",
        "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr",
        "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
        "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "ioctl",
        "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "_llseek",
        "lremovexattr", "lseek", "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat", "mknod",
        "mknodat", "newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2",
        "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv",
        "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64",
        "setxattr", "splice", "stat", "stat64", "statfs", "statfs64", "statx", "symlink",
        "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate", "truncate64", "umask",
        "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "vmsplice",
        "write", "writev", "name_to_handle_at", "fanotify_mark", "cachestat", "getxattrat",
        "setxattrat", "listxattrat", "removexattrat", "statmount", "listmount",
        /* memory */
        "brk", "madvise", "membarrier", "memfd_create", "memfd_secret", "mincore", "mlock",
        "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap", "msync", "munlock",
        "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_mrelease",
        "remap_file_pages", "map_shadow_stack", "mseal",
        /* processes and threads */
        "arch_prctl", "capget", "capset", "clock_nanosleep", "clock_nanosleep_time64", "execve",
        "execveat", "exit", "exit_group", "fork", "futex", "futex_time64", "futex_waitv",
        "futex_wake", "futex_wait", "futex_requeue", "get_robust_list", "get_thread_area", "getcpu",
        "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
        "getgroups32", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
        "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage", "getsid", "gettid",
        "getuid", "getuid32", "ioprio_get", "ioprio_set", "kill", "nanosleep", "pause",
        "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "rseq",
        "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
        "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
        "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam",
        "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list", "set_thread_area",
        "set_tid_address", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32",
        "setgroups", "setgroups32", "setpgid", "setpriority", "setregid", "setregid32", "setresgid",
        "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setrlimit", "setsid",
        "setuid", "setuid32", "sysinfo", "tgkill", "times", "tkill", "ugetrlimit", "uname", "vfork",
        "wait4", "waitid", "waitpid", "landlock_add_rule", "landlock_create_ruleset",
        "landlock_restrict_self", "ptrace", "process_vm_readv", "process_vm_writev",
        "riscv_flush_icache", "riscv_hwprobe", "sync_file_range2", "arm_fadvise64_64",
        "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "modify_ldt", "uretprobe",
        /* signals, time, events */
        "alarm", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
        "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
        "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "getitimer",
        "getrandom", "gettimeofday", "inotify_add_watch", "inotify_init", "inotify_init1",
        "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
        "io_pgetevents_time64", "io_setup", "io_submit", "pipe", "pipe2", "poll", "ppoll",
        "ppoll_time64", "pselect6", "pselect6_time64", "rt_sigaction", "rt_sigpending",
        "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
        "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "select", "_newselect", "setitimer",
        "sigaltstack", "sigaction", "signal", "signalfd", "signalfd4", "sigpending", "sigprocmask",
        "sigreturn", "sigsuspend", "time", "timer_create", "timer_delete", "timer_getoverrun",
        "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64", "timerfd_create",
        "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "adjtimex",
        "clock_adjtime", "clock_adjtime64",
        /* sockets, IPC */
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "ipc",
        "listen", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
        "mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl",
        "msgget", "msgrcv", "msgsnd", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg",
        "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "send", "sendmmsg",
        "sendmsg", "sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
        "socketcall", "socketpair"
};

/* Known and refused: EPERM, where the unknown get ENOSYS. */
static const char *const seccomp_refused[] = {
        "acct", "add_key", "bpf", "chroot", "clock_settime", "clock_settime64", "delete_module",
        "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_mempolicy",
        "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl",
        "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "mount",
        "mount_setattr", "move_mount", "move_pages", "migrate_pages", "nfsservctl",
        "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root",
        "process_madvise", "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy",
        "set_mempolicy_home_node", "setdomainname", "sethostname", "setns", "settimeofday", "stime",
        "swapoff", "swapon", "syslog", "umount", "umount2", "unshare", "userfaultfd", "uselib",
        "ustat", "sysfs", "vhangup",
        /* of old kernels */
        "vm86", "vm86old", "_sysctl"
};

/* Allowed with a capability. */
static const struct {
        uint64_t capability;
        const char *names[28];
} seccomp_conditional[] = {
        { BIT(SYS_ADMIN),
          { "bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
            "fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
            "mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
            "quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
            "umount",        "umount2",       "unshare",     "pivot_root" } },
        { BIT(BPF), { "bpf" } },
        { BIT(PERFMON), { "perf_event_open" } },
        { BIT(DAC_READ_SEARCH), { "open_by_handle_at" } },
        { BIT(SYS_BOOT), { "reboot", "kexec_load", "kexec_file_load" } },
        { BIT(SYS_CHROOT), { "chroot" } },
        { BIT(SYS_MODULE), { "delete_module", "init_module", "finit_module" } },
        { BIT(SYS_PACCT), { "acct" } },
        { BIT(SYS_PTRACE), { "kcmp", "pidfd_getfd", "process_madvise" } },
        { BIT(SYS_RAWIO), { "iopl", "ioperm" } },
        { BIT(SYS_TIME), { "settimeofday", "stime", "clock_settime", "clock_settime64" } },
        { BIT(SYS_TTY_CONFIG), { "vhangup" } },
        { BIT(SYS_NICE),
          { "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node", "move_pages",
            "migrate_pages" } },
        { BIT(SYSLOG), { "syslog" } }
};

const uint64_t seccomp_profile_capabilities =
        BIT(SYS_ADMIN) | BIT(BPF) | BIT(PERFMON) | BIT(DAC_READ_SEARCH) | BIT(SYS_BOOT) |
        BIT(SYS_CHROOT) | BIT(SYS_MODULE) | BIT(SYS_PACCT) | BIT(SYS_PTRACE) | BIT(SYS_RAWIO) |
        BIT(SYS_TIME) | BIT(SYS_TTY_CONFIG) | BIT(SYS_NICE) | BIT(SYSLOG);

/* A name that libseccomp or the architecture doesn't know is no failure: nobody can call it then.
 */
static int seccomp_add(scmp_filter_ctx ctx, uint32_t action, const char *name) {
        int number = seccomp_syscall_resolve_name(name);
        int r;

        if (number == __NR_SCMP_ERROR)
                return 0;
        r = seccomp_rule_add(ctx, action, number, 0);
        return r == -EDOM || r == -EEXIST || r == -EINVAL || r == -EACCES ? 0 : r;
}

static bool seccomp_is_granted(uint64_t capabilities, const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(seccomp_conditional); i++)
                for (const char *const *n = seccomp_conditional[i].names; *n; n++)
                        if ((seccomp_conditional[i].capability & capabilities) &&
                            strcmp(*n, name) == 0)
                                return true;
        return false;
}

static int seccomp_add_lists(scmp_filter_ctx ctx, uint64_t capabilities) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(seccomp_allowed) && r == 0; i++)
                r = seccomp_add(ctx, SCMP_ACT_ALLOW, seccomp_allowed[i]);
        for (size_t i = 0; i < ARRAY_SIZE(seccomp_refused) && r == 0; i++)
                if (!seccomp_is_granted(capabilities, seccomp_refused[i]))
                        r = seccomp_add(ctx, SCMP_ACT_ERRNO(EPERM), seccomp_refused[i]);
        for (size_t i = 0; i < ARRAY_SIZE(seccomp_conditional) && r == 0; i++)
                for (const char *const *n = seccomp_conditional[i].names; *n && r == 0; n++)
                        if (seccomp_conditional[i].capability & capabilities)
                                r = seccomp_add(ctx, SCMP_ACT_ALLOW, *n);
        return r;
}

/* Those that depend on their arguments. */
static int seccomp_add_arguments(scmp_filter_ctx ctx, uint64_t capabilities) {
        const scmp_datum_t namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                        CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
        static const scmp_datum_t personas[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };
        int r = 0;

        if (!(capabilities & BIT(SYS_ADMIN))) {
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
                /* EPERM as for unshare(): sandboxes of browsers take "not implemented" for a broken
                 * kernel. */
                for (scmp_datum_t bit = 1; bit <= namespaces && r == 0; bit <<= 1)
                        if (namespaces & bit)
                                r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                                     SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
                /* Its flags are in memory, where a filter can't look: C libraries fall back to
                 * clone. */
                if (r == 0)
                        r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
                if (r == -EACCES) /* the default says so already */
                        r = 0;
        }
        /* vsock would reach the hypervisor past every network rule. */
        if (r == 0)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_NE, AF_VSOCK));
        for (size_t i = 0; i < ARRAY_SIZE(personas) && r == 0; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                                     SCMP_A0(SCMP_CMP_EQ, personas[i]));
        return r;
}

static void seccomp_add_architectures(scmp_filter_ctx ctx) {
        switch (seccomp_arch_native()) {
        case SCMP_ARCH_X86_64:
                (void) seccomp_arch_add(ctx, SCMP_ARCH_X86);
                (void) seccomp_arch_add(ctx, SCMP_ARCH_X32);
                break;
        case SCMP_ARCH_AARCH64:
                (void) seccomp_arch_add(ctx, SCMP_ARCH_ARM);
                break;
        default:
                break;
        }
}

static int seccomp_export(scmp_filter_ctx ctx, const char *path, struct err *e) {
        char temp[4096];
        AUTO_CLOSE int fd = -1;
        int r;

        if (snprintf(temp, sizeof(temp), "%s.%d", path, (int) getpid()) >= (int) sizeof(temp))
                return err_set(e, -ENAMETOOLONG, "path %s is too long", path);
        fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return err_errno(e, -errno, "cannot write %s", temp);
        r = seccomp_export_bpf(ctx, fd);
        if (r == 0 && rename(temp, path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(temp);
        return r < 0 ? err_errno(e, r, "cannot write the seccomp program %s", path) : 0;
}

int seccomp_profile_write(uint64_t capabilities, const char *path, struct err *e) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        int r;

        if (!ctx)
                return err_set(e, -ENOMEM, "cannot make a seccomp filter");
        seccomp_add_architectures(ctx);
        (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
        /* A binary tree: 9 comparisons a call instead of hundreds. libseccomp 2.5. */
        (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        r = seccomp_add_lists(ctx, capabilities);
        if (r == 0)
                r = seccomp_add_arguments(ctx, capabilities);
        if (r < 0)
                (void) err_errno(e, r, "cannot build the seccomp profile");
        else
                r = seccomp_export(ctx, path, e);
        seccomp_release(ctx);
        return r;
}
