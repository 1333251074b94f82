#include "api/schema/base64.h"
#include "api/text/text.h"
#include "daemon/distribution/remote_internal.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_ANSWER_MAX (256U << 10)

static const struct credential *auth_credential(const struct remote *r,
                                                const struct remote_place *place) {
        return place->credential < r->n_credentials ? r->credentials[place->credential] : NULL;
}

static char *auth_basic(const struct credential *c) {
        AUTO_FREE char *plain = NULL;
        AUTO_FREE char *text = NULL;

        if (!c->user || !c->password)
                return NULL;
        plain = str_format("%s:%s", c->user, c->password);
        text = plain ? malloc(base64_encoded_len(strlen(plain)) + 1) : NULL;
        if (!text)
                return NULL;
        base64_encode((const uint8_t *) plain, strlen(plain), text);
        return str_format("Basic %s", text);
}

char *remote_authorization(const struct remote *r, const struct remote_place *place) {
        const struct credential *c = auth_credential(r, place);

        if (place->token)
                return str_format("Bearer %s", place->token);
        if (c && place->shows_basic)
                return auth_basic(c);
        return NULL;
}

/* What was shown last was refused: another token once (it may have run out), else the next
 * credential, and last of all nobody's. */
bool remote_may_authenticate(const struct remote_call *call) {
        const struct remote_place *place = &call->r->places[call->place];

        if (call->is_elsewhere || call->challenge.scheme == CHALLENGE_NONE)
                return false;
        if (!place->token && !place->shows_basic)
                return call->challenge.scheme == CHALLENGE_BEARER || call->r->n_credentials > 0;
        /* Nobody's token was refused: that is the last word. */
        return place->credential < call->r->n_credentials || call->transfer.n_auth == 0;
}

/* ---- tokens ---- */

static int token_on_head(void *userdata, const struct http_head *head, struct err *e) {
        struct remote_call *call = userdata;
        (void) e;

        call->token_status = head->status;
        return 0;
}

static int token_on_data(void *userdata, const void *data, size_t len, struct err *e) {
        struct remote_call *call = userdata;

        if (call->token_answer.len + len > TOKEN_ANSWER_MAX)
                return err_set(e, -E2BIG, "the answer with the token is too large");
        strbuf_add_len(&call->token_answer, data, len);
        return 0;
}

static bool token_is_usable(const char *token) {
        if (str_is_empty(token))
                return false;
        for (; *token; token++)
                if (*token <= ' ' || *token == 0x7f)
                        return false;
        return true;
}

/* {"token": "…"} or {"access_token": "…"}. Returns the caller's, or NULL. */
static char *token_read(const struct strbuf *answer) {
        json_t *root = NULL;
        const char *token;
        char *copy = NULL;

        if (answer->len == 0 ||
            text_read_json(answer->s, answer->len, TOKEN_ANSWER_MAX, &root, NULL) < 0)
                return NULL;
        token = json_string_value(json_object_get(root, "token"));
        if (!token_is_usable(token))
                token = json_string_value(json_object_get(root, "access_token"));
        if (token_is_usable(token))
                copy = strdup(token);
        json_decref(root);
        return copy;
}

static void token_on_done(void *userdata, int code, const struct err *e) {
        struct remote_call *call = userdata;
        struct remote_place *place = &call->r->places[call->place];
        struct err why = { 0 };
        char *token = NULL;

        call->http = NULL;
        if (code < 0) {
                code = err_set(&why, code, "token for %s: %s", call->r->host, err_text(e));
                remote_call_refused(call, code, &why);
                return;
        }
        if (call->token_status == 200)
                token = token_read(&call->token_answer);
        if (token) {
                free(place->token);
                place->token = token;
                remote_call_attempt(call);
                return;
        }
        /* These credentials are refused already here: the next ones. */
        if ((call->token_status == 401 || call->token_status == 403 || call->token_status == 400) &&
            place->credential < call->r->n_credentials) {
                place->credential++;
                remote_authenticate(call);
                return;
        }
        code = call->token_status == 200 ? -EBADMSG : -EACCES;
        (void) err_set(&why, code,
                       code == -EACCES ? "unauthorized: the token server of %s refuses (HTTP %u)"
                                       : "the token server of %s gave no token (HTTP %u)",
                       call->r->host, call->token_status);
        remote_call_refused(call, code, &why);
}

/* "repository:NAME:pull", by the challenge where it says so. Escaped, the caller's. */
static char *token_scope(const struct remote_call *call) {
        AUTO_FREE char *scope = NULL;

        if (call->challenge.scope)
                return http_escape(call->challenge.scope);
        scope = str_format("repository:%s:%s", call->r->path,
                           call->r->options.is_push ? "pull,push" : "pull");
        return scope ? http_escape(scope) : NULL;
}

static char *token_mount_scope(const struct remote_call *call) {
        const char *from = call->r->options.mount_from;
        AUTO_FREE char *scope = from ? str_format("repository:%s:pull", from) : strdup("");

        return scope ? http_escape(scope) : NULL;
}

/* The query of GET, or the form of POST: a refresh token is exchanged (OAuth2), all else is asked
 * for with Basic or without anything. */
static char *token_query(const struct remote_call *call, const struct credential *c) {
        AUTO_FREE char *scope = token_scope(call);
        AUTO_FREE char *mount = token_mount_scope(call);
        AUTO_FREE char *service = http_escape(str_or_empty(call->challenge.service));
        AUTO_FREE char *who =
                c ? http_escape(c->identity_token ? c->identity_token : str_or_empty(c->user))
                  : NULL;
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (!scope || !mount || !service || (c && !who))
                return NULL;
        if (c && c->identity_token)
                strbuf_addf(&b, "grant_type=refresh_token&client_id=orch&refresh_token=%s&", who);
        else if (c && who[0])
                strbuf_addf(&b, "account=%s&", who);
        if (service[0])
                strbuf_addf(&b, "service=%s&", service);
        strbuf_addf(&b, "scope=%s", scope);
        if (mount[0])
                strbuf_addf(&b, c && c->identity_token ? "%%20%s" : "&scope=%s", mount);
        return strbuf_steal(&b);
}

/* A token must not be asked for in plain text by a registry that is spoken to over TLS. */
static bool token_realm_is_safe(const struct remote_call *call) {
        const char *realm = call->challenge.realm;

        if (str_starts_with(realm, "https://"))
                return true;
        return str_starts_with(realm, "http://") &&
               (str_starts_with(call->r->places[call->place].endpoint.url, "http://") ||
                call->r->places[call->place].endpoint.skips_verify);
}

static int token_start(struct remote_call *call, const struct credential *c, struct err *e) {
        bool is_refresh = c && c->identity_token;
        AUTO_FREE char *query = token_query(call, c);
        AUTO_FREE char *basic = c && !is_refresh ? auth_basic(c) : NULL;
        AUTO_FREE char *line = basic ? str_format("Authorization: %s", basic) : NULL;
        AUTO_FREE char *url = NULL;
        const char *headers[] = { line ? line : "Accept: application/json",
                                  "Content-Type: application/x-www-form-urlencoded" };
        struct http_request request = {
                .method = is_refresh ? "POST" : "GET",
                .headers = headers,
                .n_headers = is_refresh ? 2 : 1,
                .on_head = token_on_head,
                .on_data = token_on_data,
                .on_done = token_on_done,
                .userdata = call,
        };

        if (!token_realm_is_safe(call))
                return err_set(e, -EPROTO,
                               "%s wants its token to be fetched without TLS; that is refused",
                               call->r->host);
        url = is_refresh ? strdup(call->challenge.realm)
                         : str_format("%s%c%s", call->challenge.realm,
                                      strchr(call->challenge.realm, '?') ? '&' : '?',
                                      str_or_empty(query));
        if (!query || !url || (basic && !line))
                return err_set(e, -ENOMEM, "out of memory");
        request.url = url;
        if (is_refresh) {
                free(call->token_form);
                call->token_form = STEAL(query);
                request.body = call->token_form;
                request.body_len = strlen(call->token_form);
        }
        remote_trust(call, url, &request);
        strbuf_reset(&call->token_answer);
        call->token_status = 0;
        return http_start(call->r->options.http, &request, &call->http, e);
}

void remote_authenticate(struct remote_call *call) {
        struct remote_place *place = &call->r->places[call->place];
        const struct credential *c;
        struct err e = { 0 };
        int r;

        /* What was shown is refused twice: not a token that ran out, but the wrong credential. */
        if (place->shows_basic || (place->token && call->transfer.n_auth > 1)) {
                if (place->credential < call->r->n_credentials)
                        place->credential++;
        }
        free(STEAL(place->token));
        place->shows_basic = false;
        c = auth_credential(call->r, place);
        if (c && c->registry_token && call->challenge.scheme == CHALLENGE_BEARER) {
                place->token = strdup(c->registry_token);
                remote_call_attempt(call);
                return;
        }
        if (call->challenge.scheme == CHALLENGE_BASIC) {
                place->shows_basic = c != NULL;
                if (c) {
                        remote_call_attempt(call);
                        return;
                }
                r = err_set(&e, -EACCES,
                            "unauthorized: %s refuses the credentials; or the repository does not "
                            "exist",
                            call->r->host);
                remote_call_refused(call, r, &e);
                return;
        }
        r = token_start(call, c, &e);
        if (r < 0)
                remote_call_refused(call, r, &e);
}
