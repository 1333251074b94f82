#pragma once

#include "base/err.h"
#include "cli/option.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct kind;
struct session;

/* Waiting for an object to come into a state, with progress on a terminal. */

enum waiting_state { WAITING_PENDING, WAITING_MET, WAITING_FAILED };

/* Judges the object (NULL: it does not exist). text: room for what to say about progress, or why
 * it failed. Pure. */
typedef enum waiting_state (*waiting_judge_fn)(void *data, const json_t *object, char *text,
                                               size_t size);

#define WAITING_TEXT_MAX 256

/* clock_now_usec() when the option's time is over; USEC_NEVER when it is 0 or not set. */
uint64_t waiting_due(const struct option_number *timeout);

struct waiting {
        const struct kind *kind;
        const char *namespace_; /* NULL or "": the session's */
        const char *name;
        waiting_judge_fn judge;
        void *data;
        bool is_verbose; /* print each change of the text, as rollout status does */
        uint64_t due_usec;
};

/* Returns 0 when the judge says met, -ECANCELED with its text when it says failed, -ETIMEDOUT, or
 * session_call()'s errors. */
int waiting_run(struct session *s, const struct waiting *w, struct err *e);

/* Deployment: rolled out; ReplicaSet: all ready; Pod: Ready or succeeded; others: at once. */
int waiting_until_ready(struct session *s, const struct kind *k, const char *namespace_,
                        const char *name, uint64_t due_usec, struct err *e);

/* Until the object is gone, or another of its name is there (uid differs; NULL: any). what: without
 * judge and data. */
int waiting_until_gone(struct session *s, const struct waiting *what, const char *uid,
                       struct err *e);

/* Judges of their own right, in kubectl's words. */
enum waiting_state waiting_judge_rollout(void *data, const json_t *object, char *text, size_t size);

/* Whether status.conditions has type with status (compared without case). */
bool waiting_has_condition(const json_t *object, const char *type, const char *status);
