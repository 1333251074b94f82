#include "daemon/runtime/scope.h"

#include "base/clock.h"
#include "base/str.h"

#include <linux/magic.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SCOPE_NAME "orch-pods.scope"
#define SCOPE_OBJECT "/org/freedesktop/systemd1/unit/orch_2dpods_2escope"
#define SCOPE_PATIENCE_USEC (5 * USEC_PER_SEC)
#define SCOPE_POLL_USEC (10 * USEC_PER_MSEC)
#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"

static bool scope_is_wanted(void) {
        struct statfs fs;

        return sd_booted() > 0 && statfs("/sys/fs/cgroup", &fs) == 0 &&
               fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The scope's group when it is active, else NULL. */
static char *scope_group(sd_bus *bus) {
        AUTO_FREE char *state = NULL;
        char *group = NULL;

        if (sd_bus_get_property_string(bus, SYSTEMD, SCOPE_OBJECT, SYSTEMD ".Unit", "ActiveState",
                                       NULL, &state) < 0 ||
            !str_eq(state, "active") ||
            sd_bus_get_property_string(bus, SYSTEMD, SCOPE_OBJECT, SYSTEMD ".Scope", "ControlGroup",
                                       NULL, &group) < 0)
                return NULL;
        if (group[0] == '/' && group[1] != '\0')
                return group;
        free(group);
        return NULL;
}

/* A process that only waits: a scope without one would end. It outlives us. */
static int scope_spawn_holder(const char *pod_binary, pid_t *ret, struct err *e) {
        char *const argv[] = { (char *) "orch-pod", (char *) "--hold", NULL };
        char *const envp[] = { NULL };
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        (void) sigemptyset(&none);
        r = posix_spawnattr_init(&attributes);
        if (r != 0)
                return err_errno(e, -r, "cannot start %s", pod_binary);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        r = posix_spawn(ret, pod_binary, NULL, &attributes, argv, envp);
        (void) posix_spawnattr_destroy(&attributes);
        return r != 0 ? err_errno(e, -r, "cannot start %s", pod_binary) : 0;
}

static int scope_start(sd_bus *bus, pid_t holder, struct err *e) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                   "StartTransientUnit", &error, NULL, "ssa(sv)a(sa(sv))",
                                   SCOPE_NAME, "fail", 4, "Description", "s", "Pods of orch",
                                   "Delegate", "b", 1, "CollectMode", "s", "inactive-or-failed",
                                   "PIDs", "au", 1, (uint32_t) holder, 0);

        if (r < 0)
                (void) err_set(e, r, "systemd refuses %s: %s", SCOPE_NAME,
                               error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        return r < 0 ? r : 0;
}

static int scope_wait(sd_bus *bus, char **ret_group, struct err *e) {
        uint64_t until_usec = clock_now_usec() + SCOPE_PATIENCE_USEC;

        while (!(*ret_group = scope_group(bus))) {
                if (clock_now_usec() >= until_usec)
                        return err_set(e, -ETIMEDOUT, "%s did not become active", SCOPE_NAME);
                (void) usleep(SCOPE_POLL_USEC);
        }
        return 0;
}

static int scope_make(sd_bus *bus, const char *pod_binary, char **ret_group, struct err *e) {
        pid_t holder = 0;
        int r = scope_spawn_holder(pod_binary, &holder, e);

        if (r == 0)
                r = scope_start(bus, holder, e);
        if (r == 0)
                r = scope_wait(bus, ret_group, e);
        if (r < 0 && holder > 0) {
                (void) kill(holder, SIGKILL);
                (void) waitpid(holder, NULL, 0);
        }
        return r;
}

int scope_open(const char *pod_binary, char **ret_group, struct err *e) {
        sd_bus *bus = NULL;
        int r;

        *ret_group = NULL;
        if (!scope_is_wanted())
                return 0;
        r = sd_bus_open_system(&bus);
        if (r < 0)
                return err_errno(e, r, "cannot reach systemd over D-Bus");
        *ret_group = scope_group(bus);
        if (!*ret_group)
                r = scope_make(bus, pod_binary, ret_group, e);
        sd_bus_flush_close_unref(bus);
        return MIN(r, 0);
}
