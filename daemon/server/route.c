#include "daemon/server/route.h"

#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/path.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NODES "/apis/orch.dev/v1/nodes/"
#define MEASURES "/apis/metrics.k8s.io/v1beta1/"

void node_path_done(struct node_path *p) {
        free(p->node);
        free(p->what);
        free(p->rest);
        *p = (struct node_path){ 0 };
}

/* Through the decoder of queries, which has the same escapes ("+" is kept by hand). */
static char *part_decode(const char *text, size_t len) {
        AUTO_DONE(query) struct query q = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "p=");
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '+')
                        strbuf_add(&b, "%2B");
                else if (text[i] == '&')
                        strbuf_add(&b, "%26");
                else
                        strbuf_add_char(&b, text[i]);
        }
        if (b.has_failed || query_parse(b.s, &q, NULL) < 0)
                return NULL;
        return strdup(str_or_empty(query_get(&q, "p")));
}

int node_path_parse(const char *path, struct node_path *ret) {
        AUTO_DONE(node_path) struct node_path p = { 0 };
        const char *node, *what, *rest;
        size_t node_len, what_len;

        if (!str_starts_with(path, NODES))
                return -EINVAL;
        node = path + strlen(NODES);
        node_len = strcspn(node, "/");
        if (node_len == 0 || node[node_len] == '\0')
                return -EINVAL;
        what = node + node_len + 1;
        what_len = strcspn(what, "/");
        rest = what + what_len + (what[what_len] == '/');
        p.node = part_decode(node, node_len);
        p.what = part_decode(what, what_len);
        p.rest = part_decode(rest, strlen(rest));
        if (!p.node || !p.what || !p.rest)
                return -EINVAL;
        *ret = p;
        p = (struct node_path){ 0 };
        return 0;
}

static const struct route *node_route_find(const char *method, const char *path) {
        AUTO_DONE(node_path) struct node_path p = { 0 };

        if (node_path_parse(path, &p) < 0)
                return NULL;
        if (str_eq(p.what, "streams") && str_is_empty(p.rest) && str_eq(method, "GET"))
                return &node_watch_route;
        if (str_eq(p.what, "streams") && !str_is_empty(p.rest) && str_eq(method, "POST"))
                return &node_dial_route;
        if ((str_eq(p.what, "pulls") || str_eq(p.what, "pushes")) && str_is_empty(p.rest) &&
            str_eq(method, "POST"))
                return &image_remote_route;
        if (str_eq(p.what, "builds") && str_is_empty(p.rest) && str_eq(method, "POST"))
                return &build_route;
        if (str_eq(p.what, "archives") && str_is_empty(p.rest) && str_eq(method, "GET"))
                return &image_remote_route;
        if (!str_eq(p.what, "images"))
                return NULL;
        if (str_is_empty(p.rest) && str_eq(method, "POST"))
                return &image_load_route;
        if (str_eq(method, "GET") || str_eq(method, "PATCH") ||
            (str_eq(method, "DELETE") && !str_is_empty(p.rest)))
                return &images_route;
        return NULL;
}

static const struct route *measures_route_find(const char *method, const char *path) {
        AUTO_DONE(path) struct path p = { 0 };

        if (!str_eq(method, "GET") || path_parse(path, &p, NULL) < 0)
                return NULL;
        return str_eq(p.resource, "nodes") || str_eq(p.resource, "pods") ? &measures_route : NULL;
}

const struct route *route_find(const char *method, const char *path) {
        AUTO_DONE(path) struct path p = { 0 };

        if (str_starts_with(path, NODES))
                return node_route_find(method, path);
        if (str_starts_with(path, MEASURES))
                return measures_route_find(method, path);
        if (!str_starts_with(path, "/api/v1/namespaces/") || path_parse(path, &p, NULL) < 0)
                return NULL;
        if (!str_eq(p.resource, "pods") || str_is_empty(p.namespace_))
                return NULL;
        if (str_eq(p.subresource, "log") && str_eq(method, "GET"))
                return &log_route;
        if ((str_eq(p.subresource, "exec") || str_eq(p.subresource, "attach")) &&
            (str_eq(method, "GET") || str_eq(method, "POST")))
                return &exec_route;
        if (str_eq(p.subresource, "portforward") &&
            (str_eq(method, "GET") || str_eq(method, "POST")))
                return &forward_route;
        return NULL;
}

void request_answer_status(struct request *r, unsigned code, const char *reason,
                           const char *message) {
        if (r->is_answered)
                return;
        rest_status(&r->response, code, reason, message);
        r->is_answered = true;
        request_resume(r);
}

void request_answer(struct request *r, unsigned code, char *take_text) {
        if (r->is_answered) {
                free(take_text);
                return;
        }
        r->response = (struct rest_response){ .status = code, .body = body_new() };
        if (r->response.body)
                body_add_text(r->response.body, take_text, take_text ? strlen(take_text) : 0);
        else
                free(take_text);
        if (!take_text || !r->response.body || body_has_failed(r->response.body)) {
                rest_response_done(&r->response);
                r->response.status = 500;
        }
        r->is_answered = true;
        request_resume(r);
}

bool request_answer_failure(struct request *r, const char *json, size_t len) {
        json_t *status = json_loadb(json, len, 0, NULL);
        json_int_t code = json_integer_value(json_object_get(status, "code"));
        bool has_failed = !str_eq(json_string_value(json_object_get(status, "status")), "Success");

        if (code < 400 || code > 599)
                code = 500;
        if (has_failed && status) {
                (void) json_object_set_new(status, "code", json_integer(code));
                request_answer(r, (unsigned) code, json_dumps(status, JSON_COMPACT));
        } else if (has_failed) {
                request_answer_status(r, 502, "InternalError", "the node's answer is malformed");
        }
        json_decref(status);
        return has_failed;
}

json_t *request_stream_line(const struct request *r, const char *verb, const char *reference) {
        AUTO_DONE(query) struct query q = { 0 };
        json_t *query = json_object();

        if (query_parse(r->query, &q, NULL) < 0 || !query) {
                json_decref(query);
                return NULL;
        }
        for (size_t i = 0; i < q.n; i++)
                (void) json_object_set_new(query, q.pairs[i].key, json_string(q.pairs[i].value));
        if (!str_is_empty(reference))
                (void) json_object_set_new(query, "reference", json_string(reference));
        return json_pack("{s:s,s:o}", "verb", verb, "query", query);
}
