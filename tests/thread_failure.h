/* Threads that do not start: this pthread_create takes the place of the C library's in the test that includes it, and
 * fails when it is told to. */
#ifndef TESTS_THREAD_FAILURE_H
#define TESTS_THREAD_FAILURE_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

static int thread_that_fails;     /* 1: the next one, 2: the one behind it, ...; 0: none */
static int n_threads_not_started; /* so far */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context) {
    typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    union {
        void *symbol;
        create_function *call;
    } libc = {dlsym(RTLD_NEXT, "pthread_create")};
    if (thread_that_fails > 0 && --thread_that_fails == 0) {
        n_threads_not_started++;
        return EAGAIN;
    }
    return libc.call(thread, attributes, run, context);
}

/* Threads of this process. */
static inline int count_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int n = -2; /* . and .. */
    while (tasks && readdir(tasks)) n++;
    if (tasks) closedir(tasks);
    return n;
}

#endif
