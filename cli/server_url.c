#include "cli/server_url.h"

#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRY_MS 2000

int server_url_parse(const char *text, struct server_url *ret, struct err *e) {
        struct server_url u = { .is_tls = !str_starts_with(text, "http://") };
        const char *rest = strstr(text, "://"), *port;
        size_t len, host_len;
        int64_t number;

        if (rest && !str_starts_with(text, "http://") && !str_starts_with(text, "https://"))
                return err_set(e, -EINVAL, "server %s must begin with https:// or http://", text);
        rest = rest ? rest + strlen("://") : text;
        len = strcspn(rest, "/?#");
        if (rest[len] && !(rest[len] == '/' && rest[len + 1] == '\0'))
                return err_set(e, -EINVAL, "server %s: a path behind the address isn't possible",
                               text);
        host_len = *rest == '[' ? strcspn(rest, "]") : strcspn(rest, ":/?#");
        if (host_len > len)
                host_len = len;
        port = rest + host_len + (*rest == '[' && host_len < len);
        if ((*rest == '[' && (host_len >= len || host_len == 1)) || host_len == 0 ||
            host_len >= sizeof(u.host) || len >= sizeof(u.shown) || memchr(rest, '@', len))
                return err_set(e, -EINVAL, "server %s must read https://NAME[:PORT]", text);
        memcpy(u.host, rest + (*rest == '['), host_len - (*rest == '['));
        memcpy(u.shown, rest, len);
        (void) snprintf(u.port, sizeof(u.port), "%s", u.is_tls ? "443" : "80");
        if (*port == ':' && port < rest + len) {
                if (rest + len - (port + 1) >= (ptrdiff_t) sizeof(u.port))
                        return err_set(e, -EINVAL, "server %s has no good port", text);
                memset(u.port, 0, sizeof(u.port));
                memcpy(u.port, port + 1, (size_t) (rest + len - (port + 1)));
        }
        if (str_to_int64(u.port, 1, 65535, &number) < 0)
                return err_set(e, -EINVAL, "server %s has no good port", text);
        *ret = u;
        return 0;
}

static bool takes_connection(const struct addrinfo *a) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int error = 0;
        socklen_t len = sizeof(error);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        bool is_good = fd >= 0 &&
                       (connect(fd, a->ai_addr, a->ai_addrlen) == 0 ||
                        (errno == EINPROGRESS && poll(&p, 1, TRY_MS) == 1 &&
                         getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0));

        if (fd >= 0)
                (void) close(fd);
        return is_good;
}

static const struct addrinfo *address_choose(const struct addrinfo *all) {
        if (!all->ai_next)
                return all;
        for (const struct addrinfo *a = all; a; a = a->ai_next)
                if (takes_connection(a))
                        return a;
        return all;
}

int server_url_resolve(const struct server_url *u, char **ret_url, struct err *e) {
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
        struct addrinfo *all = NULL;
        const struct addrinfo *a;
        char number[64];
        int r = getaddrinfo(u->host, u->port, &hints, &all);

        if (r == EAI_NONAME || r == EAI_ADDRFAMILY) /* an address of a family that isn't there */
                r = getaddrinfo(u->host, u->port, &(struct addrinfo){ .ai_socktype = SOCK_STREAM },
                                &all);
        if (r != 0)
                return err_set(e, -ENOENT, "server %s is not known here: %s", u->host,
                               gai_strerror(r));
        a = address_choose(all);
        r = getnameinfo(a->ai_addr, a->ai_addrlen, number, sizeof(number), NULL, 0, NI_NUMERICHOST);
        if (r == 0)
                *ret_url = str_format(strchr(number, ':') ? "http%s://[%s]:%s" : "http%s://%s:%s",
                                      u->is_tls ? "s" : "", number, u->port);
        freeaddrinfo(all);
        if (r != 0)
                return err_set(e, -ENOENT, "server %s has no address", u->host);
        return *ret_url ? 0 : err_set(e, -ENOMEM, "memory is out");
}
