#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A connection after "101 Switching Protocols", whoever carries its bytes: libmicrohttpd's upgrade
 * hands out the socket itself; of a TLS connection the socket and its session are used while
 * libmicrohttpd leaves the request alone (docs/adr/0118). Not blocking. */
struct MHD_UpgradeResponseHandle;
struct raw;
struct request;

/* fd, handle: of an upgrade handler. NULL: memory is out (closed then). */
struct raw *raw_new(int fd, struct MHD_UpgradeResponseHandle *handle);
/* Of a request that came over TLS. It is suspended, and ends with the connection. NULL: memory is
 * out (nothing has changed then). */
struct raw *raw_new_tls(struct request *r);

/* The socket, to wait for; borrowed. Read and write by the calls below: TLS may lie between. */
int raw_fd(const struct raw *raw);
/* As recv() and send() of a non-blocking socket. */
ssize_t raw_recv(struct raw *raw, void *room, size_t len);
ssize_t raw_send(struct raw *raw, const void *bytes, size_t len);
/* Closes the connection and frees. libmicrohttpd must run then. NULL is allowed. */
void raw_close(struct raw *raw);

/* What is to be sent before everything else: nothing, or the answer 101. */
struct strbuf *raw_greeting(struct raw *raw);
