#include "daemon/control/core.h"

#include "api/client/timer.h"
#include "base/backoff.h"

uint64_t core_now_usec(const struct core *core) {
        return core->timers->vtable->now_usec(core->timers);
}

uint64_t core_random(struct core *core) {
        return backoff_random(&core->random);
}
