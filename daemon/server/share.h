#pragma once

#include "daemon/plan/fair.h"
#include "daemon/server/face.h"

/* Whose turn it is: the thin side of daemon/plan/fair.h. */

/* Returns 0 or -ENOMEM. */
int share_init(struct server *s);
/* No request is run afterwards. */
void share_stop(struct server *s);

/* A whole request has come: FAIR_RUN, FAIR_WAIT (request_run_suspended() follows), FAIR_REFUSE. */
enum fair_verdict share_arrive(struct request *r);

/* The client is charged for what ran since began_usec, and for the answer that is there. */
void share_charge(struct request *r, uint64_t began_usec);
/* What it goes on to cost while its answer is made. */
void share_charge_more(struct request *r, uint64_t began_usec);

/* The request has become a watch, log or command. False: the client has too many. */
bool share_make_long(struct request *r);

/* The request is over. */
void share_leave(struct request *r);

/* The answer to one who has too many. */
void share_refusal(struct rest_response *ret);
