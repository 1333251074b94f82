#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/body.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/status.h"
#include "daemon/registry/user.h"
#include "daemon/registry/watch.h"
#include "daemon/server/audit_request.h"
#include "daemon/server/authn.h"
#include "daemon/server/face.h"
#include "daemon/server/peer.h"
#include "daemon/server/route.h"
#include "daemon/server/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

/*   uri (first line) → access: headers → body… → whole → answered at once → queued
 *                                                   \→ suspended → resumed → queued        */

void *http_uri(void *data, const char *uri, struct MHD_Connection *mhd) {
        struct request *r = calloc(1, sizeof(*r));
        const char *query = strchr(uri, '?');

        if (!r)
                return NULL;
        list_init(&r->suspended_link);
        r->face = data;
        r->mhd = mhd;
        r->path = query ? strndup(uri, (size_t) (query - uri)) : strdup(uri);
        r->query = query ? strdup(query + 1) : NULL;
        if (!r->path || (query && !r->query)) {
                free(r->path);
                free(r->query);
                free(r);
                return NULL;
        }
        return r;
}

const char *request_header(const struct request *r, const char *name) {
        return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

/* What the bodies that are being received may take in all. Beyond it large ones are refused and
 * small ones still pass: there are not many more of these than connections. */
#define BODIES_MAX_BYTES (256U << 20)
#define BODY_SMALL_BYTES (64U << 10)

static void body_done(struct request *r) {
        r->face->server->bodies_bytes -= r->body.cap;
        strbuf_done(&r->body);
}

static void body_add(struct request *r, const char *bytes, size_t len) {
        r->face->server->bodies_bytes -= r->body.cap;
        strbuf_add_len(&r->body, bytes, len);
        r->face->server->bodies_bytes += r->body.cap;
}

static void request_free(struct request *r) {
        if (r->route && r->route->gone)
                r->route->gone(r);
        share_leave(r);
        sd_event_source_disable_unref(r->hangup);
        rest_response_done(&r->response);
        watch_unref(r->watch);
        body_done(r);
        free(r->user_agent);
        user_unref(r->token_user);
        user_unref(r->impersonated);
        free(r->path);
        free(r->query);
        free(r->method);
        free(r);
}

/* libmicrohttpd doesn't look at what it has suspended: a client that leaves meanwhile is seen here,
 * and its answer, which nobody will read, ends the request. */
static int request_hangup(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct request *r = data;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        request_answer_status(r, 503, "ServiceUnavailable", "the client has left");
        return 0;
}

void request_suspend(struct request *r) {
        if (r->route && !r->hangup && !r->is_answered)
                (void) sd_event_add_io(r->face->server->event, &r->hangup, r->connection->fd,
                                       EPOLLRDHUP | EPOLLHUP | EPOLLERR, request_hangup, r);
        r->is_suspended = true;
        list_append(&r->face->server->suspended, &r->suspended_link);
        MHD_suspend_connection(r->mhd);
}

void request_resume(struct request *r) {
        if (!r->is_suspended)
                return;
        r->is_suspended = false;
        list_remove(&r->suspended_link);
        MHD_resume_connection(r->mhd);
        face_kick(r->face);
}

/* A request that the registry still holds as its sink's data outlives its connection. */
void http_completed(void *data, struct MHD_Connection *mhd, void **state,
                    enum MHD_RequestTerminationCode code) {
        struct request *r = *state;

        *state = NULL;
        if (!r)
                return;
        if (r->connection && code == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
                r->connection->has_asked = true;
                connection_set_idle(r->connection, true);
        }
        request_audit_end(r);
        sd_event_source_disable_unref(STEAL(r->hangup));
        if (r->is_gone || !r->is_waiting)
                request_free(r);
        else
                r->is_gone = true;
}

/* ---- answers ---- */

/* Copied from the pieces a block at a time. libmicrohttpd 0.9.75 can send pieces without a copy,
 * but not more of them than one sendmsg() takes. */
#define BLOCK_BYTES (128U << 10)

struct body_reader {
        struct body *body;       /* owned */
        struct request *request; /* borrowed; there as long as it is read for */
        size_t piece, at;        /* what comes next; libmicrohttpd reads forwards only */
};

/* The next pieces, as part of what the request costs its client. */
static int reader_advance(struct body_reader *b) {
        uint64_t began_usec = clock_now_usec();
        int r = body_advance(b->body);

        b->piece = b->at = 0;
        share_charge_more(b->request, began_usec);
        return r;
}

static ssize_t body_read(void *data, uint64_t pos, char *room, size_t len) {
        struct body_reader *b = data;
        const struct body_piece *pieces;
        size_t n, done = 0;
        int r = 1;

        pieces = body_pieces(b->body, &n);
        /* Once a call: what else waits is run in between. */
        if (b->piece == n) {
                r = reader_advance(b);
                pieces = body_pieces(b->body, &n);
        }
        if (r < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        while (done < len && b->piece < n) {
                const struct body_piece *p = &pieces[b->piece];
                size_t part = MIN(p->len - b->at, len - done);

                memcpy(room + done, p->data + b->at, part);
                done += part;
                b->at += part;
                if (b->at < p->len)
                        break;
                b->piece++;
                b->at = 0;
        }
        return done > 0 ? (ssize_t) done : MHD_CONTENT_READER_END_OF_STREAM;
}

static void body_reader_free(void *data) {
        struct body_reader *b = data;

        body_unref(b->body);
        free(b);
}

static void body_free(void *data) {
        body_unref(data);
}

static struct MHD_Response *pieces_response(struct request *r) {
        struct body_reader *b = calloc(1, sizeof(*b));
        struct body *body = r->response.body;
        struct MHD_Response *response;
        uint64_t len = MHD_SIZE_UNKNOWN;

        if (!b)
                return NULL;
        if (body_len(body) != BODY_LEN_UNKNOWN)
                len = body_len(body);
        response =
                MHD_create_response_from_callback(len, BLOCK_BYTES, body_read, b, body_reader_free);
        if (!response) {
                free(b);
                return NULL;
        }
        b->body = body_ref(body);
        b->request = r;
        return response;
}

static struct MHD_Response *response_make(struct request *r) {
        struct rest_response *answer = &r->response;
        const struct body_piece *pieces;
        struct MHD_Response *response;
        size_t n = 0;

        pieces = answer->body ? body_pieces(answer->body, &n) : NULL;
        if (n == 0)
                return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (n > 1 || !body_is_whole(answer->body))
                return pieces_response(r);
        response = MHD_create_response_from_buffer_with_free_callback_cls(
                pieces[0].len, (void *) pieces[0].data, body_free, answer->body);
        if (response)
                (void) body_ref(answer->body);
        return response;
}

enum MHD_Result request_queue(struct request *r) {
        struct rest_response *answer = &r->response;
        struct MHD_Response *response;
        enum MHD_Result result;
        char number[16];

        sd_event_source_disable_unref(STEAL(r->hangup));
        if (r->queue)
                return r->queue(r);
        if (r->watch)
                return watch_stream_queue(r);
        response = response_make(r);
        if (!response)
                return MHD_NO;
        (void) MHD_add_response_header(response, "Content-Type",
                                       answer->content_type ? answer->content_type
                                                            : "application/json");
        for (size_t i = 0; i < answer->n_warnings; i++)
                (void) MHD_add_response_header(response, "Warning", answer->warnings[i]);
        for (size_t i = 0; i < answer->n_headers; i++)
                (void) MHD_add_response_header(response, answer->headers[i].name,
                                               answer->headers[i].value);
        if (answer->retry_after_s > 0) {
                (void) snprintf(number, sizeof(number), "%u", answer->retry_after_s);
                (void) MHD_add_response_header(response, "Retry-After", number);
        }
        result = MHD_queue_response(r->mhd, answer->status, response);
        MHD_destroy_response(response);
        return result;
}

enum MHD_Result request_refuse(struct request *r, unsigned code, const char *reason,
                               const char *message) {
        AUTO_DONE(path) struct path p = { 0 };
        struct status_text s = { .code = code, .reason = reason, .message = message };

        /* What isn't there is named, as in every answer of the registry. */
        if (code == 404 && path_parse(r->path, &p, NULL) == 0) {
                s.name = p.name;
                s.group = p.group;
                s.kind = p.resource;
        }
        status_respond(&s, &r->response);
        r->is_answered = true;
        return request_queue(r);
}

/* ---- the registry's answer ---- */

/* Returns whether the client is still there. */
static bool answer_arrives(struct request *r) {
        r->is_waiting = false;
        r->is_answered = true;
        if (!r->is_gone) {
                request_resume(r);
                return true;
        }
        request_free(r);
        return false;
}

static void sink_respond(void *data, struct rest_response *take_response) {
        struct request *r = data;

        r->response = *take_response;
        *take_response = (struct rest_response){ 0 };
        (void) answer_arrives(r);
}

static void sink_stream(void *data, struct watch *take_watch) {
        struct request *r = data;

        if (share_make_long(r)) {
                r->watch = take_watch;
        } else {
                watch_unref(take_watch);
                share_refusal(&r->response);
        }
        (void) answer_arrives(r);
}

static const struct rest_sink SINK = { .respond = sink_respond, .stream = sink_stream };

/* ---- the request ---- */

static bool method_is_known(const char *method) {
        static const char *const METHODS[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" };

        for (size_t i = 0; i < ARRAY_SIZE(METHODS); i++)
                if (str_eq(method, METHODS[i]))
                        return true;
        return false;
}

/* Routes answer beside the registry, so they ask it first. False: r->response is the refusal. */
static bool route_is_allowed(struct request *r) {
        const struct rest_request request = {
                .method = r->method,
                .path = r->path,
                .query = r->query,
                .user = r->user,
        };

        return authorize_request(r->face->server->registry, &request, &r->response);
}

/* Of request line and headers. Beyond twice as much libmicrohttpd answers itself, in HTML. */
#define HEAD_MAX_BYTES (24U << 10)

static size_t head_bytes(const struct request *r) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

        return info ? info->header_size : 0;
}

/* The headers are there: what can be refused is refused before the body comes. */
static enum MHD_Result request_begin(struct request *r, const char *method) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        const char *length = request_header(r, "Content-Length");
        int64_t bytes;

        r->has_started = true;
        r->connection = info ? info->socket_context : NULL;
        r->method = strdup(method);
        if (!r->method || !r->connection)
                return MHD_NO;
        request_audit_begin(r);
        if (head_bytes(r) > HEAD_MAX_BYTES)
                return request_refuse(r, 431, "RequestHeaderFieldsTooLarge",
                                      "request line and headers are larger than 24 KiB");
        if (!r->connection->is_allowed)
                return request_refuse(
                        r, 403, "Forbidden",
                        "this user may not administer orch: become root or join the group of "
                        "the socket");
        if (r->face->kind == FACE_LOOPBACK && !peer_host_is_local(request_header(r, "Host")))
                return request_refuse(r, 403, "Forbidden",
                                      "the Host header doesn't name this machine: use localhost");
        if (!method_is_known(method))
                return request_refuse(
                        r, 405, "MethodNotAllowed",
                        "the server does not allow this method on the requested resource");
        if (!request_authenticate(r)) {
                r->is_answered = true;
                return request_queue(r);
        }
        r->route = route_find(method, r->path);
        if (r->route && !route_is_allowed(r)) {
                r->is_answered = true;
                return request_queue(r);
        }
        if (r->route && r->route->begin)
                connection_set_idle(r->connection, false);
        if (r->route && r->route->begin)
                return r->route->begin(r);
        if (length &&
            (str_to_int64(length, 0, INT64_MAX, &bytes) < 0 || bytes > REST_BODY_MAX_BYTES))
                return request_refuse(r, 413, "RequestEntityTooLarge",
                                      "the body is larger than 3 MiB");
        return MHD_YES;
}

static enum MHD_Result request_upload(struct request *r, const char *upload, size_t *upload_len) {
        size_t len = *upload_len;

        *upload_len = 0;
        if (r->route && r->route->upload)
                return r->route->upload(r, upload, len);
        if (r->is_too_large || r->is_too_much)
                return MHD_YES;
        r->is_too_large = r->body.len + len > REST_BODY_MAX_BYTES;
        r->is_too_much = r->body.len + len > BODY_SMALL_BYTES &&
                         r->face->server->bodies_bytes > BODIES_MAX_BYTES;
        if (r->is_too_large || r->is_too_much) {
                body_done(r);
                return MHD_YES;
        }
        body_add(r, upload, len);
        return r->body.has_failed ? MHD_NO : MHD_YES;
}

/* What the registry answers, now or later. */
static void request_handle(struct request *r) {
        const uint64_t began_usec = clock_now_usec();
        const bool is_head = str_eq(r->method, "HEAD");
        const struct rest_request request = {
                .method = is_head ? "GET" : r->method,
                .path = r->path,
                .query = r->query,
                .content_type = request_header(r, "Content-Type"),
                .accept = request_header(r, "Accept"),
                .user_agent = request_header(r, "User-Agent"),
                .if_none_match = request_header(r, "If-None-Match"),
                .user = r->user,
                .body = r->body.s,
                .body_len = r->body.len,
        };

        r->is_waiting = true;
        rest_handle(r->face->server->registry, &request, &SINK, r);
        body_done(r);
        share_charge(r, began_usec);
}

/* A route's requests last as long as their client likes. */
static enum MHD_Result request_run_route(struct request *r) {
        if (share_make_long(r))
                return r->route->dispatch(r);
        share_refusal(&r->response);
        r->is_answered = true;
        return request_queue(r);
}

static enum MHD_Result request_run(struct request *r) {
        if (r->route)
                return request_run_route(r);
        request_handle(r);
        if (r->is_answered)
                return request_queue(r);
        request_suspend(r);
        return MHD_YES;
}

void request_run_suspended(struct request *r) {
        r->is_admitted = true;
        if (r->route)
                request_resume(r); /* what it queues needs libmicrohttpd's call */
        else
                request_handle(r);
}

static enum MHD_Result request_dispatch(struct request *r) {
        if (r->is_admitted)
                return request_run(r);
        if (r->is_too_large)
                return request_refuse(r, 413, "RequestEntityTooLarge",
                                      "the body is larger than 3 MiB");
        connection_set_idle(r->connection, false);
        switch (r->is_too_much ? FAIR_REFUSE : share_arrive(r)) {
        case FAIR_RUN:
                return request_run(r);
        case FAIR_WAIT:
                request_suspend(r);
                return MHD_YES;
        case FAIR_REFUSE:
                break;
        }
        share_refusal(&r->response);
        r->is_answered = true;
        return request_queue(r);
}

enum MHD_Result http_access(void *data, struct MHD_Connection *mhd, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_len, void **state) {
        struct request *r = *state;

        if (!r || r->is_raw)
                return MHD_NO;
        if (!r->has_started)
                return request_begin(r, method);
        if (*upload_len > 0)
                return request_upload(r, upload, upload_len);
        if (r->is_answered)
                return request_queue(r);
        return request_dispatch(r);
}
