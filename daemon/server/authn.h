#pragma once

#include <stdbool.h>

/* Who asks (docs/adr/0112). In this order: a bearer token; the client's certificate; what the
 * socket itself proves; nobody (system:anonymous). A credential that is wrong is a 401, never a way
 * to become somebody else. Then Impersonate-… headers, for those who may. */
struct connection;
struct request;

/* Sets r->user and r->asker. False: r->response is the refusal. */
bool request_authenticate(struct request *r);

/* Frees what became known of a connection's client. */
void connection_forget_client(struct connection *c);
