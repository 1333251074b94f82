#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The HTTP face of the registry: a unix socket (peer credentials decide), a port with TLS
 * (certificates and tokens decide), and, where it is asked for, a loopback port without. */
struct audit;
struct pki;
struct registry;
struct server;
struct timers;
typedef struct sd_event sd_event;

struct server_options {
        sd_event *event;           /* referenced */
        struct registry *registry; /* borrowed for the server's life */
        struct timers *timers;     /* borrowed likewise */
        int unix_fd;               /* a listening socket, taken over; -1: none */
        int tls_fd;                /* likewise; needs pki */
        int tcp_fd;                /* likewise: without TLS and credentials */
        struct pki *pki;           /* borrowed for the server's life; NULL without tls_fd */
        struct audit *audit;       /* borrowed for the server's life; NULL: none */
        unsigned max_connections;  /* 0: 12,000, or what RLIMIT_NOFILE leaves */
        unsigned idle_timeout_s;   /* a connection without progress, 0: 75 */
        gid_t admin_gid;           /* group that may use the unix socket, (gid_t) -1: none */
};

/* Begins to answer. Returns 0, -ENOMEM, or what libmicrohttpd's refusal is called. */
int server_new(const struct server_options *options, struct server **ret_server, struct err *e);

/* Accepts nothing more; connections under way end with their answers. */
void server_quiesce(struct server *s);
void server_unref(struct server *s);
DEFINE_AUTO(server);

/* A listening unix socket of mode 0660 at path, owned by gid (unless -1). A socket file that nobody
 * listens on is replaced; one in use is refused. Returns the descriptor, -EADDRINUSE, or
 * socket()'s, bind()'s errno. */
int listen_unix(const char *path, gid_t gid, struct err *e);

/* A listening TCP socket. text: "127.0.0.1:6443", "[::1]:6443"; ":6443" is every address.
 * option: who asked for it, for the message. is_local: anything but a loopback address is refused
 * with -EPERM. A port in use: -EADDRINUSE. */
int listen_tcp(const char *text, const char *option, bool is_local, struct err *e);
