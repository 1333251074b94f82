#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Ports of the nodes that services of type NodePort and LoadBalancer are given. What is taken is
 * read from the services themselves; what calls hold until they have ended is noted beside. */
struct call;
typedef struct json_t json_t;

#define NODE_PORT_FIRST 30000U
#define NODE_PORT_LAST 32767U
#define NODE_PORTS_N (NODE_PORT_LAST - NODE_PORT_FIRST + 1)

/* In the registry. */
struct node_ports {
        uint8_t held[NODE_PORTS_N / 8];
        uint32_t next; /* where the search goes on */
};

/* Takes the ports that the service asks for, and some for its ports without. was: the spec before;
 * NULL: none. False: answered. */
bool node_ports_admit(struct call *c, json_t *spec, const json_t *was);

/* Takes from a changed spec what only its former type had, where it still says the same. */
void node_ports_drop(json_t *spec, const json_t *was);

/* The call has ended: its ports are those of a stored service, or free. */
void node_ports_end(struct call *c);
