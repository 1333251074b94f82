#include "daemon/image/main_post.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/http.h"

#include <errno.h>
#include <string.h>

#define POST_BYTES_MAX (64U << 10)
#define POST_USEC (10 * USEC_PER_SEC)

struct post {
        bool is_done;
        unsigned status;
        int code;
        struct err e;
};

static int on_head(void *userdata, const struct http_head *head, struct err *e) {
        struct post *p = userdata;
        (void) e;

        p->status = head->status;
        return 0;
}

/* However much it says. */
static int on_data(void *userdata, const void *data, size_t len, struct err *e) {
        (void) userdata;
        (void) data;
        (void) len;
        (void) e;
        return 0;
}

static void on_done(void *userdata, int code, const struct err *e) {
        struct post *p = userdata;

        p->is_done = true;
        p->code = code;
        if (code < 0)
                p->e = *e;
}

static void on_time(void *userdata) {
        struct post *p = userdata;

        p->is_done = true;
        p->code = err_set(&p->e, -ETIMEDOUT, "no answer within 10 s");
}

int main_post(const char *url, int fd, struct err *e) {
        static const char *const headers[] = { "Content-Type: application/json" };
        AUTO(http) struct http *http = NULL;
        AUTO_FREE char *body = NULL;
        struct http_call *call;
        struct post p = { 0 };
        size_t len = 0;
        int r;

        if (!str_starts_with(url, "http://") && !str_starts_with(url, "https://"))
                return err_set(e, -EINVAL, "%s is no URL like https://host/path", url);
        r = fd_read_all(fd, POST_BYTES_MAX, &body, &len, e);
        if (r == 0)
                r = http_new(&(struct http_options){ .connect_usec = POST_USEC }, &http, e);
        if (r == 0)
                r = http_timer(http, POST_USEC, on_time, &p);
        if (r == 0)
                r = http_start(http,
                               &(struct http_request){ .method = "POST",
                                                       .url = url,
                                                       .headers = headers,
                                                       .n_headers = ARRAY_SIZE(headers),
                                                       .body = body,
                                                       .body_len = len,
                                                       .on_head = on_head,
                                                       .on_data = on_data,
                                                       .on_done = on_done,
                                                       .userdata = &p },
                               &call, e);
        if (r == 0)
                r = http_run(http, &p.is_done, e);
        if (r < 0)
                return r;
        if (p.code < 0)
                return err_set(e, p.code, "%s", err_text(&p.e));
        return p.status >= 200 && p.status < 300
                       ? 0
                       : err_set(e, -EPROTO, "it answered HTTP %u", p.status);
}
