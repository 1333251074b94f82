#include "daemon/node/image_probe.h"

#include "base/clock.h"
#include "daemon/image/image.h"

#include <errno.h>

#define HEALTH_SECONDS 30
#define HEALTH_RETRIES 3
#define HEALTH_SECONDS_MAX UINT64_C(86400)

static int64_t seconds_of(uint64_t usec) {
        uint64_t seconds = usec / USEC_PER_SEC + (usec % USEC_PER_SEC > 0);

        return usec == 0 ? HEALTH_SECONDS : (int64_t) MIN(seconds, HEALTH_SECONDS_MAX);
}

int image_probe_new(struct image *image, struct image_probe **ret) {
        const struct image_health *h = &image->health;
        AUTO(image_probe) struct image_probe *p = NULL;

        *ret = NULL;
        if (h->test.n == 0)
                return 0;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->exec.command.items = calloc(h->test.n, sizeof(*p->exec.command.items));
        if (!p->exec.command.items)
                return -ENOMEM;
        for (size_t i = 0; i < h->test.n; i++)
                p->exec.command.items[i] = h->test.items[i];
        p->exec.command.n = h->test.n;
        p->probe = (struct probe){
                .exec = &p->exec,
                .timeout_seconds = seconds_of(h->timeout_usec),
                .period_seconds = seconds_of(h->interval_usec),
                .success_threshold = 1,
                .failure_threshold = h->retries > 0 ? h->retries : HEALTH_RETRIES,
        };
        p->image = image_ref(image);
        *ret = STEAL(p);
        return 0;
}

void image_probe_unref(struct image_probe *p) {
        if (!p)
                return;
        free(p->exec.command.items);
        image_unref(p->image);
        free(p);
}
