#pragma once

#include "daemon/plan/dns_snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From a query to an answer, without I/O, memory or time. */

/* What we say we can take, and the most we send, by UDP: fits every path without fragments. */
#define DNS_UDP_MAX 1232
#define DNS_TCP_MAX 65535
#define DNS_HEADER_LEN 12

enum dns_rcode {
        DNS_RCODE_OK = 0,
        DNS_RCODE_FORMAT = 1,
        DNS_RCODE_FAILURE = 2,
        DNS_RCODE_NO_NAME = 3,
        DNS_RCODE_NOT_IMPLEMENTED = 4,
        DNS_RCODE_REFUSED = 5,
        DNS_RCODE_BAD_VERSION = 16,
};

enum dns_verdict {
        DNS_DROP,     /* nothing to say: no query */
        DNS_ANSWERED, /* send what is in out */
        DNS_FORWARD,  /* not ours: ask upstream */
};

struct dns_question {
        uint8_t name[DNS_NAME_MAX]; /* small letters */
        size_t name_len;
        uint32_t hash;
        uint16_t type, class;
        size_t end; /* where the question ends in the query */
};

struct dns_settings {
        bool is_tcp;
        bool can_forward;      /* sets RA; without it, foreign names are refused */
        uint32_t seed;         /* of dns_hash(): the snapshot's, any without one */
        const uint8_t *domain; /* on the wire: its names fail while there is no snapshot */
        size_t domain_len;
};

/* Where an answer goes. */
struct dns_reply {
        uint8_t *bytes; /* not the query's own memory */
        size_t size;    /* room; at least DNS_UDP_MAX */
        size_t len;     /* set with DNS_ANSWERED */
};

/* Answers one query. s: NULL: no snapshot yet.
 *
 * Any bytes may come as query: none crashes, hangs or reads beyond len. Pure. */
enum dns_verdict dns_answer(const struct dns_snapshot *s, const struct dns_settings *settings,
                            const uint8_t *query, size_t len, struct dns_reply *out);

/* An answer without records to a query that dns_answer() wanted to forward. out: DNS_UDP_MAX bytes.
 * Returns its length. */
size_t dns_answer_error(const uint8_t *query, size_t len, enum dns_rcode rcode, uint8_t *out);

/* Reads the question of a query. Returns 0, or -EINVAL when there is none that can be read. */
int dns_question_read(const uint8_t *query, size_t len, uint32_t seed, struct dns_question *ret);
