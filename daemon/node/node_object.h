#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdint.h>

/* This machine as an object: registered at start, a Lease every 10 s as its heartbeat. */
struct client;
struct loop;
struct node_object;

struct node_facts {
        const char *name;
        const char *host_ip;  /* NULL: none */
        const char *pod_cidr; /* "10.244.0.0/24" */
        int64_t cpu_milli, memory_bytes, n_pods;
        int64_t reserved_cpu_milli, reserved_memory_bytes; /* capacity less this is allocatable */
};

/* Reads what the kernel says of the machine. name, host_ip, pod_cidr stay the caller's. */
void node_facts_read(struct node_facts *f);

struct node_object_events {
        void (*on_registered)(void *userdata); /* once, when the server has the object */
        void *userdata;
};

/* facts: strings borrowed for life. events: copied. Failures are retried for ever, with back-off.
 */
int node_object_new(struct loop *loop, struct client *client, const struct node_facts *facts,
                    const struct node_object_events *events, struct node_object **ret,
                    struct err *e);
void node_object_unref(struct node_object *n);

/* Node.status.images (image_report.h): told to the server when it is another list than the one
 * before, and at each registration. images: gets a reference of the object's; not changed any more.
 * Loop thread. */
void node_object_set_images(struct node_object *n, json_t *images);
DEFINE_AUTO(node_object);

/* The Node as JSON text, the caller's; NULL: memory is out. now_usec: wall clock. */
char *node_object_text(const struct node_facts *facts, uint64_t now_usec);
