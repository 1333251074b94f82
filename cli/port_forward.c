#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "base/list.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/forwarded.h"
#include "cli/pods.h"
#include "cli/port_forward_spec.h"
#include "cli/session.h"
#include "cli/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define PORTS_MAX 64
#define LISTENERS_MAX (2 * PORTS_MAX)

struct port_forward_args {
        struct option_texts addresses;
};

static const struct option port_forward_options[] = {
        OPTION_OF_TEXTS(struct port_forward_args, addresses, 0, "address", "ADDRESS",
                        "listen on this address instead of localhost"),
};

struct port_forward;

struct listener {
        struct port_forward *owner;
        int fd;
        sd_event_source *io;
        uint16_t local, remote;
};

struct port_forward {
        struct session *session;
        char *path; /* owned: of the pod's sub-resource */
        struct listener listeners[LISTENERS_MAX];
        size_t n;
        struct list connections;
};

/* ---- listening ---- */

union address {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
};

static int address_parse(const char *text, union address *ret) {
        *ret = (union address){ 0 };
        if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1)
                ret->sa.sa_family = AF_INET;
        else if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1)
                ret->sa.sa_family = AF_INET6;
        else
                return -EINVAL;
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct listener *l = data;
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct err e = { 0 };
        (void) source;
        (void) events;

        if (client < 0)
                return 0;
        (void) printf("Handling connection for %u\n", l->local);
        (void) fflush(stdout);
        if (forwarded_new(l->owner->session, l->owner->path, client, l->remote,
                          &l->owner->connections, &e) < 0)
                (void) fprintf(stderr, "orch: %s\n", err_text(&e));
        return 0;
}

/* *port 0: any, which it is then. */
static int listen_on(struct port_forward *f, const char *text, uint16_t *port, uint16_t remote,
                     struct err *e) {
        struct listener *l = &f->listeners[f->n];
        union address a;
        socklen_t len = sizeof(a);
        int one = 1;

        if (address_parse(text, &a) < 0)
                return err_set(e, -EINVAL, "%s is not an address", text);
        if (f->n == LISTENERS_MAX)
                return err_set(e, -E2BIG, "too many ports");
        a.v4.sin_port = htons(*port); /* at the same place in both */
        *l = (struct listener){ .owner = f, .remote = remote };
        l->fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return err_errno(e, -errno, "cannot open a socket");
        f->n++;
        (void) setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (a.sa.sa_family == AF_INET6)
                (void) setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        if (bind(l->fd, &a.sa, a.sa.sa_family == AF_INET ? sizeof(a.v4) : sizeof(a.v6)) < 0 ||
            listen(l->fd, 128) < 0 || getsockname(l->fd, &a.sa, &len) < 0)
                return err_errno(e, -errno, "cannot listen on %s port %u", text, *port);
        *port = l->local = ntohs(a.v4.sin_port);
        if (sd_event_add_io(f->session->loop, &l->io, l->fd, EPOLLIN, on_connection, l) < 0)
                return err_errno(e, -ENOMEM, "cannot listen");
        (void) printf("Forwarding from %s%s%s:%u -> %u\n", strchr(text, ':') ? "[" : "", text,
                      strchr(text, ':') ? "]" : "", l->local, remote);
        (void) fflush(stdout);
        return 0;
}

/* On both loopback addresses, of which the second may not be there. */
static int listen_local(struct port_forward *f, uint16_t port, uint16_t remote, struct err *e) {
        int r = listen_on(f, "127.0.0.1", &port, remote, e);

        if (r == 0 && listen_on(f, "::1", &port, remote, NULL) < 0) {
                struct listener *l = &f->listeners[--f->n];

                sd_event_source_disable_unref(l->io);
                (void) close(l->fd);
        }
        return r;
}

static int listen_all(struct port_forward *f, const struct port_forward_args *a, uint16_t port,
                      uint16_t remote, struct err *e) {
        int r = 0;

        if (a->addresses.n == 0)
                return listen_local(f, port, remote, e);
        for (size_t i = 0; i < a->addresses.n && r == 0; i++)
                r = str_eq(a->addresses.items[i], "localhost")
                            ? listen_local(f, port, remote, e)
                            : listen_on(f, a->addresses.items[i], &port, remote, e);
        return r;
}

/* ---- the command ---- */

static int forward_ports(struct port_forward *f, const struct port_forward_args *a,
                         const json_t *service, const json_t *pod, const struct words *words,
                         struct err *e) {
        struct port_spec spec;
        uint16_t remote;
        int r = 0;

        f->path = session_path(f->session, &pod_kind, tree_text(pod, "metadata", "namespace", NULL),
                               tree_text(pod, "metadata", "name", NULL), "portforward");
        if (!f->path)
                return err_errno(e, -ENOMEM, "cannot forward");
        for (size_t i = 1; i < words->n && r == 0; i++) {
                r = port_spec_parse(words->items[i], &spec, e);
                if (r == 0)
                        r = port_spec_resolve(&spec, service, pod, &remote, e);
                /* A name alone is the same port here and there, as a number is. */
                if (r == 0 && spec.name[0] && !strchr(words->items[i], ':'))
                        spec.local = remote;
                if (r == 0)
                        r = listen_all(f, a, spec.local, remote, e);
        }
        while (r >= 0)
                r = sd_event_run(f->session->loop, UINT64_MAX);
        return r;
}

static void forward_done(struct port_forward *f) {
        LIST_FOREACH(i, &f->connections)
                forwarded_free(i);
        for (size_t i = 0; i < f->n; i++) {
                sd_event_source_disable_unref(f->listeners[i].io);
                if (f->listeners[i].fd >= 0)
                        (void) close(f->listeners[i].fd);
        }
        free(f->path);
}

static int port_forward_run(struct session *s, const void *raw, const struct words *words,
                            struct err *e) {
        AUTO_FREE struct port_forward *f = calloc(1, sizeof(*f));
        json_t *pods = NULL, *service = NULL;
        struct target t;
        int r;

        if (words->n < 2)
                return session_usage(s, e, "name a pod and ports: orch port-forward web-1 8080:80");
        if (!f)
                return err_errno(e, -ENOMEM, "cannot forward");
        f->session = s;
        list_init(&f->connections);
        r = session_connect(s, e);
        if (r == 0)
                r = target_parse_one(s, words->items, 1, &pod_kind, &t, e);
        if (r == 0)
                r = pods_of(s, &t, &pods, e);
        if (r == 0 && t.kind == &service_kind)
                r = fetch_object(s, t.kind, NULL, t.name, &service, e);
        if (r == 0)
                r = forward_ports(f, raw, service, json_array_get(pods, 0), words, e);
        forward_done(f);
        json_decref(service);
        json_decref(pods);
        return r;
}

const struct command port_forward_command = {
        .name = "port-forward",
        .usage = "port-forward POD|TYPE/NAME [LOCAL:]REMOTE...",
        .summary = "Reach ports of a pod from this machine",
        .details = "Listens on localhost until it is interrupted. REMOTE is a number or a name; of "
                   "a service it is the service's port.\n\n"
                   "  orch port-forward web-1 8080:80\n  orch port-forward svc/web :http\n",
        .options = port_forward_options,
        .n_options = ARRAY_SIZE(port_forward_options),
        .args_size = sizeof(struct port_forward_args),
        .run = port_forward_run,
};
