#pragma once

#include "base/list.h"
#include "base/str.h"
#include "daemon/plan/fair.h"
#include "daemon/registry/rest_message.h"
#include "daemon/server/wire.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the server's own files share. */
struct nodes;
struct audit;
struct tls;
struct tls_credentials;
struct usage;
struct user;
typedef struct sd_event_source sd_event_source;

enum face_kind {
        FACE_UNIX,     /* peer credentials decide */
        FACE_TLS,      /* certificates and tokens decide */
        FACE_LOOPBACK, /* whoever comes is the administrator; asked for only */
};

/* One listening socket: a libmicrohttpd daemon whose epoll descriptor lives on the loop. */
struct face {
        struct server *server;
        struct MHD_Daemon *daemon;
        sd_event_source *io, *timer, *kick;
        enum face_kind kind;
};

/* Connections without a whole request: those without TLS yet, those that never had a request, and
 * those between two. */
enum idle_kind { IDLE_GREETING, IDLE_NEW, IDLE_KEPT, IDLE_KINDS };

struct idle {
        struct list list; /* longest first */
        unsigned n;
};

struct server {
        sd_event *event;
        struct registry *registry;
        struct timers *timers;
        struct nodes *nodes;
        struct wire_host host; /* of upgraded connections */
        gid_t admin_gid;
        unsigned idle_timeout_s;
        struct tls *tls;     /* owned; NULL: none */
        struct audit *audit; /* borrowed; NULL: none */
        struct face faces[3];
        unsigned n_faces;
        struct idle idle[IDLE_KINDS];
        unsigned n_connections, most_connections; /* most: since memory was given back */
        sd_event_source *trim;
        struct list suspended; /* requests that libmicrohttpd leaves alone */
        sd_event_source *sweep;
        struct list execs;    /* commands running in pods */
        struct list forwards; /* connections that forward ports */
        struct list ready;    /* watches that have something to tell in the next round */
        sd_event_source *round;
        uint64_t round_usec;  /* not before then */
        struct list measures; /* requests that wait for what nodes use */
        struct usage *usage;  /* owned; NULL: nobody has asked yet */
        struct fair fair;
        size_t bodies_bytes;   /* of the requests that are being received, or wait */
        sd_event_source *pump; /* of requests that wait for their share */
        bool is_stopping;
};

/* A client's connection. Without a whole request it is in the server's idle list: whoever drips
 * bytes is closed as one who is silent. */
struct connection {
        struct list link;
        struct face *face;
        int fd;
        uint64_t since_usec;
        bool is_idle, has_asked;
        enum idle_kind idle_kind;
        bool is_allowed;
        pid_t pid; /* of a unix socket's peer */
        /* Of a TLS connection; authn.c. */
        void *session;                       /* gnutls_session_t; weak */
        struct tls_credentials *credentials; /* owned */
        struct user *client;                 /* owned; whom the client's certificate proves */
        uint64_t client_end_usec;            /* until when, wall clock */
        bool has_seen_client;
};

struct route;

/* A request from its first line to its last byte. */
struct request {
        struct face *face;
        struct connection *connection;
        struct MHD_Connection *mhd;
        char *path, *query;       /* owned; still encoded. query NULL: none */
        char *method;             /* owned, once the headers are there */
        const struct user *user;  /* as whom: there before a route or the registry sees it */
        const struct user *asker; /* who really asks; differs from user when impersonating */
        uint64_t begin_usec;      /* wall clock; for the audit log */
        char *user_agent;         /* owned; likewise. NULL: none, or no log */
        struct user *token_user, *impersonated; /* owned; what both may point to */
        struct strbuf body;
        struct rest_response response;
        bool has_started;
        bool is_waiting;   /* the registry holds it as its sink's data */
        bool is_answered;  /* response or watch are there */
        bool is_suspended; /* libmicrohttpd leaves it alone */
        bool is_gone;      /* the client is, and libmicrohttpd knows */
        bool is_raw;       /* its connection speaks another protocol by now */
        bool is_too_large;
        bool is_too_much; /* for all bodies together */
        struct list suspended_link;
        struct fair_place place;
        bool is_admitted;          /* has waited for its share, and may run */
        const struct route *route; /* NULL: the registry's */
        void *route_data;
        enum MHD_Result (*queue)(struct request *r); /* instead of response; NULL: none */
        struct watch *watch;
        sd_event_source *hangup; /* tells when the reader of a watch leaves */
};

/* Lets libmicrohttpd look at what was resumed, once this turn of the loop is over. */
void face_kick(struct face *f);

/* Holds a request until request_resume(). */
void request_suspend(struct request *r);
void request_resume(struct request *r);

/* Runs a request that is suspended because it waited for its share. */
void request_run_suspended(struct request *r);

/* A header of the request, borrowed, or NULL. */
const char *request_header(const struct request *r, const char *name);

/* Moves a connection in and out of the list of those without a request. */
void connection_set_idle(struct connection *c, bool is_idle);

/* http.c: what libmicrohttpd calls. */
enum MHD_Result http_access(void *data, struct MHD_Connection *mhd, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_len, void **state);
void http_completed(void *data, struct MHD_Connection *mhd, void **state,
                    enum MHD_RequestTerminationCode code);
void *http_uri(void *data, const char *uri, struct MHD_Connection *mhd);

/* watch_stream.c: the rounds in which watches are woken. 0 or -ENOMEM. */
int watch_streams_init(struct server *server);
void watch_streams_stop(struct server *server);

/* A 200 whose body is the request's watch. Returns whether it was queued. */
enum MHD_Result watch_stream_queue(struct request *r);
