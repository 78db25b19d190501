/* The thread pool: see threads.h.
 *
 * A job is open while its tasks are handed out. Workers join an open job, take task numbers from one counter and leave;
 * the caller does the same, then closes the job and waits only for those who joined. So a worker that is still asleep
 * costs nobody anything, which keeps short jobs (one sentence) short. Idle workers spin for some microseconds, because
 * the next kernel usually follows at once, then sleep on a futex (futex(2)); whoever wakes up wakes two more while
 * there are tasks left, so that waking 64 threads is not one thread's work. Where there are more threads than CPUs
 * nobody spins: it would keep the one who works from his CPU. */
#include "autograd/base/threads.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "autograd/base/cgroup.h"

#define JOB_OPEN     UINT32_C(0x80000000) /* the other bits of `state` count the workers inside the job */
#define SPIN_ROUNDS  2000                 /* about 50 to 100 us: longer than the serial code between two kernels */
#define WAKE_AT_ONCE 2                    /* sleepers that one thread wakes */
#define LINE         64                   /* of the cache: what different threads write lies in different ones */

typedef struct senc_pool {
    int n;           /* threads including the caller */
    int spin_rounds; /* 0: there are more threads than CPUs */
    pid_t pid;       /* the process that started the workers: a forked child has none of them */
    pthread_t workers[SENC_MAX_THREADS];
    /* The job. Written by the caller before `state` opens, stable until it has closed and emptied. */
    _Alignas(LINE) int64_t n_tasks;
    senc_task *task;
    void *context;
    _Atomic bool stop;
    _Alignas(LINE) _Atomic int64_t next;
    _Alignas(LINE) _Atomic uint32_t state; /* the caller sleeps on it */
    _Atomic bool caller_sleeps;
    _Alignas(LINE) _Atomic uint32_t generation; /* one more for every job, and for the end; workers sleep on it */
    _Atomic int sleepers;
} senc_pool;

static senc_pool pool = {.n = 1};
static pthread_mutex_t caller_mutex = PTHREAD_MUTEX_INITIALIZER; /* one job at a time */

static _Thread_local int thread_index;
static _Thread_local bool inside_task;

static void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_tasks(int thread) {
    inside_task = true;
    for (;;) {
        const int64_t i = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed);
        if (i >= pool.n_tasks) break;
        pool.task(pool.context, i, thread);
    }
    inside_task = false;
}

/* Sleeps while *word is `value`; may return early. */
static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void job_leave(void) {
    /* The last one out of a closed job. */
    if (atomic_fetch_sub(&pool.state, 1) == 1 && atomic_load(&pool.caller_sleeps)) futex_wake(&pool.state, 1);
}

/* Who comes too late is gone at once: the caller may see him inside for a moment. */
static bool job_join(void) {
    if (!(atomic_load_explicit(&pool.state, memory_order_relaxed) & JOB_OPEN)) return false;
    if (atomic_fetch_add(&pool.state, 1) & JOB_OPEN) return true;
    job_leave();
    return false;
}

/* Waits for a generation other than `seen` and returns it. */
static uint32_t wait_for_job(uint32_t seen, bool *slept) {
    for (int round = 0; round < pool.spin_rounds; round++) {
        const uint32_t now = atomic_load_explicit(&pool.generation, memory_order_acquire);
        if (now != seen) return now;
        spin_pause();
    }
    *slept = true;
    atomic_fetch_add(&pool.sleepers, 1);
    uint32_t now;
    while ((now = atomic_load(&pool.generation)) == seen) futex_wait(&pool.generation, seen);
    atomic_fetch_sub(&pool.sleepers, 1);
    return now;
}

static void *worker_main(void *argument) {
    thread_index = (int)(intptr_t)argument;
    uint32_t seen = 0;
    for (;;) {
        bool slept = false;
        seen = wait_for_job(seen, &slept);
        if (atomic_load(&pool.stop)) return NULL;
        if (!job_join()) continue;
        if (slept && atomic_load(&pool.next) < pool.n_tasks && atomic_load(&pool.sleepers) > 0)
            futex_wake(&pool.generation, WAKE_AT_ONCE);
        run_tasks(thread_index);
        job_leave();
    }
}

/* A new generation; wakes up to n sleeping workers. */
static void announce(int n) {
    atomic_fetch_add(&pool.generation, 1);
    if (atomic_load(&pool.sleepers) > 0) futex_wake(&pool.generation, n);
}

static void close_job(void) {
    uint32_t inside = atomic_fetch_and(&pool.state, ~JOB_OPEN) & ~JOB_OPEN;
    for (int round = 0; inside && round < pool.spin_rounds; round++) {
        spin_pause();
        inside = atomic_load_explicit(&pool.state, memory_order_acquire);
    }
    if (!inside) return;
    atomic_store(&pool.caller_sleeps, true);
    while ((inside = atomic_load(&pool.state)) != 0) futex_wait(&pool.state, inside);
    atomic_store(&pool.caller_sleeps, false);
}

void senc_parallel(int64_t n_tasks, senc_task *task, void *context) {
    if (n_tasks <= 0) return;
    if (inside_task) {
        for (int64_t i = 0; i < n_tasks; i++) task(context, i, thread_index);
        return;
    }
    pthread_mutex_lock(&caller_mutex);
    if (n_tasks == 1 || pool.n == 1) {
        inside_task = true;
        for (int64_t i = 0; i < n_tasks; i++) task(context, i, 0);
        inside_task = false;
    } else {
        pool.n_tasks = n_tasks;
        pool.task = task;
        pool.context = context;
        atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
        atomic_fetch_or(&pool.state, JOB_OPEN);
        announce(n_tasks - 1 < WAKE_AT_ONCE ? (int)n_tasks - 1 : WAKE_AT_ONCE);
        run_tasks(0);
        close_job();
    }
    pthread_mutex_unlock(&caller_mutex);
}

#define ZERO_BYTES ((size_t)4 << 20) /* a task's part: two huge pages */

typedef struct zero_job {
    char *block;
    size_t n_bytes;
} zero_job;

static void zero_task(void *context, int64_t i, int thread) {
    (void)thread;
    const zero_job *job = context;
    const size_t first = (size_t)i * ZERO_BYTES, left = job->n_bytes - first;
    memset(job->block + first, 0, left < ZERO_BYTES ? left : ZERO_BYTES);
}

void senc_parallel_zero(void *block, size_t n_bytes) {
    zero_job job = {block, n_bytes};
    senc_parallel((int64_t)((n_bytes + ZERO_BYTES - 1) / ZERO_BYTES), zero_task, &job);
}

static void stop_workers(void) {
    if (pool.n > 1 && pool.pid == getpid()) {
        atomic_store(&pool.stop, true);
        announce(INT_MAX);
        for (int i = 1; i < pool.n; i++) pthread_join(pool.workers[i], NULL);
    }
    atomic_store(&pool.sleepers, 0); /* in a forked child: as the parent's threads left it */
    atomic_store(&pool.stop, false);
    atomic_store(&pool.generation, 0); /* what a new worker has seen */
    atomic_store(&pool.state, 0);
    pool.n = 1;
}

bool senc_threads_init(int n, senc_error *err) {
    if (n < 0 || n > SENC_MAX_THREADS)
        return senc_fail(err, SENC_BAD_INPUT, "threads: expected 0 to %d, got %d", SENC_MAX_THREADS, n);
    if (n == 0) n = senc_threads_cpus();
    stop_workers();
    pool.pid = getpid();
    pool.spin_rounds = n <= senc_threads_cpus() ? SPIN_ROUNDS : 0;
    for (int i = 1; i < n; i++) {
        const int failure = pthread_create(&pool.workers[i], NULL, worker_main, (void *)(intptr_t)i);
        if (failure) {
            pool.n = i;
            stop_workers();
            return senc_fail(err, SENC_FAILED, "threads: cannot start thread %d of %d: %s", i + 1, n,
                             strerror(failure));
        }
    }
    pool.n = n;
    return true;
}

void senc_threads_free(void) {
    stop_workers();
}

int senc_threads_count(void) {
    return pool.n;
}

int senc_threads_here(void) {
    return inside_task ? 1 : pool.n;
}

int senc_threads_index(void) {
    return inside_task ? thread_index : 0;
}

bool senc_thread_start(pthread_t *thread, void *(*run)(void *), void *context, senc_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL}; /* of the thread itself: blocked, they kill the process */
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited */
    const int failure = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0 || senc_fail(err, SENC_FAILED, "threads: cannot start a thread: %s", strerror(failure));
}

/* CPUs in the affinity mask. The mask of the kernel may be wider than cpu_set_t's 1024, so it grows until it fits. */
static int affinity_cpus(void) {
    for (int width = 1024; width <= 1 << 16; width *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)width);
        if (!set) return 1;
        const size_t size_bytes = CPU_ALLOC_SIZE((size_t)width);
        const bool known = sched_getaffinity(0, size_bytes, set) == 0;
        const int n = known ? CPU_COUNT_S(size_bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0) return n;
    }
    return 1;
}

int senc_threads_cpus(void) {
    int64_t n = affinity_cpus();
    const int64_t quota = senc_cgroup_cpus("");
    if (quota > 0 && quota < n) n = quota;
    return n > SENC_MAX_THREADS ? SENC_MAX_THREADS : (int)n;
}
