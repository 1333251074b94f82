#include "base/fd.h"
#include "base/str.h"
#include "daemon/server/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512

/* Whether somebody listens there: a file left by a crash answers ECONNREFUSED. */
static bool socket_is_alive(const struct sockaddr_un *address) {
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd >= 0 && (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0 ||
                           errno == EAGAIN);
}

int listen_unix(const char *path, gid_t gid, struct err *e) {
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (fd < 0)
                return err_errno(e, -errno, "cannot make a socket");
        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(
                        e, -ENAMETOOLONG,
                        "socket path %s is longer than %zu bytes; choose a shorter --run-dir", path,
                        sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (socket_is_alive(&address))
                return err_set(e, -EADDRINUSE,
                               "%s is in use: another orchd-server runs; stop it or choose another "
                               "--run-dir",
                               path);
        if (unlink(path) < 0 && errno != ENOENT)
                return err_errno(e, -errno, "cannot replace socket %s", path);
        /* Nobody but the owner until it is set up. */
        if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return err_errno(e, -errno, "cannot listen on %s", path);
        if (gid != (gid_t) -1 && chown(path, (uid_t) -1, gid) < 0 && errno != EPERM)
                return err_errno(e, -errno, "cannot give socket %s to its group", path);
        if (chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0)
                return err_errno(e, -errno, "cannot listen on %s", path);
        return STEAL_FD(fd);
}

/* "127.0.0.1:6443", "[::1]:6443" or ":6443". */
static int address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret;
        struct sockaddr_in *v4 = (struct sockaddr_in *) ret;
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN + 2];
        int64_t port;
        size_t len;

        if (text[0] == ':') { /* every address, IPv6 and IPv4 */
                if (str_to_int64(colon + 1, 0, 65535, &port) < 0)
                        return -EINVAL;
                *ret = (struct sockaddr_storage){ 0 };
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t) port);
                *ret_len = sizeof(*v6);
                return 0;
        }
        if (!colon || str_to_int64(colon + 1, 0, 65535, &port) < 0)
                return -EINVAL;
        len = (size_t) (colon - text);
        if (len == 0 || len >= sizeof(host))
                return -EINVAL;
        memcpy(host, text, len);
        host[len] = '\0';
        *ret = (struct sockaddr_storage){ 0 };
        if (host[0] == '[' && host[len - 1] == ']') {
                host[len - 1] = '\0';
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t) port);
                *ret_len = sizeof(*v6);
                return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
        }
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t) port);
        *ret_len = sizeof(*v4);
        return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

static bool address_is_loopback(const struct sockaddr_storage *a) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) a;
        const struct sockaddr_in *v4 = (const struct sockaddr_in *) a;

        if (a->ss_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

/* A kernel without IPv6 has IPv4's "every address". */
static int socket_make(struct sockaddr_storage *address, socklen_t *len) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;
        int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool is_any = address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        int one = 1, zero = 0;

        if (fd < 0 && errno == EAFNOSUPPORT && is_any) {
                v4.sin_port = v6->sin6_port;
                memcpy(address, &v4, sizeof(v4));
                *len = sizeof(v4);
                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        } else if (fd >= 0 && is_any) {
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
        }
        if (fd >= 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        return fd;
}

int listen_tcp(const char *text, const char *option, bool is_local, struct err *e) {
        struct sockaddr_storage address;
        AUTO_CLOSE int fd = -1;
        socklen_t len;

        if (address_parse(text, &address, &len) < 0)
                return err_set(e, -EINVAL,
                               "\"%s\" is no address to listen on; write it like 127.0.0.1:6443 or "
                               ":6443",
                               text);
        if (is_local && !address_is_loopback(&address))
                return err_set(e, -EPERM,
                               "%s is not a loopback address: without TLS the API is offered to "
                               "this machine only; use --listen for others",
                               text);
        fd = socket_make(&address, &len);
        if (fd < 0)
                return err_errno(e, -errno, "cannot make a socket");
        if (bind(fd, (struct sockaddr *) &address, len) == 0 && listen(fd, BACKLOG) == 0)
                return STEAL_FD(fd);
        if (errno == EADDRINUSE)
                return err_set(e, -EADDRINUSE,
                               "port of %s is in use by another program; stop it or choose another "
                               "with %s",
                               text, option);
        return err_errno(e, -errno, "cannot listen on %s", text);
}
