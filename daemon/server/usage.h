#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* What nodes say of their use, kept for some seconds: many clients cost each node one question.
 * Asked of nodes only when somebody asks the server (docs/adr/0155). */
struct nodes;
struct usage;
typedef struct json_t json_t;

/* An answer younger than this serves everybody. */
#define USAGE_FRESH_USEC (5 * USEC_PER_SEC)

/* answered(data): some node's answer, or its failure, has come. nodes: borrowed. */
int usage_new(struct nodes *nodes, void (*answered)(void *data), void *data,
              struct usage **ret_usage);
void usage_unref(struct usage *u);

/* Asks a node unless its answer is fresh. Returns whether there is an answer (or the knowledge that
 * there is none) that was fresh at since_usec; else answered() comes. */
bool usage_ask(struct usage *u, const char *node, uint64_t since_usec, uint64_t now_usec);

/* The last answer, borrowed until the loop turns; NULL: the node didn't answer. Its form:
 * daemon/node/usage.h. */
const json_t *usage_of(const struct usage *u, const char *node);
