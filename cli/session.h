#pragma once

#include "api/client/client.h"
#include "base/err.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct sd_event sd_event;

/* Options of every command. */
struct global_args {
        const char *namespace_;
        const char *socket;
        const char *server;
        const char *kubeconfig, *context; /* kubectl's configuration */
        const char *token, *authority, *client_certificate, *client_key, *tls_server_name;
        bool is_insecure; /* the server may be anybody */
        struct option_number request_timeout;
        bool is_verbose;
        bool wants_help;
};

/* One run of the program: where the server is, how to print, how it ends. */
struct session {
        struct global_args global;
        const char *namespace_; /* never NULL */
        bool has_namespace;     /* it was given */
        sd_event *loop;         /* made with the first call */
        struct client *client;
        struct connection *connection; /* owned; where the server is */
        bool is_url;                   /* the server is known by an URL, not a socket */
        bool out_is_terminal, err_is_terminal, has_colour;
        unsigned columns;            /* of the terminal, 0: unknown */
        enum exit_code exit_code;    /* of the failure that is being returned; EXIT_OK: not said */
        enum client_reason reason;   /* of the last answer */
        struct discovery *discovery; /* owned; NULL: nothing was asked yet */
        char *told;                  /* warnings of manifests, a line each: not told again */
};

void session_init(struct session *s);
void session_done(struct session *s);

struct diag;

/* Remembers a warning that was printed with its place, so that the server's copy isn't printed. */
void session_note_warning(struct session *s, const struct diag *d);

/* Says that the command line is wrong. Returns -EINVAL. */
int session_usage(struct session *s, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Makes loop and client. Returns 0, -EINVAL or -ENOMEM. Calls below do it themselves. */
int session_connect(struct session *s, struct err *e);

/* A whole answer. */
struct reply {
        unsigned status;
        char *body; /* owned */
        size_t body_len;
        json_t *json; /* owned; NULL where the body isn't JSON */
        int fd;       /* after an upgrade, else -1 */
};

void reply_done(struct reply *r);
DEFINE_AUTO_DONE(reply);

/* Sends a request and waits for the answer; prints its warnings. An answer of 400 and more is an
 * error whose text begins as kubectl's do; session->reason says which.
 *
 * ret_reply may be NULL. Returns 0 or a negative errno (client_answer_check()'s). */
int session_call(struct session *s, const struct client_request *r, struct reply *ret_reply,
                 struct err *e);

/* The same for JSON in and out. take_path: freed; NULL counts as -ENOMEM. body and ret_json may be
 * NULL. */
int session_get(struct session *s, char *take_path, json_t **ret_json, struct err *e);
int session_post(struct session *s, char *take_path, const json_t *body, json_t **ret_json,
                 struct err *e);
int session_patch(struct session *s, char *take_path, const char *content_type, const json_t *body,
                  json_t **ret_json, struct err *e);
int session_delete(struct session *s, char *take_path, const json_t *body, json_t **ret_json,
                   struct err *e);

/* What a stream's handlers return. */
enum stream_verdict { STREAM_GO_ON, STREAM_STOP };

struct stream_handlers {
        /* A line of a watch, NUL-terminated; NULL: raw mode. */
        enum stream_verdict (*on_line)(void *data, const char *line, size_t len);
        /* A piece of a raw stream; NULL: line mode. */
        enum stream_verdict (*on_data)(void *data, const void *piece, size_t len);
        /* Called about every tick_usec while nothing else happens; NULL: never. */
        void (*on_tick)(void *data);
};

/* Runs a watch or a log stream until it ends or a handler stops it.
 *
 * due_usec  clock_now_usec() at which -ETIMEDOUT is returned; USEC_NEVER: never.
 * Returns 1 when a handler stopped it, 0 when the server ended it, or a negative errno. */
int session_stream(struct session *s, const char *path, const struct stream_handlers *h, void *data,
                   uint64_t due_usec, struct err *e);

/* The same with any request. */
int session_stream_call(struct session *s, const struct client_request *request,
                        const struct stream_handlers *h, void *data, uint64_t due_usec,
                        struct err *e);

/* The path of a kind's collection or object in the session's namespace or the one given. */
struct kind;
char *session_path(const struct session *s, const struct kind *k, const char *namespace_,
                   const char *name, const char *subresource);
