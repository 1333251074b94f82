#include "daemon/distribution/remote_blob.h"

#include "base/str.h"

/* A call with its request's callbacks. */
struct blob_transfer {
        struct remote_call *call;
        struct blob_request request;
};

static int blob_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct blob_transfer *t = userdata;

        return t->request.on_data(t->request.userdata, data, len, e);
}

static void blob_on_done(void *userdata, int code, const struct remote_answer *answer,
                         const struct err *e) {
        struct blob_transfer *t = userdata;
        struct blob_request request = t->request;
        (void) answer;

        free(t);
        request.on_done(request.userdata, code, e);
}

static int blob_start(struct blob_source *source, const struct blob_request *request,
                      struct blob_transfer **ret, struct err *e) {
        struct remote *remote = CONTAINER_OF(source, struct remote_blobs, source)->remote;
        AUTO_FREE char *path = str_format("blobs/%s", request->digest);
        AUTO_FREE struct blob_transfer *t = calloc(1, sizeof(*t));
        int r;

        if (!t || !path)
                return err_set(e, -ENOMEM, "out of memory");
        t->request = *request;
        r = remote_start(remote,
                         &(struct remote_request){ .method = "GET",
                                                   .path = path,
                                                   .max_bytes = request->size_bytes,
                                                   .size_bytes = request->size_bytes,
                                                   .skips_mirrors = request->is_second,
                                                   .on_data = blob_on_data,
                                                   .on_done = blob_on_done,
                                                   .userdata = t },
                         &t->call, e);
        if (r < 0)
                return r;
        *ret = STEAL(t);
        return 0;
}

static void blob_resume(struct blob_transfer *t) {
        remote_call_resume(t->call);
}

static void blob_cancel(struct blob_transfer *take_t) {
        remote_call_cancel(take_t->call);
        free(take_t);
}

void remote_blobs_init(struct remote_blobs *blobs, struct remote *remote) {
        static const struct blob_source_ops ops = { .start = blob_start,
                                                    .resume = blob_resume,
                                                    .cancel = blob_cancel };

        *blobs = (struct remote_blobs){ .source = { .ops = &ops }, .remote = remote };
}
