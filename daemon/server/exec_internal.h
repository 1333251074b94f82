#pragma once

/* A command in a pod, or an attachment to one: what exec.c shares with its two faces. Nobody else
 * includes this. */

#include "base/list.h"
#include "daemon/server/face.h"
#include "daemon/server/goodbye.h"
#include "daemon/server/upgrade.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exec;
struct raw;
struct timer;
struct tunnel;

/* How a client is spoken to. */
struct exec_face {
        const char *const *protocols; /* that it may offer; NULL-terminated */
        /* The connection is the face's, on failure too. Sets x->client. Returns 0 or -ENOMEM. It
         * calls exec_begin() when the client is ready for output. */
        int (*open)(struct exec *x, struct raw *take_raw, const void *extra, size_t extra_len);
        void (*output)(void *client, bool is_stderr, const void *bytes, size_t len);
        /* The last word: a Status as JSON. */
        void (*finish)(void *client, const char *status, size_t len);
        size_t (*pending)(const void *client); /* bytes that it didn't take yet */
        bool (*is_full)(const void *client);
        void (*pause)(void *client, bool is_paused);
        void (*free)(void *client); /* NULL is allowed */
};

extern const struct exec_face exec_websocket, exec_spdy;

/* What the query asks for. */
struct exec_wants {
        bool has_stdin, has_stdout, has_stderr, has_tty;
};

struct exec {
        struct list link;
        struct server *server;
        struct request *request; /* that waits for the node's word; NULL afterwards */
        const struct exec_face *face;
        enum upgrade_kind kind;
        const char *protocol; /* static */
        void *client;         /* the face's; NULL before the upgrade */
        struct exec_wants wants;
        struct tunnel *tunnel; /* NULL after its end */
        struct timer *timer;   /* until the client is ready */
        struct goodbye goodbye;
        struct strbuf early; /* status of a node that ended before the client was ready */
        bool is_over;
};

/* The client takes output from now on. */
void exec_begin(struct exec *x);
/* The client takes more. */
void exec_drained(struct exec *x);
void exec_stdin(struct exec *x, const void *bytes, size_t len);
void exec_stdin_end(struct exec *x);
void exec_resize(struct exec *x, const void *bytes, size_t len);
/* The client doesn't do its part: it is told so, as far as it listens. */
void exec_fail(struct exec *x, const char *message);
/* The client is gone. Frees x; its face too, though that may be on the stack. */
void exec_gone(struct exec *x);
