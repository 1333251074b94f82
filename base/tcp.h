#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether somebody is still at the other end of a TCP connection. */

/* Whoever vanished without a word (a pulled cable, a sleeping laptop) is noticed within a minute,
 * as long as nothing is on its way to him: then only tcp_is_lost() tells. Harmless for other
 * sockets. */
void tcp_keepalive(int fd);

/* What the kernel knows of a connection. */
struct tcp_facts {
        bool is_tcp;
        uint32_t n_unacked;    /* packets that weren't acknowledged yet */
        bool is_probing;       /* data waits for the peer's window, which the kernel asks about */
        bool has_no_window;    /* the peer takes nothing just now */
        uint64_t ack_age_usec; /* since it acknowledged something the last time */
        uint64_t unheard_usec; /* since bytes came; for whoever knows that some should */
};

/* Fills in all but unheard_usec (0). */
void tcp_facts_get(int fd, struct tcp_facts *ret);

/* Packets that nobody acknowledges: the kernel itself would try for a quarter of an hour. */
#define TCP_LOST_USEC (45ULL * 1000000)
/* A peer that takes nothing acknowledges the kernel's probes, which come up to two minutes apart.
 */
#define TCP_STUCK_USEC (300ULL * 1000000)
/* A peer whose kernel is there but whose program answers no ping: it is behind a proxy, and gone;
 * or it doesn't look at its connection (the Python client between two calls). */
#define TCP_SILENT_USEC (900ULL * 1000000)

/* Pure. */
bool tcp_is_lost(const struct tcp_facts *f);
