#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>

struct loop;

/* Moves what blocks to a thread of the loop's pool (at most WORK_THREADS_MAX; a thread starts when
 * work waits and none is idle, and ends after a minute without work). Jobs may finish in any order.
 */
#define WORK_THREADS_MAX 4

/* On a thread: sees nothing but job (and what is immutable). The result goes to done. Stacks are
 * small (256 KiB): no large arrays. */
typedef int (*work_run_fn)(void *job);

/* On the loop, exactly once for each accepted job: frees job. r: run's result, or -ECANCELED when
 * run was skipped or its owner has gone meanwhile; then touch nothing but job. */
typedef void (*work_done_fn)(void *job, int r);

/* Returns 0, or a negative errno when the job was not accepted (then job stays the caller's). Loop
 * thread. */
int work_submit(struct loop *l, work_run_fn run, work_done_fn done, void *job);

/* The flag by which an owner takes back what it has submitted. Every job keeps it alive. */
struct work_owner;

/* NULL: memory is out. */
struct work_owner *work_owner_new(struct loop *l);

/* Sets the flag and gives the owner's reference up: jobs that wait are skipped, those that run are
 * let run, and every done() gets -ECANCELED. NULL is fine. Loop thread. */
void work_owner_cancel(struct work_owner *o);

/* As work_submit(), under an owner's flag. */
int work_submit_for(struct work_owner *o, work_run_fn run, work_done_fn done, void *job);

/* Whether the flag is set: for run() to stop early. Any thread. */
bool work_is_cancelled(const struct work_owner *o);
