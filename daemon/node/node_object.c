#include "daemon/node/node_object.h"

#include "api/client/client.h"
#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LEASE_RENEW_USEC (10 * USEC_PER_SEC)
#define LEASE_DURATION_S 40
#define RETRY_FIRST_USEC (50 * USEC_PER_MSEC)
#define RETRY_MOST_USEC (5 * USEC_PER_SEC)
#define PODS_MAX 250

/* Steps of what is told, in order:
 *
 *   CREATE -> (exists: PATCH) -> STATUS -> LEASE -> wait 10 s -> LEASE ...
 *                ^ not found: CREATE           (not found: LEASE_CREATE)
 *
 * IMAGES comes between two leases when the images are others, and never delays one. */
enum node_step { STEP_CREATE, STEP_PATCH, STEP_STATUS, STEP_LEASE, STEP_LEASE_CREATE, STEP_IMAGES };

struct node_object {
        struct client *client;
        struct node_facts facts;
        struct loop_timer *timer;
        struct client_call *call;
        enum node_step step;
        unsigned n_failures;
        bool is_registered;
        uint64_t lease_due_usec;
        json_t *images;      /* NULL: nobody has said yet */
        bool has_image_news; /* the server hasn't been told */
        bool was_refused;    /* the last time that it was */
        struct node_object_events events;
};

void node_facts_read(struct node_facts *f) {
        struct sysinfo info;
        long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);

        f->cpu_milli = (n_cpus > 0 ? n_cpus : 1) * 1000;
        f->memory_bytes = sysinfo(&info) == 0 ? (int64_t) info.totalram * info.mem_unit : 0;
        f->n_pods = PODS_MAX;
}

static char *first_line(const char *path) {
        char *text = NULL;

        if (file_read(path, 4096, &text, NULL, NULL) < 0)
                return strdup("");
        text[strcspn(text, "\n")] = '\0';
        return text;
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" */
static char *os_image(void) {
        AUTO_FREE char *text = NULL;
        const char *at;
        size_t len;

        if (file_read("/etc/os-release", 65536, &text, NULL, NULL) < 0 ||
            !(at = strstr(text, "PRETTY_NAME=")))
                return strdup("Linux");
        at += strlen("PRETTY_NAME=");
        at += *at == '"' ? 1 : 0;
        len = strcspn(at, "\"\n");
        return strndup(at, len);
}

static const char *architecture(const char *machine) {
        static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
                                                { "armv7l", "arm" },   { "armv6l", "arm" },
                                                { "i686", "386" },     { "ppc64le", "ppc64le" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(machine, names[i][0]))
                        return names[i][1];
        return machine;
}

static json_t *resources(int64_t cpu_milli, int64_t memory_bytes, int64_t n_pods) {
        char cpu[QUANTITY_TEXT_MAX], memory[QUANTITY_TEXT_MAX], pods[QUANTITY_TEXT_MAX];

        return json_pack("{s:s, s:s, s:s}", "cpu", quantity_format_milli(cpu_milli, cpu), "memory",
                         quantity_format_bytes(memory_bytes, memory), "pods",
                         quantity_format_milli(n_pods * 1000, pods));
}

static json_t *condition(const char *type, const char *status, const char *reason,
                         const char *message, const char *now) {
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", type, "status", status,
                         "lastHeartbeatTime", now, "lastTransitionTime", now, "reason", reason,
                         "message", message);
}

static json_t *node_info(void) {
        AUTO_FREE char *machine_id = first_line("/etc/machine-id"),
                       *boot_id = first_line("/proc/sys/kernel/random/boot_id"),
                       *image = os_image();
        struct utsname u;

        (void) uname(&u);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "machineID",
                         str_or_empty(machine_id), "systemUUID", str_or_empty(machine_id), "bootID",
                         str_or_empty(boot_id), "kernelVersion", u.release, "osImage",
                         str_or_empty(image), "containerRuntimeVersion", "orch://" ORCH_VERSION,
                         "kubeletVersion", "v" ORCH_VERSION "+orch", "kubeProxyVersion",
                         "v" ORCH_VERSION "+orch", "operatingSystem", "linux", "architecture",
                         architecture(u.machine));
}

static json_t *addresses(const struct node_facts *f) {
        json_t *list = json_array();

        if (f->host_ip)
                (void) json_array_append_new(
                        list, json_pack("{s:s, s:s}", "type", "InternalIP", "address", f->host_ip));
        (void) json_array_append_new(
                list, json_pack("{s:s, s:s}", "type", "Hostname", "address", f->name));
        return list;
}

static json_t *node_status(const struct node_facts *f, uint64_t now_usec) {
        char now[CLOCK_TEXT_MAX];
        json_t *conditions = json_array();

        clock_format(now_usec, now);
        (void) json_array_append_new(
                conditions, condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                                      "orchd-node has sufficient memory available", now));
        (void) json_array_append_new(conditions,
                                     condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
                                               "orchd-node has no disk pressure", now));
        (void) json_array_append_new(conditions,
                                     condition("PIDPressure", "False", "KubeletHasSufficientPID",
                                               "orchd-node has sufficient PID available", now));
        (void) json_array_append_new(conditions,
                                     condition("Ready", "True", "KubeletReady",
                                               "orchd-node is posting ready status", now));
        return json_pack("{s:o, s:o, s:o, s:o, s:o}", "capacity",
                         resources(f->cpu_milli, f->memory_bytes, f->n_pods), "allocatable",
                         resources(f->cpu_milli - f->reserved_cpu_milli,
                                   f->memory_bytes - f->reserved_memory_bytes, f->n_pods),
                         "conditions", conditions, "addresses", addresses(f), "nodeInfo",
                         node_info());
}

static json_t *node_tree(const struct node_facts *f, uint64_t now_usec) {
        struct utsname u;
        const char *arch;

        (void) uname(&u);
        arch = architecture(u.machine);
        return json_pack("{s:s, s:s, s:{s:s, s:{s:s, s:s, s:s, s:s, s:s}}, s:{s:s, s:[s]}, s:o}",
                         "apiVersion", "v1", "kind", "Node", "metadata", "name", f->name, "labels",
                         "kubernetes.io/hostname", f->name, "kubernetes.io/os", "linux",
                         "kubernetes.io/arch", arch, "beta.kubernetes.io/os", "linux",
                         "beta.kubernetes.io/arch", arch, "spec", "podCIDR", f->pod_cidr,
                         "podCIDRs", f->pod_cidr, "status", node_status(f, now_usec));
}

static char *dump(json_t *take_tree) {
        char *text = take_tree ? json_dumps(take_tree, JSON_COMPACT) : NULL;

        json_decref(take_tree);
        return text;
}

char *node_object_text(const struct node_facts *f, uint64_t now_usec) {
        return dump(node_tree(f, now_usec));
}

static json_t *status_tree(const struct node_object *n, uint64_t now_usec) {
        json_t *status = node_status(&n->facts, now_usec);

        if (n->images)
                (void) json_object_set(status, "images", n->images);
        return json_pack("{s:o}", "status", status);
}

/* The patches leave alone what people have set: taints, unschedulable, further labels. */
static char *step_body(const struct node_object *n) {
        uint64_t now_usec = clock_wall_usec();
        char now[CLOCK_TEXT_MAX];
        json_t *tree;

        clock_format_micro(now_usec, now);
        switch (n->step) {
        case STEP_CREATE:
                return node_object_text(&n->facts, now_usec);
        case STEP_PATCH:
                tree = node_tree(&n->facts, now_usec);
                (void) json_object_del(tree, "status");
                return dump(tree);
        case STEP_STATUS:
                return dump(status_tree(n, now_usec));
        case STEP_IMAGES:
                return dump(json_pack("{s:{s:O}}", "status", "images", n->images));
        case STEP_LEASE:
                return dump(json_pack("{s:{s:s}}", "spec", "renewTime", now));
        case STEP_LEASE_CREATE:
                return dump(json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:i, s:s, s:s}}",
                                      "apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
                                      "metadata", "name", n->facts.name, "namespace",
                                      "kube-node-lease", "spec", "holderIdentity", n->facts.name,
                                      "leaseDurationSeconds", LEASE_DURATION_S, "acquireTime", now,
                                      "renewTime", now));
        }
        return NULL;
}

static void step_next(struct node_object *n, enum node_step step, uint64_t delay_usec) {
        n->step = step;
        loop_timer_set(n->timer, clock_now_usec() + delay_usec);
}

static void step_next_lease(struct node_object *n) {
        n->step = STEP_LEASE;
        loop_timer_set(n->timer, n->lease_due_usec);
}

static bool step_tells_images(const struct node_object *n) {
        return n->images && (n->step == STEP_STATUS || n->step == STEP_IMAGES);
}

/* The heartbeat goes on; after the next one they are told again. */
static void images_refused(struct node_object *n, const struct err *e) {
        if (!n->was_refused)
                LOG_WARN(n->facts.name, "cannot tell which images are here (%s); tried again",
                         err_text(e));
        n->was_refused = true;
        step_next_lease(n);
}

static void step_retry(struct node_object *n, const struct err *e) {
        uint64_t wait_usec = MIN(RETRY_FIRST_USEC << MIN(n->n_failures, 12U), RETRY_MOST_USEC);

        n->has_image_news = n->has_image_news || step_tells_images(n);
        if (n->step == STEP_IMAGES) {
                images_refused(n, e);
                return;
        }
        /* Not at the first: a server that starts with us is there a moment later. */
        if (n->n_failures++ == 1)
                LOG_NOTICE(n->facts.name,
                           "the server doesn't answer (%s); pods run on, next try in %llu ms",
                           err_text(e), (unsigned long long) (wait_usec / USEC_PER_MSEC));
        step_next(n, n->step, wait_usec);
}

static void step_succeeded(struct node_object *n) {
        bool is_news;

        if (n->n_failures > 1)
                LOG_NOTICE(n->facts.name, "the server answers again");
        n->n_failures = 0;
        switch (n->step) {
        case STEP_CREATE:
        case STEP_PATCH:
                step_next(n, STEP_STATUS, 0);
                break;
        case STEP_STATUS:
                step_next(n, STEP_LEASE, 0);
                break;
        case STEP_LEASE:
        case STEP_LEASE_CREATE:
                is_news = !n->is_registered;
                n->is_registered = true;
                n->lease_due_usec = clock_now_usec() + LEASE_RENEW_USEC;
                if (n->has_image_news)
                        step_next(n, STEP_IMAGES, 0);
                else
                        step_next_lease(n);
                if (is_news)
                        n->events.on_registered(n->events.userdata);
                break;
        case STEP_IMAGES:
                n->was_refused = false;
                if (n->has_image_news)
                        step_next(n, STEP_IMAGES, 0);
                else
                        step_next_lease(n);
                break;
        }
}

static void on_answer(void *data, const struct client_answer *a) {
        struct node_object *n = data;
        enum client_reason reason;
        struct err e = { 0 };
        int r = client_answer_check(a, &reason, &e);

        n->call = NULL;
        if (r == 0)
                step_succeeded(n);
        else if (n->step == STEP_CREATE && reason == CLIENT_REASON_ALREADY_EXISTS)
                step_next(n, STEP_PATCH, 0);
        else if ((n->step == STEP_PATCH || n->step == STEP_STATUS || n->step == STEP_IMAGES) &&
                 reason == CLIENT_REASON_NOT_FOUND)
                step_next(n, STEP_CREATE, RETRY_FIRST_USEC);
        else if (n->step == STEP_LEASE && reason == CLIENT_REASON_NOT_FOUND && n->n_failures == 0)
                step_next(n, STEP_LEASE_CREATE, 0);
        else if (n->step == STEP_LEASE_CREATE && reason == CLIENT_REASON_ALREADY_EXISTS)
                step_next(n, STEP_LEASE, 0);
        else
                step_retry(n, &e);
}

static int step_start(struct node_object *n, struct err *e) {
        bool is_lease = n->step == STEP_LEASE || n->step == STEP_LEASE_CREATE;
        bool is_create = n->step == STEP_CREATE || n->step == STEP_LEASE_CREATE;
        bool is_status = n->step == STEP_STATUS || n->step == STEP_IMAGES;
        const struct client_target t = { .group = is_lease ? "coordination.k8s.io" : NULL,
                                         .version = "v1",
                                         .resource = is_lease ? "leases" : "nodes",
                                         .namespace_ = is_lease ? "kube-node-lease" : NULL,
                                         .name = is_create ? NULL : n->facts.name,
                                         .subresource = is_status ? "status" : NULL };
        AUTO_FREE char *path = client_path(&t), *body = step_body(n);
        const struct client_handlers h = { .on_done = on_answer };
        struct client_request q = { .method = is_create ? CLIENT_POST : CLIENT_PATCH,
                                    .path = path,
                                    .content_type = is_create ? CLIENT_TYPE_JSON
                                                              : CLIENT_TYPE_MERGE_PATCH };

        if (!path || !body)
                return err_set(e, -ENOMEM, "out of memory");
        q.body = body;
        q.body_len = strlen(body);
        /* What changes from now on is news again. */
        if (step_tells_images(n))
                n->has_image_news = false;
        return client_start(n->client, &q, &h, n, &n->call, e);
}

static void on_timer(struct loop_timer *t, void *userdata) {
        struct node_object *n = userdata;
        struct err e = { 0 };
        (void) t;

        if (!n->call && step_start(n, &e) < 0)
                step_retry(n, &e);
}

int node_object_new(struct loop *loop, struct client *client, const struct node_facts *facts,
                    const struct node_object_events *events, struct node_object **ret,
                    struct err *e) {
        struct node_object *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return err_set(e, -ENOMEM, "out of memory");
        *n = (struct node_object){ .client = client, .facts = *facts, .events = *events };
        r = loop_timer_new(loop, 0, on_timer, n, &n->timer, e);
        if (r < 0) {
                free(n);
                return r;
        }
        step_next(n, STEP_CREATE, 0);
        *ret = n;
        return 0;
}

void node_object_set_images(struct node_object *n, json_t *images) {
        if (n->images && json_equal(n->images, images))
                return;
        json_decref(n->images);
        n->images = json_incref(images);
        n->has_image_news = true;
        if (n->is_registered && !n->call && n->step == STEP_LEASE && n->n_failures == 0)
                step_next(n, STEP_IMAGES, 0);
}

void node_object_unref(struct node_object *n) {
        if (!n)
                return;
        json_decref(n->images);
        client_cancel(n->call);
        loop_timer_unref(n->timer);
        free(n);
}
