#pragma once

/* POST pods/P/eviction: a deletion that PodDisruptionBudgets may forbid (docs/adr/0157). */
struct call;

void eviction_handle(struct call *c);
