/* test-sim [--seed N] [--runs N] [--verbose]: runs N worlds, seeds counting up. The first broken
 * promise ends it with its seed; --seed with that number shows the same again. */

#include "base/log.h"
#include "tests/sim/world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static int run_one(uint64_t seed, bool is_verbose) {
        struct world *w = world_new(seed, is_verbose);
        int result = 0;

        if (!w)
                return 1;
        scenario_run(w);
        if (w->violation[0]) {
                (void) fprintf(stderr, "seed %llu: %s\n", (unsigned long long) seed, w->violation);
                result = 1;
        }
        world_free(w);
        return result;
}

int main(int argc, char **argv) {
        static const struct option options[] = { { "seed", required_argument, NULL, 's' },
                                                 { "runs", required_argument, NULL, 'r' },
                                                 { "keep-going", no_argument, NULL, 'k' },
                                                 { "verbose", no_argument, NULL, 'v' },
                                                 { NULL, 0, NULL, 0 } };
        uint64_t seed = 1, runs = 1, n_failed = 0;
        bool is_verbose = false, keeps_going = false;
        int o;

        while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (o) {
                case 's':
                        seed = strtoull(optarg, NULL, 10);
                        break;
                case 'r':
                        runs = strtoull(optarg, NULL, 10);
                        break;
                case 'k':
                        keeps_going = true;
                        break;
                case 'v':
                        is_verbose = true;
                        break;
                default:
                        return 2;
                }
        }
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        log_init("test-sim", is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
        for (uint64_t i = 0; i < runs && (n_failed == 0 || keeps_going); i++)
                n_failed += (uint64_t) run_one(seed + i, is_verbose);
        (void) printf("%llu of %llu seeds from %llu on failed\n", (unsigned long long) n_failed,
                      (unsigned long long) runs, (unsigned long long) seed);
        return n_failed ? 1 : 0;
}
