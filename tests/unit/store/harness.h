#pragma once

#include "daemon/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* A store under test: each test of the contract runs once for every back-end. */
struct bench {
        const struct bench_backend *backend;
        struct loop *loop;
        struct store *store;
        char directory[64];
        uint64_t now_usec; /* the store's clock */
        int64_t keep_revisions;
};

struct bench_backend {
        const char *name;

        /* Opens bench->store; also again after store_unref(). */
        int (*open)(struct bench *b, struct err *e);
};

/* An answer, copied. */
struct answer {
        bool has_come;
        int r;
        int64_t revision;
        size_t n, failed_compare, n_deleted;
        bool has_more;
        int64_t lease;
        char error[ERR_TEXT_MAX];
        struct answer_item {
                char key[STORE_KEY_MAX + 1];
                char *value; /* owned */
                size_t value_len;
                int64_t create_revision, mod_revision, version, lease;
        } * items; /* owned */
};

void answer_done(struct answer *a);
DEFINE_AUTO_DONE(answer);

/* A store_done_fn whose userdata is a struct answer. */
void answer_take(void *userdata, int r, const struct store_result *result, const struct err *e);

/* Runs the loop until the answer has come. Fails the test when the loop fails. */
void bench_wait(struct bench *b, const struct answer *a);

/* Requests, waited for. Return the answer's r. a may be NULL. */
int bench_put(struct bench *b, const char *key, const char *value, struct answer *a);
int bench_put_lease(struct bench *b, const char *key, const char *value, int64_t lease,
                    struct answer *a);
/* Writes 000 to n - 1 behind prefix. */
void bench_put_numbered(struct bench *b, const char *prefix, int n);
int bench_delete(struct bench *b, const char *key, struct answer *a);
int bench_transact(struct bench *b, const struct store_txn *txn, struct answer *a);
int bench_get(struct bench *b, const char *key, struct answer *a);
#define LIST_ALL (&(struct store_list){ .prefix = "" })
int bench_list(struct bench *b, const struct store_list *list, struct answer *a);
int bench_compact(struct bench *b, int64_t revision, struct answer *a);

/* Events of a watch, as text: "+key=value@revision ", "-key@revision ". */
struct seen {
        char *text; /* owned; never NULL after the first event */
        size_t n_events;
        int r; /* why it ended, or 0 */
        int64_t last_revision;
        struct store_watch *watch;
};

void seen_take(void *userdata, int r, const struct store_event *events, size_t n, int64_t revision);

/* Closes and opens again. */
void bench_reopen(struct bench *b);

/* cmocka fixtures: *state is a struct bench_backend before and a struct bench after. */
int bench_setup(void **state);
int bench_teardown(void **state);

extern const struct bench_backend bench_memory;
extern const struct bench_backend bench_sqlite;

/* Rows of a test program's table: a test for one back-end, or for each of them. */
#define CONTRACT(test, backend)                                                                    \
        { #test " (" #backend ")", test, bench_setup, bench_teardown, (void *) &bench_##backend }
#define CONTRACT_ALL(test) CONTRACT(test, memory), CONTRACT(test, sqlite)
