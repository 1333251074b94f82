#pragma once

#include "base/err.h"
#include "base/macros.h"

/* Where the server is and who asks: as the command line says, else $ORCH_SOCKET, $ORCH_SERVER,
 * $KUBECONFIG, in this order, else the socket of this machine. ~/.kube/config counts only where
 * --context or an option about TLS asks for a server elsewhere: nobody is to change a far cluster
 * by mistake when the near one is down (docs/adr/0181). */
struct connection;
struct session;

/* Decides, reads kubeconfigs, and takes the session's namespace from a context where no other was
 * given. What is wrong is told by connect_open(): commands that need no server don't care. Returns
 * NULL when memory is out. */
struct connection *connect_new(struct session *s);

/* Makes session->client on session->loop. Looks names up, and so may block. Returns 0 or a negative
 * errno; s->exit_code is set where the command line or a kubeconfig is to blame. */
int connect_open(struct connection *c, struct session *s, struct err *e);

/* After the client is gone. NULL is allowed. */
void connect_free(struct connection *c);
