#include "daemon/server/peer.h"

#include "base/macros.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 1024

bool peer_is_admin(int fd, gid_t admin_gid) {
        struct ucred peer;
        gid_t groups[GROUPS_MAX];
        socklen_t len = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return false;
        if (peer.uid == 0 || peer.uid == geteuid())
                return true;
        if (admin_gid == (gid_t) -1)
                return false;
        if (peer.gid == admin_gid)
                return true;
        len = sizeof(groups);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
                return false;
        for (size_t i = 0; i < len / sizeof(groups[0]); i++)
                if (groups[i] == admin_gid)
                        return true;
        return false;
}

pid_t peer_pid(int fd) {
        struct ucred peer;
        socklen_t len = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

bool peer_host_is_local(const char *host) {
        static const char *const NAMES[] = { "localhost", "127.0.0.1", "[::1]" };

        if (!host)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                size_t len = strlen(NAMES[i]);

                if (strncasecmp(host, NAMES[i], len) == 0 &&
                    (host[len] == '\0' || host[len] == ':'))
                        return true;
        }
        return false;
}
