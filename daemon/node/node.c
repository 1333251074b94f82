#include "daemon/node/node.h"

#include "api/client/client.h"
#include "api/client/timer.h"
#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/loop/loop.h"
#include "daemon/network/ipam.h"
#include "daemon/node/context.h"
#include "daemon/node/events.h"
#include "daemon/node/image_keeper.h"
#include "daemon/node/image_report.h"
#include "daemon/node/node_object.h"
#include "daemon/node/pods.h"
#include "daemon/node/prober.h"
#include "daemon/node/puller.h"
#include "daemon/node/services.h"
#include "daemon/node/sources.h"
#include "daemon/node/streams.h"
#include "daemon/node/tokens.h"
#include "daemon/runtime/runtime.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct node {
        struct node_config config;
        struct context ctx;
        struct timers *timers;
        struct pods *pods;
        struct services *services;
        struct streams *streams;
        struct image_keeper *image_keeper;
        struct node_object *object;
        struct image_report *image_report;
        struct node_facts facts;
        char host_ip[IP_TEXT_MAX], dns_address[IP_TEXT_MAX], pod_cidr[IP_TEXT_MAX];
        bool is_registered, has_synced, is_heard, was_told;
        int lock_fd; /* -1: not taken */
};

/* ---- what env.h and volumes.h ask for ---- */

static int find_config_map(void *data, const char *ns, const char *name,
                           const struct config_map **ret) {
        struct node *n = data;
        struct object *o = NULL;
        int r = sources_get(n->ctx.sources, &config_map_kind, ns, name, &o);

        if (r == 0)
                *ret = OBJECT_AS(config_map, o);
        return r;
}

static int find_secret(void *data, const char *ns, const char *name, const struct secret **ret) {
        struct node *n = data;
        struct object *o = NULL;
        int r = sources_get(n->ctx.sources, &secret_kind, ns, name, &o);

        if (r == 0)
                *ret = OBJECT_AS(secret, o);
        return r;
}

static int find_token(void *data, const struct pod *pod,
                      const struct service_account_token_projection *want, const char **ret,
                      struct err *e) {
        struct node *n = data;

        return tokens_get(n->ctx.tokens, pod, want, ret, e);
}

static void each_service(void *data, const char *ns,
                         void (*fn)(void *fn_data, const struct service *s), void *fn_data) {
        struct node *n = data;

        services_each(n->services, ns, fn, fn_data);
}

/* ---- what happens ---- */

static void on_source_changed(void *userdata, const struct kind *kind, const char *ns,
                              const char *name) {
        struct node *n = userdata;

        pods_source_changed(n->pods, kind, ns, name);
}

static void on_token(void *userdata, const char *uid) {
        struct node *n = userdata;

        pods_token_changed(n->pods, uid);
}

static void on_rules(void *userdata, const char *const *uids, size_t count) {
        struct node *n = userdata;

        pods_rules_changed(n->pods, uids, count);
}

static void on_exit_told(void *userdata, const struct runtime_container_status *status) {
        pods_container_exited(userdata, status);
}

static void on_pod_lost(void *userdata, const char *uid) {
        pods_pod_lost(userdata, uid);
}

static void on_images_changed(void *userdata) {
        struct node *n = userdata;

        pods_images_changed(n->pods);
}

static void on_images_read(void *userdata, json_t *images) {
        struct node *n = userdata;

        node_object_set_images(n->object, images);
}

static void node_tell_ready(struct node *n) {
        if (!n->is_registered || !n->has_synced || !n->is_heard || n->was_told)
                return;
        n->was_told = true;
        LOG_NOTICE(n->config.name, "registered; %zu pods", pods_count(n->pods));
        if (n->config.on_ready)
                n->config.on_ready(n->config.userdata);
}

static void on_registered(void *userdata) {
        struct node *n = userdata;

        n->is_registered = true;
        node_tell_ready(n);
}

static void on_pods_synced(void *userdata) {
        struct node *n = userdata;

        n->has_synced = true;
        node_tell_ready(n);
}

static void on_heard(void *userdata) {
        struct node *n = userdata;

        n->is_heard = true;
        node_tell_ready(n);
}

/* ---- start ---- */

/* The address that other machines would use: of the first interface that is up and not the pods'
 * own. */
static void find_host_ip(struct node *n) {
        struct ifaddrs *list = NULL;

        if (getifaddrs(&list) < 0)
                return;
        for (struct ifaddrs *i = list; i; i = i->ifa_next) {
                const struct sockaddr_in *v4 =
                        (const struct sockaddr_in *) (const void *) i->ifa_addr;

                if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
                    (i->ifa_flags & IFF_LOOPBACK) || str_eq(i->ifa_name, n->config.network.bridge))
                        continue;
                (void) inet_ntop(AF_INET, &v4->sin_addr, n->host_ip, sizeof(n->host_ip));
                break;
        }
        freeifaddrs(list);
}

/* Two nodes with one memory would each start every pod. */
static int make_dirs(struct node *n, struct err *e) {
        const char *const run[] = { "node", "volumes" };
        AUTO_FREE char *state = str_format("%s/node", n->config.state_dir);
        int r = state ? dir_make_all(state, 0700, e) : -ENOMEM;

        if (r == 0)
                r = dir_lock(state, "orchd-node", "--state-dir", &n->lock_fd, e);
        for (size_t i = 0; i < ARRAY_SIZE(run) && r == 0; i++) {
                AUTO_FREE char *dir = str_format("%s/%s", n->config.run_dir, run[i]);

                r = dir ? dir_make_all(dir, 0711, e) : -ENOMEM;
        }
        return r;
}

/* Better now than with the first pod. */
static int check_programs(const struct node *n, struct err *e) {
        static const char *const names[] = { "orch-pod", "orch-image" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                AUTO_FREE char *path = str_format("%s/%s", n->config.libexec_dir, names[i]);

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                if (access(path, X_OK) < 0)
                        return err_set(e, -EINVAL,
                                       "cannot run %s (%s); install it, or name the folder of "
                                       "orch's programs "
                                       "with --libexec-dir",
                                       path, strerror(errno));
        }
        return 0;
}

static int open_runtime(struct node *n, struct err *e) {
        AUTO_FREE char *log_dir = str_format("%s/logs", n->config.state_dir),
                       *state_dir = str_format("%s/node", n->config.state_dir),
                       *binary = str_format("%s/orch-pod", n->config.libexec_dir);
        const struct runtime_config config = {
                .event = loop_event(n->ctx.loop),
                .run_dir = n->config.run_dir,
                .log_dir = log_dir,
                .state_dir = state_dir,
                .pod_binary = binary,
                .cgroup_name = n->config.cgroup_name,
                .events = { .on_exit = on_exit_told, .on_pod_lost = on_pod_lost },
                .userdata = n->pods,
        };
        int r;

        if (!log_dir || !state_dir || !binary)
                return err_set(e, -ENOMEM, "out of memory");
        r = runtime_new(&config, &n->ctx.runtime, e);
        if (r == 0 && !str_is_empty(runtime_warnings(n->ctx.runtime)))
                LOG_WARN(n->config.name, "%s", runtime_warnings(n->ctx.runtime));
        return r;
}

static int open_images(struct node *n, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/images", n->config.state_dir);

        return dir ? image_store_open(dir, &n->ctx.images, e)
                   : err_set(e, -ENOMEM, "out of memory");
}

static int open_network(struct node *n, struct err *e) {
        struct ip_addr gateway;
        int r = ipam_new(&n->config.network.pod_cidr, &n->ctx.ipam, e);

        if (r == 0)
                r = network_new(n->ctx.loop, &n->config.network, &n->ctx.network, e);
        if (r == 0)
                r = network_setup(n->ctx.network, e);
        if (r < 0)
                return r;
        gateway = network_gateway(n->ctx.network);
        ip_format(&gateway, n->dns_address);
        if (!str_is_empty(n->config.dns_address))
                (void) snprintf(n->dns_address, sizeof(n->dns_address), "%s",
                                n->config.dns_address);
        n->ctx.dns_address = n->dns_address;
        find_host_ip(n);
        /* A machine without any network: pods still reach it at the bridge. */
        if (n->host_ip[0] == '\0')
                ip_format(&gateway, n->host_ip);
        n->ctx.host_ip = n->host_ip;
        return 0;
}

static void fill_facts(struct node *n) {
        n->facts = (struct node_facts){ .name = n->config.name, .host_ip = n->ctx.host_ip };
        node_facts_read(&n->facts);
        n->facts.pod_cidr = ip_prefix_format(&n->config.network.pod_cidr, n->pod_cidr);
        n->facts.n_pods = (int64_t) MIN(ipam_n_total(n->ctx.ipam), (size_t) n->facts.n_pods);
        n->ctx.cpu_milli = n->facts.cpu_milli;
        n->ctx.memory_bytes = n->facts.memory_bytes;
}

static int open_parts(struct node *n, struct err *e) {
        int r = timers_new_event(loop_event(n->ctx.loop), &n->timers, e);

        if (r == 0)
                r = events_new(n->ctx.loop, n->ctx.client, "orchd-node", n->config.name,
                               &n->ctx.events, e);
        if (r == 0)
                r = prober_new(n->ctx.loop, &n->ctx.prober, e);
        if (r == 0 &&
            sources_new(n->ctx.client, n->timers, on_source_changed, n, &n->ctx.sources) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r == 0 && tokens_new(&(struct tokens_options){ .client = n->ctx.client,
                                                           .timers = n->timers,
                                                           .on_change = on_token,
                                                           .userdata = n },
                                 &n->ctx.tokens) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r == 0)
                r = puller_new(&n->ctx, &n->ctx.puller, e);
        if (r == 0)
                r = services_new(&n->ctx,
                                 &(struct services_events){ .on_rules = on_rules, .userdata = n },
                                 &n->services, e);
        return r;
}

static int node_open(struct node *n, struct err *e) {
        const struct streams_events events = { .on_images = on_images_changed,
                                               .on_heard = on_heard,
                                               .userdata = n };
        const struct node_object_events registered = { on_registered, n };
        const struct image_keeper_events kept = { on_images_changed, n };
        const struct image_report_events reported = { on_images_read, n };
        int r = check_programs(n, e);

        if (r == 0)
                r = make_dirs(n, e);
        /* First: the runtime speaks to it. */
        if (r == 0 && pods_new(&n->ctx, on_pods_synced, n, &n->pods) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r == 0)
                r = open_images(n, e);
        if (r == 0)
                r = open_runtime(n, e);
        if (r == 0)
                r = open_network(n, e);
        if (r == 0)
                r = open_parts(n, e);
        if (r < 0)
                return r;
        fill_facts(n);
        r = pods_recover(n->pods, e);
        if (r == 0)
                r = services_watch(n->services, n->timers, e);
        if (r == 0)
                r = pods_watch(n->pods, n->timers, e);
        if (r == 0)
                r = image_keeper_new(&n->ctx, n->pods, &kept, &n->image_keeper, e);
        if (r == 0)
                r = streams_new(&n->ctx, n->pods, &events, &n->streams, e);
        if (r == 0)
                r = node_object_new(n->ctx.loop, n->ctx.client, &n->facts, &registered, &n->object,
                                    e);
        if (r == 0)
                r = image_report_new(&n->ctx, &reported, &n->image_report, e);
        return r;
}

int node_new(struct loop *loop, struct client *client, const struct node_config *config,
             struct node **ret, struct err *e) {
        AUTO(node) struct node *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return err_set(e, -ENOMEM, "out of memory");
        n->config = *config;
        if (!n->config.registries_file && access(NODE_REGISTRIES_FILE, F_OK) == 0)
                n->config.registries_file = NODE_REGISTRIES_FILE;
        n->lock_fd = -1;
        n->ctx.config = &n->config;
        n->ctx.loop = loop_ref(loop);
        n->ctx.client = client_ref(client);
        n->ctx.pod_sources = (struct pod_sources){ .data = n,
                                                   .config_map = find_config_map,
                                                   .secret = find_secret,
                                                   .token = find_token,
                                                   .each_service = each_service };
        r = node_open(n, e);
        if (r < 0)
                return r;
        *ret = STEAL(n);
        return 0;
}

void node_unref(struct node *n) {
        if (!n)
                return;
        image_report_unref(n->image_report);
        node_object_unref(n->object);
        streams_unref(n->streams);
        image_keeper_unref(n->image_keeper);
        pods_unref(n->pods);
        puller_unref(n->ctx.puller);
        services_unref(n->services);
        sources_unref(n->ctx.sources);
        tokens_unref(n->ctx.tokens);
        events_unref(n->ctx.events);
        prober_unref(n->ctx.prober);
        runtime_unref(n->ctx.runtime);
        network_unref(n->ctx.network);
        ipam_unref(n->ctx.ipam);
        image_store_unref(n->ctx.images);
        if (n->timers)
                timers_free_event(n->timers);
        client_unref(n->ctx.client);
        loop_unref(n->ctx.loop);
        macros_close_fd(&n->lock_fd);
        free(n);
}
