#pragma once

#include "daemon/build/builder.h"

/* Tells b->config->webhook, if any, that the build failed with *e: POST of {"event": "BuildFailed",
 * "node", "names", "file", "message", "time"} by orch-image, at most 10 s. When that fails, too,
 * *e says so behind its own words. e->code stays. Blocks. */
void build_webhook_tell(const struct builder *b, struct err *e);
