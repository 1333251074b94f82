#pragma once

#include "api/client/client.h"

#include <stdint.h>

/* A client that passes everything on to another one, badly. */
struct timers;

/* Of 1000 each. */
struct sim_faults {
        unsigned refuse;   /* requests that fail before they are sent */
        unsigned lose;     /* answers that are lost: nobody knows what became of the request */
        unsigned conflict; /* writes answered with a conflict, not carried out */
        unsigned error;    /* writes answered with an internal error, not carried out */
        unsigned delay;    /* answers and lines that come late */
        unsigned drop;     /* lines of watches that are lost */
        unsigned twice;    /* lines that come a second time */
        unsigned swap;     /* lines that come after the next one */
        unsigned cut;      /* watches that end at a line */
};

/* inner: referenced. faults: read at every call, so it may change. random: state, shared. */
int sim_faults_client_new(struct client *inner, struct timers *timers,
                          const struct sim_faults *faults, uint64_t *random, struct client **ret);
