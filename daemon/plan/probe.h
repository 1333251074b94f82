#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a probe's answers mean, without asking: thresholds, periods, first delays. Times are
 * microseconds of one clock that never jumps. Pure. */

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KIND_MAX_ };

enum probe_result {
        PROBE_NO_RESULT, /* nothing was asked yet: only when is the first one due? */
        PROBE_SUCCESS,
        PROBE_FAILURE,
};

/* Within this time after the first try a failure isn't counted, but tried again soon: a server that
 * needs 30 ms to listen is ready after 40 ms, not after a whole period (docs/adr/0081). */
#define PROBE_SETTLE_USEC 1000000ULL
#define PROBE_RETRY_FIRST_USEC 10000ULL

struct probe_rule {
        enum probe_kind kind;
        uint64_t initial_delay_usec;
        uint64_t period_usec;       /* at least 1 s */
        unsigned success_threshold; /* at least 1 */
        unsigned failure_threshold; /* at least 1 */
        unsigned spread_pct; /* 0-99: shortens the second interval, so that pods started together
                                aren't probed together for ever */
};

struct probe_state {
        bool is_begun;
        bool is_spread;       /* the shortened interval was taken */
        bool has_verdict;     /* a threshold was reached at least once */
        bool is_passing;      /* the verdict; before the first one: true for liveness only */
        uint64_t begun_usec;  /* first try due */
        uint64_t due_usec;    /* next try */
        uint64_t retry_usec;  /* last short wait while settling */
        unsigned n_successes; /* in a row */
        unsigned n_failures;  /* in a row */
};

enum probe_verdict {
        PROBE_UNDECIDED, /* as before: nothing to do */
        PROBE_PASSED,    /* turned to passing just now */
        PROBE_FAILED, /* turned to failing, or, liveness and startup, is to be killed, just now */
};

struct probe_outcome {
        struct probe_state state;
        enum probe_verdict verdict;
        bool is_counted; /* a failure that people should hear of; false while settling */
};

/* The state of a container that started at started_usec; begins with due_usec set. */
struct probe_state probe_begin(const struct probe_rule *rule, uint64_t started_usec);

/* What follows from one result at now_usec. The new state says when to ask next (due_usec).
 *
 * PROBE_FAILED of liveness or startup: kill the container; its next life calls probe_begin() again.
 * A startup probe that passed isn't asked again (due_usec is UINT64_MAX). */
struct probe_outcome probe_step(const struct probe_rule *rule, const struct probe_state *state,
                                enum probe_result result, uint64_t now_usec);
