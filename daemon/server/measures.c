/* metrics.k8s.io: what nodes and pods use, as their nodes tell it. */
#include "api/kinds/measures.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/hub.h"
#include "daemon/registry/kinds.h"
#include "daemon/registry/path.h"
#include "daemon/registry/present.h"
#include "daemon/registry/record.h"
#include "daemon/registry/registry.h"
#include "daemon/server/face.h"
#include "daemon/server/route.h"
#include "daemon/server/usage.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*   asked --every node's answer is fresh--> answered
 *      \--suspended until the last of them has answered-/    */
struct measures {
        struct list list; /* of server->measures */
        struct request *request;
        struct path path;
        struct query query;
        struct filter filter; /* of the nodes or pods that are meant */
        const struct kind *kind;
        struct form form;
        uint64_t since_usec;
};

/* ---- one object ---- */

/* Go's notation of a time: "15.02s". */
static void window_format(uint64_t usec, char *buf, size_t len) {
        const uint64_t msec = usec / 1000;

        if (msec % 1000 == 0)
                (void) snprintf(buf, len, "%" PRIu64 "s", msec / 1000);
        else
                (void) snprintf(buf, len, "%" PRIu64 ".%03" PRIu64 "s", msec / 1000, msec % 1000);
}

static json_t *usage_json(const json_t *counted) {
        char cpu[32], memory[32];

        (void) snprintf(cpu, sizeof(cpu), "%" JSON_INTEGER_FORMAT "n",
                        json_integer_value(json_object_get(counted, "cpu")));
        (void) snprintf(memory, sizeof(memory), "%" JSON_INTEGER_FORMAT "Ki",
                        json_integer_value(json_object_get(counted, "memory")) >> 10);
        return json_pack("{s:s,s:s}", "cpu", cpu, "memory", memory);
}

static json_t *metadata_json(const struct record *r, const char *stamp) {
        json_t *meta = json_pack("{s:s,s:s}", "name", r->name, "creationTimestamp", stamp);
        json_t *labels = json_object();

        for (uint32_t i = 0; i < r->n_labels; i++)
                (void) json_object_set_new(labels, r->labels[i].key,
                                           json_string(r->labels[i].value));
        if (*r->namespace_)
                (void) json_object_set_new(meta, "namespace", json_string(r->namespace_));
        if (json_object_size(labels) > 0)
                (void) json_object_set(meta, "labels", labels);
        json_decref(labels);
        return meta;
}

static json_t *containers_json(const json_t *pod) {
        json_t *list = json_array(), *one;
        const char *name;
        const json_t *counted;

        json_object_foreach((json_t *) pod, name, counted) {
                one = json_pack("{s:s,s:o}", "name", name, "usage", usage_json(counted));
                if (!list || json_array_append_new(list, one) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

/* The measured object of a node's or pod's record, as text, the caller's. NULL: memory is out, or
 * (*ret_known false) nothing is known of it. */
static char *measured_text(const struct measures *m, const struct record *r, const json_t *answer,
                           bool *ret_known) {
        const bool is_pod = m->kind->is_namespaced;
        const json_t *pod = json_object_get(json_object_get(answer, "pods"), r->uid);
        const char *stamp = json_string_value(json_object_get(answer, "timestamp"));
        char window[32];
        json_t *tree;
        char *text = NULL;

        *ret_known = answer && (!is_pod || json_object_size(pod) > 0);
        if (!*ret_known)
                return NULL;
        window_format((uint64_t) json_integer_value(json_object_get(answer, "window")), window,
                      sizeof(window));
        tree = json_pack("{s:s,s:s,s:o,s:s,s:s,s:o}", "kind", m->kind->name, "apiVersion",
                         m->kind->api_version, "metadata", metadata_json(r, str_or_empty(stamp)),
                         "timestamp", str_or_empty(stamp), "window", window,
                         is_pod ? "containers" : "usage",
                         is_pod ? containers_json(pod) : usage_json(answer));
        if (tree)
                text = text_json_dump(tree, NULL);
        json_decref(tree);
        return text;
}

/* ---- what is meant ---- */

static const char *node_of(const struct measures *m, const struct record *r) {
        int i = m->kind->is_namespaced ? resource_field(r->resource, "spec.nodeName") : -1;

        return m->kind->is_namespaced ? (i < 0 ? "" : r->fields[i]) : r->name;
}

/* Nodes, or pods that have a node: stored objects that the request is about. */
static struct kind_state *subjects(const struct measures *m) {
        return registry_kind(m->request->face->server->registry, "", NULL, m->kind->plural);
}

/* Whether every node that counts has answered; asks those that haven't. */
static bool measures_are_there(const struct measures *m) {
        struct usage *u = m->request->face->server->usage;
        const struct table *t = &subjects(m)->table;
        const uint64_t now_usec = clock_now_usec();
        bool are_there = true;

        for (size_t i = 0; i < t->n; i++) {
                const char *node;

                if (!filter_matches(&m->filter, t->items[i]))
                        continue;
                node = node_of(m, t->items[i]);
                if (*node && !usage_ask(u, node, m->since_usec, now_usec))
                        are_there = false;
        }
        return are_there;
}

/* ---- answers ---- */

static void response_set(struct request *r, struct body *take_body) {
        r->response = (struct rest_response){ .status = 200, .body = take_body };
        if (body_has_failed(take_body)) {
                rest_response_done(&r->response);
                r->response.status = 500;
        }
        r->is_answered = true;
}

static void not_found(struct measures *m) {
        AUTO_FREE char *text =
                str_format("%s.metrics.k8s.io \"%s\" not found", m->kind->plural, m->path.name);

        rest_status(&m->request->response, 404, "NotFound", str_or_empty(text));
        m->request->is_answered = true;
}

static void object_answer(struct measures *m, struct body *take_body) {
        struct server *s = m->request->face->server;
        struct record *r = table_get(&subjects(m)->table, m->path.namespace_, m->path.name);
        bool is_known = false;
        char *text = NULL;

        if (r)
                text = measured_text(m, r, usage_of(s->usage, node_of(m, r)), &is_known);
        if (!is_known) {
                body_unref(take_body);
                not_found(m);
                return;
        }
        present_text(&m->form, m->kind, text, clock_wall_usec(), take_body);
        response_set(m->request, take_body);
}

static void list_answer(struct measures *m, struct body *take_body) {
        struct server *s = m->request->face->server;
        const struct table *t = &subjects(m)->table;
        const struct present_list list = {
                .form = m->form,
                .kind = m->kind,
                .now_usec = clock_wall_usec(),
                .revision = registry_revision(s->registry),
                .n_remaining = -1,
        };
        char *head = present_list_head(&list);
        bool is_first = true;

        body_add_text(take_body, head, head ? strlen(head) : 0);
        for (size_t i = 0; i < t->n; i++) {
                const struct record *r = t->items[i];
                bool is_known;
                char *text;

                if (!filter_matches(&m->filter, r))
                        continue;
                text = measured_text(m, r, usage_of(s->usage, node_of(m, r)), &is_known);
                if (!is_known)
                        continue;
                present_list_text(&list, text, is_first, take_body);
                is_first = false;
        }
        body_add_static(take_body, PRESENT_LIST_END);
        response_set(m->request, take_body);
}

static void measures_answer(struct measures *m) {
        struct body *body = body_new();

        if (!body) {
                m->request->response.status = 500;
                m->request->is_answered = true;
        } else if (*m->path.name) {
                object_answer(m, body);
        } else {
                list_answer(m, body);
        }
}

/* Some node has answered. */
static void measures_go_on(void *data) {
        struct server *s = data;

        LIST_FOREACH(i, &s->measures) {
                struct measures *m = CONTAINER_OF(i, struct measures, list);

                if (m->request->is_answered || !m->request->is_suspended || !measures_are_there(m))
                        continue;
                list_remove(&m->list);
                measures_answer(m);
                request_resume(m->request);
        }
}

/* ---- the request ---- */

static int filter_fill(struct measures *m, struct err *e) {
        const char *labels = query_get(&m->query, "labelSelector"),
                   *fields = query_get(&m->query, "fieldSelector");
        struct filter *f = &m->filter;
        int r = 0;

        f->resource = &subjects(m)->resource;
        if (*m->path.namespace_ && !(f->namespace_ = strdup(m->path.namespace_)))
                return err_set(e, -ENOMEM, "memory is out");
        if (*m->path.name && !(f->name = strdup(m->path.name)))
                return err_set(e, -ENOMEM, "memory is out");
        if (!str_is_empty(labels))
                r = selector_parse(labels, &f->labels, e);
        if (r == 0 && !str_is_empty(fields))
                r = selector_parse_fields(fields, &f->fields, e);
        for (size_t i = 0; r == 0 && f->fields && i < f->fields->n; i++) {
                const char *key = f->fields->terms[i].key;

                if (!str_eq(key, "metadata.name") && !str_eq(key, "metadata.namespace") &&
                    resource_field(f->resource, key) < 0)
                        r = err_set(e, -EINVAL, "field label not supported: %s", key);
        }
        return r;
}

/* Returns 0 or what the request is refused with. */
static unsigned measures_read(struct measures *m, struct err *e) {
        int r = path_parse(m->request->path, &m->path, e);

        if (r == 0)
                r = query_parse(m->request->query, &m->query, e);
        if (r < 0)
                return 400;
        m->kind = str_eq(m->path.resource, "nodes") ? &node_metrics_kind : &pod_metrics_kind;
        if (*m->path.subresource || (*m->path.namespace_ != '\0' && !m->kind->is_namespaced) ||
            (*m->path.name && m->kind->is_namespaced && !*m->path.namespace_)) {
                (void) err_set(e, -ENOENT, "the server could not find the requested resource");
                return 404;
        }
        if (query_bool(&m->query, "watch") || m->path.is_watch) {
                (void) err_set(e, -ENOTSUP,
                               "the server does not allow this method on the requested resource");
                return 405;
        }
        r = form_negotiate(request_header(m->request, "Accept"),
                           query_get(&m->query, "includeObject"), &m->form, e);
        if (r < 0)
                return r == -ENOTSUP ? 406 : 400;
        r = filter_fill(m, e);
        return r == 0 ? 0 : r == -ENOMEM ? 500 : 400;
}

static const char *reason_of(unsigned code) {
        return code == 404   ? "NotFound"
               : code == 405 ? "MethodNotAllowed"
               : code == 406 ? "NotAcceptable"
               : code == 500 ? "InternalError"
                             : "BadRequest";
}

static enum MHD_Result measures_dispatch(struct request *r) {
        struct server *s = r->face->server;
        struct measures *m = calloc(1, sizeof(*m));
        struct err e = { 0 };
        unsigned code;

        if (!m || (!s->usage && usage_new(s->nodes, measures_go_on, s, &s->usage) < 0)) {
                free(m);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        list_init(&m->list);
        r->route_data = m;
        m->request = r;
        m->since_usec = clock_now_usec();
        code = measures_read(m, &e);
        if (code > 0)
                return request_refuse(r, code, reason_of(code), err_text(&e));
        if (measures_are_there(m)) {
                measures_answer(m);
                return request_queue(r);
        }
        list_append(&s->measures, &m->list);
        request_suspend(r);
        return MHD_YES;
}

static void measures_gone(struct request *r) {
        struct measures *m = r->route_data;

        if (!m)
                return;
        list_remove(&m->list);
        filter_done(&m->filter);
        path_done(&m->path);
        query_done(&m->query);
        free(m);
}

const struct route measures_route = { .dispatch = measures_dispatch, .gone = measures_gone };
