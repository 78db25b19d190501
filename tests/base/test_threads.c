/* The thread pool: every task runs once, on a valid thread, whatever the counts; nested calls; restarts. */
#include "autograd/base/threads.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/base/cpu.h"
#include "tests/thread_failure.h"

#define MOST_TASKS 1000

typedef struct tally {
    int runs[MOST_TASKS];
    _Atomic int bad_threads;
} tally;

static void count_run(void *context, int64_t i, int thread) {
    tally *t = context;
    t->runs[i]++;
    if (thread < 0 || thread >= senc_threads_count() || thread != senc_threads_index())
        atomic_fetch_add(&t->bad_threads, 1);
}

static void start(int n) {
    senc_error err = {0};
    ck_assert_msg(senc_threads_init(n, &err), "%s", err.text);
}

START_TEST(test_every_task_runs_once) {
    const int64_t counts[] = {0, 1, 2, 3, 7, 64, MOST_TASKS};
    for (int n = 1; n <= 5; n++) {
        start(n);
        ck_assert_int_eq(senc_threads_count(), n);
        for (int repeat = 0; repeat < 200; repeat++) {
            const int64_t n_tasks = counts[repeat % 7];
            tally t = {0};
            senc_parallel(n_tasks, count_run, &t);
            for (int64_t i = 0; i < MOST_TASKS; i++) ck_assert_int_eq(t.runs[i], i < n_tasks);
            ck_assert_int_eq(t.bad_threads, 0);
        }
        senc_threads_free();
        ck_assert_int_eq(senc_threads_count(), 1);
    }
}
END_TEST

/* Long pauses put the workers to sleep, uneven tasks let the caller sleep. */
static void slow_task(void *context, int64_t i, int thread) {
    if (thread != 0) usleep(2000);
    count_run(context, i, thread);
}

START_TEST(test_sleeping_workers_wake_up) {
    start(3);
    for (int repeat = 0; repeat < 20; repeat++) {
        usleep(1000);
        tally t = {0};
        senc_parallel(16, slow_task, &t);
        for (int i = 0; i < 16; i++) ck_assert_int_eq(t.runs[i], 1);
    }
    senc_threads_free();
}
END_TEST

/* Jobs at every distance: behind one another, while workers spin, fall asleep, sleep. With as many threads as CPUs they
 * spin first, with more they sleep at once. */
START_TEST(test_jobs_at_any_distance) {
    const int threads[] = {2, 3, 16};
    start(threads[_i]);
    for (int repeat = 0; repeat < 1500; repeat++) {
        tally t = {0};
        senc_parallel(1 + repeat % 40, count_run, &t);
        for (int i = 0; i < 40; i++) ck_assert_int_eq(t.runs[i], i < 1 + repeat % 40);
        ck_assert_int_eq(t.bad_threads, 0);
        if (repeat % 5 == 0) usleep((useconds_t)(repeat % 300));
    }
    senc_threads_free();
}
END_TEST

static void count_threads_here(void *context, int64_t i, int thread) {
    (void)thread;
    int *here = context;
    here[i] = senc_threads_here();
}

START_TEST(test_threads_here) {
    int here[4] = {0};
    start(3);
    ck_assert_int_eq(senc_threads_here(), 3);
    senc_parallel(4, count_threads_here, here);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(here[i], 1);
    ck_assert_int_eq(senc_threads_here(), 3);
    senc_parallel(1, count_threads_here, here);
    ck_assert_int_eq(here[0], 1);
    senc_threads_free();
    ck_assert_int_eq(senc_threads_here(), 1);
}
END_TEST

static void *note_signals(void *context) {
    sigset_t *blocked = context;
    pthread_sigmask(SIG_SETMASK, NULL, blocked);
    return NULL;
}

START_TEST(test_a_thread_beside_the_pool_takes_no_signals) {
    senc_error err = {0};
    pthread_t thread;
    sigset_t blocked, mine;
    ck_assert_msg(senc_thread_start(&thread, note_signals, &blocked, &err), "%s", err.text);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    ck_assert(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM));
    ck_assert(!sigismember(&mine, SIGINT));
}
END_TEST

static void outer_task(void *context, int64_t i, int thread) {
    tally *tallies = context;
    senc_parallel(10, count_run, &tallies[i]);
    if (thread != senc_threads_index()) tallies[i].bad_threads++;
}

START_TEST(test_nested_calls_run_serially) {
    static tally tallies[8];
    start(3);
    memset(tallies, 0, sizeof tallies);
    senc_parallel(8, outer_task, tallies);
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 10; j++) ck_assert_int_eq(tallies[i].runs[j], 1);
        ck_assert_int_eq(tallies[i].bad_threads, 0);
    }
    senc_threads_free();
}
END_TEST

static void *call_from_another_thread(void *context) {
    for (int i = 0; i < 100; i++) senc_parallel(50, count_run, context);
    return NULL;
}

START_TEST(test_two_callers_take_turns) {
    static tally mine, theirs;
    start(2);
    memset(&mine, 0, sizeof mine);
    memset(&theirs, 0, sizeof theirs);
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, call_from_another_thread, &theirs), 0);
    call_from_another_thread(&mine);
    pthread_join(other, NULL);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(mine.runs[i], 100);
        ck_assert_int_eq(theirs.runs[i], 100);
    }
    senc_threads_free();
}
END_TEST

START_TEST(test_a_forked_child_starts_its_own_pool) {
    start(3);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        senc_error err = {0};
        tally t = {0};
        if (!senc_threads_init(2, &err)) _exit(1);
        senc_parallel(20, count_run, &t);
        for (int i = 0; i < 20; i++) {
            if (t.runs[i] != 1) _exit(2);
        }
        senc_threads_free();
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    senc_threads_free();
}
END_TEST

/* Whichever thread cannot be started: an error that names it, the others are gone, and the pool works with the caller
 * alone; then as asked. */
START_TEST(test_a_thread_that_does_not_start) {
    const int before = count_threads();
    for (int fail = 1; fail <= 4; fail++) {
        start(2); /* an older pool, which the failure takes away too */
        senc_error err = {0};
        char wanted[128];
        thread_that_fails = fail;
        const bool ok = senc_threads_init(5, &err);
        thread_that_fails = 0;
        ck_assert(!ok);
        snprintf(wanted, sizeof wanted, "threads: cannot start thread %d of 5: Resource temporarily unavailable",
                 fail + 1);
        ck_assert_str_eq(err.text, wanted);
        ck_assert_int_eq(err.kind, SENC_FAILED);
        ck_assert_int_eq(senc_threads_count(), 1);
        ck_assert_int_eq(count_threads(), before);
        static tally t;
        memset(&t, 0, sizeof t);
        senc_parallel(50, count_run, &t);
        for (int i = 0; i < 50; i++) ck_assert_int_eq(t.runs[i], 1);
        start(5);
        ck_assert_int_eq(count_threads(), before + 4);
        memset(&t, 0, sizeof t);
        senc_parallel(50, count_run, &t);
        for (int i = 0; i < 50; i++) ck_assert_int_eq(t.runs[i], 1);
        ck_assert_int_eq(t.bad_threads, 0);
        senc_threads_free();
    }
}
END_TEST

static void *do_nothing(void *context) {
    return context;
}

/* Signals are let in again, whether the thread could be started or not. */
START_TEST(test_a_thread_beside_the_pool_that_does_not_start) {
    sigset_t before, after;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    pthread_t thread;
    senc_error err = {0};
    thread_that_fails = 1;
    ck_assert(!senc_thread_start(&thread, do_nothing, NULL, &err));
    ck_assert_str_eq(err.text, "threads: cannot start a thread: Resource temporarily unavailable");
    ck_assert_int_eq(err.kind, SENC_FAILED);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int s = 1; s < 32; s++) ck_assert_int_eq(sigismember(&after, s), sigismember(&before, s));
    err = (senc_error){0};
    ck_assert(senc_thread_start(&thread, do_nothing, &err, &err));
    void *result;
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &err);
}
END_TEST

/* Exactly the block, whatever its size is to a task's part. */
START_TEST(test_zero_fills_the_block) {
    const size_t part = (size_t)4 << 20, sizes[] = {0, 1, 100, part - 1, part, part + 1, 3 * part + 5};
    start(3);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *block = malloc(sizes[i] + 2);
        memset(block, 0xee, sizes[i] + 2);
        senc_parallel_zero(block + 1, sizes[i]);
        size_t n_set = 0;
        for (size_t k = 0; k < sizes[i]; k++) n_set += block[k + 1] != 0;
        ck_assert_uint_eq(n_set, 0);
        ck_assert_int_eq(block[0], 0xee);
        ck_assert_int_eq(block[sizes[i] + 1], 0xee);
        free(block);
    }
    senc_threads_free();
}
END_TEST

START_TEST(test_wrong_counts_are_errors) {
    senc_error err = {0};
    ck_assert(!senc_threads_init(-1, &err));
    ck_assert_str_eq(err.text, "threads: expected 0 to 256, got -1");
    memset(&err, 0, sizeof err);
    ck_assert(!senc_threads_init(SENC_MAX_THREADS + 1, &err));
    ck_assert_int_eq(err.kind, SENC_BAD_INPUT);
}
END_TEST

START_TEST(test_cpus_follow_the_affinity_mask) {
    const int all = senc_threads_cpus();
    ck_assert_int_ge(all, 1);
    start(0);
    ck_assert_int_eq(senc_threads_count(), all);
    senc_threads_free();
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    int first = 0;
    while (!CPU_ISSET(first, &set)) first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    ck_assert_int_eq(sched_setaffinity(0, sizeof set, &set), 0);
    ck_assert_int_eq(senc_threads_cpus(), 1);
}
END_TEST

START_TEST(test_cpu_features_are_consistent) {
    const senc_cpu *cpu = senc_cpu_get();
    ck_assert_ptr_eq(cpu, senc_cpu_get());
    ck_assert(cpu->name[0] != '\0');
    if (cpu->avx512) ck_assert(cpu->avx2);
    if (cpu->avx512_bf16 || cpu->avx512_vnni) ck_assert(cpu->avx512);
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    ck_assert_int_eq(cpu->avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    ck_assert_int_eq(cpu->avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                                      __builtin_cpu_supports("avx512cd"));
    ck_assert_int_eq(cpu->avx512_vnni, cpu->avx512 && __builtin_cpu_supports("avx512vnni"));
#endif
}
END_TEST

int main(void) {
    Suite *suite = suite_create("threads");
    TCase *c = tcase_create("pool");
    tcase_add_test(c, test_every_task_runs_once);
    tcase_add_test(c, test_sleeping_workers_wake_up);
    tcase_add_loop_test(c, test_jobs_at_any_distance, 0, 3);
    tcase_add_test(c, test_threads_here);
    tcase_add_test(c, test_a_thread_beside_the_pool_takes_no_signals);
    tcase_add_test(c, test_nested_calls_run_serially);
    tcase_add_test(c, test_two_callers_take_turns);
    tcase_add_test(c, test_a_forked_child_starts_its_own_pool);
    tcase_add_test(c, test_a_thread_that_does_not_start);
    tcase_add_test(c, test_a_thread_beside_the_pool_that_does_not_start);
    tcase_add_test(c, test_zero_fills_the_block);
    tcase_add_test(c, test_wrong_counts_are_errors);
    tcase_add_test(c, test_cpus_follow_the_affinity_mask);
    tcase_add_test(c, test_cpu_features_are_consistent);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
