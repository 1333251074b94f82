/* Preloaded into the server by faults_sync.sh: while the file that FAIL_SYNC names exists, syncing
 * fails as on a dying disk. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int sync_or_fail(long number, int fd) {
        const char *path = getenv("FAIL_SYNC");

        if (path && access(path, F_OK) == 0) {
                errno = EIO;
                return -1;
        }
        return (int) syscall(number, fd);
}

int fdatasync(int fd) {
        return sync_or_fail(SYS_fdatasync, fd);
}

int fsync(int fd) {
        return sync_or_fail(SYS_fsync, fd);
}
