#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdint.h>

/* Events in Kubernetes' words. Repeated ones raise a count instead of making new objects. They are
 * sent a moment later and a few at a time, so that status comes first; what can't be sent is
 * dropped, and so is the oldest past a bound: events are for people, nothing depends on them. */
struct client;
struct events;
struct loop;
struct object_meta;

#define EVENTS_WAITING_MAX 1024

/* component: "orchd-node"; host: the node's name; both borrowed for life. */
int events_new(struct loop *loop, struct client *client, const char *component, const char *host,
               struct events **ret, struct err *e);
void events_unref(struct events *ev);
DEFINE_AUTO(events);

enum event_type { EVENT_NORMAL, EVENT_WARNING };

/* About a pod. container: NULL, or whose event it is (fieldPath). */
void events_pod(struct events *ev, const struct object_meta *pod, const char *container,
                enum event_type type, const char *reason, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* About this node. */
void events_node(struct events *ev, enum event_type type, const char *reason, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
