#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/work.h"
#include "daemon/network/ipam.h"
#include "daemon/network/network.h"
#include "daemon/node/container_spec.h"
#include "daemon/node/events.h"
#include "daemon/node/names.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/volumes.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>

#define RESOLV_CONF_MAX 65536

struct pod_facts pod_facts_of(const struct node_pod *p) {
        bool is_host = p->spec->spec.host_network;

        return (struct pod_facts){
                .pod_ip = is_host                   ? p->ctx->host_ip
                          : p->ip.family != IP_NONE ? p->ip_text
                                                    : NULL,
                .host_ip = p->ctx->host_ip,
                .node_name = p->ctx->config->name,
                .node_cpu_milli = p->ctx->cpu_milli,
                .node_memory_bytes = p->ctx->memory_bytes,
        };
}

void pod_sandbox_fault(struct node_pod *p, const char *reason, const char *text) {
        pod_text_set(&p->sandbox_reason, reason);
        pod_text_set(&p->sandbox_text, text);
        p->seen.sandbox_reason = p->sandbox_reason ? p->sandbox_reason : reason;
        p->seen.sandbox_text = p->sandbox_text;
        p->seen.sandbox_fault_usec = clock_now_usec();
        p->seen.n_sandbox_faults++;
}

static void sandbox_clear_fault(struct node_pod *p) {
        pod_text_set(&p->sandbox_reason, NULL);
        pod_text_set(&p->sandbox_text, NULL);
        p->seen.sandbox_reason = p->seen.sandbox_text = NULL;
        p->seen.n_sandbox_faults = 0;
}

void pod_sandbox_release_ip(struct node_pod *p) {
        if (p->ip.family == IP_NONE)
                return;
        ipam_release(p->ctx->ipam, &p->ip);
        p->ip = (struct ip_addr){ 0 };
        p->ip_text[0] = '\0';
}

bool pod_sandbox_lost(struct node_pod *p) {
        if (p->seen.sandbox == SANDBOX_LOST || p->seen.sandbox == SANDBOX_REMOVING ||
            p->seen.sandbox == SANDBOX_REMOVED)
                return false;
        LOG_WARN(p->key, "orch-pod died; the pod is made anew");
        events_pod(p->ctx->events, &p->spec->metadata, NULL, EVENT_WARNING, "SandboxChanged",
                   "Pod sandbox changed, it will be killed and re-created: its supervisor, "
                   "orch-pod, died");
        p->seen.sandbox = SANDBOX_LOST;
        return true;
}

/* The containers of a sandbox that is gone didn't survive it. */
static void sandbox_removed(struct node_pod *p) {
        struct err e = { 0 };

        p->rt = NULL;
        p->seen.sandbox = SANDBOX_REMOVED;
        pod_sandbox_release_ip(p);
        if (volumes_remove(p->ctx, p->uid, &e) < 0)
                LOG_WARN(p->key, "volumes are left behind (%s)", err_text(&e));
        for (size_t i = 0; i < p->wanted.n; i++) {
                struct container_observed *c = &p->seen.containers[i];

                pod_probes_stop(p->slots[i]);
                /* Its exit was told before; what never ran starts afresh. */
                if (c->life == CONTAINER_STARTING || c->life == CONTAINER_RUNNING)
                        c->life =
                                p->wanted.containers[i].is_guest ? CONTAINER_EXITED : CONTAINER_NEW;
                /* Init containers run again in a new sandbox. */
                if (p->wanted.containers[i].is_init && c->life == CONTAINER_EXITED &&
                    !p->seen.is_finished && !p->wanted.is_deleting) {
                        c->life = CONTAINER_NEW;
                        c->restarts++;
                }
        }
}

static void on_removed(void *userdata, int r, const struct err *e) {
        struct node_pod *p = userdata;

        if (r < 0)
                LOG_WARN(p->key, "the pod's remains could not all be removed (%s)", err_text(e));
        sandbox_removed(p);
        node_pod_run(p);
}

void pod_sandbox_tear_down(struct node_pod *p) {
        struct err e = { 0 };
        int r;

        p->seen.sandbox = SANDBOX_REMOVING;
        for (size_t i = 0; i < p->wanted.n; i++)
                pod_probes_stop(p->slots[i]);
        if (!p->rt) {
                sandbox_removed(p);
                p->is_dirty = true;
                return;
        }
        r = runtime_pod_remove(p->rt, on_removed, p, &e);
        if (r < 0 && r != -EALREADY) {
                LOG_WARN(p->key, "the pod can't be removed (%s)", err_text(&e));
                sandbox_removed(p);
                p->is_dirty = true;
        }
}

static void sandbox_failed(struct node_pod *p, const char *reason, const char *what,
                           const struct err *e) {
        char text[ERR_TEXT_MAX + 128];

        (void) snprintf(text, sizeof(text), "%s%s", what, err_text(e));
        events_pod(p->ctx->events, &p->spec->metadata, NULL, EVENT_WARNING, reason, "%s", text);
        pod_sandbox_fault(p, reason, text);
        p->seen.sandbox = SANDBOX_LOST; /* torn down, then tried again after a back-off */
        node_pod_run(p);
}

static void sandbox_ready(struct node_pod *p) {
        sandbox_clear_fault(p);
        p->seen.sandbox = SANDBOX_READY;
        node_pod_run(p);
}

static void on_attached(void *userdata, int r, const struct err *e) {
        struct node_pod *p = userdata;

        if (r == -ECANCELED || p->seen.sandbox != SANDBOX_PREPARING)
                return;
        if (r < 0)
                sandbox_failed(p, "FailedCreatePodSandBox",
                               "Failed to create pod sandbox: network: ", e);
        else
                sandbox_ready(p);
}

static void on_created(void *userdata, int r, const struct err *e) {
        struct node_pod *p = userdata;
        AUTO_CLOSE int netns = -1;
        struct err e2 = { 0 };

        if (p->seen.sandbox != SANDBOX_PREPARING)
                return;
        if (r < 0) {
                sandbox_failed(p, "FailedCreatePodSandBox", "Failed to create pod sandbox: ", e);
                return;
        }
        if (p->spec->spec.host_network) {
                sandbox_ready(p);
                return;
        }
        netns = runtime_pod_netns(p->rt);
        if (netns < 0)
                r = err_errno(&e2, netns, "cannot open the pod's network namespace");
        else
                r = network_attach(p->ctx->network, &(struct network_pod){ netns, p->uid, p->ip },
                                   on_attached, p, &e2);
        if (r < 0)
                sandbox_failed(p, "FailedCreatePodSandBox",
                               "Failed to create pod sandbox: network: ", &e2);
}

static char *host_resolv_conf(const struct context *ctx) {
        const char *path =
                ctx->config->host_resolv_conf ? ctx->config->host_resolv_conf : "/etc/resolv.conf";
        char *text = NULL;

        return file_read(path, RESOLV_CONF_MAX, &text, NULL, NULL) < 0 ? strdup("") : text;
}

static int build_sysctls(struct arena *a, const struct pod *spec, struct runtime_pod_spec *out) {
        const struct pod_security_context *s = spec->spec.security_context;
        struct runtime_pair *pairs;

        if (!s || s->sysctls.n == 0)
                return 0;
        pairs = arena_alloc_n(a, s->sysctls.n, sizeof(*pairs));
        if (!pairs)
                return -ENOMEM;
        for (size_t i = 0; i < s->sysctls.n; i++)
                pairs[i] = (struct runtime_pair){ s->sysctls.items[i].name,
                                                  s->sysctls.items[i].value };
        out->sysctls = pairs;
        out->n_sysctls = s->sysctls.n;
        return 0;
}

static int sandbox_start(struct node_pod *p, struct err *e) {
        const struct pod_spec *spec = &p->spec->spec;
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO_FREE char *host_conf = host_resolv_conf(p->ctx), *hosts = NULL, *conf = NULL;
        struct runtime_pod_spec out = { .uid = p->uid };
        struct runtime_tmpfs *tmpfs = NULL;
        char hostname[64];
        int r;

        if (!a || !host_conf)
                return err_set(e, -ENOMEM, "out of memory");
        names_hostname(p->spec, hostname);
        hosts = names_hosts(p->spec, pod_facts_of(p).pod_ip, hostname,
                            p->ctx->config->cluster_domain);
        conf = names_resolv_conf(
                p->spec, &(struct names_dns){ .dns_address = p->ctx->dns_address,
                                              .cluster_domain = p->ctx->config->cluster_domain,
                                              .host_resolv_conf = host_conf });
        if (!hosts || !conf || volumes_tmpfs(a, p->spec, &tmpfs, &out.n_tmpfs) < 0 ||
            build_sysctls(a, p->spec, &out) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        out.namespace_ = p->spec->metadata.namespace;
        out.name = p->spec->metadata.name;
        out.hostname = hostname;
        out.host_network = spec->host_network;
        out.host_ipc = spec->host_ipc;
        out.host_pid = spec->host_pid;
        out.share_process_namespace =
                spec->share_process_namespace.is_set && spec->share_process_namespace.value;
        out.hosts = hosts;
        out.resolv_conf = conf;
        out.limits = p->resize.in_force = container_spec_pod_limits(pod_granted(p));
        p->resize.is_known = true;
        out.tmpfs = tmpfs;
        r = runtime_pod_create(p->ctx->runtime, &out, on_created, p, &p->rt, e);
        return r < 0 ? err_wrap(e, r, "Failed to create pod sandbox") : 0;
}

static int sandbox_prepare(struct node_pod *p, struct err *e) {
        struct pod_facts facts;
        int r;

        if (!p->spec->spec.host_network && p->ip.family == IP_NONE) {
                r = ipam_allocate(p->ctx->ipam, &p->ip, e);
                if (r < 0)
                        return r;
                ip_format(&p->ip, p->ip_text);
        }
        facts = pod_facts_of(p);
        r = volumes_write(p->ctx, p->spec, &facts, e);
        if (r < 0)
                return r;
        r = sandbox_start(p, e);
        if (r < 0)
                return r;
        p->seen.sandbox = SANDBOX_PREPARING;
        return volumes_make(p->spec, p->rt, e);
}

void pod_sandbox_create(struct node_pod *p) {
        struct err e = { 0 };
        const char *reason = "FailedMount";
        int r;

        pod_store_write(p);
        r = volumes_check(p->ctx, p->spec, &e);
        if (r == 0) {
                r = sandbox_prepare(p, &e);
                if (r < 0 && p->ip.family == IP_NONE && !p->spec->spec.host_network)
                        reason = "FailedCreatePodSandBox";
        }
        if (r == 0)
                return;
        /* Not known yet is no fault: the answer brings us back here. */
        if (r != -EAGAIN)
                events_pod(p->ctx->events, &p->spec->metadata, NULL, EVENT_WARNING, reason, "%s",
                           err_text(&e));
        pod_sandbox_fault(p, reason, err_text(&e));
        if (p->rt)
                p->seen.sandbox = SANDBOX_LOST;
        else
                pod_sandbox_release_ip(p);
        p->is_dirty = true;
}
