#include "daemon/server/authn.h"

#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/client.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/token.h"
#include "daemon/registry/user.h"
#include "daemon/server/face.h"
#include "daemon/server/impersonate.h"
#include "daemon/server/tls.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Root, the server's own user and the members of the socket's group; anybody on a port that was
 * asked for without TLS. */
static const struct user ADMIN = USER_MASTER("system:admin");

static const char *const NOBODYS_GROUPS[] = { USER_GROUP_UNAUTHENTICATED };
static const struct user NOBODY = {
        .name = USER_NAME_ANONYMOUS,
        .groups = NOBODYS_GROUPS,
        .n_groups = ARRAY_SIZE(NOBODYS_GROUPS),
};

static bool refuse(struct request *r, const char *what, const char *why) {
        AUTO_FREE char *message =
                str_format("Unauthorized%s%s%s%s", what ? ": " : "", str_or_empty(what),
                           why ? ": " : "", str_or_empty(why));

        rest_status(&r->response, 401, "Unauthorized", message ? message : "Unauthorized");
        return false;
}

static bool refuse_memory(struct request *r) {
        rest_status(&r->response, 500, "InternalError", "memory is out");
        return false;
}

/* ---- client certificates ---- */

void connection_forget_client(struct connection *c) {
        user_unref(c->client);
        tls_credentials_unref(c->credentials);
        c->client = NULL;
        c->credentials = NULL;
}

static struct user *user_of(const struct pki_client *client) {
        const char *groups[64 + 1];
        struct user u = { .name = client->name, .groups = groups };

        for (size_t i = 0; i < client->n_groups && u.n_groups < ARRAY_SIZE(groups) - 1; i++)
                groups[u.n_groups++] = client->groups[i];
        if (!user_has_group(&u, USER_GROUP_AUTHENTICATED))
                groups[u.n_groups++] = USER_GROUP_AUTHENTICATED;
        return user_copy(&u);
}

/* Once for a connection; its end is looked at with each request. */
static int client_read(struct request *r, struct err *e) {
        struct connection *c = r->connection;
        AUTO_DONE(pki_client) struct pki_client client = { 0 };
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        int result =
                info ? tls_client(r->face->server->tls, info->tls_session, &client, e) : -ENOENT;

        c->has_seen_client = result == 0 || result == -ENOENT;
        if (result < 0)
                return result == -ENOENT ? 0 : result;
        c->client_end_usec = client.end_usec;
        c->client = user_of(&client);
        return c->client ? 0 : -ENOMEM;
}

/* False: answered. r->asker stays NULL where there is no certificate. */
static bool certificate_check(struct request *r) {
        struct connection *c = r->connection;
        struct err e = { 0 };
        int result = c->has_seen_client ? 0 : client_read(r, &e);

        if (result == -ENOMEM)
                return refuse_memory(r);
        if (result < 0)
                return refuse(r, "the client certificate is not accepted", err_text(&e));
        if (c->client && c->client_end_usec <= clock_wall_usec())
                return refuse(r, "the client certificate is not accepted", "it has expired");
        r->asker = c->client;
        return true;
}

/* ---- bearer tokens ---- */

/* False: answered. */
static bool token_take(struct request *r, const char *header) {
        static const char SCHEME[] = "Bearer ";
        const char *token = header + strlen(SCHEME);
        struct err e = { 0 };
        int result;

        if (strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
                return refuse(r, "only bearer tokens and client certificates are known here", NULL);
        token += strspn(token, " ");
        result = token_check(r->face->server->registry, token, NULL, &r->token_user, NULL, &e);
        if (result == -ENOMEM)
                return refuse_memory(r);
        if (result < 0)
                return refuse(r, "the bearer token is not accepted", err_text(&e));
        r->asker = r->token_user;
        return true;
}

/* ---- all ---- */

/* Nobody sees what everybody may; for the rest it is not the right that is missing but the name. */
static bool nobody_may(struct request *r) {
        const struct rest_request q = {
                .method = r->method,
                .path = r->path,
                .query = r->query,
                .user = &NOBODY,
        };

        r->asker = &NOBODY;
        if (authorize_request(r->face->server->registry, &q, &r->response))
                return true;
        if (r->response.status != 403)
                return false;
        rest_response_done(&r->response);
        return refuse(r, NULL, NULL);
}

bool request_authenticate(struct request *r) {
        const char *header = request_header(r, "Authorization");

        if (header) {
                if (!token_take(r, header))
                        return false;
        } else if (r->face->kind != FACE_TLS) {
                r->asker = &ADMIN;
        } else if (!certificate_check(r)) {
                return false;
        }
        if (!r->asker && !nobody_may(r))
                return false;
        r->user = r->asker;
        return request_impersonate(r);
}
