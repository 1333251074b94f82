#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/node/ask.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The pure half of ask.h. */

uint16_t ask_port(const struct container *c, const struct int_or_string *port) {
        int64_t n = 0;

        if (port->kind == INT_OR_STRING_INT) {
                n = port->number;
        } else if (port->kind == INT_OR_STRING_STRING) {
                for (size_t i = 0; i < c->ports.n && n == 0; i++)
                        if (str_eq(c->ports.items[i].name, port->text))
                                n = c->ports.items[i].container_port;
                if (n == 0)
                        (void) str_to_int64(port->text, 1, 65535, &n);
        }
        return n > 0 && n <= 65535 ? (uint16_t) n : 0;
}

static bool has_header(const struct http_get_action *get, const char *name) {
        for (size_t i = 0; i < get->http_headers.n; i++)
                if (get->http_headers.items[i].name &&
                    strcasecmp(get->http_headers.items[i].name, name) == 0)
                        return true;
        return false;
}

char *ask_http_request(const struct http_get_action *get, const char *host, uint16_t port) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const char *path = str_is_empty(get->path) ? "/" : get->path;

        strbuf_addf(&b, "GET %s", path[0] == '/' ? "" : "/");
        for (const char *p = path; *p && *p != '#'; p++) {
                unsigned char c = (unsigned char) *p;

                if (c <= ' ' || c >= 0x7f)
                        strbuf_addf(&b, "%%%02X", c);
                else
                        strbuf_add_char(&b, *p);
        }
        strbuf_add(&b, " HTTP/1.1\r\n");
        if (!has_header(get, "Host"))
                strbuf_addf(&b, strchr(host, ':') ? "Host: [%s]:%u\r\n" : "Host: %s:%u\r\n", host,
                            port);
        if (!has_header(get, "User-Agent"))
                strbuf_add(&b, "User-Agent: kube-probe/orch\r\n");
        if (!has_header(get, "Accept"))
                strbuf_add(&b, "Accept: */*\r\n");
        for (size_t i = 0; i < get->http_headers.n; i++) {
                const struct http_header *h = &get->http_headers.items[i];

                /* A line break in a value would be another header. */
                if (!str_is_empty(h->name) && !strpbrk(h->name, "\r\n:") &&
                    !strpbrk(str_or_empty(h->value), "\r\n"))
                        strbuf_addf(&b, "%s: %s\r\n", h->name, str_or_empty(h->value));
        }
        strbuf_add(&b, "Connection: close\r\n\r\n");
        return strbuf_steal(&b);
}
