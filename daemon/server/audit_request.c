#include "daemon/server/audit_request.h"

#include "base/clock.h"
#include "daemon/server/audit.h"
#include "daemon/server/face.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void request_audit_begin(struct request *r) {
        const char *agent = request_header(r, "User-Agent");

        if (!r->face->server->audit)
                return;
        r->begin_usec = clock_wall_usec();
        r->user_agent = agent ? strdup(agent) : NULL;
}

static const char *client_address(const struct request *r, char buf[INET6_ADDRSTRLEN]) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *a = info ? info->client_addr : NULL;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) (const void *) a;
        const struct sockaddr_in *v4 = (const struct sockaddr_in *) (const void *) a;

        if (a && a->sa_family == AF_INET)
                return inet_ntop(AF_INET, &v4->sin_addr, buf, INET6_ADDRSTRLEN);
        if (!a || a->sa_family != AF_INET6)
                return NULL;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
                return inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], buf, INET6_ADDRSTRLEN);
        return inet_ntop(AF_INET6, &v6->sin6_addr, buf, INET6_ADDRSTRLEN);
}

static unsigned answer_code(const struct request *r) {
        if (r->response.status > 0)
                return r->response.status;
        return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "Upgrade") ? 101 : 200;
}

void request_audit_end(const struct request *r) {
        char address[INET6_ADDRSTRLEN];
        const struct audit_event v = {
                .method = r->method,
                .path = r->path,
                .query = r->query,
                .asker = r->asker,
                .user = r->user,
                .source = client_address(r, address),
                .user_agent = r->user_agent,
                .code = answer_code(r),
                .begin_usec = r->begin_usec,
                .end_usec = clock_wall_usec(),
        };

        if (r->face->server->audit && r->method)
                audit_add(r->face->server->audit, &v);
}
