#include "daemon/store/request.h"

#include "daemon/store/leases.h"

#include <stdlib.h>

struct store_request *store_request_new(enum store_request_kind kind, size_t n_bytes) {
        struct store_request *q = calloc(1, sizeof(*q));

        if (!q)
                return NULL;
        list_init(&q->link);
        q->kind = kind;
        q->n_bytes = n_bytes;
        q->arena = arena_new(n_bytes);
        if (!q->arena) {
                store_request_free(q);
                return NULL;
        }
        return q;
}

void store_request_free(struct store_request *q) {
        if (!q)
                return;
        lease_free(q->lease);
        arena_unref(q->arena);
        free(q);
}

size_t store_request_cost(const struct store_request *q) {
        switch (q->kind) {
        case STORE_REQUEST_LIST:
                return STORE_REQUEST_LIST_BYTES;
        case STORE_REQUEST_HISTORY:
                return STORE_REQUEST_HISTORY_BYTES;
        default:
                return q->n_bytes;
        }
}

bool store_request_is_write(const struct store_request *q) {
        switch (q->kind) {
        case STORE_REQUEST_TRANSACT:
        case STORE_REQUEST_COMPACT:
        case STORE_REQUEST_GRANT:
        case STORE_REQUEST_REVOKE:
                return true;
        default:
                return false;
        }
}
