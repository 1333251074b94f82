/* What this node and its pods use. */
#include "base/str.h"
#include "daemon/node/conn.h"
#include "daemon/node/stream_internal.h"
#include "daemon/node/usage.h"

#include <errno.h>
#include <string.h>

static void usage_told(void *data, const char *json) {
        struct stream *s = data;
        struct err e = { 0 };

        s->state = NULL;
        if (!json) {
                stream_fail(s, err_set(&e, -ENOMEM, "out of memory"), &e);
                return;
        }
        conn_send(s->conn, STREAM_STDOUT, json, strlen(json));
        stream_finish(s);
}

static int usage_start(struct stream *s, struct err *e) {
        struct usage_asker *asker = NULL;
        int r = usage_ask(s->usage, usage_told, s, &asker, e);

        s->state = asker;
        return r;
}

static void usage_free(struct stream *s) {
        usage_leave(s->state);
}

const struct stream_verb stream_usage_verb = { .name = "usage",
                                               .start = usage_start,
                                               .free = usage_free };
