#pragma once

/* A runtime on a scratch tmpfs, in mount, network, pid and IPC namespaces of the test's own. */
#include "base/fd.h"
#include "base/str.h"
#include "daemon/runtime/log_reader.h"
#include "daemon/runtime/runtime.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#define FIXTURE_DIR "/mnt/orch-test"
#define FIXTURE_RUN FIXTURE_DIR "/run"
#define FIXTURE_LOGS FIXTURE_DIR "/logs"
#define FIXTURE_STATE FIXTURE_DIR "/state"
#define FIXTURE_ROOT FIXTURE_DIR "/rootfs"

/* The command of a container that does nothing. */
extern const char *const fixture_sleep[3];

/* What callbacks noted. */
struct fixture {
        sd_event *event;
        struct runtime *runtime;
        struct runtime_pod *pod;
        bool is_done;
        int result;
        struct err err;
        unsigned n_exits, n_lost;
        struct runtime_container_status exit; /* of the last; strings below */
        char exit_container[64], exit_message[5000], exit_reason[64];
        unsigned n_found_pods, n_found_containers;
        struct runtime_container_status found;
        struct runtime_exec_result exec;
        int tty;
};

/* Re-executes the program in namespaces of its own; ends it with 77 (skipped) when that needs root.
 */
void fixture_enter(int argc, char *argv[]);
/* The rest of a test program's main(): after the tests, removes the test's control groups. */
int fixture_leave(int result);

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* The control group of this run, which no other run has: in name, which is returned. */
#define FIXTURE_CGROUP_MAX 32
const char *fixture_cgroup(char name[FIXTURE_CGROUP_MAX]);

void fixture_open(struct fixture *f);
/* Runs the loop until *flag (a moment that a broken runtime would never reach fails the test). */
void fixture_wait(struct fixture *f, const bool *flag);
void fixture_wait_exits(struct fixture *f, unsigned n);
/* Makes pod "p1" and waits for it. */
void fixture_pod(struct fixture *f, const struct runtime_pod_spec *spec);
void fixture_remove_pod(struct fixture *f);

/* A spec that runs a shell script in a busybox root. */
struct runtime_container_spec fixture_shell(const char *name, const char *const args[3]);
/* Starts and waits for done; returns its result. */
int fixture_start(struct fixture *f, const struct runtime_container_spec *spec);
/* Starts `sh -c script`, waits for its end and returns its log, to be freed. */
char *fixture_run(struct fixture *f, const struct runtime_container_spec *base, const char *script);
char *fixture_log(struct fixture *f, const char *container, uint64_t instance);
/* Runs to the end; the result is in f->exec. out: -1: /dev/null, -2: a terminal. */
void fixture_exec_spec(struct fixture *f, const struct runtime_exec_spec *spec);
void fixture_exec(struct fixture *f, const char *container, const char *script, int out);

void fixture_on_done(void *userdata, int r, const struct err *e);

/* Fails the test unless text holds part. */
void fixture_assert_has(const char *text, const char *part);
