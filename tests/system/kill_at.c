/* Preloaded into orch-image by image_kill.sh: counts the calls that change a file system, of all
 * its processes together, and kills them all in front of the one whose number KILL_AT says.
 * KILL_COUNT names a file of eight bytes that holds the count. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic unsigned long *count;
static unsigned long kill_at;

__attribute__((constructor)) static void kill_at_init(void) {
        const char *path = getenv("KILL_COUNT"), *at = getenv("KILL_AT");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *page = fd < 0 ? MAP_FAILED
                            : mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (fd >= 0)
                (void) close(fd);
        if (page == MAP_FAILED)
                abort();
        count = page;
        kill_at = at ? strtoul(at, NULL, 10) : 0;
}

static void step(void) {
        if (atomic_fetch_add(count, 1) + 1 == kill_at)
                (void) kill(0, SIGKILL);
}

#define NEXT(name) ((__typeof__(name) *) dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to) {
        step();
        return NEXT(rename)(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
        step();
        return NEXT(renameat)(a, from, b, to);
}

int mkdir(const char *path, mode_t mode) {
        step();
        return NEXT(mkdir)(path, mode);
}

int mkdirat(int fd, const char *path, mode_t mode) {
        step();
        return NEXT(mkdirat)(fd, path, mode);
}

char *mkdtemp(char *path) {
        step();
        return NEXT(mkdtemp)(path);
}

int unlink(const char *path) {
        step();
        return NEXT(unlink)(path);
}

int unlinkat(int fd, const char *path, int flags) {
        step();
        return NEXT(unlinkat)(fd, path, flags);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
        step();
        return NEXT(linkat)(a, from, b, to, flags);
}

int symlinkat(const char *target, int fd, const char *path) {
        step();
        return NEXT(symlinkat)(target, fd, path);
}

ssize_t write(int fd, const void *data, size_t len) {
        step();
        return NEXT(write)(fd, data, len);
}

int fsync(int fd) {
        step();
        return NEXT(fsync)(fd);
}

int syncfs(int fd) {
        step();
        return NEXT(syncfs)(fd);
}

int fchmod(int fd, mode_t mode) {
        step();
        return NEXT(fchmod)(fd, mode);
}

int futimens(int fd, const struct timespec times[2]) {
        step();
        return NEXT(futimens)(fd, times);
}
