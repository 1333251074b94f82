#pragma once

#include "base/err.h"
#include "daemon/store/engine.h"
#include "daemon/store/request.h"

/* Carries q out on en, inside a transaction of en, and writes the answer into it.
 *
 * Returns 0 when q has its answer (also when that is a refusal, which changed nothing), or a
 * negative errno when the engine failed: the transaction must be rolled back then. Blocks. Any
 * thread. */
int execute_request(struct engine *en, struct store_request *q, struct err *e);
