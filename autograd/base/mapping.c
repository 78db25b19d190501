/* Mapped files: see mapping.h.
 *
 * The list of mappings only grows, and its nodes are used again: so the signal handler can walk it without a lock. A
 * range is published by its first address last, and taken back by it first. */
#include "autograd/base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/memory.h"

#define SAMPLED_PLACES ((size_t)64)
#define SAMPLED_BYTES  ((size_t)64) /* at each of them */
#define UNUSED         UINTPTR_MAX

typedef struct mapping {
    struct mapping *next;
    _Atomic uintptr_t begin, end; /* begin = UNUSED: free */
    atomic_bool faulted;
    bool told; /* its loss is already known */
    int fd;
    char *path;
    size_t n_bytes;
    struct timespec changed;
    uint64_t sample;
} mapping;

static mapping *_Atomic all;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of everything but what the handler reads */
static senc_error lost;
static struct sigaction earlier;
static uintptr_t page_bytes;

/* ---- the fault ---- */

static mapping *mapping_at(uintptr_t address) {
    for (mapping *m = atomic_load(&all); m; m = m->next) {
        if (atomic_load(&m->begin) <= address && address < atomic_load(&m->end)) return m;
    }
    return NULL;
}

/* Zeros take the place of the page that is not there and of all behind it. Everything here is a system call or an
 * atomic, and the fault came from an instruction that reads the map, so no lock of ours can be held in a wrong state.
 */
static void on_fault(int number, siginfo_t *info, void *context) {
    const int code = errno;
    (void)context;
    mapping *m = mapping_at((uintptr_t)info->si_addr);
    const uintptr_t page = (uintptr_t)info->si_addr / page_bytes * page_bytes;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (m) atomic_store(&m->faulted, true);
    if (!m || mmap((void *)page, atomic_load(&m->end) - page, PROT_READ, flags, -1, 0) == MAP_FAILED)
        sigaction(number, &earlier, NULL); /* not ours: the instruction faults once more, and ends as it did before */
    errno = code;
}

static void catch_faults(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &earlier);
}

/* ---- what a file was, and is ---- */

/* FNV-1a over pieces that are spread evenly, the first and the last bytes among them. */
static uint64_t sample_of(const char *data, size_t n_bytes) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const size_t piece = n_bytes < SAMPLED_BYTES ? n_bytes : SAMPLED_BYTES, last = n_bytes - piece;
    const size_t n = last < SAMPLED_PLACES ? last + 1 : SAMPLED_PLACES;
    for (size_t i = 0; i < n; i++) {
        const size_t at = n > 1 ? (size_t)((double)last * ((double)i / (double)(n - 1))) : 0;
        for (size_t k = 0; k < piece; k++) h = (h ^ (unsigned char)data[at + k]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* The caller holds the mutex. */
static void look_at(mapping *m) {
    struct stat now;
    if (m->told) return;
    const bool known = fstat(m->fd, &now) == 0;
    const bool cut = known && (size_t)now.st_size < m->n_bytes;
    bool other = false;
    if (known && !cut && !same_time(now.st_mtim, m->changed)) {
        other = sample_of((const char *)atomic_load(&m->begin), m->n_bytes) != m->sample;
        m->changed = now.st_mtim;
    }
    const bool faulted = atomic_load(&m->faulted);
    if (known && !cut && !other && !faulted) return;
    m->told = true;
    if (cut)
        senc_fail(&lost, SENC_FILE_LOST, "%s: was cut from %zu to %lld bytes while it was in use", m->path, m->n_bytes,
                  (long long)now.st_size);
    else if (other)
        senc_fail(&lost, SENC_FILE_LOST, "%s: changed while it was in use", m->path);
    else
        senc_fail(&lost, SENC_FILE_LOST, "%s: cannot be read any more: its disk failed, or it was cut for a moment",
                  m->path);
}

/* ---- opening and closing ---- */

static mapping *free_node(void) {
    for (mapping *m = atomic_load(&all); m; m = m->next) {
        if (atomic_load(&m->begin) == UNUSED) return m;
    }
    mapping *m = senc_alloc_zero(1, sizeof *m);
    if (!m) return NULL;
    atomic_store(&m->begin, UNUSED);
    m->next = atomic_load(&all);
    atomic_store(&all, m);
    return m;
}

/* The caller holds the mutex. */
static void publish(mapping *m, const char *data, size_t n_bytes) {
    const uintptr_t begin = (uintptr_t)data;
    atomic_store(&m->faulted, false);
    m->told = false;
    m->n_bytes = n_bytes;
    atomic_store(&m->end, (begin + n_bytes + page_bytes - 1) / page_bytes * page_bytes);
    atomic_store(&m->begin, begin);
    m->sample = sample_of(data, n_bytes);
}

static void take_back(mapping *m) {
    atomic_store(&m->begin, UNUSED);
    atomic_store(&m->end, 0);
    if (m->fd >= 0) close(m->fd);
    free(m->path);
    m->path = NULL;
}

const char *senc_mapping_open(int fd, size_t n_bytes, const char *path, senc_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, catch_faults);
    pthread_mutex_lock(&mutex);
    mapping *m = free_node();
    char *copy = senc_strdup(path);
    void *data = MAP_FAILED;
    struct stat info;
    if (!m || !copy) {
        senc_fail_memory(err, sizeof *m, path);
    } else if ((m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0 || fstat(m->fd, &info) != 0 ||
               (data = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
        senc_fail_errno(err, "%s: cannot map into memory", path);
        take_back(m);
    } else {
        m->path = copy;
        m->changed = info.st_mtim;
        publish(m, data, n_bytes);
        copy = NULL;
    }
    pthread_mutex_unlock(&mutex);
    free(copy);
    return data == MAP_FAILED ? NULL : data;
}

void senc_mapping_close(const char *data) {
    pthread_mutex_lock(&mutex);
    mapping *m = mapping_at((uintptr_t)data);
    SENC_ASSERT(m && atomic_load(&m->begin) == (uintptr_t)data, "%p is no mapped file", (const void *)data);
    look_at(m);
    const size_t n_bytes = m->n_bytes;
    take_back(m);
    munmap((void *)(uintptr_t)data, n_bytes);
    pthread_mutex_unlock(&mutex);
}

/* ---- asking ---- */

bool senc_mappings_check(senc_error *err) {
    senc_error found = {0};
    pthread_mutex_lock(&mutex);
    for (mapping *m = atomic_load(&all); m; m = m->next) {
        if (atomic_load(&m->begin) != UNUSED) look_at(m);
    }
    if (lost.kind != SENC_OK) found = lost;
    pthread_mutex_unlock(&mutex);
    return found.kind == SENC_OK || senc_fail(err, found.kind, "%s", found.text);
}

void senc_mappings_forget_losses(void) {
    pthread_mutex_lock(&mutex);
    lost = (senc_error){0};
    pthread_mutex_unlock(&mutex);
}
