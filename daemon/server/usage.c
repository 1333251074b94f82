#include "daemon/server/usage.h"

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/server/tunnel.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Of a node's answer: some hundred bytes a container. */
#define ANSWER_MAX_BYTES (4U << 20)
/* Nodes that nobody has asked for this long are forgotten. */
#define FORGET_USEC (600 * USEC_PER_SEC)

struct usage_node {
        struct list list;
        struct usage *usage;
        char *name;
        struct tunnel *tunnel; /* NULL: it isn't being asked */
        struct strbuf text;
        json_t *answer;         /* NULL: there was none */
        uint64_t answered_usec; /* 0: never asked */
};

struct usage {
        struct nodes *nodes;
        void (*answered)(void *data);
        void *data;
        struct list list; /* struct usage_node */
};

static void node_free(struct usage_node *n) {
        list_remove(&n->list);
        tunnel_close(n->tunnel);
        strbuf_done(&n->text);
        json_decref(n->answer);
        free(n->name);
        free(n);
}

static void node_answered(struct usage_node *n) {
        json_decref(n->answer);
        n->answer = n->text.has_failed ? NULL
                                       : json_loadb(str_or_empty(n->text.s), n->text.len, 0, NULL);
        n->answered_usec = clock_now_usec();
        strbuf_reset(&n->text);
        n->usage->answered(n->usage->data);
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct usage_node *n = data;

        if (f->channel == STREAM_STDOUT && n->text.len + f->len <= ANSWER_MAX_BYTES)
                strbuf_add_len(&n->text, f->data, f->len);
        else if (f->channel == STREAM_STDOUT)
                n->text.has_failed = true;
}

static void node_ended(void *data, const char *text) {
        struct usage_node *n = data;

        tunnel_close(STEAL(n->tunnel));
        node_answered(n);
}

static struct usage_node *node_find(const struct usage *u, const char *name) {
        LIST_FOREACH(i, &u->list) {
                struct usage_node *n = CONTAINER_OF(i, struct usage_node, list);

                if (str_eq(n->name, name))
                        return n;
        }
        return NULL;
}

static struct usage_node *node_get(struct usage *u, const char *name) {
        struct usage_node *n = node_find(u, name);

        if (n)
                return n;
        n = calloc(1, sizeof(*n));
        if (!n)
                return NULL;
        list_init(&n->list);
        n->usage = u;
        n->name = strdup(name);
        if (!n->name) {
                free(n);
                return NULL;
        }
        list_append(&u->list, &n->list);
        return n;
}

static void nodes_forget(struct usage *u, uint64_t now_usec) {
        LIST_FOREACH(i, &u->list) {
                struct usage_node *n = CONTAINER_OF(i, struct usage_node, list);

                if (!n->tunnel && n->answered_usec > 0 && n->answered_usec + FORGET_USEC < now_usec)
                        node_free(n);
        }
}

/* Returns whether it is asked. */
static bool node_ask(struct usage_node *n) {
        static const struct tunnel_handlers HANDLERS = { .frame = node_frame, .ended = node_ended };
        json_t *what = json_pack("{s:s,s:{}}", "verb", "usage", "query");
        struct err e = { 0 };
        int r;

        r = what ? tunnel_open(n->usage->nodes, &(struct tunnel_ask){ n->name, what }, &HANDLERS, n,
                               &n->tunnel, &e)
                 : -ENOMEM;
        json_decref(what);
        if (r == 0)
                return true;
        n->answered_usec = clock_now_usec();
        json_decref(STEAL(n->answer));
        return false;
}

int usage_new(struct nodes *nodes, void (*answered)(void *data), void *data,
              struct usage **ret_usage) {
        struct usage *u = calloc(1, sizeof(*u));

        if (!u)
                return -ENOMEM;
        *u = (struct usage){ .nodes = nodes, .answered = answered, .data = data };
        list_init(&u->list);
        *ret_usage = u;
        return 0;
}

void usage_unref(struct usage *u) {
        if (!u)
                return;
        LIST_FOREACH(i, &u->list)
                node_free(CONTAINER_OF(i, struct usage_node, list));
        free(u);
}

bool usage_ask(struct usage *u, const char *node, uint64_t since_usec, uint64_t now_usec) {
        struct usage_node *n;

        nodes_forget(u, now_usec);
        n = node_get(u, node);
        if (!n)
                return true; /* without an answer */
        if (n->answered_usec > 0 && n->answered_usec + USAGE_FRESH_USEC >= since_usec)
                return true;
        if (n->tunnel)
                return false;
        return !node_ask(n);
}

const json_t *usage_of(const struct usage *u, const char *node) {
        const struct usage_node *n = node_find(u, node);

        return n ? n->answer : NULL;
}
