/* What the server decides of a request before anybody reads its body: who answers it, whether its
 * connection is to speak another protocol, and what its query asks of logs and ports. Input: lines
 * of method, path, query, Upgrade, and the protocols that are offered. */
#include "daemon/server/route.h"

#include "base/str.h"
#include "daemon/server/forward_internal.h"
#include "daemon/server/upgrade.h"
#include "daemon/server/websocket.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define LINES 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void route_is_of_its_path(const char *method, const char *path) {
        AUTO_DONE(node_path) struct node_path p = { 0 };
        const struct route *route = route_find(method, path);

        if (node_path_parse(path, &p) == 0)
                assert(p.node && p.what && p.rest);
        if (route == &exec_route || route == &forward_route)
                assert(str_eq(method, "GET") || str_eq(method, "POST"));
        if (route == &exec_route || route == &forward_route || route == &log_route)
                assert(str_starts_with(path, "/api/v1/namespaces/"));
        if (route == &node_watch_route || route == &node_dial_route)
                assert(str_eq(p.what, "streams"));
        if (route == &image_load_route)
                assert(str_eq(p.what, "images") && str_eq(method, "POST"));
}

static void upgrade_is_of_its_method(const char *method, const char *upgrade) {
        enum upgrade_kind kind = upgrade_kind_of(method, upgrade);

        if (kind == UPGRADE_WEBSOCKET)
                assert(str_eq(method, "GET"));
        if (kind == UPGRADE_SPDY)
                assert(strlen(upgrade) == strlen("SPDY/3.1"));
}

static void ports_are_ports(const char *query) {
        uint16_t ports[FORWARD_PORTS_MAX];
        size_t n;

        if (forward_ports_parse(query, ports, &n, NULL) < 0)
                return;
        assert(n > 0 && n <= FORWARD_PORTS_MAX);
        for (size_t i = 0; i < n; i++)
                assert(ports[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const KNOWN[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
        char text[4096], *at = text, *lines[LINES];
        const char *protocol;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        for (size_t i = 0; i < LINES; i++) {
                char *end = strchr(at, '\n');

                lines[i] = at;
                if (end)
                        *end = '\0';
                at = end ? end + 1 : at + strlen(at);
        }
        route_is_of_its_path(lines[0], lines[1]);
        ports_are_ports(lines[2]);
        upgrade_is_of_its_method(lines[0], lines[3]);
        protocol = websocket_protocol(lines[4], KNOWN);
        assert(!protocol || strstr(lines[4], protocol));
        return 0;
}
