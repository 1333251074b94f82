#include "api/client/http_request.h"

#include "api/client/client.h"
#include "api/client/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

static const char *const method_names[] = {
        [CLIENT_GET] = "GET",     [CLIENT_POST] = "POST",     [CLIENT_PUT] = "PUT",
        [CLIENT_PATCH] = "PATCH", [CLIENT_DELETE] = "DELETE",
};

static int address_unix(const char *path, struct http_address *ret, struct err *e) {
        struct sockaddr_un *un = (struct sockaddr_un *) &ret->sa;

        if (strlen(path) >= sizeof(un->sun_path))
                return err_set(e, -ENAMETOOLONG, "socket path %s is longer than %zu bytes", path,
                               sizeof(un->sun_path) - 1);
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, path);
        strcpy(ret->name, path);
        strcpy(ret->host, "localhost");
        ret->len = sizeof(*un);
        return 0;
}

static int address_number(const char *host, uint16_t port, struct http_address *ret) {
        struct sockaddr_in *in = (struct sockaddr_in *) &ret->sa;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &ret->sa;

        if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                ret->len = sizeof(*in);
                return 0;
        }
        if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons(port);
                ret->len = sizeof(*in6);
                return 0;
        }
        return -EINVAL;
}

static int address_url(const char *url, struct http_address *ret, struct err *e) {
        bool is_tls = str_starts_with(url, "https://");
        const char *rest = url + strlen(is_tls ? "https://" : "http://");
        char host[64] = "", *colon;
        size_t len = strcspn(rest, "/");
        int64_t port = is_tls ? 443 : 80;
        bool is_bracketed = rest[0] == '[';

        if (len == 0 || len >= sizeof(host) || (rest[len] == '/' && rest[len + 1]))
                return err_set(e, -EINVAL, "server URL %s must read http[s]://ADDRESS[:PORT]", url);
        memcpy(host, rest, len);
        colon = is_bracketed ? strchr(host, ']') : strchr(host, ':');
        if (colon && is_bracketed)
                *colon++ = '\0';
        if (colon && *colon == ':') {
                *colon++ = '\0';
                if (str_to_int64(colon, 1, 65535, &port) < 0)
                        return err_set(e, -EINVAL, "server URL %s has no good port", url);
        }
        if (address_number(str_eq(host, "localhost") ? "127.0.0.1" : host + is_bracketed,
                           (uint16_t) port, ret) < 0)
                return err_set(e, -EINVAL, "server URL %s must have a numeric address or localhost",
                               url);
        (void) snprintf(ret->host, sizeof(ret->host), "%.*s", (int) len, rest);
        (void) snprintf(ret->name, sizeof(ret->name), "%s", url);
        return 0;
}

int http_address_parse(const struct client_http_options *o, struct http_address *ret,
                       struct err *e) {
        int r;

        *ret = (struct http_address){ 0 };
        if (str_is_empty(o->socket_path) == str_is_empty(o->url))
                return err_set(e, -EINVAL, "give the server's socket or its URL, one of them");
        if (!str_is_empty(o->socket_path))
                return address_unix(o->socket_path, ret, e);
        if (str_starts_with(o->url, "https://") && !o->dialer)
                return err_set(e, -EINVAL, "server URL %s: TLS is not for this client", o->url);
        if (!str_starts_with(o->url, "http://") && !str_starts_with(o->url, "https://"))
                return err_set(e, -EINVAL, "server URL %s must begin with http:// or https://",
                               o->url);
        r = address_url(o->url, ret, e);
        if (r < 0 || !o->host)
                return r;
        if (strlen(o->host) >= sizeof(ret->host))
                return err_set(e, -ENAMETOOLONG, "the server's name %.40s... is too long", o->host);
        strcpy(ret->host, o->host);
        strcpy(ret->name, o->host);
        return 0;
}

static bool is_head_text(const char *s) {
        for (; s && *s; s++)
                if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        return false;
        return true;
}

static bool is_path(const char *s) {
        return is_head_text(s) && !strchr(s, ' ');
}

static void add_body_headers(const struct client_request *r, struct strbuf *out) {
        if (!r->body && !r->source) {
                if (r->method != CLIENT_GET && !r->upgrade)
                        strbuf_add(out, "Content-Length: 0\r\n");
                return;
        }
        strbuf_addf(out, "Content-Type: %s\r\n",
                    r->content_type ? r->content_type : CLIENT_TYPE_JSON);
        if (r->source && r->source->len < 0)
                strbuf_add(out, "Transfer-Encoding: chunked\r\n");
        else
                strbuf_addf(out, "Content-Length: %" PRIu64 "\r\n",
                            r->source ? (uint64_t) r->source->len : (uint64_t) r->body_len);
}

int http_request_format(const struct client_request *r, const struct http_identity *who,
                        struct strbuf *out, struct err *e) {
        if (!is_path(r->path) || !is_head_text(r->content_type) || !is_head_text(r->accept) ||
            !is_head_text(r->upgrade) || !is_head_text(who->token))
                return err_set(e, -EINVAL,
                               "request %s, or the token, has a control character or a blank in it",
                               r->path);

        strbuf_addf(out, "%s %s HTTP/1.1\r\n", method_names[r->method], r->path);
        strbuf_addf(out, "Host: %s\r\nUser-Agent: %s\r\n", who->host, who->user_agent);
        if (who->token)
                strbuf_addf(out, "Authorization: Bearer %s\r\n", who->token);
        if (r->upgrade)
                strbuf_addf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n", r->upgrade);
        strbuf_addf(out, "Accept: %s\r\n", r->accept ? r->accept : CLIENT_TYPE_JSON);
        for (size_t i = 0; r->headers && r->headers[i]; i++) {
                if (!is_head_text(r->headers[i]) || !strchr(r->headers[i], ':'))
                        return err_set(e, -EINVAL, "a request header is not \"Name: value\"");
                strbuf_addf(out, "%s\r\n", r->headers[i]);
        }
        add_body_headers(r, out);
        strbuf_add(out, "\r\n");
        if (r->body)
                strbuf_add_len(out, r->body, r->body_len);
        return out->has_failed ? err_errno(e, -ENOMEM, "cannot write the request") : 0;
}
