#include "daemon/distribution/http.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"

#include <curl/curl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

#define HTTP_CONNECT_USEC (30 * USEC_PER_SEC)
#define HTTP_STALL_USEC (60 * USEC_PER_SEC)
#define HTTP_BUFFER_BYTES (256L << 10)
#define HTTP_CHALLENGES_MAX 8

struct http_watched {
        int fd;
        short events;
        void (*fn)(void *userdata);
        void *userdata;
};

struct http_timed {
        uint64_t due_usec;
        void (*fn)(void *userdata);
        void *userdata;
};

struct http {
        CURLM *multi;
        char *proxy;
        uint64_t connect_usec, stall_usec;
        struct list calls;
        struct http_watched *watched;
        size_t n_watched, cap_watched;
        struct curl_waitfd *fds;
        size_t cap_fds;
        struct http_timed *timed;
        size_t n_timed, cap_timed;
};

/* The headers of an answer that somebody reads. */
enum {
        HEADER_TYPE,
        HEADER_RANGE,
        HEADER_LOCATION,
        HEADER_RETRY,
        HEADER_DIGEST,
        HEADER_LINK,
        HEADERS
};
static const char *const header_names[HEADERS] = {
        "Content-Type", "Content-Range", "Location", "Retry-After", "Docker-Content-Digest", "Link"
};

struct http_call {
        struct list link;
        struct http *h;
        struct http_request request; /* callbacks and body */
        CURL *easy;
        struct curl_slist *headers;
        char *values[HEADERS];
        char *challenges[HTTP_CHALLENGES_MAX];
        size_t n_challenges, header_bytes;
        size_t body_sent;
        bool has_head;
        int code; /* what a callback ended the call with */
        struct err e;
        char curl_words[CURL_ERROR_SIZE];
};

static void call_forget_head(struct http_call *call) {
        for (size_t i = 0; i < HEADERS; i++) {
                free(call->values[i]);
                call->values[i] = NULL;
        }
        for (size_t i = 0; i < call->n_challenges; i++)
                free(call->challenges[i]);
        call->n_challenges = call->header_bytes = 0;
}

static void call_free(struct http_call *call) {
        if (call->easy) {
                (void) curl_multi_remove_handle(call->h->multi, call->easy);
                curl_easy_cleanup(call->easy);
        }
        curl_slist_free_all(call->headers);
        call_forget_head(call);
        list_remove(&call->link);
        free(call);
}

int http_new(const struct http_options *options, struct http **ret, struct err *e) {
        AUTO(http) struct http *h = calloc(1, sizeof(*h));

        if (!h)
                return err_set(e, -ENOMEM, "out of memory");
        list_init(&h->calls);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return err_set(e, -EIO, "cannot set up libcurl");
        h->multi = curl_multi_init();
        h->proxy = options->proxy ? strdup(options->proxy) : NULL;
        if (!h->multi || (options->proxy && !h->proxy))
                return err_set(e, -ENOMEM, "out of memory");
        h->connect_usec = options->connect_usec ? options->connect_usec : HTTP_CONNECT_USEC;
        h->stall_usec = options->stall_usec ? options->stall_usec : HTTP_STALL_USEC;
        *ret = STEAL(h);
        return 0;
}

void http_unref(struct http *h) {
        if (!h)
                return;
        LIST_FOREACH(node, &h->calls)
                call_free(CONTAINER_OF(node, struct http_call, link));
        if (h->multi)
                (void) curl_multi_cleanup(h->multi);
        free(h->proxy);
        free(h->watched);
        free(h->fds);
        free(h->timed);
        free(h);
}

/* ---- callbacks of libcurl ---- */

static int call_fail(struct http_call *call, int code) {
        if (call->code == 0)
                call->code = code;
        return code;
}

static char *header_value(const char *line, size_t len, const char *name) {
        size_t n = strlen(name);
        const char *end = line + len;

        if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
                return NULL;
        for (line += n + 1; line < end && (*line == ' ' || *line == '\t'); line++)
                ;
        while (end > line && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
                end--;
        return strndup(line, (size_t) (end - line));
}

static size_t on_header(char *line, size_t size, size_t n, void *userdata) {
        struct http_call *call = userdata;
        size_t len = size * n;
        char *challenge;

        if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
                call_forget_head(call); /* an interim answer stood before it */
        call->header_bytes += len;
        if (call->header_bytes > HTTP_HEADERS_MAX_BYTES) {
                (void) call_fail(call, err_set(&call->e, -E2BIG,
                                               "the answer's head is larger than %u KiB",
                                               HTTP_HEADERS_MAX_BYTES >> 10));
                return 0;
        }
        for (size_t i = 0; i < HEADERS; i++)
                if (!call->values[i])
                        call->values[i] = header_value(line, len, header_names[i]);
        challenge = header_value(line, len, "WWW-Authenticate");
        if (challenge && call->n_challenges < HTTP_CHALLENGES_MAX)
                call->challenges[call->n_challenges++] = challenge;
        else
                free(challenge);
        return len;
}

static int call_tell_head(struct http_call *call) {
        curl_off_t length = -1;
        long status = 0;
        struct http_head head = {
                .content_type = call->values[HEADER_TYPE],
                .content_range = call->values[HEADER_RANGE],
                .location = call->values[HEADER_LOCATION],
                .retry_after = call->values[HEADER_RETRY],
                .digest = call->values[HEADER_DIGEST],
                .link = call->values[HEADER_LINK],
                .challenges = (const char *const *) call->challenges,
                .n_challenges = call->n_challenges,
        };
        int r = 0;

        if (call->has_head)
                return 0;
        call->has_head = true;
        (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        head.status = (unsigned) status;
        head.content_length = length;
        if (call->request.on_head)
                r = call->request.on_head(call->request.userdata, &head, &call->e);
        return r < 0 ? call_fail(call, r) : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata) {
        struct http_call *call = userdata;
        int r = call_tell_head(call);

        if (r == 0 && call->request.on_data)
                r = call->request.on_data(call->request.userdata, data, size * n, &call->e);
        if (r == -EAGAIN)
                return CURL_WRITEFUNC_PAUSE;
        if (r < 0) {
                (void) call_fail(call, r);
                return 0;
        }
        return size * n;
}

static size_t on_read(char *buf, size_t size, size_t n, void *userdata) {
        struct http_call *call = userdata;
        size_t cap = size * n;
        ssize_t got;

        if (!call->request.read) {
                size_t left = MIN(call->request.body_len - call->body_sent, cap);

                memcpy(buf, (const char *) call->request.body + call->body_sent, left);
                call->body_sent += left;
                return left;
        }
        got = call->request.read(call->request.userdata, buf, cap);
        if (got == -EAGAIN)
                return CURL_READFUNC_PAUSE;
        if (got < 0) {
                (void) call_fail(call, err_errno(&call->e, (int) got, "cannot read what to send"));
                return CURL_READFUNC_ABORT;
        }
        return (size_t) got;
}

/* ---- starting ---- */

static int call_add_headers(struct http_call *call, const struct http_request *request) {
        for (size_t i = 0; i <= request->n_headers; i++) {
                /* Waiting a second for "100 Continue" is not worth it. */
                const char *line = i < request->n_headers ? request->headers[i] : "Expect:";
                struct curl_slist *headers = curl_slist_append(call->headers, line);

                if (!headers)
                        return -ENOMEM;
                call->headers = headers;
        }
        return 0;
}

static void call_set_body(CURL *c, const struct http_request *request) {
        bool has_source = request->read != NULL;

        if (strcmp(request->method, "HEAD") == 0)
                (void) curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
        else if (strcmp(request->method, "POST") == 0) {
                (void) curl_easy_setopt(c, CURLOPT_POST, 1L);
                (void) curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                                        has_source ? (curl_off_t) request->source_size
                                                   : (curl_off_t) request->body_len);
        } else if (has_source || request->body || strcmp(request->method, "PUT") == 0) {
                (void) curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
                (void) curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
                                        has_source ? (curl_off_t) request->source_size
                                                   : (curl_off_t) request->body_len);
        }
        (void) curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST,
                                strcmp(request->method, "HEAD") == 0 ? NULL : request->method);
}

static void call_set_options(struct http_call *call, const struct http_request *request) {
        struct http *h = call->h;
        uint64_t stall_usec = request->stall_usec ? request->stall_usec : h->stall_usec;
        CURL *c = call->easy;

        (void) curl_easy_setopt(c, CURLOPT_URL, request->url);
        (void) curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        (void) curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        /* One connection for each transfer: a paused one must not hold up the others. */
        (void) curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        (void) curl_easy_setopt(c, CURLOPT_HTTPHEADER, call->headers);
        (void) curl_easy_setopt(c, CURLOPT_USERAGENT, "orch/" ORCH_VERSION);
        (void) curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(c, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
        (void) curl_easy_setopt(c, CURLOPT_BUFFERSIZE, HTTP_BUFFER_BYTES);
        (void) curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long) (h->connect_usec / 1000));
        (void) curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long) MAX(request->slow_bytes, 1U));
        (void) curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
                                (long) MAX(stall_usec / USEC_PER_SEC, 1ULL));
        (void) curl_easy_setopt(c, CURLOPT_ERRORBUFFER, call->curl_words);
        if (h->proxy || request->unix_socket)
                (void) curl_easy_setopt(c, CURLOPT_PROXY, request->unix_socket ? "" : h->proxy);
        if (request->unix_socket)
                (void) curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
        if (request->ca)
                (void) curl_easy_setopt(c, CURLOPT_CAINFO, request->ca);
        (void) curl_easy_setopt(c, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        (void) curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, request->skips_verify ? 0L : 1L);
        (void) curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, request->skips_verify ? 0L : 2L);
        (void) curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
        (void) curl_easy_setopt(c, CURLOPT_HEADERDATA, call);
        (void) curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
        (void) curl_easy_setopt(c, CURLOPT_WRITEDATA, call);
        (void) curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
        (void) curl_easy_setopt(c, CURLOPT_READDATA, call);
        (void) curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, HTTP_BUFFER_BYTES);
        (void) curl_easy_setopt(c, CURLOPT_PRIVATE, call);
}

int http_start(struct http *h, const struct http_request *request, struct http_call **ret,
               struct err *e) {
        struct http_call *call = calloc(1, sizeof(*call));

        if (!call)
                return err_set(e, -ENOMEM, "out of memory");
        call->h = h;
        call->request = *request;
        list_append(&h->calls, &call->link);
        call->easy = curl_easy_init();
        if (!call->easy || call_add_headers(call, request) < 0) {
                call_free(call);
                return err_set(e, -ENOMEM, "out of memory");
        }
        call_set_options(call, request);
        call_set_body(call->easy, request);
        if (curl_multi_add_handle(h->multi, call->easy) != CURLM_OK) {
                call_free(call);
                return err_set(e, -EIO, "cannot start a transfer");
        }
        *ret = call;
        return 0;
}

void http_call_resume(struct http_call *call) {
        (void) curl_easy_pause(call->easy, CURLPAUSE_CONT);
}

void http_call_cancel(struct http_call *take_call) {
        if (take_call)
                call_free(take_call);
}

/* ---- ending ---- */

bool http_error_is_permanent(int code) {
        return code != -ECONNRESET && code != -ETIMEDOUT && code != -ECONNREFUSED &&
               code != -EHOSTUNREACH;
}

static int call_code(CURLcode c) {
        switch (c) {
        case CURLE_OK:
                return 0;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return -EHOSTUNREACH;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
                return -EKEYREJECTED;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_HTTP2:
                return -EPROTO;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        default:
                return -ECONNRESET;
        }
}

static int call_explain(struct http_call *call, CURLcode c) {
        int code = call_code(c);
        const char *words = call->curl_words[0] ? call->curl_words : curl_easy_strerror(c);

        if (code == -EHOSTUNREACH)
                return err_set(&call->e, code, "no such host (%s)", words);
        if (code == -ECONNREFUSED)
                return err_set(&call->e, code, "connection refused (%s)", words);
        if (code == -EKEYREJECTED)
                return err_set(
                        &call->e, code,
                        "x509: the certificate is not trusted (%s); name its authority as ca "
                        "in the registries file",
                        words);
        if (c == CURLE_SSL_CONNECT_ERROR)
                return err_set(&call->e, code,
                               "TLS failed (%s); a registry without TLS needs plainHTTP in the "
                               "registries file",
                               words);
        if (code == -ETIMEDOUT)
                return err_set(&call->e, code, "timed out (%s)", words);
        return err_set(&call->e, code, "%s", words);
}

static void call_end(struct http_call *call, CURLcode c) {
        void (*on_done)(void *, int, const struct err *) = call->request.on_done;
        void *userdata = call->request.userdata;
        struct err e;
        int code = 0;

        if (c == CURLE_OK)
                code = call_tell_head(call);
        if (call->code < 0)
                code = call->code;
        else if (c != CURLE_OK)
                code = call_explain(call, c);
        e = call->e;
        call_free(call);
        on_done(userdata, code, &e);
}

/* ---- the loop ---- */

int http_watch(struct http *h, int fd, short events, void (*fn)(void *userdata), void *userdata) {
        http_unwatch(h, fd);
        if (array_reserve(&h->watched, &h->cap_watched, h->n_watched, sizeof(*h->watched)) < 0)
                return -ENOMEM;
        h->watched[h->n_watched++] = (struct http_watched){ fd, events, fn, userdata };
        return 0;
}

void http_unwatch(struct http *h, int fd) {
        for (size_t i = 0; i < h->n_watched; i++)
                if (h->watched[i].fd == fd) {
                        h->watched[i] = h->watched[--h->n_watched];
                        return;
                }
}

int http_timer(struct http *h, uint64_t usec, void (*fn)(void *userdata), void *userdata) {
        if (array_reserve(&h->timed, &h->cap_timed, h->n_timed, sizeof(*h->timed)) < 0)
                return -ENOMEM;
        h->timed[h->n_timed++] = (struct http_timed){ clock_now_usec() + usec, fn, userdata };
        return 0;
}

void http_timer_cancel(struct http *h, const void *userdata) {
        for (size_t i = h->n_timed; i-- > 0;)
                if (h->timed[i].userdata == userdata)
                        h->timed[i] = h->timed[--h->n_timed];
}

/* A callback may change the list: begin again after each. */
static void http_fire_timers(struct http *h) {
        uint64_t now = clock_now_usec();

        for (size_t i = 0; i < h->n_timed;) {
                struct http_timed timed = h->timed[i];

                if (timed.due_usec > now) {
                        i++;
                        continue;
                }
                h->timed[i] = h->timed[--h->n_timed];
                timed.fn(timed.userdata);
                i = 0;
        }
}

static int http_wait_ms(const struct http *h) {
        uint64_t now = clock_now_usec(), due = now + USEC_PER_SEC;

        for (size_t i = 0; i < h->n_timed; i++)
                due = MIN(due, h->timed[i].due_usec);
        return due <= now ? 0 : (int) ((due - now + 999) / 1000);
}

static int http_poll(struct http *h) {
        size_t n = h->n_watched;

        while (h->cap_fds < n)
                if (array_reserve(&h->fds, &h->cap_fds, h->cap_fds, sizeof(*h->fds)) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                h->fds[i] = (struct curl_waitfd){
                        .fd = h->watched[i].fd,
                        .events =
                                (short) ((h->watched[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                         (h->watched[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)),
                };
        return curl_multi_poll(h->multi, h->fds, (unsigned) n, http_wait_ms(h), NULL) == CURLM_OK
                       ? 0
                       : -EIO;
}

/* curl_waitfd has no word for hang-ups, so each descriptor is asked itself. */
static void http_fire_watches(struct http *h) {
        struct pollfd fds[64];
        size_t n = MIN(h->n_watched, ARRAY_SIZE(fds));

        for (size_t i = 0; i < n; i++)
                fds[i] = (struct pollfd){ .fd = h->watched[i].fd, .events = h->watched[i].events };
        if (n == 0 || poll(fds, (nfds_t) n, 0) <= 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (fds[i].revents == 0)
                        continue;
                for (size_t j = 0; j < h->n_watched; j++)
                        if (h->watched[j].fd == fds[i].fd) {
                                h->watched[j].fn(h->watched[j].userdata);
                                break;
                        }
        }
}

static void http_end_calls(struct http *h) {
        CURLMsg *msg;
        int left;

        while ((msg = curl_multi_info_read(h->multi, &left))) {
                struct http_call *call = NULL;

                if (msg->msg != CURLMSG_DONE)
                        continue;
                (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **) &call);
                call_end(call, msg->data.result);
        }
}

int http_run(struct http *h, const bool *is_done, struct err *e) {
        while (!*is_done) {
                int running = 0, r = 0;

                if (curl_multi_perform(h->multi, &running) != CURLM_OK)
                        return err_set(e, -EIO, "libcurl failed");
                http_end_calls(h);
                if (!*is_done)
                        r = http_poll(h);
                if (r < 0)
                        return err_errno(e, r, "cannot wait for the network");
                http_fire_watches(h);
                http_fire_timers(h);
        }
        return 0;
}
