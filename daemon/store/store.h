#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys and values with revisions, as etcd has them, behind a narrow and asynchronous interface.
 *
 * Every transaction that changes something makes one new revision: one growing number for the whole
 * store. An empty store is at revision 1; its first change makes 2. Requests are accepted in the
 * order of the calls, and answered and seen by watches in that order. "Answered with 0" means
 * durable: a power cut afterwards loses nothing of it.
 *
 * All functions belong to the loop thread and none of them blocks, except where store_open_…() says
 * so. A callback comes from the loop, never from inside the call that asked for it. In a callback
 * every other function may be called, except store_unref(). */
struct store;

#define STORE_KEY_MAX 1024            /* bytes, 1 at least, none of them NUL */
#define STORE_VALUE_MAX (1536 * 1024) /* bytes */
#define STORE_TXN_OPS_MAX 128         /* puts and deletes, as etcd's default */
#define STORE_TXN_COMPARES_MAX 128
#define STORE_TXN_BYTES_MAX (4096 * 1024) /* keys and values of one transaction */
#define STORE_LIST_MAX 1000               /* items an answer: the most that limit may be */
#define STORE_LEASE_TTL_MAX_SEC 9000000000ULL

struct store_kv {
        const char *key;
        const void
                *value; /* a NUL follows, which value_len doesn't count; NULL in a delete event */
        size_t value_len;
        int64_t create_revision; /* when the key came to be; 0 in a delete event */
        int64_t mod_revision;    /* when it changed last, or was deleted */
        int64_t version;         /* 1 when created, one more each put; 0 in a delete event */
        int64_t lease;           /* 0: none */
};

/* Answers. Everything in them is borrowed until the callback returns. */
struct store_result {
        int64_t revision; /* the store's when it answered; a transaction's own when it changed
                             something */
        const struct store_kv
                *items; /* get: 0 or 1; list: by key; a refused transaction: see below */
        size_t n;
        bool has_more;         /* list: limit cut it; go on with after = the last key */
        size_t failed_compare; /* a refused transaction: the first compare that didn't hold; items
                                  has that key's present state, without its value (n 0: it doesn't
                                  exist) */
        size_t n_deleted;      /* transaction, lease revoked: keys that were there and are gone */
        int64_t lease;         /* lease granted: its number */
};

/* r: 0, or a negative errno with e explaining (else NULL). result is never NULL; when r is neither
 * 0 nor -EAGAIN only its revision means something. The codes of a request that was accepted:
 *   -EAGAIN  transaction: a compare didn't hold, nothing changed
 *   -ESTALE  list: the revision has been compacted
 *   -ERANGE  list: the revision is in the future
 *   -ENOENT  transaction, keepalive, revoke: no such lease
 *   -ENOSPC, -EROFS   nothing changed; may be tried again when the cause is gone
 *   -EIO, -EUCLEAN    the database failed or is damaged; reads go on where they can, writes don't
 *   -ENOMEM  nothing changed */
typedef void (*store_done_fn)(void *userdata, int r, const struct store_result *result,
                              const struct err *e);

/* Frees a store: finishes what was accepted (so this blocks), calls every done() that is owed,
 * stops its watches without a call, closes. NULL is fine. */
void store_unref(struct store *s);
DEFINE_AUTO(store);

/* The newest revision whose answer has been given; 1 for an empty store. After opening: the last
 * one kept. */
int64_t store_revision(const struct store *s);

/* NULL while writes work; else one sentence that says why not and what to do. Borrowed. */
const char *store_failure(const struct store *s);

/* Functions that take done return 0 when the request is accepted: done comes exactly once.
 * Otherwise a negative errno (-EINVAL, -E2BIG, -ENOMEM), and done never comes. Arguments are
 * copied. */

int store_get(struct store *s, const char *key, store_done_fn done, void *userdata, struct err *e);

struct store_list {
        const char *prefix; /* "": everything */
        const char
                *after;   /* only keys that sort (bytewise) behind this one; NULL: from the start */
        int64_t revision; /* as of that revision; 0: the newest */
        size_t limit; /* items at most; 0: STORE_LIST_MAX. An answer may hold fewer, to stay small
                         in memory */
};

/* Keys that begin with prefix, sorted bytewise. To page: first with revision 0, then with the
 * answer's revision and after = its last key, while has_more. */
int store_list(struct store *s, const struct store_list *list, store_done_fn done, void *userdata,
               struct err *e);

enum store_condition {
        STORE_IS_ABSENT,
        STORE_IS_PRESENT,
        STORE_MOD_REVISION_IS, /* revision, which must be positive */
};

struct store_compare {
        const char *key;
        enum store_condition condition;
        int64_t revision;
};

enum store_verb { STORE_PUT, STORE_DELETE };

struct store_op {
        enum store_verb verb;
        const char *key;   /* at most once in a transaction */
        const void *value; /* put: any bytes */
        size_t value_len;
        int64_t lease; /* put: the key goes when the lease goes; 0: none */
};

struct store_txn {
        const struct store_compare *compares; /* all must hold, else -EAGAIN */
        size_t n_compares;
        const struct store_op *ops; /* carried out together, at one revision */
        size_t n_ops;
};

/* Deleting a key that isn't there is no error and no change; a transaction that changes nothing
 * makes no revision. */
int store_transact(struct store *s, const struct store_txn *txn, store_done_fn done, void *userdata,
                   struct err *e);

/* Forgets what was overwritten or deleted at or before revision: lists at, and watches from, an
 * older revision get -ESTALE. -ERANGE for a future one, -ESTALE for one already compacted. Room is
 * reused step by step afterwards. */
int store_compact(struct store *s, int64_t revision, store_done_fn done, void *userdata,
                  struct err *e);

/* A lease lives ttl_sec (1 to STORE_LEASE_TTL_MAX_SEC) from its last keepalive; when it ends its
 * keys are deleted in one transaction. Keepalives never touch the disk; after a restart every lease
 * has its whole ttl again. */
int store_lease_grant(struct store *s, uint64_t ttl_sec, store_done_fn done, void *userdata,
                      struct err *e);
int store_lease_keepalive(struct store *s, int64_t lease, store_done_fn done, void *userdata,
                          struct err *e);
int store_lease_revoke(struct store *s, int64_t lease, store_done_fn done, void *userdata,
                       struct err *e);

enum store_event_kind { STORE_EVENT_PUT, STORE_EVENT_DELETE };

struct store_event {
        enum store_event_kind kind;
        struct store_kv kv;
};

struct store_watch;

/* Events in the order of revisions, never half a revision; revision is the last one they contain.
 * They come after they are durable and after the done() of the transaction that made them. r: 0, or
 * -ESTALE when from has been compacted, or another negative errno: the watch has ended then, and
 * only store_watch_unref() is left. Events are borrowed until the callback returns.
 * store_watch_unref() is allowed in it. */
typedef void (*store_watch_fn)(void *userdata, int r, const struct store_event *events, size_t n,
                               int64_t revision);

struct store_watch_options {
        const char *prefix;    /* keys that begin with it; copied */
        int64_t from_revision; /* and with it: 1 or 0: everything that isn't compacted;
                                  store_revision() + 1: only what is new */
        store_watch_fn changed;
        void *userdata;
};

/* *ret is the caller's. Returns 0, -E2BIG for a prefix no key can have, -EINVAL for a negative
 * revision, -ESHUTDOWN or -ENOMEM. */
int store_watch(struct store *s, const struct store_watch_options *options,
                struct store_watch **ret, struct err *e);
void store_watch_unref(struct store_watch *w);
DEFINE_AUTO(store_watch);

/* Looks at once whether leases have ended: for tests whose clock has jumped. */
void store_check_leases(struct store *s);
