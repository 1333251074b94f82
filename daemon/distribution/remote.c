#include "daemon/distribution/remote.h"

#include "api/text/text.h"
#include "base/clock.h"
#include "daemon/distribution/remote_internal.h"

#include <stdio.h>
#include <string.h>

#define REMOTE_COMPLAINT_MAX 4096

int remote_new(const struct remote_options *options, const struct image_reference *ref,
               struct remote **ret, struct err *e) {
        AUTO(remote) struct remote *r = calloc(1, sizeof(*r));
        struct registry_endpoint endpoints[REGISTRIES_ENDPOINTS_MAX];
        size_t n;

        if (!r)
                return err_set(e, -ENOMEM, "out of memory");
        r->options = *options;
        r->host = strdup(ref->host);
        r->path = strdup(ref->path);
        r->name = str_format("%s/%s", ref->host, ref->path);
        if (!r->host || !r->path || !r->name)
                return err_set(e, -ENOMEM, "out of memory");
        n = registries_endpoints(options->registries, r->host, endpoints);
        for (size_t i = 0; i < n; i++)
                if (!options->is_push || !endpoints[i].is_mirror)
                        r->places[r->n_places++].endpoint = endpoints[i];
        r->n_credentials = keyring_find(options->keyring, r->host, r->path, r->credentials);
        *ret = STEAL(r);
        return 0;
}

void remote_unref(struct remote *r) {
        if (!r)
                return;
        for (size_t i = 0; i < r->n_places; i++)
                free(r->places[i].token);
        free(r->host);
        free(r->path);
        free(r->name);
        free(r);
}

const char *remote_name(const struct remote *r) {
        return r->name;
}

void remote_answer_done(struct remote_answer *a) {
        free(a->location);
        free(a->digest);
        free(a->content_type);
        free(a->link);
        free(a->body);
        *a = (struct remote_answer){ 0 };
}

static void call_free(struct remote_call *call) {
        http_call_cancel(call->http);
        http_timer_cancel(call->r->options.http, call);
        challenge_done(&call->challenge);
        remote_answer_done(&call->answer);
        strbuf_done(&call->body);
        strbuf_done(&call->complaint);
        strbuf_done(&call->token_answer);
        free(call->token_form);
        free(call->path);
        free(call->accept);
        free(call->content_type);
        free(call->content_range);
        free(call->url);
        free(call);
}

static void call_end(struct remote_call *call, int code, const struct err *e) {
        void (*on_done)(void *, int, const struct remote_answer *, const struct err *) =
                call->request.on_done;

        on_done(call->request.userdata, code, code < 0 ? NULL : &call->answer, e);
        call_free(call);
}

void remote_call_fail(struct remote_call *call, int code, const struct err *e) {
        struct err why = { 0 };

        (void) err_set(&why, code, "%s", err_text(e));
        call_end(call, code, &why);
}

static void call_fail_memory(struct remote_call *call) {
        struct err e = { 0 };

        remote_call_fail(call, err_set(&e, -ENOMEM, "out of memory"), &e);
}

/* ---- what an answer says ---- */

static char *text_copy(const char *text) {
        return text ? strdup(text) : NULL;
}

static int call_on_head(void *userdata, const struct http_head *head, struct err *e) {
        struct remote_call *call = userdata;
        bool is_wanted = head->status >= 200 && head->status < 300;

        call->seen.status = head->status;
        call->seen.has_location = head->location != NULL;
        if (head->retry_after)
                call->seen.retry_after_usec =
                        transfer_retry_after(head->retry_after, clock_wall_usec() / USEC_PER_SEC);
        challenge_done(&call->challenge);
        for (size_t i = 0; i < head->n_challenges; i++)
                if (challenge_read(head->challenges[i], &call->challenge) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        remote_answer_done(&call->answer);
        call->answer.status = head->status;
        call->answer.location = head->location ? http_resolve(call->url, head->location) : NULL;
        call->answer.digest = text_copy(head->digest);
        call->answer.content_type = text_copy(head->content_type);
        call->answer.link = text_copy(head->link);
        if (call->seen.has_location && !call->answer.location)
                return err_set(e, -EPROTO,
                               "the registry points to something that is no web address");
        call->takes_body = is_wanted && strcmp(call->request.method, "HEAD") != 0;
        if (!call->takes_body)
                return 0;
        return transfer_check_head(
                &call->transfer,
                &(struct transfer_head){ head->status, head->content_range, head->content_length },
                call->request.size_bytes, &call->skip_bytes, e);
}

static int call_take(struct remote_call *call, const char *data, size_t len, struct err *e) {
        uint64_t most = MIN(call->request.max_bytes, call->request.size_bytes);
        int r = 0;

        if (call->transfer.got_bytes + len > most)
                return err_set(e, -E2BIG, "size differs: the registry sends more than %llu bytes",
                               (unsigned long long) most);
        if (call->request.keeps_body) {
                strbuf_add_len(&call->body, data, len);
                r = call->body.has_failed ? err_set(e, -ENOMEM, "out of memory") : 0;
        } else if (call->request.on_data) {
                r = call->request.on_data(call->request.userdata, data, len, e);
                call->is_refused = r < 0 && r != -EAGAIN;
        }
        if (r == 0)
                call->transfer.got_bytes += len;
        return r;
}

static int call_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct remote_call *call = userdata;
        const char *p = data;
        size_t skip;
        int r;

        if (!call->takes_body) {
                size_t room = REMOTE_COMPLAINT_MAX -
                              MIN(call->complaint.len, (size_t) REMOTE_COMPLAINT_MAX);

                strbuf_add_len(&call->complaint, p, MIN(len, room));
                /* Nobody needs the rest of an endless refusal. */
                return room == 0 ? -ECANCELED : 0;
        }
        skip = (size_t) MIN(call->skip_bytes, (uint64_t) len);
        r = len > skip ? call_take(call, p + skip, len - skip, e) : 0;
        if (r != -EAGAIN)
                call->skip_bytes -= skip;
        return r;
}

static ssize_t call_read(void *userdata, void *buf, size_t cap) {
        struct remote_call *call = userdata;

        call->has_read = true;
        return call->request.read(call->request.read_userdata, buf, cap);
}

/* ---- what went wrong, in words ---- */

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"…"}]} (distribution-spec, "Error codes"), made
 * fit to be shown. */
static void complaint_words(const struct remote_call *call, char *buf, size_t size) {
        json_t *root = call->complaint.len > 0
                               ? text_parse_json(call->complaint.s, call->complaint.len)
                               : NULL;
        const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
        const char *message = json_string_value(json_object_get(first, "message"));
        const char *code = json_string_value(json_object_get(first, "code"));
        size_t n = 0;

        for (const char *p = message ? message : str_or_empty(code); *p && n + 1 < size && n < 200;
             p++)
                buf[n++] = (unsigned char) *p < ' ' || *p == 0x7f ? ' ' : *p;
        buf[n] = '\0';
        json_decref(root);
}

static int call_explain(const struct remote_call *call, int code, const struct err *e,
                        struct err *ret) {
        const char *host = call->r->host, *sep;
        char said[256];

        complaint_words(call, said, sizeof(said));
        sep = said[0] ? ": " : "";
        if (call->seen.error < 0)
                return err_set(ret, code, "%s: %s", host, err_text(e));
        if (code == -ENOENT)
                return err_set(ret, code, "not found%s%s", sep, said);
        if (code == -EACCES && (call->r->n_credentials > 0 || call->seen.status == 403))
                return err_set(ret, code,
                               "unauthorized: %s refuses the credentials (HTTP %u%s%s); or the "
                               "repository does not exist",
                               host, call->seen.status, sep, said);
        if (code == -EACCES)
                return err_set(ret, code,
                               "unauthorized: %s asks for credentials (HTTP %u%s%s), and none are "
                               "known for it; or the repository does not exist",
                               host, call->seen.status, sep, said);
        if (code == -ELOOP)
                return err_set(ret, code, "%s: more than %d redirects", host,
                               TRANSFER_REDIRECTS_MAX);
        if (code == -EBUSY)
                return err_set(ret, code, "%s: too many requests (HTTP 429%s%s)", host, sep, said);
        if (call->seen.is_cut)
                return err_set(ret, code, "%s: the answer was cut short too often", host);
        return err_set(ret, code, "%s answered HTTP %u%s%s", host, call->seen.status, sep, said);
}

/* ---- attempts ---- */

static void call_on_timer(void *userdata) {
        remote_call_attempt(userdata);
}

static bool call_follow(struct remote_call *call) {
        const char *to = call->answer.location;
        bool is_plain = str_starts_with(to, "http://");

        /* From TLS to plain text only where that is configured. */
        if (is_plain && str_starts_with(call->url, "https://") &&
            !call->r->places[call->place].endpoint.skips_verify)
                return false;
        free(call->url);
        call->url = STEAL(call->answer.location);
        call->is_elsewhere = true;
        return true;
}

static bool call_has_next_place(const struct remote_call *call) {
        size_t n = call->r->n_places;

        return !call->has_read && !call->request.skips_mirrors &&
               call->place != (call->r->first + n - 1) % n;
}

static void call_leave_place(struct remote_call *call) {
        call->place = (call->place + 1) % call->r->n_places;
        /* From the beginning of the way: a redirect's address may have run out. */
        free(STEAL(call->url));
        call->is_elsewhere = false;
}

void remote_call_refused(struct remote_call *call, int code, const struct err *e) {
        if (!call_has_next_place(call)) {
                remote_call_fail(call, code, e);
                return;
        }
        call_leave_place(call);
        call->transfer.n_auth = 0;
        remote_call_attempt(call);
}

static void call_step(struct remote_call *call, const struct transfer_step *step,
                      const struct err *e) {
        struct err why = { 0 };

        switch (step->action) {
        case TRANSFER_DONE:
                call->r->first = call->place;
                call->answer.body = call->request.keeps_body ? strbuf_steal(&call->body) : NULL;
                call->answer.body_len = (size_t) call->transfer.got_bytes;
                call_end(call, 0, &why);
                return;
        case TRANSFER_AUTHENTICATE:
                remote_authenticate(call);
                return;
        case TRANSFER_REDIRECT:
                if (call_follow(call))
                        remote_call_attempt(call);
                else
                        remote_call_refused(call,
                                            err_set(&why, -EPROTO,
                                                    "%s redirects from https to plain http",
                                                    call->r->host),
                                            &why);
                return;
        case TRANSFER_NEXT:
                call_leave_place(call);
                break;
        case TRANSFER_AGAIN:
                break;
        case TRANSFER_FAIL:
                (void) call_explain(call, step->code, e, &why);
                remote_call_fail(call, step->code, &why);
                return;
        }
        free(STEAL(call->url));
        call->is_elsewhere = false;
        if (call->request.size_bytes == UINT64_MAX && call->request.keeps_body) {
                call->transfer.got_bytes = call->transfer.got_before = 0;
                strbuf_reset(&call->body);
        }
        if (step->wait_usec == 0)
                remote_call_attempt(call);
        else if (http_timer(call->r->options.http, step->wait_usec, call_on_timer, call) < 0)
                call_fail_memory(call);
}

static void call_on_done(void *userdata, int code, const struct err *e) {
        struct remote_call *call = userdata;
        struct transfer_seen *seen = &call->seen;
        struct transfer_step step;

        call->http = NULL;
        if (call->is_refused) {
                remote_call_fail(call, code, e);
                return;
        }
        if (code == -ECANCELED && seen->status >= 300)
                code = 0;
        seen->error = code;
        seen->is_permanent = http_error_is_permanent(code) || call->has_read;
        if (code == 0 && call->takes_body && call->request.size_bytes != UINT64_MAX)
                seen->is_cut = call->transfer.got_bytes < call->request.size_bytes;
        if (code == 0 && call->has_read && seen->status >= 400)
                seen->error = 0; /* answered: told by its status */
        seen->may_fall_back = call_has_next_place(call);
        /* What isn't known to the byte begins again. */
        if (call->request.size_bytes == UINT64_MAX && call->request.keeps_body)
                call->transfer.got_before = call->transfer.got_bytes;
        seen->may_authenticate = remote_may_authenticate(call) && !call->has_read;
        step = transfer_next(&call->transfer, seen);
        if (step.action == TRANSFER_AGAIN && call->has_read)
                step = (struct transfer_step){ .action = TRANSFER_FAIL, .code = -EIO };
        call_step(call, &step, e);
}

void remote_trust(const struct remote_call *call, const char *url, struct http_request *request) {
        const struct registry_endpoint *endpoint = &call->r->places[call->place].endpoint;
        AUTO_FREE char *host = NULL;
        bool is_plain;

        if (http_same_origin(endpoint->url, url)) {
                request->ca = endpoint->ca;
                request->skips_verify = endpoint->skips_verify;
                return;
        }
        host = http_host_of(url);
        registries_trust(call->r->options.registries, str_or_empty(host), &request->ca,
                         &request->skips_verify, &is_plain);
}

static int call_set_url(struct remote_call *call) {
        const struct registry_endpoint *endpoint = &call->r->places[call->place].endpoint;

        if (call->url)
                return 0;
        call->url = strstr(call->path, "://")
                            ? strdup(call->path)
                            : str_format("%s/v2/%s/%s", endpoint->url, call->r->path, call->path);
        return call->url ? 0 : -ENOMEM;
}

static void call_add_header(char *headers[6], size_t *n, const char *name, const char *value) {
        if (value)
                headers[(*n)++] = str_format("%s: %s", name, value);
}

/* Credentials go to the place that asked for them and to nobody else. */
static char *call_authorization(const struct remote_call *call) {
        const struct remote_place *place = &call->r->places[call->place];

        return http_same_origin(place->endpoint.url, call->url)
                       ? remote_authorization(call->r, place)
                       : NULL;
}

static int call_start(struct remote_call *call, struct err *e) {
        const struct remote_request *q = &call->request;
        AUTO_FREE char *authorization = call_authorization(call);
        AUTO_FREE char *range = NULL;
        char *headers[6] = { 0 };
        struct http_request request = {
                .method = q->method,
                .url = call->url,
                .headers = (const char *const *) headers,
                .body = q->body,
                .body_len = q->body_len,
                .source_size = q->source_size,
                .read = q->read ? call_read : NULL,
                .on_head = call_on_head,
                .on_data = call_on_data,
                .on_done = call_on_done,
                .userdata = call,
        };
        int r = 0;

        if (call->transfer.got_bytes > 0)
                range = str_format("bytes=%llu-", (unsigned long long) call->transfer.got_bytes);
        call_add_header(headers, &request.n_headers, "Accept", call->accept);
        call_add_header(headers, &request.n_headers, "Content-Type", call->content_type);
        call_add_header(headers, &request.n_headers, "Content-Range", call->content_range);
        call_add_header(headers, &request.n_headers, "Authorization", authorization);
        call_add_header(headers, &request.n_headers, "Range", range);
        for (size_t i = 0; i < request.n_headers; i++)
                if (!headers[i])
                        r = err_set(e, -ENOMEM, "out of memory");
        remote_trust(call, call->url, &request);
        if (r == 0)
                r = http_start(call->r->options.http, &request, &call->http, e);
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                free(headers[i]);
        return r;
}

void remote_call_attempt(struct remote_call *call) {
        struct err e = { 0 };
        int r;

        call->seen = (struct transfer_seen){ .retry_after_usec = UINT64_MAX };
        call->takes_body = false;
        call->skip_bytes = 0;
        strbuf_reset(&call->complaint);
        r = call_set_url(call) < 0 ? err_set(&e, -ENOMEM, "out of memory") : call_start(call, &e);
        if (r < 0)
                remote_call_fail(call, r, &e);
}

static void call_on_begin(void *userdata) {
        remote_call_attempt(userdata);
}

int remote_start(struct remote *r, const struct remote_request *request, struct remote_call **ret,
                 struct err *e) {
        struct remote_call *call = calloc(1, sizeof(*call));

        if (!call)
                return err_set(e, -ENOMEM, "out of memory");
        call->r = r;
        call->request = *request;
        call->place = request->skips_mirrors ? r->n_places - 1 : r->first;
        call->transfer.seed = clock_now_usec();
        call->path = strdup(request->path);
        call->accept = text_copy(request->accept);
        call->content_type = text_copy(request->content_type);
        call->content_range = text_copy(request->content_range);
        /* Not from within: the caller has its handle before anything is told. */
        if (!call->path || http_timer(r->options.http, 0, call_on_begin, call) < 0) {
                call_free(call);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *ret = call;
        return 0;
}

void remote_call_resume(struct remote_call *call) {
        if (call->http)
                http_call_resume(call->http);
}

void remote_call_cancel(struct remote_call *take_call) {
        if (take_call)
                call_free(take_call);
}

uint64_t remote_call_bytes(const struct remote_call *call) {
        return call->transfer.got_bytes;
}

struct remote_waiting {
        bool is_done;
        int code;
        struct remote_answer answer;
        struct err *e;
};

static void waiting_done(void *userdata, int code, const struct remote_answer *answer,
                         const struct err *e) {
        struct remote_waiting *waiting = userdata;

        waiting->is_done = true;
        waiting->code = code;
        if (code < 0) {
                (void) err_set(waiting->e, code, "%s", err_text(e));
                return;
        }
        /* Handed over: the call frees an empty one. */
        waiting->answer = *answer;
        *(struct remote_answer *) answer = (struct remote_answer){ 0 };
}

int remote_ask(struct remote *r, const struct remote_request *request, struct remote_answer *ret,
               struct err *e) {
        struct remote_waiting waiting = { .e = e };
        struct remote_request copy = *request;
        struct remote_call *call = NULL;
        int code;

        /* With on_data or read the caller's userdata is needed there: such calls are started. */
        copy.on_done = waiting_done;
        copy.userdata = &waiting;
        copy.keeps_body = true;
        code = remote_start(r, &copy, &call, e);
        if (code == 0)
                code = http_run(r->options.http, &waiting.is_done, e);
        if (code < 0)
                return code;
        if (waiting.code < 0)
                return waiting.code;
        *ret = waiting.answer;
        return 0;
}
