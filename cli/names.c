#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/session.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SERVICE_NAME "kubernetes.io/service-name"

struct names_args {
        bool is_all_namespaces, has_no_headers;
        const char *selector;
};

static const struct option names_options[] = {
        OPTION_OF_FLAG(struct names_args, is_all_namespaces, 'A', "all-namespaces",
                       "of all namespaces"),
        OPTION_OF_TEXT(struct names_args, selector, 'l', "selector", "LABELS",
                       "services with these labels"),
        OPTION_OF_FLAG(struct names_args, has_no_headers, 0, "no-headers",
                       "leave out the headings"),
};

/* The addresses behind a service, gathered from all its slices. */
struct behind {
        struct strbuf ready, unready;
};

static void add_address(struct strbuf *b, const char *address, const json_t *ports) {
        const json_t *port = json_object_get(json_array_get(ports, 0), "port");

        strbuf_addf(b, "%s%s", b->len ? "," : "", address);
        if (json_is_integer(port))
                strbuf_addf(b, ":%" JSON_INTEGER_FORMAT, json_integer_value(port));
}

static void gather_slice(const json_t *slice, struct behind *out) {
        const json_t *endpoint, *ports = json_object_get(slice, "ports");
        size_t i;

        json_array_foreach(json_object_get(slice, "endpoints"), i, endpoint) {
                const char *address = json_string_value(
                        json_array_get(json_object_get(endpoint, "addresses"), 0));
                /* Kubernetes: an absent "ready" means ready. */
                bool is_ready = !json_is_false(tree_get(endpoint, "conditions", "ready", NULL));

                if (address)
                        add_address(is_ready ? &out->ready : &out->unready, address, ports);
        }
}

static void gather(const json_t *slices, const json_t *service, struct behind *out) {
        const json_t *slice;
        size_t i;

        json_array_foreach(json_object_get(slices, "items"), i, slice) {
                if (str_eq(tree_text(slice, "metadata", "labels", SERVICE_NAME, NULL),
                           tree_text(service, "metadata", "name", NULL)) &&
                    str_eq(tree_text(slice, "metadata", "namespace", NULL),
                           tree_text(service, "metadata", "namespace", NULL)))
                        gather_slice(slice, out);
        }
}

static void add_ports(struct table *t, const json_t *service) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *port;
        size_t i;

        json_array_foreach(tree_get(service, "spec", "ports", NULL), i, port) {
                const json_t *target = json_object_get(port, "targetPort");
                const char *protocol = tree_text(port, "protocol", NULL);

                strbuf_addf(&b, "%s%" JSON_INTEGER_FORMAT, b.len ? "," : "",
                            tree_number(port, "port", NULL));
                if (json_is_string(target))
                        strbuf_addf(&b, "->%s", json_string_value(target));
                else if (json_is_integer(target) &&
                         json_integer_value(target) != tree_number(port, "port", NULL))
                        strbuf_addf(&b, "->%" JSON_INTEGER_FORMAT, json_integer_value(target));
                if (protocol[0] && !str_eq(protocol, "TCP"))
                        strbuf_addf(&b, "/%s", protocol);
        }
        table_add(t, b.s);
}

static void add_service(struct table *t, const json_t *service, const json_t *slices) {
        const char *ip = tree_text(service, "spec", "clusterIP", NULL);
        const char *type = tree_text(service, "spec", "type", NULL);
        const char *external = tree_text(service, "spec", "externalName", NULL);
        struct behind b = { 0 };

        gather(slices, service, &b);
        table_addf(t, "%s.%s", tree_text(service, "metadata", "name", NULL),
                   tree_text(service, "metadata", "namespace", NULL));
        table_add(t, str_eq(ip, "None") ? "Headless" : type);
        table_add(t, external[0] ? external : ip[0] && !str_eq(ip, "None") ? ip : NULL);
        add_ports(t, service);
        table_add(t, b.ready.s);
        table_add(t, b.unready.s);
        strbuf_done(&b.ready);
        strbuf_done(&b.unready);
}

static int names_print(const struct session *s, const struct names_args *a, const json_t *services,
                       const json_t *slices, struct err *e) {
        static const char *const headers[] = { "NAME",  "TYPE",  "ADDRESS",
                                               "PORTS", "READY", "UNREADY" };
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *items = json_object_get(services, "items"), *service;
        size_t i;

        if (json_array_size(items) == 0) {
                (void) fprintf(stderr, "No services found.\n");
                return EXIT_OK;
        }
        table_init(&t, ARRAY_SIZE(headers));
        for (i = 0; i < ARRAY_SIZE(headers) && !a->has_no_headers; i++)
                table_add(&t, headers[i]);
        json_array_foreach(items, i, service)
                add_service(&t, service, slices);
        if (table_print(&t, 0, s->has_colour, &b) < 0)
                return err_errno(e, -ENOMEM, "cannot print the table");
        (void) fputs(b.s, stdout);
        return EXIT_OK;
}

static int names_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct names_args *a = raw;
        struct fetch f = { .kind = &service_kind,
                           .label_selector = a->selector,
                           .is_all_namespaces = a->is_all_namespaces };
        json_t *services = NULL, *slices = NULL;
        AUTO_FREE char *one = NULL;
        int r;

        if (words->n > 1)
                return session_usage(s, e, "names takes one service's name at most");
        if (words->n == 1) {
                one = str_format("metadata.name=%s", words->items[0]);
                f.field_selector = one;
        }
        r = fetch_list(s, &f, &services, e);
        f.kind = &endpoint_slice_kind;
        f.label_selector = f.field_selector = NULL;
        if (r == 0 && one && json_array_size(json_object_get(services, "items")) == 0)
                r = err_set(e, -ENOENT, "Error from server (NotFound): services \"%s\" not found",
                            words->items[0]);
        if (r == 0)
                r = fetch_list(s, &f, &slices, e);
        if (r == 0)
                r = names_print(s, a, services, slices, e);
        json_decref(services);
        json_decref(slices);
        return r;
}

const struct command names_command = {
        .name = "names",
        .usage = "names [SERVICE]",
        .summary = "Show service names and the addresses behind them",
        .details = "A pod reaches a service as NAME (same namespace), NAME.NAMESPACE, or\n"
                   "NAME.NAMESPACE.svc.cluster.local. Only ready endpoints get traffic.\n",
        .options = names_options,
        .n_options = ARRAY_SIZE(names_options),
        .args_size = sizeof(struct names_args),
        .run = names_run,
};
