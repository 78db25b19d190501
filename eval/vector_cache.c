/* The cache of vectors: see vector_cache.h. */
#include "eval/vector_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/base/buffer.h"
#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/formats/sha256.h"

typedef struct key_record {
    eval_vector_key key;
    uint64_t check;
} key_record;
_Static_assert(sizeof(key_record) == 40, "the file's layout");

typedef struct slot {
    uint64_t start; /* of the key */
    int64_t record; /* -1: free */
} slot;

struct eval_vector_cache {
    char *path; /* of the keys, for messages */
    int keys, vectors;
    int64_t width, n;
    slot *slots; /* open addressing; (n_slots) a power of two, at most half full */
    int64_t n_slots;
};

eval_vector_key eval_vector_key_of(const eval_text *text) {
    eval_vector_key key;
    data_sha256 s;
    data_sha256_init(&s);
    data_sha256_update(&s, text->bytes, (size_t)text->n_bytes);
    data_sha256_finish(&s, key.bytes);
    return key;
}

static uint64_t check_of(const float *row, int64_t width) {
    uint64_t sum = (uint64_t)width;
    for (int64_t i = 0; i < width; i++) {
        uint32_t bits;
        memcpy(&bits, row + i, sizeof bits);
        sum = senc_rng_mix(sum ^ bits);
    }
    return sum;
}

static uint64_t start_of(const eval_vector_key *key) {
    uint64_t start;
    memcpy(&start, key->bytes, sizeof start);
    return start;
}

/* ---- the index ---- */

/* The last record with that start wins: a damaged vector is replaced by adding it again. */
static void index_put(eval_vector_cache *c, uint64_t start, int64_t record) {
    uint64_t at = start & (uint64_t)(c->n_slots - 1);
    while (c->slots[at].record >= 0 && c->slots[at].start != start) at = (at + 1) & (uint64_t)(c->n_slots - 1);
    c->slots[at] = (slot){start, record};
}

static int64_t index_find(const eval_vector_cache *c, uint64_t start) {
    if (c->n_slots == 0) return -1;
    uint64_t at = start & (uint64_t)(c->n_slots - 1);
    while (c->slots[at].record >= 0 && c->slots[at].start != start) at = (at + 1) & (uint64_t)(c->n_slots - 1);
    return c->slots[at].record;
}

static bool index_reserve(eval_vector_cache *c, int64_t n, senc_error *err) {
    if (2 * n <= c->n_slots) return true;
    int64_t wanted = c->n_slots ? c->n_slots : 1024;
    while (wanted < 2 * n) wanted *= 2;
    slot *grown = senc_alloc((size_t)wanted, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)wanted * sizeof *grown, "the cache's index");
    for (int64_t i = 0; i < wanted; i++) grown[i] = (slot){0, -1};
    slot *old = c->slots;
    const int64_t n_old = c->n_slots;
    c->slots = grown;
    c->n_slots = wanted;
    for (int64_t i = 0; i < n_old; i++) {
        if (old[i].record >= 0) index_put(c, old[i].start, old[i].record);
    }
    free(old);
    return true;
}

/* ---- the files ---- */

static bool read_at(int file, void *bytes, size_t n_bytes, int64_t at) {
    char *to = bytes;
    while (n_bytes > 0) {
        const ssize_t n = pread(file, to, n_bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        at += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static bool write_at(int file, const void *bytes, size_t n_bytes, int64_t at) {
    const char *from = bytes;
    while (n_bytes > 0) {
        const ssize_t n = pwrite(file, from, n_bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        from += n;
        at += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static int open_part(const char *folder, const char *name, const char *ending, char **path, senc_error *err) {
    senc_buffer b = {0};
    senc_buffer_printf(&b, "%s/%s.%s", folder, name, ending);
    *path = senc_buffer_take(&b);
    if (!*path) {
        senc_fail_memory(err, strlen(folder), "a path");
        return -1;
    }
    const int file = open(*path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) senc_fail_errno(err, "%s: cannot open", *path);
    return file;
}

/* Whole records that both files have; the rest is cut off. */
static bool cut_tails(eval_vector_cache *c, senc_error *err) {
    struct stat keys, vectors;
    if (fstat(c->keys, &keys) != 0 || fstat(c->vectors, &vectors) != 0)
        return senc_fail_errno(err, "%s: cannot read", c->path);
    const int64_t row_bytes = 4 * c->width, n_vectors = vectors.st_size / row_bytes;
    c->n = keys.st_size / (int64_t)sizeof(key_record);
    if (c->n > n_vectors) c->n = n_vectors;
    if (ftruncate(c->keys, c->n * (int64_t)sizeof(key_record)) == 0 && ftruncate(c->vectors, c->n * row_bytes) == 0)
        return true;
    return senc_fail_errno(err, "%s: cannot write", c->path);
}

static bool read_index(eval_vector_cache *c, senc_error *err) {
    enum { AT_ONCE = 1024 };
    key_record records[AT_ONCE];
    if (!index_reserve(c, c->n, err)) return false;
    for (int64_t i = 0; i < c->n; i += AT_ONCE) {
        const int64_t n = c->n - i < AT_ONCE ? c->n - i : AT_ONCE;
        if (!read_at(c->keys, records, (size_t)n * sizeof *records, i * (int64_t)sizeof *records))
            return senc_fail_errno(err, "%s: cannot read", c->path);
        for (int64_t k = 0; k < n; k++) index_put(c, start_of(&records[k].key), i + k);
    }
    return true;
}

bool eval_vector_cache_open(const char *folder, const char *name, int64_t width, eval_vector_cache **out,
                            senc_error *err) {
    *out = NULL;
    if (!senc_path_create_folders(folder, err)) return false;
    eval_vector_cache *c = senc_alloc_zero(1, sizeof *c);
    if (!c) return senc_fail_memory(err, sizeof *c, "the cache");
    c->width = width;
    c->vectors = -1;
    c->keys = open_part(folder, name, "keys", &c->path, err);
    bool ok = c->keys >= 0;
    if (ok && flock(c->keys, LOCK_EX | LOCK_NB) != 0)
        ok = senc_fail(err, SENC_FAILED, "%s: another run uses this cache; expected to be alone", c->path);
    char *path = NULL;
    if (ok) c->vectors = open_part(folder, name, "f32", &path, err);
    free(path);
    ok = ok && c->vectors >= 0 && cut_tails(c, err) && read_index(c, err);
    if (ok)
        *out = c;
    else
        eval_vector_cache_close(c);
    return ok;
}

void eval_vector_cache_close(eval_vector_cache *c) {
    if (!c) return;
    if (c->keys >= 0) close(c->keys);
    if (c->vectors >= 0) close(c->vectors);
    free(c->slots);
    free(c->path);
    free(c);
}

int64_t eval_vector_cache_count(const eval_vector_cache *c) {
    return c->n;
}

bool eval_vector_cache_find(const eval_vector_cache *c, const eval_vector_key *key, float *row) {
    const int64_t i = index_find(c, start_of(key));
    key_record record;
    return i >= 0 && read_at(c->keys, &record, sizeof record, i * (int64_t)sizeof record) &&
           memcmp(&record.key, key, sizeof *key) == 0 &&
           read_at(c->vectors, row, (size_t)c->width * sizeof *row, i * 4 * c->width) &&
           check_of(row, c->width) == record.check;
}

static bool add_one(eval_vector_cache *c, const eval_vector_key *key, const float *row, senc_error *err) {
    const key_record record = {*key, check_of(row, c->width)};
    if (!write_at(c->vectors, row, (size_t)c->width * sizeof *row, c->n * 4 * c->width) ||
        !write_at(c->keys, &record, sizeof record, c->n * (int64_t)sizeof record))
        return senc_fail_errno(err, "%s: cannot write", c->path);
    index_put(c, start_of(key), c->n++);
    return true;
}

bool eval_vector_cache_add(eval_vector_cache *c, const eval_vector_key *keys, const float *rows, int64_t n,
                           senc_error *err) {
    float *there = senc_alloc((size_t)c->width, sizeof *there);
    bool ok = there ? index_reserve(c, c->n + n, err) : senc_fail_memory(err, (size_t)c->width * 4, "a vector");
    for (int64_t i = 0; ok && i < n; i++) {
        if (!eval_vector_cache_find(c, keys + i, there)) ok = add_one(c, keys + i, rows + i * c->width, err);
    }
    free(there);
    return ok;
}
