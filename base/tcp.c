#include "base/tcp.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

void tcp_keepalive(int fd) {
        const int on = 1, idle_s = 30, every_s = 10, times = 3;

        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

void tcp_facts_get(int fd, struct tcp_facts *ret) {
        struct tcp_info info = { 0 };
        socklen_t len = sizeof(info);

        *ret = (struct tcp_facts){ 0 };
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
                return;
        *ret = (struct tcp_facts){ .is_tcp = true,
                                   .n_unacked = info.tcpi_unacked,
                                   .is_probing = info.tcpi_probes > 0,
                                   .ack_age_usec = info.tcpi_last_ack_recv * 1000ULL };
}

bool tcp_is_lost(const struct tcp_facts *f) {
        bool is_sent = f->n_unacked > 0 && !f->has_no_window;

        if (!f->is_tcp)
                return false;
        if (is_sent && f->ack_age_usec >= TCP_LOST_USEC)
                return true;
        if ((f->n_unacked > 0 || f->is_probing) && f->ack_age_usec >= TCP_STUCK_USEC)
                return true;
        return f->unheard_usec >= TCP_SILENT_USEC;
}
