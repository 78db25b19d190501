/* The thread pool. One pool a process; all parallel work of senc (and of the BLAS behind it, which runs single-threaded
 * inside our tasks) goes through senc_parallel, so nothing is oversubscribed. */
#ifndef SENC_THREADS_H
#define SENC_THREADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

#define SENC_MAX_THREADS 256

/* Starts (or restarts) the pool with n threads including the caller; 0: one per CPU this process may run on. */
bool senc_threads_init(int n, senc_error *err);
void senc_threads_free(void);
/* Threads of the pool, 1 before init. */
int senc_threads_count(void);
/* Threads that a senc_parallel from here would use: 1 inside a task. What a kernel cuts its work for. */
int senc_threads_here(void);
/* CPUs this process may run on: the smaller of the affinity mask and the cgroup's quota (rounded up). */
int senc_threads_cpus(void);

/* Runs task(context, i, thread) for every i in [0, n_tasks), thread in [0, senc_threads_count()), and returns when all
 * are done. Tasks are handed out dynamically: a task must write only what belongs to i, so that the result does not
 * depend on who ran it. A call from inside a task runs serially. */
typedef void senc_task(void *context, int64_t i, int thread);
void senc_parallel(int64_t n_tasks, senc_task *task, void *context);

/* Fills with zero bytes, by all threads. Pages that nobody has touched yet come to lie near the threads that clear
 * them, which spreads a block over the machine's NUMA nodes: tasks are handed out dynamically, so no page has one user.
 */
void senc_parallel_zero(void *block, size_t n_bytes);

/* Index of the calling thread while it runs a task, else 0: scratch may be kept per index. */
int senc_threads_index(void);

/* A thread beside the pool, for work that mostly waits (reading ahead). Signals stay with the other threads. It must
 * not call senc_parallel: it would take the pool away from who computes, and wait for him. */
bool senc_thread_start(pthread_t *thread, void *(*run)(void *), void *context, senc_error *err);

#endif
