#include "daemon/server/pull.h"

#include "daemon/server/face.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

/* What libmicrohttpd may fill at a time; it comes from the connection's own memory. */
#define BLOCK_BYTES (16U << 10)

struct pull {
        struct request *request;
        const struct pull_source *source;
        void *data;
        bool has_left;
};

static ssize_t pull_read(void *data, uint64_t pos, char *room, size_t len) {
        struct pull *p = data;
        ssize_t n;

        if (p->has_left)
                return MHD_CONTENT_READER_END_OF_STREAM;
        n = p->source->take(p->data, room, len);
        if (n < 0)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (n > 0)
                return n;
        if (p->request->face->server->is_stopping)
                return MHD_CONTENT_READER_END_OF_STREAM;
        request_suspend(p->request);
        return 0;
}

/* A suspended connection isn't looked at by libmicrohttpd, so its end must be seen here. A client
 * that closes its sending side has left, too: it could never ask for anything again. */
static int pull_hangup(sd_event_source *source, int fd, uint32_t events, void *data) {
        struct pull *p = data;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        p->has_left = true;
        request_resume(p->request);
        return 0;
}

static void pull_free(void *data) {
        struct pull *p = data;

        p->source->free(p->data);
        free(p);
}

enum MHD_Result pull_queue(struct request *r, const char *content_type,
                           const struct pull_source *source, void *take_data) {
        struct pull *p = calloc(1, sizeof(*p));
        struct MHD_Response *response;
        enum MHD_Result result;

        if (!p) {
                source->free(take_data);
                return MHD_NO;
        }
        p->request = r;
        p->source = source;
        p->data = take_data;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, pull_read, p,
                                                     pull_free);
        if (!response) {
                pull_free(p);
                return MHD_NO;
        }
        r->hangup = sd_event_source_disable_unref(r->hangup); /* of a request that has waited */
        (void) sd_event_add_io(r->face->server->event, &r->hangup, r->connection->fd,
                               EPOLLRDHUP | EPOLLHUP | EPOLLERR, pull_hangup, p);
        (void) MHD_add_response_header(response, "Content-Type", content_type);
        result = MHD_queue_response(r->mhd, 200, response);
        MHD_destroy_response(response);
        return result;
}
