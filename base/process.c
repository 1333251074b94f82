#include "base/process.h"

#include "base/str.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

int process_follow_launcher(void) {
        const char *text = getenv(PROCESS_PARENT_VARIABLE);
        int64_t pid = 0;

        if (!text || str_to_int64(text, 1, INT32_MAX, &pid) < 0)
                return 0;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == (pid_t) pid ? 0 : -ESRCH;
}
