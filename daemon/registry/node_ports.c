#include "daemon/registry/node_ports.h"

#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kubernetes leaves the first ones to those who ask for a certain port. */
#define FIXED_N 86U

struct taken {
        uint8_t bits[NODE_PORTS_N / 8];
};

static bool bit_is_set(const uint8_t *bits, uint32_t n) {
        return bits[n / 8] & (1U << (n % 8));
}

static void bit_set(uint8_t *bits, uint32_t n, bool is_set) {
        if (is_set)
                bits[n / 8] |= (uint8_t) (1U << (n % 8));
        else
                bits[n / 8] &= (uint8_t) ~(1U << (n % 8));
}

static bool has_node_ports(const char *type) {
        return str_eq(type, "NodePort") || str_eq(type, "LoadBalancer");
}

static bool wants_node_ports(const json_t *spec) {
        const char *type = tree_text(spec, "type");
        const json_t *wish = json_object_get(spec, "allocateLoadBalancerNodePorts");

        return str_eq(type, "NodePort") || (str_eq(type, "LoadBalancer") && !json_is_false(wish));
}

/* The text is the server's own: inside of other texts quotes have a backslash before them, so that
 * only the field itself looks like this. */
static void taken_by(const struct record *r, struct taken *t) {
        static const char FIELD[] = "\"nodePort\":";

        for (const char *at = strstr(r->json, FIELD); at; at = strstr(at, FIELD)) {
                unsigned long port;

                at += sizeof(FIELD) - 1;
                port = strtoul(at, NULL, 10);
                if (port >= NODE_PORT_FIRST && port <= NODE_PORT_LAST)
                        bit_set(t->bits, (uint32_t) port - NODE_PORT_FIRST, true);
        }
}

static void taken_find(const struct call *c, struct taken *t) {
        const struct table *table = &c->kind->table;

        memcpy(t->bits, c->registry->node_ports.held, sizeof(t->bits));
        for (size_t i = 0; i < table->n; i++) {
                const struct record *r = table->items[i];

                if (!has_node_ports(r->fields[resource_field(r->resource, "spec.type")]))
                        continue;
                if (!str_eq(r->namespace_, c->path.namespace_) || !str_eq(r->name, c->path.name))
                        taken_by(r, t);
        }
}

/* False: memory is out. */
static bool hold(struct call *c, struct taken *t, uint32_t n) {
        if (!c->node_ports)
                c->node_ports = json_array();
        if (!c->node_ports || json_array_append_new(c->node_ports, json_integer(n)) < 0)
                return false;
        bit_set(t->bits, n, true);
        bit_set(c->registry->node_ports.held, n, true);
        return true;
}

static bool is_held_by(const struct call *c, uint32_t n) {
        size_t i;
        json_t *one;

        json_array_foreach(c->node_ports, i, one) {
                if (json_integer_value(one) == n)
                        return true;
        }
        return false;
}

static bool fail_port(struct call *c, size_t i, json_int_t port, const char *why) {
        char field[64];

        (void) snprintf(field, sizeof(field), "spec.ports[%zu].nodePort", i);
        call_fail_field(c, DIAG_INVALID, field, "Invalid value: %lld: %s", (long long) port, why);
        return false;
}

/* A port that is asked for. Ports of one service may share it: one for TCP, one for UDP. */
static bool port_take(struct call *c, struct taken *t, size_t i, json_int_t port) {
        uint32_t n = (uint32_t) (port - NODE_PORT_FIRST);

        if (port < NODE_PORT_FIRST || port > NODE_PORT_LAST)
                return fail_port(c, i, port,
                                 "provided port is not in the valid range. The range of valid "
                                 "ports is 30000-32767");
        if (is_held_by(c, n))
                return true;
        if (bit_is_set(t->bits, n))
                return fail_port(c, i, port, "provided port is already allocated");
        if (hold(c, t, n))
                return true;
        call_fail_memory(c);
        return false;
}

static bool port_find(struct call *c, struct taken *t, size_t i, json_t *port) {
        struct node_ports *p = &c->registry->node_ports;

        for (uint32_t tried = 0; tried < NODE_PORTS_N; tried++) {
                uint32_t n = (FIXED_N + p->next) % NODE_PORTS_N;

                p->next = (p->next + 1) % NODE_PORTS_N;
                if (bit_is_set(t->bits, n))
                        continue;
                if (hold(c, t, n) &&
                    json_object_set_new(port, "nodePort", json_integer(NODE_PORT_FIRST + n)) == 0)
                        return true;
                call_fail_memory(c);
                return false;
        }
        return fail_port(c, i, 0, "range is full");
}

/* The same port keeps its number when the new state doesn't say one. */
static void port_keep(json_t *port, const json_t *was) {
        size_t i;
        json_t *old;

        json_array_foreach(json_object_get(was, "ports"), i, old) {
                json_int_t number = json_integer_value(json_object_get(old, "nodePort"));

                if (number > 0 &&
                    json_equal(json_object_get(old, "port"), json_object_get(port, "port")) &&
                    json_equal(json_object_get(old, "protocol"), json_object_get(port, "protocol")))
                        (void) json_object_set_new(port, "nodePort", json_integer(number));
        }
}

bool node_ports_admit(struct call *c, json_t *spec, const json_t *was) {
        struct taken taken = { 0 };
        size_t i;
        json_t *port;

        if (!has_node_ports(tree_text(spec, "type")))
                return true;
        taken_find(c, &taken);
        /* First what is said, so that what is found doesn't take it away. */
        json_array_foreach(json_object_get(spec, "ports"), i, port) {
                json_int_t number;

                if (json_integer_value(json_object_get(port, "nodePort")) == 0)
                        port_keep(port, was);
                number = json_integer_value(json_object_get(port, "nodePort"));
                if (number != 0 && !port_take(c, &taken, i, number))
                        return false;
        }
        if (!wants_node_ports(spec))
                return true;
        json_array_foreach(json_object_get(spec, "ports"), i, port) {
                if (json_integer_value(json_object_get(port, "nodePort")) == 0 &&
                    !port_find(c, &taken, i, port))
                        return false;
        }
        return true;
}

static void drop_same(json_t *to, const json_t *was, const char *field) {
        if (json_equal(json_object_get(to, field), json_object_get(was, field)))
                (void) json_object_del(to, field);
}

void node_ports_drop(json_t *spec, const json_t *was) {
        const json_t *ports = json_object_get(spec, "ports"), *old = json_object_get(was, "ports");
        size_t i, j;
        json_t *port, *before;

        if (!has_node_ports(tree_text(was, "type")) || has_node_ports(tree_text(spec, "type")))
                return;
        drop_same(spec, was, "externalTrafficPolicy");
        drop_same(spec, was, "allocateLoadBalancerNodePorts");
        drop_same(spec, was, "healthCheckNodePort");
        json_array_foreach((json_t *) ports, i, port) {
                json_array_foreach((json_t *) old, j, before) {
                        drop_same(port, before, "nodePort");
                }
        }
}

void node_ports_end(struct call *c) {
        size_t i;
        json_t *one;

        json_array_foreach(c->node_ports, i, one) {
                bit_set(c->registry->node_ports.held, (uint32_t) json_integer_value(one), false);
        }
        json_decref(c->node_ports);
        c->node_ports = NULL;
}
