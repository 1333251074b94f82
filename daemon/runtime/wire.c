#include "daemon/runtime/wire.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

/* The least that makes a packet: everything before the text. */
#define WIRE_SIZE_MIN offsetof(struct wire_msg, text)

union wire_control {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
};

int wire_send(int sock, const struct wire_msg *msg, const int *fds, size_t n_fds) {
        union wire_control control = { 0 };
        size_t size = WIRE_SIZE_MIN + strnlen(msg->text, sizeof(msg->text) - 1) + 1;
        struct iovec iov = { .iov_base = (void *) msg, .iov_len = size };
        struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (n_fds > WIRE_FDS_MAX)
                return -E2BIG;
        if (n_fds > 0) {
                h.msg_control = control.space;
                h.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }

        do
                n = sendmsg(sock, &h, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static void wire_take_fds(struct msghdr *h, struct wire_fds *ret_fds) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
                size_t n;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n && ret_fds->n < WIRE_FDS_MAX; i++)
                        memcpy(&ret_fds->fds[ret_fds->n++], CMSG_DATA(c) + i * sizeof(int),
                               sizeof(int));
        }
}

int wire_check(struct wire_msg *msg, size_t size) {
        if (size < WIRE_SIZE_MIN || msg->version == 0)
                return -EBADMSG;
        if (size < sizeof(*msg))
                memset((char *) msg + size, 0, sizeof(*msg) - size);
        if (!memchr(msg->container, '\0', sizeof(msg->container)))
                return -EBADMSG;
        msg->text[sizeof(msg->text) - 1] = '\0';
        return 0;
}

int wire_receive(int sock, struct wire_msg *ret_msg, struct wire_fds *ret_fds) {
        union wire_control control = { 0 };
        struct iovec iov = { .iov_base = ret_msg, .iov_len = sizeof(*ret_msg) };
        struct msghdr h = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof(control.space) };
        ssize_t n;

        *ret_fds = (struct wire_fds){ .fds = { -1, -1, -1, -1 } };
        do
                n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n == 0)
                return 0;

        wire_take_fds(&h, ret_fds);
        if (wire_check(ret_msg, (size_t) n) < 0) {
                wire_fds_close(ret_fds);
                return -EBADMSG;
        }
        return 1;
}

void wire_fds_close(struct wire_fds *f) {
        for (size_t i = 0; i < f->n; i++)
                if (f->fds[i] >= 0)
                        (void) close(f->fds[i]);
        f->n = 0;
}

bool wire_name_is_valid(const char *name) {
        size_t n = 0;

        if (!name || name[0] == '.' || name[0] == '-')
                return false;
        for (; name[n]; n++)
                if (!(isalnum((unsigned char) name[n]) || name[n] == '-' || name[n] == '.') ||
                    n >= WIRE_NAME_MAX - 1)
                        return false;
        return n > 0;
}
