#include "daemon/network/inside.h"

#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

int inside_sockets(int netns_fd, int ret_fds[2], struct err *e) {
        AUTO_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        static const int FAMILIES[2] = { AF_INET, AF_INET6 };
        int r = 0;

        if (home < 0)
                return err_errno(e, -errno, "cannot open the own network namespace");
        if (setns(netns_fd, CLONE_NEWNET) < 0)
                return err_errno(e, -errno, "cannot enter the pod's network namespace");
        for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++) {
                ret_fds[i] = socket(FAMILIES[i], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (ret_fds[i] < 0)
                        r = -errno;
        }
        /* Going on in the wrong namespace would change the pod instead of the host. */
        if (setns(home, CLONE_NEWNET) < 0)
                abort();
        if (ret_fds[0] < 0 && ret_fds[1] < 0)
                return err_errno(e, r, "cannot open a socket in the pod's network namespace");
        return 0;
}
