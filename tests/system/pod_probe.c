/* Runs inside a container: tries what a container mustn't, and prints one line for each: "mount:
 * Operation not permitted". */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void tell(const char *name, long r) {
        printf("%s: %s\n", name, r < 0 ? strerrorname_np(errno) : "allowed");
}

static void try_calls(void) {
        tell("mount", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
        tell("umount", umount2("/dev/mqueue", MNT_DETACH));
        tell("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
        tell("add_key", syscall(SYS_add_key, "user", "k", "v", 1, -3));
        tell("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
        tell("unshare-user", unshare(CLONE_NEWUSER));
        tell("unshare-mount", unshare(CLONE_NEWNS));
        tell("clone-user", syscall(SYS_clone, CLONE_NEWUSER | CLONE_VM | CLONE_VFORK, 0, 0, 0, 0));
        tell("clone3", syscall(SYS_clone3, NULL, 0));
        tell("setns", setns(0, 0));
        tell("bpf", syscall(SYS_bpf, 0, NULL, 0));
        tell("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
        tell("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
        tell("init_module", syscall(SYS_init_module, NULL, 0, ""));
        tell("io_uring", syscall(SYS_io_uring_setup, 0, NULL));
        tell("userfaultfd", syscall(SYS_userfaultfd, 0));
        tell("open_by_handle", syscall(SYS_open_by_handle_at, -1, NULL, 0));
        tell("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
        tell("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
        tell("sethostname", sethostname("evil", 4));
        tell("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
        tell("swapon", syscall(SYS_swapon, "/x", 0));
        tell("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
        tell("personality", syscall(SYS_personality, 0x0400000));
        tell("af_alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
        tell("unknown", syscall(10000));
        tell("chroot", syscall(SYS_chroot, "/"));
        tell("socket-raw", socket(AF_INET, SOCK_RAW, 1));
        tell("setuid0", setuid(0));
}

/* Every block device and memory: a node may be made, but doesn't open. */
static void try_devices(void) {
        static const struct {
                const char *name;
                mode_t kind;
                unsigned major, minor;
        } nodes[] = { { "mem", S_IFCHR, 1, 1 },    { "port", S_IFCHR, 1, 4 },
                      { "kmsg", S_IFCHR, 1, 11 },  { "fuse", S_IFCHR, 10, 229 },
                      { "tun", S_IFCHR, 10, 200 }, { "loop0", S_IFBLK, 7, 0 },
                      { "sda", S_IFBLK, 8, 0 },    { "vda", S_IFBLK, 254, 0 },
                      { "vdb", S_IFBLK, 252, 0 },  { "nvme", S_IFBLK, 259, 0 },
                      { "ram", S_IFBLK, 1, 0 } };
        for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
                char path[64], name[80];
                int r;

                (void) snprintf(path, sizeof(path), "/tmp/%s", nodes[i].name);
                (void) snprintf(name, sizeof(name), "open-%s", nodes[i].name);
                r = mknod(path, nodes[i].kind | 0666, makedev(nodes[i].major, nodes[i].minor));
                if (r < 0)
                        tell(name, r);
                else
                        tell(name, open(path, O_RDONLY | O_NONBLOCK));
        }
        tell("dev-null", open("/dev/null", O_RDWR));
        tell("dev-urandom", open("/dev/urandom", O_RDONLY));
}

static void try_files(void) {
        static const char *const writes[] = { "/proc/sys/kernel/hostname",
                                              "/proc/sys/net/ipv4/ip_forward",
                                              "/proc/sys/kernel/core_pattern",
                                              "/proc/sysrq-trigger",
                                              "/sys/kernel/uevent_helper",
                                              "/sys/fs/cgroup/x",
                                              "/etc/x",
                                              "/x" };
        static const char *const reads[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list",
                                             "/proc/sched_debug", "/proc/latency_stats" };
        char buf[16];

        for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
                char name[80];

                (void) snprintf(name, sizeof(name), "write-%s", writes[i]);
                tell(name, open(writes[i], O_WRONLY | O_CREAT, 0644));
        }
        for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
                int fd = open(reads[i], O_RDONLY);

                printf("read-%s: %zd\n", reads[i], fd < 0 ? -1 : read(fd, buf, sizeof(buf)));
        }
}

int main(int argc, char **argv) {
        if (argc > 1 && strcmp(argv[1], "whoami") == 0) {
                printf("euid: %u\n", (unsigned) geteuid());
                return 0;
        }
        setvbuf(stdout, NULL, _IONBF, 0);
        try_calls();
        try_devices();
        try_files();
        return 0;
}
