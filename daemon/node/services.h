#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>

/* Services and endpoint slices, as this node sees them: become the kernel's rules, the DNS
 * snapshot, and the variables that containers find. Changes that come together are carried out
 * together. */
struct context;
struct service;
struct services;
struct timers;

/* on_rules: rules are in force that know the pods with these uids (sorted) as terminating: new
 * connections don't get there. */
struct services_events {
        void (*on_rules)(void *userdata, const char *const *uids, size_t n);
        void *userdata;
};

int services_new(const struct context *ctx, const struct services_events *events,
                 struct services **ret, struct err *e);
void services_unref(struct services *s);
DEFINE_AUTO(services);

/* Begins to watch. */
int services_watch(struct services *s, struct timers *timers, struct err *e);

/* As pod_sources' each_service. */
void services_each(struct services *s, const char *ns,
                   void (*fn)(void *data, const struct service *service), void *data);
