#include "cli/connect.h"

#include "api/client/http.h"
#include "api/client/tls.h"
#include "base/fd.h"
#include "base/str.h"
#include "cli/kubeconfig.h"
#include "cli/server_url.h"
#include "cli/session.h"
#include "cli/tls_module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX_BYTES (1U << 20)

struct connection {
        char *socket_path;        /* owned; NULL: by config */
        struct kubeconfig config; /* with what the command line says put over it */
        const struct tls_module *tls;
        struct tls_dialer *dialer;
        struct err err; /* of connect_new(); code 0: none */
};

void connect_free(struct connection *c) {
        if (!c)
                return;
        if (c->tls)
                c->tls->free(c->dialer);
        kubeconfig_done(&c->config);
        free(c->socket_path);
        free(c);
}

/* ---- deciding ---- */

/* Options that mean nothing on this machine's socket. */
static bool wants_elsewhere(const struct global_args *g) {
        return g->kubeconfig || g->context || g->token || g->authority || g->client_certificate ||
               g->client_key || g->tls_server_name || g->is_insecure;
}

static int text_put(const char *text, char **to, struct err *e) {
        if (!text)
                return 0;
        free(*to);
        *to = strdup(text);
        return *to ? 0 : err_set(e, -ENOMEM, "memory is out");
}

static int pem_put(const char *path, char **to, struct err *e) {
        if (!path)
                return 0;
        free(STEAL(*to));
        return file_read(path, PEM_MAX_BYTES, to, NULL, e);
}

/* What the command line says counts more than a kubeconfig. */
static int options_put(const struct global_args *g, struct kubeconfig *k, struct err *e) {
        int r = text_put(g->server, &k->server, e);

        if (r == 0)
                r = text_put(g->token, &k->token, e);
        if (r == 0)
                r = text_put(g->tls_server_name, &k->server_name, e);
        if (r == 0)
                r = pem_put(g->authority, &k->ca_pem, e);
        if (r == 0)
                r = pem_put(g->client_certificate, &k->cert_pem, e);
        if (r == 0)
                r = pem_put(g->client_key, &k->key_pem, e);
        k->is_insecure = k->is_insecure || g->is_insecure;
        return r;
}

/* "$HOME/.kube/config"; NULL: there is no home, or memory is out. */
static char *home_config(void) {
        const char *home = getenv("HOME");

        return str_is_empty(home) ? NULL : str_format("%s/.kube/config", home);
}

static int config_load(const struct global_args *g, struct kubeconfig *k, struct err *e) {
        const char *paths = g->kubeconfig ? g->kubeconfig : getenv("KUBECONFIG");
        AUTO_FREE char *home = str_is_empty(paths) ? home_config() : NULL;
        int r;

        if (str_is_empty(paths))
                paths = home;
        /* An address and options may be all that is needed. */
        if (g->server && !g->kubeconfig && !g->context)
                return 0;
        if (!paths)
                return err_set(e, -ENOENT, "there is no kubeconfig; give --kubeconfig");
        r = kubeconfig_load(paths, g->context, NULL, k, e);
        return r < 0 ? err_wrap(e, r, "%s", paths) : 0;
}

static int decide(struct connection *c, const struct global_args *g, struct err *e) {
        const char *socket = getenv("ORCH_SOCKET"), *server = getenv("ORCH_SERVER");
        int r;

        if (g->socket && (g->server || wants_elsewhere(g)))
                return err_set(e, -EINVAL,
                               "--socket is of this machine; leave it or the options "
                               "of another server out");
        if (g->socket || (!g->server && !wants_elsewhere(g) && !str_is_empty(socket)))
                return text_put(g->socket ? g->socket : socket, &c->socket_path, e);
        if (!g->server && !wants_elsewhere(g) && !str_is_empty(server))
                return text_put(server, &c->config.server, e);
        if (!g->server && !wants_elsewhere(g) && str_is_empty(getenv("KUBECONFIG")))
                return text_put(HTTP_SOCKET_DEFAULT, &c->socket_path, e);
        r = config_load(g, &c->config, e);
        return r == 0 ? options_put(g, &c->config, e) : r;
}

struct connection *connect_new(struct session *s) {
        struct connection *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->err.code = decide(c, &s->global, &c->err);
        s->is_url = !c->socket_path;
        if (c->config.namespace_ && !s->global.namespace_) {
                s->namespace_ = c->config.namespace_;
                s->has_namespace = true;
        }
        return c;
}

/* ---- connecting ---- */

static int tls_begin(struct connection *c, struct session *s, const char *host, struct err *e) {
        const struct kubeconfig *k = &c->config;
        const struct tls_options o = {
                .server_name = k->server_name ? k->server_name : host,
                .ca_pem = k->ca_pem,
                .cert_pem = k->cert_pem,
                .key_pem = k->key_pem,
                .is_insecure = k->is_insecure,
        };
        int r = tls_module_load(&c->tls, e);

        return r == 0 ? c->tls->new (s->loop, &o, &c->dialer, e) : r;
}

static int url_open(struct connection *c, struct session *s, struct err *e) {
        struct http_dialer dialer;
        struct server_url url;
        AUTO_FREE char *numeric = NULL;
        int r;

        r = server_url_parse(c->config.server, &url, e);
        if (r < 0)
                return r;
        if (!url.is_tls && c->config.token)
                return err_set(e, -EINVAL, "a token isn't sent in the clear: use https://");
        r = server_url_resolve(&url, &numeric, e);
        if (r == -ENOENT)
                s->exit_code = EXIT_NO_SERVER;
        if (r == 0 && url.is_tls)
                r = tls_begin(c, s, url.host, e);
        if (r < 0)
                return r;
        if (c->tls) {
                dialer = c->tls->dialer;
                dialer.data = c->dialer;
        }
        return client_http_new(s->loop,
                               &(struct client_http_options){ .url = numeric,
                                                              .host = url.shown,
                                                              .token = c->config.token,
                                                              .dialer = c->tls ? &dialer : NULL },
                               &s->client, e);
}

int connect_open(struct connection *c, struct session *s, struct err *e) {
        int r = c->err.code;

        if (r < 0)
                (void) err_set(e, r, "%s", c->err.text);
        else if (c->socket_path)
                r = client_http_new(s->loop,
                                    &(struct client_http_options){ .socket_path = c->socket_path },
                                    &s->client, e);
        else
                r = url_open(c, s, e);
        if (r < 0 && r != -ENOMEM && s->exit_code == EXIT_OK)
                s->exit_code = EXIT_USAGE;
        return r;
}
