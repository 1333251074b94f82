#include "cli/describe.h"

#include "api/kinds/event.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/describe_parts.h"
#include "cli/fetch.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct describe_args {
        const char *selector;
        bool is_all_namespaces;
};

static const struct option describe_options[] = {
        OPTION_OF_TEXT(struct describe_args, selector, 'l', "selector", "LABELS",
                       "objects with these labels"),
        OPTION_OF_FLAG(struct describe_args, is_all_namespaces, 'A', "all-namespaces",
                       "of all namespaces"),
};

/* ---- kinds ---- */

static void describe_conditions(const json_t *o, struct strbuf *out) {
        const json_t *conditions = tree_get(o, "status", "conditions", NULL), *c;
        AUTO_DONE(table) struct table t = { 0 };
        size_t i;

        if (json_array_size(conditions) == 0)
                return;
        table_init(&t, 3);
        table_add(&t, "Type");
        table_add(&t, "Status");
        table_add(&t, "Reason");
        json_array_foreach(conditions, i, c) {
                table_add(&t, tree_text(c, "type", NULL));
                table_add(&t, tree_text(c, "status", NULL));
                table_add(&t, tree_text(c, "reason", NULL));
        }
        strbuf_add(out, "Conditions:\n");
        (void) table_print(&t, 2, false, out);
}

static void describe_pod(const json_t *o, struct strbuf *out) {
        describe_line(out, 0, "Priority", tree_get(o, "spec", "priority", NULL));
        describe_line(out, 0, "Node", tree_get(o, "spec", "nodeName", NULL));
        describe_line(out, 0, "Start Time", tree_get(o, "status", "startTime", NULL));
        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        describe_text(out, 0, "Status",
                      tree_get(o, "metadata", "deletionTimestamp", NULL)
                              ? "Terminating"
                              : tree_text(o, "status", "phase", NULL));
        describe_optional(out, 0, "Reason", tree_get(o, "status", "reason", NULL));
        describe_optional(out, 0, "Message", tree_get(o, "status", "message", NULL));
        describe_line(out, 0, "IP", tree_get(o, "status", "podIP", NULL));
        describe_owner(out, o);
        describe_containers(out, 0, "Init Containers", tree_get(o, "spec", "initContainers", NULL),
                            tree_get(o, "status", "initContainerStatuses", NULL));
        describe_containers(out, 0, "Containers", tree_get(o, "spec", "containers", NULL),
                            tree_get(o, "status", "containerStatuses", NULL));
        describe_conditions(o, out);
        describe_tree(out, 0, "Volumes", tree_get(o, "spec", "volumes", NULL));
        describe_map(out, 0, "Node-Selectors", tree_get(o, "spec", "nodeSelector", NULL));
}

void describe_template(const json_t *template, struct strbuf *out) {
        strbuf_add(out, "Pod Template:\n");
        describe_map(out, 2, "Labels", tree_get(template, "metadata", "labels", NULL));
        if (tree_get(template, "metadata", "annotations", NULL))
                describe_map(out, 2, "Annotations",
                             tree_get(template, "metadata", "annotations", NULL));
        describe_containers(out, 2, "Init Containers",
                            tree_get(template, "spec", "initContainers", NULL), NULL);
        describe_containers(out, 2, "Containers", tree_get(template, "spec", "containers", NULL),
                            NULL);
        describe_tree(out, 2, "Volumes", tree_get(template, "spec", "volumes", NULL));
}

static void describe_deployment(const json_t *o, struct strbuf *out) {
        const json_t *rolling = tree_get(o, "spec", "strategy", "rollingUpdate", NULL);
        char text[256];

        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        describe_map(out, 0, "Selector", tree_get(o, "spec", "selector", "matchLabels", NULL));
        (void) snprintf(text, sizeof(text),
                        "%" JSON_INTEGER_FORMAT " desired | %" JSON_INTEGER_FORMAT
                        " updated | %" JSON_INTEGER_FORMAT " total | %" JSON_INTEGER_FORMAT
                        " available | %" JSON_INTEGER_FORMAT " unavailable",
                        tree_number(o, "spec", "replicas", NULL),
                        tree_number(o, "status", "updatedReplicas", NULL),
                        tree_number(o, "status", "replicas", NULL),
                        tree_number(o, "status", "availableReplicas", NULL),
                        tree_number(o, "status", "unavailableReplicas", NULL));
        describe_text(out, 0, "Replicas", text);
        describe_line(out, 0, "StrategyType", tree_get(o, "spec", "strategy", "type", NULL));
        (void) snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                        tree_number(o, "spec", "minReadySeconds", NULL));
        describe_text(out, 0, "MinReadySeconds", text);
        describe_tree(out, 0, "RollingUpdateStrategy", rolling);
        describe_template(tree_get(o, "spec", "template", NULL), out);
        describe_conditions(o, out);
}

static void describe_replica_set(const json_t *o, struct strbuf *out) {
        char text[128];

        describe_map(out, 0, "Selector", tree_get(o, "spec", "selector", "matchLabels", NULL));
        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        describe_owner(out, o);
        (void) snprintf(text, sizeof(text),
                        "%" JSON_INTEGER_FORMAT " current / %" JSON_INTEGER_FORMAT " desired",
                        tree_number(o, "status", "replicas", NULL),
                        tree_number(o, "spec", "replicas", NULL));
        describe_text(out, 0, "Replicas", text);
        describe_template(tree_get(o, "spec", "template", NULL), out);
        describe_conditions(o, out);
}

/* "http  80/TCP -> 8080" for each port. */
static void describe_service_ports(const json_t *o, struct strbuf *out) {
        const json_t *port;
        char text[128];
        size_t i;

        json_array_foreach(tree_get(o, "spec", "ports", NULL), i, port) {
                const json_t *target = json_object_get(port, "targetPort");
                const char *name = tree_text(port, "name", NULL);

                (void) snprintf(text, sizeof(text), "%s  %" JSON_INTEGER_FORMAT "/%s",
                                name[0] ? name : "<unset>", tree_number(port, "port", NULL),
                                tree_text(port, "protocol", NULL));
                describe_text(out, 0, "Port", text);
                describe_line(out, 0, "TargetPort", target);
                describe_optional(out, 0, "NodePort", json_object_get(port, "nodePort"));
        }
}

static int describe_service(struct session *s, const json_t *o, struct strbuf *out, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf ready = { 0 }, selector = { 0 };
        struct fetch f = { .kind = &endpoint_slice_kind,
                           .namespace_ = tree_text(o, "metadata", "namespace", NULL) };
        json_t *slices = NULL;
        const json_t *slice, *endpoint;
        size_t i, n;
        int r;

        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        describe_map(out, 0, "Selector", tree_get(o, "spec", "selector", NULL));
        describe_line(out, 0, "Type", tree_get(o, "spec", "type", NULL));
        describe_line(out, 0, "IP", tree_get(o, "spec", "clusterIP", NULL));
        describe_service_ports(o, out);
        strbuf_addf(&selector, "kubernetes.io/service-name=%s",
                    tree_text(o, "metadata", "name", NULL));
        f.label_selector = selector.s;
        r = selector.s ? fetch_list(s, &f, &slices, e) : err_errno(e, -ENOMEM, "cannot describe");
        if (r < 0)
                return r;
        json_array_foreach(json_object_get(slices, "items"), i, slice) {
                json_array_foreach(json_object_get(slice, "endpoints"), n, endpoint) {
                        if (!json_is_false(tree_get(endpoint, "conditions", "ready", NULL)))
                                strbuf_addf(&ready, "%s%s", ready.len ? "," : "",
                                            str_or_empty(json_string_value(json_array_get(
                                                    json_object_get(endpoint, "addresses"), 0))));
                }
        }
        describe_text(out, 0, "Endpoints", ready.s ? ready.s : "<none>");
        describe_line(out, 0, "Session Affinity", tree_get(o, "spec", "sessionAffinity", NULL));
        json_decref(slices);
        return 0;
}

static int describe_node(struct session *s, const json_t *o, struct strbuf *out, struct err *e) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf selector = { 0 };
        struct fetch f = { .kind = &pod_kind, .is_all_namespaces = true };
        json_t *pods = NULL;
        const json_t *pod;
        size_t i;
        int r;

        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        describe_tree(out, 0, "Taints", tree_get(o, "spec", "taints", NULL));
        describe_text(out, 0, "Unschedulable",
                      json_is_true(tree_get(o, "spec", "unschedulable", NULL)) ? "true" : "false");
        describe_conditions(o, out);
        describe_tree(out, 0, "Addresses", tree_get(o, "status", "addresses", NULL));
        describe_tree(out, 0, "Capacity", tree_get(o, "status", "capacity", NULL));
        describe_tree(out, 0, "Allocatable", tree_get(o, "status", "allocatable", NULL));
        describe_tree(out, 0, "System Info", tree_get(o, "status", "nodeInfo", NULL));
        describe_optional(out, 0, "PodCIDR", tree_get(o, "spec", "podCIDR", NULL));
        strbuf_addf(&selector, "spec.nodeName=%s", tree_text(o, "metadata", "name", NULL));
        f.field_selector = selector.s;
        r = selector.s ? fetch_list(s, &f, &pods, e) : err_errno(e, -ENOMEM, "cannot describe");
        if (r < 0)
                return r;
        table_init(&t, 3);
        table_add(&t, "Namespace");
        table_add(&t, "Name");
        table_add(&t, "Status");
        json_array_foreach(json_object_get(pods, "items"), i, pod) {
                table_add(&t, tree_text(pod, "metadata", "namespace", NULL));
                table_add(&t, tree_text(pod, "metadata", "name", NULL));
                table_add(&t, tree_text(pod, "status", "phase", NULL));
        }
        strbuf_addf(out, "Pods: (%zu)\n", i);
        json_decref(pods);
        return table_print(&t, 2, false, out);
}

static void describe_generic(const json_t *o, struct strbuf *out) {
        const char *key;
        json_t *value;

        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_map(out, 0, "Annotations", tree_get(o, "metadata", "annotations", NULL));
        json_object_foreach((json_t *) o, key, value) {
                if (!str_eq(key, "metadata") && !str_eq(key, "apiVersion") && !str_eq(key, "kind"))
                        describe_tree(out, 0, key, value);
        }
}

/* Says how large secret values are, not what they are. */
static void describe_secret(const json_t *o, struct strbuf *out) {
        const char *key;
        json_t *value;
        char text[32];

        describe_map(out, 0, "Labels", tree_get(o, "metadata", "labels", NULL));
        describe_line(out, 0, "Type", tree_get(o, "type", NULL));
        strbuf_add(out, "Data:\n");
        json_object_foreach((json_t *) tree_get(o, "data", NULL), key, value) {
                const char *base64 = str_or_empty(json_string_value(value));
                size_t n = strlen(base64) / 4 * 3;

                n -= str_ends_with(base64, "==") ? 2 : str_ends_with(base64, "=");
                (void) snprintf(text, sizeof(text), "%zu bytes", n);
                describe_text(out, 2, key, text);
        }
}

/* ---- events ---- */

static void event_source(const json_t *event, struct table *t) {
        const char *component = tree_text(event, "source", "component", NULL);

        table_add(t, component[0] ? component : tree_text(event, "reportingComponent", NULL));
}

static void event_age(const json_t *event, struct table *t) {
        const char *last = tree_text(event, "lastTimestamp", NULL);
        char age[AGE_TEXT_MAX];
        uint64_t usec = 0;

        if (!last[0])
                last = tree_text(event, "eventTime", NULL);
        if (!last[0])
                last = tree_text(event, "metadata", "creationTimestamp", NULL);
        (void) clock_parse(last, &usec);
        (void) age_format(usec, clock_wall_usec(), age);
        if (tree_number(event, "count", NULL) > 1)
                table_addf(t, "%s (x%" JSON_INTEGER_FORMAT ")", age,
                           tree_number(event, "count", NULL));
        else
                table_add(t, age);
}

static int compare_events(const void *a, const void *b) {
        const char *x = tree_text(*(json_t *const *) a, "lastTimestamp", NULL);
        const char *y = tree_text(*(json_t *const *) b, "lastTimestamp", NULL);

        return strcmp(x, y);
}

static int print_events(const json_t *items, struct strbuf *out) {
        static const char *const headers[] = { "Type", "Reason", "Age", "From", "Message" };
        AUTO_DONE(table) struct table t = { 0 };
        size_t n = json_array_size(items);
        AUTO_FREE json_t **order = calloc(n + 1, sizeof(*order));

        if (!order)
                return -ENOMEM;
        if (n == 0) {
                strbuf_add(out, "Events:  <none>\n");
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                order[i] = json_array_get(items, i);
        qsort(order, n, sizeof(json_t *), compare_events);
        table_init(&t, ARRAY_SIZE(headers));
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                table_add(&t, headers[i]);
        for (size_t i = 0; i < n; i++) {
                table_add(&t, tree_text(order[i], "type", NULL));
                table_add(&t, tree_text(order[i], "reason", NULL));
                event_age(order[i], &t);
                event_source(order[i], &t);
                table_add(&t, tree_text(order[i], "message", NULL));
        }
        strbuf_add(out, "Events:\n");
        return table_print(&t, 2, false, out);
}

static int describe_events(struct session *s, const struct kind *k, const json_t *o,
                           struct strbuf *out, struct err *e) {
        AUTO_FREE char *selector = str_format("involvedObject.kind=%s,involvedObject.name=%s",
                                              k->name, tree_text(o, "metadata", "name", NULL));
        struct fetch f = { .kind = &event_kind,
                           .field_selector = selector,
                           .namespace_ = tree_text(o, "metadata", "namespace", NULL),
                           .is_all_namespaces = !k->is_namespaced };
        json_t *list = NULL;
        int r;

        if (!selector)
                return err_errno(e, -ENOMEM, "cannot describe");
        r = fetch_list(s, &f, &list, e);
        if (r == 0)
                r = print_events(json_object_get(list, "items"), out);
        json_decref(list);
        return r;
}

/* ---- the command ---- */

static int describe_object(struct session *s, const struct kind *k, const json_t *o,
                           struct err *e) {
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        int r = 0;

        describe_line(&out, 0, "Name", tree_get(o, "metadata", "name", NULL));
        if (k->is_namespaced)
                describe_line(&out, 0, "Namespace", tree_get(o, "metadata", "namespace", NULL));
        describe_line(&out, 0, "CreationTimestamp",
                      tree_get(o, "metadata", "creationTimestamp", NULL));
        if (k == &pod_kind)
                describe_pod(o, &out);
        else if (k == &deployment_kind)
                describe_deployment(o, &out);
        else if (k == &replica_set_kind)
                describe_replica_set(o, &out);
        else if (k == &service_kind)
                r = describe_service(s, o, &out, e);
        else if (k == &node_kind)
                r = describe_node(s, o, &out, e);
        else if (str_eq(k->plural, "secrets"))
                describe_secret(o, &out);
        else
                describe_generic(o, &out);
        if (r == 0 && k != &event_kind)
                r = describe_events(s, k, o, &out, e);
        if (r == 0 && out.has_failed)
                r = err_errno(e, -ENOMEM, "cannot describe");
        if (r == 0)
                (void) fputs(out.s, stdout);
        return r;
}

static int describe_target(struct session *s, const struct target *t, const struct describe_args *a,
                           size_t *n_shown, struct err *e) {
        struct fetch f = { .kind = t->kind,
                           .label_selector = a->selector,
                           .is_all_namespaces = a->is_all_namespaces };
        json_t *list = NULL, *object = NULL, *item;
        size_t i;
        int r;

        if (t->name) {
                r = fetch_object(s, t->kind, NULL, t->name, &object, e);
                list = json_pack("{s:[]}", "items");
                if (r == 0)
                        r = json_array_append_new(json_object_get(list, "items"), object);
        } else {
                r = fetch_list(s, &f, &list, e);
        }
        json_array_foreach(json_object_get(list, "items"), i, item) {
                if (r == 0 && (*n_shown)++ > 0)
                        (void) fputs("\n\n", stdout);
                if (r == 0)
                        r = describe_object(s, t->kind, item, e);
        }
        json_decref(list);
        return r;
}

static int describe_run(struct session *s, const void *raw, const struct words *words,
                        struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        size_t n_shown = 0;
        int r = target_parse(s, words->items, words->n, &t, e);

        for (size_t i = 0; i < t.n && r == 0; i++)
                r = describe_target(s, &t.items[i], raw, &n_shown, e);
        if (r == 0 && n_shown == 0)
                (void) fprintf(stderr, "No resources found in %s namespace.\n", s->namespace_);
        return r;
}

const struct command describe_command = {
        .name = "describe",
        .usage = "describe TYPE [NAME...] | TYPE/NAME...",
        .summary = "Show objects with their events, in words",
        .options = describe_options,
        .n_options = ARRAY_SIZE(describe_options),
        .args_size = sizeof(struct describe_args),
        .run = describe_run,
};
