#pragma once

#include "daemon/distribution/challenge.h"
#include "daemon/distribution/remote.h"
#include "daemon/distribution/transfer.h"

/* What a place was last shown, and what is left to show it. */
struct remote_place {
        struct registry_endpoint endpoint;
        char *token;       /* a bearer token; NULL: none yet */
        bool shows_basic;  /* the present credential's user and password */
        size_t credential; /* index of the present one; n_credentials: nobody's */
};

struct remote {
        struct remote_options options;
        char *host, *path, *name;
        struct remote_place places[REGISTRIES_ENDPOINTS_MAX];
        size_t n_places;
        size_t first; /* a place that answered: asked first from then on */
        const struct credential *credentials[KEYRING_TRIES_MAX];
        size_t n_credentials;
};

struct remote_call {
        struct remote *r;
        struct remote_request request;
        char *path, *accept, *content_type, *content_range;
        struct transfer transfer;
        size_t place;      /* index */
        char *url;         /* of this attempt */
        bool is_elsewhere; /* url is a redirect's */
        struct http_call *http;
        struct challenge challenge;
        struct transfer_seen seen;
        struct remote_answer answer;
        struct strbuf body, complaint; /* complaint: of answers that are refusals */
        uint64_t skip_bytes;
        bool takes_body; /* of this attempt: it is the wanted one */
        bool has_read;   /* the source was begun */
        bool is_refused; /* by whoever takes the data: nothing else is tried */
        struct strbuf token_answer;
        char *token_form; /* of a refresh: must live while it is sent */
        unsigned token_status;
};

/* Gets a token for the call's place, or chooses the next credential. remote_call_attempt() follows,
 * or remote_call_fail(). (remote_auth.c) */
void remote_authenticate(struct remote_call *call);
/* Whether there is something to show that wasn't refused yet. Pure. */
bool remote_may_authenticate(const struct remote_call *call);
/* The header to show at that place; the caller's, or NULL (nothing to show, or memory is out). */
char *remote_authorization(const struct remote *r, const struct remote_place *place);

void remote_call_attempt(struct remote_call *call);
void remote_call_fail(struct remote_call *call, int code, const struct err *e);
/* This place has said no: the next one, else the call fails. */
void remote_call_refused(struct remote_call *call, int code, const struct err *e);
void remote_trust(const struct remote_call *call, const char *url, struct http_request *request);
