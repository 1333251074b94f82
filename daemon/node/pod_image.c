#include "base/clock.h"
#include "base/str.h"
#include "daemon/distribution/registries.h"
#include "daemon/image/image.h"
#include "daemon/node/events.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/pull_secrets.h"
#include "daemon/node/puller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How a container comes by its image:
 *
 *   Never         what is here, else ErrImageNeverPull
 *   IfNotPresent  what is here, else a pull
 *   Always        a pull; where no registry can be reached, what is here (docs/adr/0192)
 *
 * While orch-image works the slot has a wish; what came of it is pulled_id until the container
 * starts. */

static void tell(const struct pod_slot *s, enum event_type type, const char *reason,
                 const char *text) {
        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name, type, reason, "%s",
                   text);
}

/* As Go prints durations: "1.234s", "56ms". */
static const char *duration(uint64_t usec, char buf[32]) {
        if (usec < USEC_PER_SEC)
                (void) snprintf(buf, 32, "%llums", (unsigned long long) (usec / USEC_PER_MSEC));
        else
                (void) snprintf(buf, 32, "%.3fs", (double) usec / (double) USEC_PER_SEC);
        return buf;
}

static void take(struct pod_slot *s, struct image *take_image) {
        image_unref(s->image);
        s->image = take_image;
        pod_text_set(&s->image_id, take_image->id);
        s->pod->seen.containers[s->index].image_id = s->image_id;
}

static bool is_never(const struct pod_slot *s) {
        return str_eq(s->spec->image_pull_policy, "Never") || !s->pod->ctx->puller;
}

static void fault_never(struct pod_slot *s) {
        char text[ERR_TEXT_MAX];

        (void) snprintf(text, sizeof(text),
                        "Container image \"%.200s\" is not present with pull policy of Never; load "
                        "it with: orch image load FILE",
                        str_or_empty(s->spec->image));
        tell(s, EVENT_WARNING, "ErrImageNeverPull", text);
        tell(s, EVENT_WARNING, "Failed", "Error: ErrImageNeverPull");
        pod_slot_fault(s, "ErrImageNeverPull", text);
}

static void fault_name(struct pod_slot *s, const char *why) {
        char text[ERR_TEXT_MAX + 256];

        (void) snprintf(text, sizeof(text), "Failed to apply default image tag \"%.200s\": %s",
                        str_or_empty(s->spec->image), why);
        tell(s, EVENT_WARNING, "InspectFailed", text);
        tell(s, EVENT_WARNING, "Failed", "Error: InvalidImageName");
        pod_slot_fault(s, "InvalidImageName", text);
}

/* What is here can't be used; a pull mends it. */
static void tell_damage(struct pod_slot *s, const char *why) {
        char text[ERR_TEXT_MAX + 256];

        (void) snprintf(text, sizeof(text), "Failed to inspect image \"%.200s\": %s",
                        str_or_empty(s->spec->image), why);
        tell(s, EVENT_WARNING, "InspectFailed", text);
}

static void fault_pull(struct pod_slot *s, const char *why) {
        char text[ERR_TEXT_MAX + 256];

        (void) snprintf(text, sizeof(text), "Failed to pull image \"%.200s\": %s",
                        str_or_empty(s->spec->image), why);
        tell(s, EVENT_WARNING, "Failed", text);
        tell(s, EVENT_WARNING, "Failed", "Error: ErrImagePull");
        pod_slot_fault(s, "ErrImagePull", why);
}

/* Nobody has said no: there was nobody to ask. */
static bool is_unreachable(int code) {
        return code == -EHOSTUNREACH || code == -ECONNREFUSED || code == -ETIMEDOUT ||
               code == -ECONNRESET || code == -EDESTADDRREQ;
}

/* Under the name that the pod spells, else under the whole one that a pull gives it. The file is
 * read anew: it is small, and may have changed. */
static int find_present(const struct pod_slot *s, struct image **ret, struct err *e) {
        const struct context *ctx = s->pod->ctx;
        const char *name = str_or_empty(s->spec->image);
        AUTO_DONE(registries) struct registries registries = { 0 };
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        AUTO_FREE char *whole = NULL;
        int r = image_find(ctx->images, name, ret, e);

        if (r != -ENOENT || !ctx->config->registries_file)
                return r;
        if (registries_read(ctx->config->registries_file, true, &registries, NULL) < 0 ||
            registries_name(&registries, name, &ref, NULL) < 0)
                return r;
        whole = image_reference_format(&ref);
        return whole ? image_find(ctx->images, whole, ret, e) : -ENOMEM;
}

static bool take_present(struct pod_slot *s, int code, const char *why) {
        struct image *image = NULL;
        char text[ERR_TEXT_MAX + 256];

        if (find_present(s, &image, NULL) < 0)
                return false;
        pod_text_set(&s->pulled_id, image->id);
        image_unref(image);
        (void) snprintf(
                text, sizeof(text), "Container image \"%.200s\" already present on machine%s%s%s",
                s->spec->image, code == -EDESTADDRREQ ? "" : "; its registry can't be asked (",
                code == -EDESTADDRREQ ? "" : why, code == -EDESTADDRREQ ? "" : ")");
        tell(s, EVENT_NORMAL, "Pulled", text);
        return true;
}

static void on_pulled(void *userdata, int code, const struct pull_result *result, const char *why) {
        struct pod_slot *s = userdata;
        char text[512], took[32], whole[32];

        s->wish = NULL;
        if (code == 0) {
                pod_text_set(&s->pulled_id, result->id);
                (void) snprintf(
                        text, sizeof(text),
                        "Successfully pulled image \"%.200s\" in %s (%s including waiting). "
                        "Image size: %llu bytes.",
                        s->spec->image, duration(result->pull_usec, took),
                        duration(result->total_usec, whole),
                        (unsigned long long) result->size_bytes);
                tell(s, EVENT_NORMAL, "Pulled", text);
                pod_slot_clear_fault(s);
        } else if (is_unreachable(code) && str_eq(s->spec->image_pull_policy, "Always") &&
                   take_present(s, code, why)) {
                pod_slot_clear_fault(s);
        } else {
                fault_pull(s, why);
        }
        node_pod_run(s->pod);
}

static int want(struct pod_slot *s) {
        const struct context *ctx = s->pod->ctx;
        AUTO_FREE char *auth = NULL;
        struct err e = { 0 };
        char text[320];
        int r = pull_secrets_read(ctx->sources, s->pod->spec, &auth, &e);

        if (r == -EAGAIN) {
                pod_slot_fault(s, "ContainerCreating", err_text(&e));
                return r;
        }
        if (r == 1)
                tell(s, EVENT_WARNING, "FailedToRetrieveImagePullSecret", err_text(&e));
        if (r >= 0)
                r = puller_want(ctx->puller, s->spec->image, auth, on_pulled, s, &s->wish, &e);
        if (r < 0) {
                fault_pull(s, err_text(&e));
                return r;
        }
        (void) snprintf(text, sizeof(text), "Pulling image \"%.200s\"", s->spec->image);
        tell(s, EVENT_NORMAL, "Pulling", text);
        return 1;
}

int pod_slot_find_image(struct pod_slot *s) {
        struct image_store *images = s->pod->ctx->images;
        struct image *image = NULL;
        struct err e = { 0 };
        int r;

        if (s->wish)
                return 1;
        if (s->pulled_id && image_find(images, s->pulled_id, &image, NULL) == 0) {
                take(s, image);
                return 0;
        }
        pod_text_set(&s->pulled_id, NULL);
        r = find_present(s, &image, &e);
        if (r == -EINVAL) {
                fault_name(s, err_text(&e));
                return r;
        }
        if (r == 0 && (is_never(s) || !str_eq(s->spec->image_pull_policy, "Always"))) {
                take(s, image);
                return 0;
        }
        image_unref(image);
        if (r < 0 && r != -ENOENT)
                tell_damage(s, err_text(&e));
        if (is_never(s)) {
                fault_never(s);
                return -ENOENT;
        }
        return want(s);
}

void pod_slot_drop_image(struct pod_slot *s) {
        pull_wish_cancel(STEAL(s->wish));
        image_unref(STEAL(s->image));
        pod_text_set(&s->pulled_id, NULL);
}
