#include "daemon/network/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX_BYTES 32768

void netlink_begin(struct strbuf *b, uint16_t type, uint16_t flags, const void *head,
                   size_t head_len) {
        const struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST };

        strbuf_add_len(b, &h, sizeof(h));
        strbuf_add_len(b, head, head_len);
}

static void align(struct strbuf *b) {
        static const char zero[NLMSG_ALIGNTO];

        strbuf_add_len(b, zero, NLMSG_ALIGN(b->len) - b->len);
}

void netlink_end(struct strbuf *b, size_t start) {
        uint32_t len = (uint32_t) (b->len - start);

        align(b);
        if (!b->has_failed)
                memcpy(b->s + start + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
}

void netlink_attr(struct strbuf *b, uint16_t type, const void *data, size_t len) {
        const struct nlattr a = { .nla_type = type, .nla_len = (uint16_t) (sizeof(a) + len) };

        strbuf_add_len(b, &a, sizeof(a));
        strbuf_add_len(b, data, len);
        align(b);
}

void netlink_attr_str(struct strbuf *b, uint16_t type, const char *s) {
        netlink_attr(b, type, s, strlen(s) + 1);
}

void netlink_attr_u8(struct strbuf *b, uint16_t type, uint8_t v) {
        netlink_attr(b, type, &v, sizeof(v));
}

void netlink_attr_u32(struct strbuf *b, uint16_t type, uint32_t v) {
        netlink_attr(b, type, &v, sizeof(v));
}

void netlink_attr_be32(struct strbuf *b, uint16_t type, uint32_t v) {
        netlink_attr_u32(b, type, htonl(v));
}

size_t netlink_nest(struct strbuf *b, uint16_t type) {
        size_t nest = b->len;

        netlink_attr(b, type | NLA_F_NESTED, NULL, 0);
        return nest;
}

void netlink_nest_end(struct strbuf *b, size_t nest) {
        uint16_t len = (uint16_t) (b->len - nest);

        if (!b->has_failed)
                memcpy(b->s + nest + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

int netlink_open(struct netlink *nl, int protocol, struct err *e) {
        int one = 1;

        nl->socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
        if (!nl->socket)
                return err_errno(e, -errno, "cannot open a netlink socket");
        if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
                int r = -errno;

                netlink_close(nl);
                return err_errno(e, r, "cannot bind a netlink socket");
        }
        /* The kernel's own words, and answers without a copy of the request: old kernels lack both.
         */
        (void) mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof(one));
        (void) mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &one, sizeof(one));
        return 0;
}

void netlink_close(struct netlink *nl) {
        if (nl->socket)
                (void) mnl_socket_close(nl->socket);
        nl->socket = NULL;
}

/* Numbers the messages from 1 and asks for acknowledgements: of each, or in a batch of the last one
 * before the end mark, which comes after the commit. Returns the number whose answer is the last.
 */
static uint32_t number_messages(struct strbuf *b, bool is_batch) {
        struct nlmsghdr *before = NULL, *h = NULL;
        uint32_t n = 0;

        for (size_t at = 0; at < b->len; at += NLMSG_ALIGN(h->nlmsg_len)) {
                before = h;
                h = (struct nlmsghdr *) (void *) (b->s + at);
                h->nlmsg_seq = ++n;
                if (!is_batch)
                        h->nlmsg_flags |= NLM_F_ACK;
        }
        if (!is_batch || !before)
                return n;
        before->nlmsg_flags |= NLM_F_ACK;
        return before->nlmsg_seq;
}

static int send_all(struct netlink *nl, const struct strbuf *b, struct err *e) {
        int fd = mnl_socket_get_fd(nl->socket);

        if (b->len > 100000) {
                /* One message to the kernel: the send buffer must hold it all, and the kernel
                 * doubles what it is told. */
                int size = (int) b->len;

                if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        }
        if (mnl_socket_sendto(nl->socket, b->s, b->len) < 0)
                return err_errno(e, -errno, "cannot send %zu bytes to the kernel", b->len);
        return 0;
}

/* The kernel's explanation of an error, where it gives one. Borrowed from the message. */
static const char *words_of(const struct nlmsghdr *h) {
        const struct nlmsgerr *err = mnl_nlmsg_get_payload(h);
        size_t head = sizeof(*err);
        const struct nlattr *a;

        if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
                return NULL;
        if (!(h->nlmsg_flags & NLM_F_CAPPED))
                head += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
        if (mnl_nlmsg_get_payload_len(h) < head)
                return NULL;
        mnl_attr_for_each(a, h, head) {
                if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG &&
                    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
                        return mnl_attr_get_str(a);
        }
        return NULL;
}

struct answers {
        int *results;
        size_t n_results;
        uint32_t last; /* the message whose answer ends the request */
        bool is_over;
        int r;
        struct err *e;
};

static void take_answer(struct answers *a, const struct nlmsghdr *h) {
        const struct nlmsgerr *err = mnl_nlmsg_get_payload(h);
        const char *words;

        if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*err))
                return;
        if (h->nlmsg_seq >= a->last)
                a->is_over = true;
        if (h->nlmsg_seq >= 1 && h->nlmsg_seq <= a->n_results)
                a->results[h->nlmsg_seq - 1] = err->error;
        if (err->error == 0 || a->r < 0)
                return;
        a->r = err->error;
        words = words_of(h);
        if (words)
                (void) err_errno(a->e, a->r, "kernel: message %u: %s", h->nlmsg_seq, words);
        else
                (void) err_errno(a->e, a->r, "kernel: message %u", h->nlmsg_seq);
}

/* All answers are in the socket's queue when sendmsg() returns. */
static int read_answers(struct netlink *nl, struct answers *a) {
        AUTO_FREE char *buf = malloc(ANSWER_MAX_BYTES);

        if (!buf)
                return err_errno(a->e, -ENOMEM, "answer of the kernel");
        for (;;) {
                ssize_t n =
                        recv(mnl_socket_get_fd(nl->socket), buf, ANSWER_MAX_BYTES, MSG_DONTWAIT);
                int left = (int) n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return err_errno(a->e, -errno, "cannot read the kernel's answer");
                for (const struct nlmsghdr *h = (void *) buf; mnl_nlmsg_ok(h, left);
                     h = mnl_nlmsg_next(h, &left))
                        take_answer(a, h);
        }
        if (a->r == 0 && !a->is_over)
                return err_set(a->e, -EIO, "the kernel did not answer a netlink request");
        return a->r;
}

int netlink_request(struct netlink *nl, struct strbuf *b, bool is_batch, int *results,
                    size_t n_results, struct err *e) {
        struct answers a = { .results = results, .n_results = results ? n_results : 0, .e = e };
        int r;

        if (b->has_failed)
                return err_errno(e, -ENOMEM, "netlink request");
        for (size_t i = 0; i < a.n_results; i++)
                results[i] = 0;
        a.last = number_messages(b, is_batch);
        r = send_all(nl, b, e);
        return r < 0 ? r : read_answers(nl, &a);
}

int netlink_dump(struct netlink *nl, struct strbuf *b,
                 int (*each)(const struct nlmsghdr *msg, void *userdata), void *userdata,
                 struct err *e) {
        AUTO_FREE char *buf = malloc(ANSWER_MAX_BYTES);
        int r;

        if (!buf || b->has_failed)
                return err_errno(e, -ENOMEM, "netlink dump");
        (void) number_messages(b, true);
        r = send_all(nl, b, e);
        if (r < 0)
                return r;
        for (;;) {
                ssize_t n = mnl_socket_recvfrom(nl->socket, buf, ANSWER_MAX_BYTES);
                int left = (int) n;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno(e, -errno, "cannot read the kernel's answer");
                for (const struct nlmsghdr *h = (void *) buf; mnl_nlmsg_ok(h, left);
                     h = mnl_nlmsg_next(h, &left)) {
                        if (h->nlmsg_type == NLMSG_DONE)
                                return 0;
                        if (h->nlmsg_type == NLMSG_ERROR) {
                                struct answers a = { .last = 1, .e = e };

                                take_answer(&a, h);
                                return a.r;
                        }
                        r = each(h, userdata);
                        if (r < 0)
                                return r;
                }
        }
}
