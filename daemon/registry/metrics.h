#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* What GET /metrics tells: requests by verb, kind and code under the kube-apiserver's names,
 * objects in memory, watches, and the process under the names that Prometheus' client libraries use
 * (prometheus.io: "Writing client libraries", "Exposition formats", text format 0.0.4). */
struct kind;
struct metrics;
struct registry;

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Label sets beyond this are counted as one without labels: clients can't grow the table. */
#define METRICS_SERIES_MAX 2048U

/* One request that was answered. */
struct metrics_request {
        const char *verb;         /* "LIST", "POST": as metrics_verb() says */
        const struct kind *asked; /* NULL: none of ours */
        const char *subresource;  /* a known one, or "" */
        const char *scope;        /* "cluster", "namespace", "resource" or "" */
        unsigned code;
        uint64_t usec; /* how long it took; not counted for watches and streams */
        bool is_long;  /* a watch or a stream: its time says nothing */
};

/* Returns NULL when memory is out. */
struct metrics *metrics_new(void);
void metrics_unref(struct metrics *m);
DEFINE_AUTO(metrics);

/* Counts a request. Out of memory: it isn't counted. */
void metrics_observe(struct metrics *m, const struct metrics_request *r);

/* The verb that Kubernetes counts a method as. has_name: the path names an object; is_watch: the
 * query says watch; is_apply: a PATCH that applies. Static. Pure. */
const char *metrics_verb(const char *method, bool has_name, bool is_watch, bool is_apply);

/* The text for GET /metrics, the caller's; NULL when memory is out. Reads /proc/self. */
char *metrics_text(const struct registry *r);
