#include "daemon/distribution/remote_manifest.h"

#include "base/str.h"

#include <string.h>

void remote_image_done(struct remote_image *image) {
        manifest_done(&image->manifest);
        free(image->manifest_text);
        free(image->config_text);
        manifest_config_done(&image->config);
        *image = (struct remote_image){ 0 };
}

/* Who is asked: one of the two. */
struct origin {
        struct remote *remote;
        struct peer *peer;
};

/* What to ask for. */
struct document {
        const char *folder, *name; /* "manifests", "1.2" */
        const char *accept;        /* NULL: anything */
        uint64_t size_bytes;       /* UINT64_MAX: not known */
};

static int document_ask(const struct origin *from, const struct document *d,
                        struct remote_answer *ret, struct err *e) {
        AUTO_FREE char *path = str_format("%s/%s", d->folder, d->name);
        uint64_t max_bytes = d->size_bytes == UINT64_MAX ? MANIFEST_BYTES_MAX : d->size_bytes;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        if (from->peer)
                return peer_get_blob(from->peer, d->name, max_bytes, &ret->body, &ret->body_len, e);
        return remote_ask(from->remote,
                          &(struct remote_request){ .method = "GET",
                                                    .path = path,
                                                    .accept = d->accept,
                                                    .max_bytes = max_bytes,
                                                    .size_bytes = d->size_bytes },
                          ret, e);
}

/* One document by digest or tag, its digest taken and, where one is known, compared. */
static int document_get(const struct origin *from, const struct document *d,
                        struct remote_answer *ret, char ret_digest[DIGEST_TEXT_MAX],
                        struct err *e) {
        const char *wanted;
        int r = document_ask(from, d, ret, e);

        if (r < 0)
                return r;
        r = digest_of(str_or_empty(ret->body), ret->body_len, ret_digest, e);
        if (r < 0)
                return r;
        wanted = digest_is_valid(d->name) ? d->name : ret->digest;
        if (wanted && digest_is_valid(wanted) && strcmp(wanted, ret_digest) != 0)
                return err_set(e, -EBADMSG,
                               "checksum differs: the registry sends %s, whose digest is %s",
                               wanted, ret_digest);
        return 0;
}

/* From an index to the manifest of the platform. answer: the index; replaced. */
static int image_choose(const struct origin *from, const json_t *index, const struct platform *want,
                        struct remote_answer *answer, struct remote_image *image, struct err *e) {
        AUTO_DONE(descriptor) struct descriptor chosen = { 0 };
        int r = manifest_choose(index, want, &chosen, e);

        if (r < 0)
                return r;
        remote_answer_done(answer);
        return document_get(from,
                            &(struct document){ "manifests", chosen.digest, MANIFEST_ACCEPT,
                                                chosen.size_bytes },
                            answer, image->manifest_digest, e);
}

static int image_get_manifest(const struct origin *from, const char *name,
                              const struct platform *want, struct remote_image *image,
                              struct err *e) {
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        enum manifest_kind kind;
        json_t *root = NULL;
        int r = document_get(from,
                             &(struct document){ "manifests", name, MANIFEST_ACCEPT, UINT64_MAX },
                             &answer, image->digest, e);

        memcpy(image->manifest_digest, image->digest, sizeof(image->digest));
        if (r == 0)
                r = manifest_classify(answer.body, answer.body_len, answer.content_type, &kind,
                                      &root, e);
        if (r == 0 && kind == MANIFEST_INDEX) {
                r = image_choose(from, root, want, &answer, image, e);
                json_decref(STEAL(root));
                if (r == 0)
                        r = manifest_classify(answer.body, answer.body_len, answer.content_type,
                                              &kind, &root, e);
                if (r == 0 && kind == MANIFEST_INDEX)
                        r = err_set(e, -EBADMSG, "an index inside of an index");
        }
        if (r == 0)
                r = manifest_read(root, &image->manifest, e);
        json_decref(root);
        if (r < 0)
                return r;
        image->manifest_len = answer.body_len;
        image->manifest_text = STEAL(answer.body);
        return 0;
}

static int image_get(const struct origin *from, const char *name, const struct platform *want,
                     bool is_strict, struct remote_image *ret, struct err *e) {
        AUTO_DONE(remote_image) struct remote_image image = { 0 };
        AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };
        char digest[DIGEST_TEXT_MAX];
        int r = image_get_manifest(from, name, want, &image, e);

        if (r == 0)
                r = document_get(from,
                                 &(struct document){ "blobs", image.manifest.config.digest, NULL,
                                                     image.manifest.config.size_bytes },
                                 &answer, digest, e);
        if (r == 0)
                r = manifest_read_config(answer.body, answer.body_len, image.manifest.n_layers,
                                         is_strict ? want : NULL, &image.config, e);
        if (r < 0)
                return r;
        image.config_text = STEAL(answer.body);
        image.config_len = answer.body_len;
        *ret = image;
        image = (struct remote_image){ 0 };
        return 0;
}

int remote_image_get(struct remote *remote, const struct image_reference *ref,
                     const struct platform *want, bool is_strict, struct remote_image *ret,
                     struct err *e) {
        return image_get(&(struct origin){ .remote = remote }, ref->digest ? ref->digest : ref->tag,
                         want, is_strict, ret, e);
}

int peer_image_get(struct peer *peer, const char *digest, const struct platform *want,
                   struct remote_image *ret, struct err *e) {
        return image_get(&(struct origin){ .peer = peer }, digest, want, true, ret, e);
}
