#pragma once

#include "base/err.h"
#include "base/ip.h"

#include <stdbool.h>
#include <stdint.h>

/* One question to a container: an HTTP request, a connection, a program. Probes and hooks ask. */
struct ask;
struct container;
struct exec_action;
struct http_get_action;
struct loop;
struct runtime_pod;
struct tcp_socket_action;

/* Exactly one of exec, http_get, tcp_socket, is_grpc. Borrowed until the answer. */
struct ask_spec {
        const struct exec_action *exec;
        const struct http_get_action *http_get;
        const struct tcp_socket_action *tcp_socket;
        bool is_grpc;
        const struct container *container;
        struct runtime_pod *pod;
        struct ip_addr addr;
        uint64_t timeout_usec;
};

/* r: 0 yes; else text says why not, in the kubelet's words. The ask is gone by then. */
typedef void (*ask_fn)(void *userdata, int r, const char *text);

/* Returns 0 (fn comes, from the loop, never from in here), or a negative errno: the question can't
 * even be asked; e is the answer's text. */
int ask_start(struct loop *loop, const struct ask_spec *spec, ask_fn fn, void *userdata,
              struct ask **ret, struct err *e);
/* Drops it; fn isn't called. NULL is fine. */
void ask_cancel(struct ask *a);

struct int_or_string;
/* The number behind a port of a probe, by number or by name of the container's; 0: no such port.
 * Pure. */
uint16_t ask_port(const struct container *c, const struct int_or_string *port);

/* The text of the request, the caller's; NULL when memory is out. host: "10.244.0.2". Pure. */
char *ask_http_request(const struct http_get_action *get, const char *host, uint16_t port);
