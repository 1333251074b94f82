#include "daemon/distribution/remote_push.h"

#include "base/str.h"
#include "daemon/distribution/manifest.h"

#include <string.h>

#define PUSH_ANSWER_MAX (64U << 10)

static int push_ask(struct remote *remote, struct remote_request *request,
                    struct remote_answer *ret, struct err *e) {
        request->max_bytes = PUSH_ANSWER_MAX;
        request->size_bytes = UINT64_MAX;
        return remote_ask(remote, request, ret, e);
}

int remote_has_blob(struct remote *remote, const char *digest, struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        AUTO_FREE char *path = str_format("blobs/%s", digest);
        struct remote_request request = { .method = "HEAD", .path = path };
        int r = path ? push_ask(remote, &request, &answer, e)
                     : err_set(e, -ENOMEM, "out of memory");

        return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* "…?a=b" and "…": one more parameter. The caller's. */
static char *push_location(const char *location, const char *name, const char *value) {
        AUTO_FREE char *escaped = http_escape(value);

        return escaped ? str_format("%s%c%s=%s", location, strchr(location, '?') ? '&' : '?', name,
                                    escaped)
                       : NULL;
}

/* Where the next request of an upload goes. */
static int push_begin(struct remote *remote, char **ret_location, struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        struct remote_request request = { .method = "POST", .path = "blobs/uploads/" };
        int r = push_ask(remote, &request, &answer, e);

        if (r < 0)
                return r;
        if (!answer.location)
                return err_set(e, -EPROTO, "the registry doesn't say where an upload goes");
        *ret_location = STEAL(answer.location);
        return 0;
}

int remote_mount_blob(struct remote *remote, const char *digest, const char *from, struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        AUTO_FREE char *path = str_format("blobs/uploads/?mount=%s&from=%s", digest, from);
        struct remote_request request = { .method = "POST", .path = path };
        int r = path ? push_ask(remote, &request, &answer, e)
                     : err_set(e, -ENOMEM, "out of memory");

        /* 202: it waits for an upload instead, which simply never comes. */
        return r < 0 ? r : answer.status == 201;
}

static int push_finish(struct remote *remote, const char *location, const void *data, size_t len,
                       const char *digest, struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        AUTO_FREE char *path = push_location(location, "digest", digest);
        struct remote_request request = { .method = "PUT",
                                          .path = path,
                                          .content_type = "application/octet-stream",
                                          .body = data,
                                          .body_len = len };

        return path ? push_ask(remote, &request, &answer, e) : err_set(e, -ENOMEM, "out of memory");
}

int remote_put_blob(struct remote *remote, const void *data, size_t len, const char *digest,
                    struct err *e) {
        AUTO_FREE char *location = NULL;
        int r = push_begin(remote, &location, e);

        return r < 0 ? r : push_finish(remote, location, data, len, digest, e);
}

int remote_put_stream(struct remote *remote, const struct remote_stream *stream, struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        AUTO_FREE char *location = NULL;
        struct remote_request request = { .method = "PATCH",
                                          .content_type = "application/octet-stream",
                                          .source_size = -1,
                                          .read = stream->read,
                                          .read_userdata = stream->userdata };
        int r = push_begin(remote, &location, e);

        if (r < 0)
                return r;
        request.path = location;
        r = push_ask(remote, &request, &answer, e);
        if (r < 0)
                return r;
        return push_finish(remote, answer.location ? answer.location : location, NULL, 0,
                           stream->digest(stream->userdata), e);
}

int remote_put_manifest(struct remote *remote, const struct remote_manifest *manifest,
                        struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        AUTO_FREE char *path = str_format("manifests/%s", manifest->reference);
        char digest[DIGEST_TEXT_MAX];
        struct remote_request request = { .method = "PUT",
                                          .path = path,
                                          .content_type = manifest->media_type,
                                          .body = manifest->text,
                                          .body_len = manifest->len };
        int r = path ? digest_of(manifest->text, manifest->len, digest, e)
                     : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = push_ask(remote, &request, &answer, e);
        if (r == 0 && answer.digest && digest_is_valid(answer.digest) &&
            strcmp(answer.digest, digest) != 0)
                r = err_set(e, -EBADMSG, "the registry has stored another manifest (%s)",
                            answer.digest);
        return r;
}
