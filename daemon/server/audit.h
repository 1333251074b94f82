#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>

/* Who did what, and how it ended: a line of JSON for each request, an Event of audit.k8s.io/v1 at
 * level Metadata. Neither bodies nor credentials are in it. Lines are collected on the loop and
 * written by a work thread; a disk that can't keep up costs lines, which are counted, never time.
 */
struct audit;
struct loop;
struct user;

/* Lines wait in memory up to this; then they are dropped. */
#define AUDIT_WAITING_BYTES (1U << 20)
#define AUDIT_FILE_BYTES (10ULL << 20)
/* PATH, PATH.1 … PATH.4 */
#define AUDIT_FILES 5

/* loop      borrowed for the log's life.
 * max_bytes  of a file before the next is begun; 0: AUDIT_FILE_BYTES.
 *
 * Returns 0, open()'s errno with a remedy, or -ENOMEM. */
int audit_open(struct loop *loop, const char *path, uint64_t max_bytes, struct audit **ret_audit,
               struct err *e);
/* Writes what waits, then closes. NULL is allowed. */
void audit_unref(struct audit *a);
DEFINE_AUTO(audit);

struct audit_event {
        const char *method, *path, *query; /* query NULL: none */
        const struct user *asker, *user;   /* user: as whom; NULL: nobody was let in */
        const char *source;                /* address; NULL: the unix socket */
        const char *user_agent;            /* NULL: none */
        unsigned code;                     /* of the answer */
        uint64_t begin_usec, end_usec;     /* wall clock */
};

/* Everything is borrowed. Health checks and the renewal of leases are left out. */
void audit_add(struct audit *a, const struct audit_event *v);

/* One event as a line without its end, the caller's; NULL: memory is out. id: of the audit. */
char *audit_format(const struct audit_event *v, const char *id);
