/* The whole API over a registry in memory. Input:
 * "METHOD PATH[?QUERY]\nCONTENT-TYPE[\tACCEPT[\tUSER-AGENT[\tIF-NONE-MATCH]]]\nBODY";
 * several requests are parted by a line of "--". */
#include "daemon/registry/rest.h"

#include "api/client/timer.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/body.h"
#include "daemon/registry/registry.h"
#include "daemon/registry/user.h"
#include "daemon/registry/watch.h"
#include "daemon/store/store.h"
#include "daemon/store/store_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Timers that fire only when they are due at once. */
struct timer {
        void (*fn)(void *data);
        void *data;
        uint64_t due_usec;
};

struct clock {
        struct timers timers;
        struct timer *pending[256];
        size_t n;
};

static uint64_t now_usec(struct timers *t) {
        return 1;
}

static int add(struct timers *t, uint64_t due_usec, void (*fn)(void *data), void *data,
               struct timer **ret_timer) {
        struct clock *c = CONTAINER_OF(t, struct clock, timers);
        struct timer *one = calloc(1, sizeof(*one));

        if (!one || c->n == ARRAY_SIZE(c->pending)) {
                free(one);
                return -ENOMEM;
        }
        *one = (struct timer){ .fn = fn, .data = data, .due_usec = due_usec };
        c->pending[c->n++] = one;
        *ret_timer = one;
        return 0;
}

static void cancel(struct timers *t, struct timer *timer) {
        struct clock *c = CONTAINER_OF(t, struct clock, timers);

        for (size_t i = 0; timer && i < c->n; i++) {
                if (c->pending[i] != timer)
                        continue;
                c->pending[i] = c->pending[--c->n];
                free(timer);
                return;
        }
}

static bool fire(struct clock *c) {
        for (size_t i = 0; i < c->n; i++) {
                struct timer one = *c->pending[i];

                if (one.due_usec > 1)
                        continue;
                cancel(&c->timers, c->pending[i]);
                one.fn(one.data);
                return true;
        }
        return false;
}

static void settle(struct clock *c, struct store *s) {
        while (store_memory_step(s, SIZE_MAX) > 0 || fire(c))
                ;
}

struct answers {
        unsigned n;
        struct watch *watches[REQUESTS_MAX];
        size_t n_watches;
};

static void respond(void *data, struct rest_response *take_response) {
        struct answers *a = data;
        AUTO_FREE char *text = take_response->body ? body_flatten(take_response->body, NULL) : NULL;

        if (!text || take_response->status < 200)
                abort();
        a->n++;
        rest_response_done(take_response);
}

static void stream(void *data, struct watch *take_watch) {
        struct answers *a = data;

        a->n++;
        a->watches[a->n_watches++] = take_watch;
}

static void ready(void *data, int result, const char *text) {
        if (result < 0)
                abort();
}

static char *line_take(char **at) {
        char *line = *at, *end = line ? strchr(line, '\n') : NULL;

        *at = end ? end + 1 : NULL;
        if (end)
                *end = '\0';
        return line;
}

/* The next of several parts of a line, with tabs between; NULL where there is none. */
static char *part_take(char **at) {
        char *part = *at, *end = part ? strchr(part, '\t') : NULL;

        *at = end ? end + 1 : NULL;
        if (end)
                *end = '\0';
        return part;
}

static void ask(struct registry *r, char *text, struct answers *a) {
        static const struct rest_sink SINK = { .respond = respond, .stream = stream };
        static const struct user USER = USER_MASTER("fuzz");
        static const char *const GROUPS[] = { USER_GROUP_NODES };
        static const struct user NODE = { .name = "system:node:n",
                                          .groups = GROUPS,
                                          .n_groups = 1 };
        struct rest_response refusal;
        struct rest_request q = { .user = &USER };
        char *at = text, *first = line_take(&at), *path = strchr(first, ' '), *query, *headers;

        if (!path)
                return;
        *path++ = '\0';
        query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        q.method = first;
        q.path = path;
        q.query = query;
        headers = line_take(&at);
        q.content_type = part_take(&headers);
        q.accept = part_take(&headers);
        q.user_agent = part_take(&headers);
        q.if_none_match = part_take(&headers);
        q.body = at;
        q.body_len = at ? strlen(at) : 0;
        rest_handle(r, &q, &SINK, a);
        q.user = &NODE;
        if (!authorize_request(r, &q, &refusal))
                rest_response_done(&refusal);
}

static void ask_all(struct registry *r, struct clock *c, struct store *s, char *text) {
        struct answers a = { 0 };
        unsigned n = 0;

        while (text && n++ < REQUESTS_MAX) {
                char *next = strstr(text, "\n--\n");

                if (next)
                        *next = '\0';
                ask(r, text, &a);
                settle(c, s);
                text = next ? next + strlen("\n--\n") : NULL;
        }
        for (size_t i = 0; i < a.n_watches; i++) {
                struct watch_event e;

                for (unsigned j = 0; j < 64 && watch_next(a.watches[i], &e) == WATCH_EVENT; j++)
                        ;
                watch_unref(a.watches[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const struct timers_vtable VTABLE = { .now_usec = now_usec,
                                                     .add = add,
                                                     .cancel = cancel };
        struct clock c = { .timers.vtable = &VTABLE };
        struct registry_options options = { .timers = &c.timers };
        struct registry *r = NULL;
        struct store *s = NULL;
        char *text;

        log_set_level(LOG_LEVEL_ERROR);
        if (size > 65536 || store_open_memory(NULL, NULL, &s, NULL) < 0)
                return 0;
        options.store = s;
        text = strndup((const char *) data, size);
        if (!text || registry_new(&options, ready, NULL, &r, NULL) < 0)
                abort();
        settle(&c, s);
        ask_all(r, &c, s, text);
        free(text);
        registry_unref(r);
        store_unref(s);
        if (c.n > 0)
                abort();
        return 0;
}
