#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Netlink messages built in a growing buffer, and a request that waits for the kernel's answer. The
 * kernel works a request off within sendmsg(), so a call takes as long as the change takes and
 * never waits for anybody. Any thread; one at a time for one socket. */

struct mnl_socket;
struct nlmsghdr;

/* Messages in b (binary; errors stick as in every strbuf). Positions, not pointers: b may move. */
void netlink_begin(struct strbuf *b, uint16_t type, uint16_t flags, const void *head,
                   size_t head_len);
/* Sets the length of the message that netlink_begin() started last, at position start. */
void netlink_end(struct strbuf *b, size_t start);

void netlink_attr(struct strbuf *b, uint16_t type, const void *data, size_t len);
void netlink_attr_str(struct strbuf *b, uint16_t type, const char *s);
void netlink_attr_u8(struct strbuf *b, uint16_t type, uint8_t v);
void netlink_attr_u32(struct strbuf *b, uint16_t type, uint32_t v);
/* In network order, as nfnetlink has it. */
void netlink_attr_be32(struct strbuf *b, uint16_t type, uint32_t v);

/* Returns the position for netlink_nest_end(). */
size_t netlink_nest(struct strbuf *b, uint16_t type);
void netlink_nest_end(struct strbuf *b, size_t nest);

struct netlink {
        struct mnl_socket *socket; /* NULL: closed */
};

/* protocol: NETLINK_ROUTE or NETLINK_NETFILTER, in the calling thread's network namespace. */
int netlink_open(struct netlink *nl, int protocol, struct err *e);
void netlink_close(struct netlink *nl);

/* Sends all messages of b at once and reads what comes back. Sequence numbers are filled in, and
 * NLM_F_ACK is set on each message, or (is_batch) on the last one before NFNL_MSG_BATCH_END.
 *
 * results  one for each message (0 or a negative errno), or NULL; n_results messages at most.
 * Returns 0, or the first negative errno of a message, with the kernel's words in e; -EIO when no
 * answer came. */
int netlink_request(struct netlink *nl, struct strbuf *b, bool is_batch, int *results,
                    size_t n_results, struct err *e);

/* Sends one dump request and hands each answer to each(). A negative return ends the walk. */
int netlink_dump(struct netlink *nl, struct strbuf *b,
                 int (*each)(const struct nlmsghdr *msg, void *userdata), void *userdata,
                 struct err *e);
