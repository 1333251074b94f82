#include "daemon/server/share.h"

#include "base/clock.h"
#include "daemon/registry/body.h"
#include "daemon/registry/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-event.h>

/* What one turn of the loop may spend on requests: whoever comes meanwhile waits as long at most.
 */
#define TURN_USEC 2000U
/* Of one client. A group commit takes 256 writes; two writers together fill it. */
#define MAX_SEATS 128U
#define MAX_QUEUED 1024U
#define MAX_LONG 2048U
/* An answer's bytes are still to be copied to the socket: 500 MB/s. */
#define BYTES_PER_USEC 500U

#define CLIENT_NAME_MAX 256

/* Runs what waits, in the order of shares, as long as a turn has time. */
static int pump(sd_event_source *source, void *data) {
        struct server *s = data;
        struct fair_place *p;

        fair_turn(&s->fair);
        while ((p = fair_next(&s->fair, clock_now_usec())))
                request_run_suspended(CONTAINER_OF(p, struct request, place));
        if (fair_has_more(&s->fair))
                (void) sd_event_source_set_enabled(s->pump, SD_EVENT_ONESHOT);
        return 0;
}

int share_init(struct server *s) {
        static const struct fair_limits LIMITS = {
                .turn_usec = TURN_USEC,
                .max_seats = MAX_SEATS,
                .max_queued = MAX_QUEUED,
                .max_long = MAX_LONG,
        };

        fair_init(&s->fair, &LIMITS);
        if (sd_event_add_defer(s->event, &s->pump, pump, s) < 0)
                return -ENOMEM;
        (void) sd_event_source_set_enabled(s->pump, SD_EVENT_OFF);
        return 0;
}

void share_stop(struct server *s) {
        s->pump = sd_event_source_disable_unref(s->pump);
}

static void pump_arm(struct server *s) {
        if (s->pump && s->fair.n_waiting > 0)
                (void) sd_event_source_set_enabled(s->pump, SD_EVENT_ONESHOT);
}

/* On the unix socket many programs are one user: each process is a client. */
static void client_name(const struct request *r, char buf[CLIENT_NAME_MAX]) {
        const char *user = r->user ? r->user->name : USER_NAME_ANONYMOUS;

        if (r->face->kind == FACE_UNIX)
                (void) snprintf(buf, CLIENT_NAME_MAX, "%d/%s", (int) r->connection->pid, user);
        else
                (void) snprintf(buf, CLIENT_NAME_MAX, "%s", user);
}

enum fair_verdict share_arrive(struct request *r) {
        struct server *s = r->face->server;
        char name[CLIENT_NAME_MAX];
        enum fair_verdict verdict;

        client_name(r, name);
        verdict = fair_arrive(&s->fair, &r->place, name, clock_now_usec());
        if (verdict == FAIR_WAIT)
                pump_arm(s);
        return verdict;
}

void share_charge_more(struct request *r, uint64_t began_usec) {
        fair_charge(&r->place, clock_now_usec() - began_usec);
}

void share_charge(struct request *r, uint64_t began_usec) {
        uint64_t cost_usec = clock_now_usec() - began_usec;

        if (r->response.body && body_len(r->response.body) != BODY_LEN_UNKNOWN)
                cost_usec += body_len(r->response.body) / BYTES_PER_USEC;
        fair_charge(&r->place, cost_usec);
}

bool share_make_long(struct request *r) {
        struct server *s = r->face->server;
        bool is_long = fair_make_long(&s->fair, &r->place);

        pump_arm(s); /* a seat is free */
        return is_long;
}

void share_leave(struct request *r) {
        fair_leave(&r->face->server->fair, &r->place);
        pump_arm(r->face->server);
}

void share_refusal(struct rest_response *ret) {
        rest_status(ret, 429, "TooManyRequests",
                    "this client has too many requests under way: wait for some to end");
        ret->retry_after_s = 1;
}
