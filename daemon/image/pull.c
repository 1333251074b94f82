#include "daemon/image/pull.h"

#include "base/str.h"
#include "daemon/distribution/peer.h"
#include "daemon/distribution/remote_blob.h"
#include "daemon/distribution/remote_manifest.h"
#include "daemon/image/layer.h"
#include "daemon/image/pull_layers.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <signal.h>
#include <string.h>

struct pull {
        struct image_store *store;
        const struct image_pull_options *options;
        struct http *http;
        struct remote *remote;
        struct image_reference ref;
        struct remote_image image;
        struct image_words diff_ids;
        struct pull_wanted wanted[MANIFEST_LAYERS_MAX];
        struct layer *layers[MANIFEST_LAYERS_MAX];
        size_t n_wanted, n_from_peers;
        struct peer peers[PULL_PEERS_MAX];
        size_t n_peers;
        uint64_t fetched_bytes;
};

static void pull_done(struct pull *p) {
        for (size_t i = 0; i < p->n_wanted; i++)
                layer_unref(p->layers[i]);
        image_words_done(&p->diff_ids);
        remote_image_done(&p->image);
        remote_unref(p->remote);
        http_unref(p->http);
        image_reference_done(&p->ref);
}
DEFINE_AUTO_DONE(pull);

static void pull_say_exists(const struct pull *p, size_t i) {
        const struct descriptor *layer = &p->image.manifest.layers[i];

        if (p->options->on_news)
                p->options->on_news(p->options->userdata,
                                    &(struct pull_news){ .layer = i,
                                                         .n_layers = p->image.manifest.n_layers,
                                                         .digest = layer->digest,
                                                         .state = PULL_EXISTS,
                                                         .bytes = layer->size_bytes,
                                                         .size_bytes = layer->size_bytes });
}

static bool pull_wants(const struct pull *p, const char *diff_id) {
        for (size_t i = 0; i < p->n_wanted; i++)
                if (strcmp(p->wanted[i].diff_id, diff_id) == 0)
                        return true;
        return false;
}

/* Of each layer that isn't here, one. */
static int pull_choose_layers(struct pull *p, struct err *e) {
        for (size_t i = 0; i < p->image.manifest.n_layers; i++) {
                const struct descriptor *layer = &p->image.manifest.layers[i];
                const char *diff_id = p->image.config.diff_ids[i];

                if (image_words_add(&p->diff_ids, diff_id) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
                if (image_store_has_layer(p->store, diff_id) || pull_wants(p, diff_id)) {
                        pull_say_exists(p, i);
                        continue;
                }
                p->wanted[p->n_wanted++] =
                        (struct pull_wanted){ i, layer->digest, diff_id, layer->size_bytes };
                p->fetched_bytes += layer->size_bytes;
        }
        return 0;
}

/* The network's failures pass: what is whole needn't come again then. */
static bool pull_may_go_on(int code) {
        return code == -ECONNRESET || code == -ETIMEDOUT || code == -ECONNREFUSED ||
               code == -EHOSTUNREACH || code == -EBUSY || code == -EIO;
}

static int pull_fetch_layers(struct pull *p, struct err *e) {
        unsigned parallel = p->options->parallel ? p->options->parallel : PULL_PARALLEL_DEFAULT;
        struct layer *whole[MANIFEST_LAYERS_MAX];
        struct blob_source *peers[PULL_PEERS_MAX];
        struct remote_blobs blobs;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < p->n_peers; i++)
                peers[i] = &p->peers[i].source;
        remote_blobs_init(&blobs, p->remote);
        r = pull_layers_run(
                &(struct pull_layers_options){ .store = p->store,
                                               .http = p->http,
                                               .source = &blobs.source,
                                               .peers = peers,
                                               .n_peers = p->n_peers,
                                               .ret_from_peers = &p->n_from_peers,
                                               .parallel = MIN(parallel, PULL_PARALLEL_MAX),
                                               .n_layers = p->image.manifest.n_layers,
                                               .on_news = p->options->on_news,
                                               .userdata = p->options->userdata },
                p->wanted, p->n_wanted, p->layers, e);
        for (size_t i = 0; i < p->n_wanted; i++)
                if (p->layers[i])
                        whole[n++] = p->layers[i];
        if (r < 0) {
                if (pull_may_go_on(r))
                        (void) layers_commit(p->store, whole, n, NULL);
                return r;
        }
        return layers_commit(p->store, whole, n, e);
}

/* "host/name@sha256:…" of the manifest that the name means, and of the image's own. */
static int pull_digests(const struct pull *p, struct image_words *ret) {
        const char *const digests[] = { p->image.digest, p->image.manifest_digest };

        for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
                AUTO_FREE char *text = str_format("%s@%s", remote_name(p->remote), digests[i]);

                if (!text)
                        return -ENOMEM;
                if (!image_words_has(ret, text) && image_words_add(ret, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int pull_publish(struct pull *p, json_t **ret, struct err *e) {
        AUTO_DONE(image_words) struct image_words names = { 0 }, digests = { 0 };
        AUTO_FREE char *name = image_reference_format(&p->ref);
        uint64_t size_bytes = 0;
        int r;

        if (!name || image_words_add(&names, name) < 0 || pull_digests(p, &digests) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        r = image_store_take(p->store,
                             &(struct image_intake){
                                     .id = p->image.manifest.config.digest,
                                     .config_text = p->image.config_text,
                                     .config_len = p->image.config_len,
                                     .manifest_digest = p->image.manifest_digest,
                                     .manifest_text = p->image.manifest_text,
                                     .manifest_len = p->image.manifest_len,
                                     .diff_ids = &p->diff_ids,
                                     .names = &names,
                                     .digests = &digests,
                             },
                             &size_bytes, e);
        if (r < 0)
                return r;
        *ret = json_pack("{s:s, s:s, s:[s], s:s, s:I, s:I, s:I, s:I, s:I}", "id",
                         p->image.manifest.config.digest, "name", name, "names", name, "digest",
                         p->image.digest, "sizeBytes", (json_int_t) size_bytes, "layers",
                         (json_int_t) p->diff_ids.n, "fetched", (json_int_t) p->n_wanted,
                         "fromPeers", (json_int_t) p->n_from_peers, "fetchedBytes",
                         (json_int_t) p->fetched_bytes);
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int pull_open(struct pull *p, struct err *e) {
        const struct image_pull_options *o = p->options;
        int r = registries_name(o->registries, o->reference, &p->ref, e);

        if (r == 0)
                r = http_new(
                        &(struct http_options){ .proxy = o->proxy, .stall_usec = o->stall_usec },
                        &p->http, e);
        if (r == 0)
                r = remote_new(&(struct remote_options){ .http = p->http,
                                                         .registries = o->registries,
                                                         .keyring = o->keyring },
                               &p->ref, &p->remote, e);
        for (; r == 0 && p->n_peers < MIN(o->n_peers, (size_t) PULL_PEERS_MAX); p->n_peers++)
                peer_init(&p->peers[p->n_peers], p->http, o->peers[p->n_peers]);
        return r;
}

/* A digest says all: whoever has what it names may give it. What a tag means, only its registry
 * says. */
static int pull_get_image(struct pull *p, const struct platform *want, struct err *e) {
        for (size_t i = 0; p->ref.digest && i < p->n_peers; i++)
                if (peer_image_get(&p->peers[i], p->ref.digest, want, &p->image, NULL) == 0)
                        return 0;
        return remote_image_get(p->remote, &p->ref, want, true, &p->image, e);
}

static int pull_run(struct pull *p, json_t **ret, struct err *e) {
        AUTO_CLOSE int writer_fd = -1;
        struct platform want;
        int r = pull_open(p, e);

        if (p->options->platform)
                want = *p->options->platform;
        else
                platform_own(&want);
        if (r == 0)
                r = pull_get_image(p, &want, e);
        if (r == 0)
                r = image_store_enter(p->store, &writer_fd, e);
        if (r == 0)
                r = pull_choose_layers(p, e);
        if (r == 0)
                r = pull_fetch_layers(p, e);
        if (r == -ENOSPC)
                return err_wrap(e, r, "free some space under %s", image_store_dir(p->store));
        return r < 0 ? r : pull_publish(p, ret, e);
}

int image_pull(struct image_store *store, const struct image_pull_options *options, json_t **ret,
               struct err *e) {
        AUTO_DONE(pull) struct pull p = { .store = store, .options = options };
        int r;

        /* An unpacker that gives up is seen as -EPIPE. */
        (void) signal(SIGPIPE, SIG_IGN);
        r = pull_run(&p, ret, e);
        return r < 0 ? err_wrap(e, r, "cannot pull %.128s", options->reference) : 0;
}
