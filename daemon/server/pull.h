#pragma once

#include <microhttpd.h>
#include <sys/types.h>

/* A 200 whose body is pulled from a source as the client reads, without end in sight: chunked, and
 * sent as soon as there is something. */
struct request;

struct pull_source {
        /* Copies what there is. Returns the bytes, 0: none now (request_resume() when there is),
         * -1: the end. */
        ssize_t (*take)(void *data, char *room, size_t len);
        void (*free)(void *data);
};

/* data: the source's, taken over, on failure too. A client that leaves ends it. */
enum MHD_Result pull_queue(struct request *r, const char *content_type,
                           const struct pull_source *source, void *take_data);
