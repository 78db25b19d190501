/* Vectors that were paid for: see paid_vectors.h. */
#include "eval/remote/paid_vectors.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/database.h"

/* In the file's header (PRAGMA application_id): "senc". */
#define APPLICATION_ID 0x73656e63
#define VERSION        1

struct eval_paid_vectors {
    data_database *db;
    data_statement *find, *store, *plan; /* plan: NULL until it is needed */
    char *path;
    int64_t space, width;
    float *vector; /* (width) what find gave last */
};

static char *default_path(void) {
    const char *own = getenv("SENC_VECTOR_CACHE"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own && own[0]) return senc_strdup(own);
    if (cache && cache[0] == '/') return senc_path_join(cache, "senc/vectors.sqlite"); /* relative ones do not count */
    return senc_path_join(home && home[0] ? home : ".", ".cache/senc/vectors.sqlite");
}

static bool read_integer(data_database *db, const char *sql, int64_t *out, senc_error *err) {
    data_statement *s;
    bool has_row = false;
    if (!data_database_prepare(db, sql, &s, err)) return false;
    const bool ok = data_statement_step(s, &has_row, err);
    if (ok && has_row) *out = data_statement_get_integer(s, 0);
    data_statement_free(s);
    return ok;
}

/* The tables of a new file; an old one must be ours. */
static bool prepare_tables(eval_paid_vectors *c, senc_error *err) {
    int64_t application = 0, version = 0, n_tables = 0;
    if (!data_database_run(c->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err) ||
        !data_database_run(c->db, "BEGIN IMMEDIATE", err) ||
        !read_integer(c->db, "PRAGMA application_id", &application, err) ||
        !read_integer(c->db, "PRAGMA user_version", &version, err) ||
        !read_integer(c->db, "SELECT count(*) FROM sqlite_schema", &n_tables, err))
        return false;
    if (n_tables > 0 && application != APPLICATION_ID)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected senc's cache of vectors, found another database", c->path);
    if (n_tables > 0 && version != VERSION)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a cache of version %d, found %lld", c->path, VERSION,
                         (long long)version);
    if (n_tables > 0) return data_database_run(c->db, "COMMIT", err);
    return data_database_run(
        c->db,
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, width INTEGER NOT NULL);"
        "CREATE TABLE vectors (space INTEGER NOT NULL, type TEXT NOT NULL, digest BLOB NOT NULL,"
        " vector BLOB NOT NULL, UNIQUE (space, type, digest));"
        "PRAGMA application_id = 0x73656e63; PRAGMA user_version = 1; COMMIT",
        err);
}

static bool find_space(eval_paid_vectors *c, const char *name, senc_error *err) {
    data_statement *s;
    bool has_row;
    if (!data_database_prepare(c->db, "INSERT OR IGNORE INTO spaces (name, width) VALUES (?1, 0)", &s, err))
        return false;
    data_statement_bind_text(s, 1, name, (int64_t)strlen(name));
    bool ok = data_statement_step(s, &has_row, err);
    data_statement_free(s);
    if (!ok || !data_database_prepare(c->db, "SELECT id, width FROM spaces WHERE name = ?1", &s, err)) return false;
    data_statement_bind_text(s, 1, name, (int64_t)strlen(name));
    ok = data_statement_step(s, &has_row, err);
    if (ok && has_row) {
        c->space = data_statement_get_integer(s, 0);
        c->width = data_statement_get_integer(s, 1);
    }
    data_statement_free(s);
    if (ok && (c->width < 0 || c->width > EVAL_MOST_DIMENSIONS))
        return senc_fail(err, SENC_BAD_INPUT, "%s: the cache says a vector has %lld numbers; expected 0 to %d", c->path,
                         (long long)c->width, EVAL_MOST_DIMENSIONS);
    return ok;
}

static bool open_file(eval_paid_vectors *c, const char *path, senc_error *err) {
    c->path = path ? senc_strdup(path) : default_path();
    if (!c->path) return senc_fail_memory(err, 0, "a path");
    const bool in_memory = strcmp(c->path, "none") == 0;
    char *folder = senc_path_folder(c->path);
    bool ok = folder || senc_fail_memory(err, 0, "a path");
    ok = ok && (in_memory || senc_path_create_folders(folder, err));
    ok = ok && data_database_open(in_memory ? ":memory:" : c->path, &c->db, err);
    free(folder);
    return ok;
}

bool eval_paid_vectors_open(const char *path, const char *space, eval_paid_vectors **out, senc_error *err) {
    *out = NULL;
    eval_paid_vectors *c = senc_alloc_zero(1, sizeof *c);
    if (!c) return senc_fail_memory(err, sizeof *c, "the cache of vectors");
    if (open_file(c, path, err) && prepare_tables(c, err) && find_space(c, space, err) &&
        data_database_prepare(c->db, "SELECT vector FROM vectors WHERE space = ?1 AND type = ?2 AND digest = ?3",
                              &c->find, err) &&
        data_database_prepare(c->db, "INSERT OR IGNORE INTO vectors VALUES (?1, ?2, ?3, ?4)", &c->store, err)) {
        *out = c;
        return true;
    }
    eval_paid_vectors_close(c);
    return senc_error_prefix(err, "the cache of vectors: ");
}

void eval_paid_vectors_close(eval_paid_vectors *c) {
    if (!c) return;
    data_statement_free(c->find);
    data_statement_free(c->store);
    data_statement_free(c->plan);
    data_database_close(c->db);
    free(c->path);
    free(c->vector);
    free(c);
}

int64_t eval_paid_vectors_width(const eval_paid_vectors *c) {
    return c->width;
}

bool eval_paid_vectors_find(eval_paid_vectors *c, const char *type, const uint8_t digest[EVAL_PAID_DIGEST],
                            const float **vector, senc_error *err) {
    *vector = NULL;
    if (c->width == 0) return true;
    if (!c->vector && !(c->vector = senc_alloc((size_t)c->width, sizeof *c->vector)))
        return senc_fail_memory(err, (size_t)c->width * sizeof *c->vector, "a vector");
    bool has_row = false;
    data_statement_bind_integer(c->find, 1, c->space);
    data_statement_bind_text(c->find, 2, type, (int64_t)strlen(type));
    data_statement_bind_blob(c->find, 3, digest, EVAL_PAID_DIGEST);
    if (!data_statement_step(c->find, &has_row, err)) return senc_error_prefix(err, "the cache of vectors: ");
    if (!has_row) return true;
    int64_t n_bytes = 0;
    const void *bytes = data_statement_get_blob(c->find, 0, &n_bytes);
    const bool fits = n_bytes == c->width * (int64_t)sizeof(float);
    if (fits) memcpy(c->vector, bytes, (size_t)n_bytes); /* a blob may stand at any address */
    data_statement_reset(c->find);
    if (!fits)
        return senc_fail(err, SENC_FAILED, "the cache of vectors: %s: expected a vector of %lld bytes, found %lld",
                         c->path, (long long)c->width * (long long)sizeof(float), (long long)n_bytes);
    *vector = c->vector;
    return true;
}

/* What another program has stored meanwhile counts. */
static bool set_width(eval_paid_vectors *c, int64_t width, senc_error *err) {
    data_statement *s;
    bool has_row = false;
    if (!data_database_prepare(c->db, "UPDATE spaces SET width = ?2 WHERE id = ?1 AND width IN (0, ?2)", &s, err))
        return false;
    data_statement_bind_integer(s, 1, c->space);
    data_statement_bind_integer(s, 2, width);
    int64_t n_changed = 0;
    const bool ok = data_statement_step(s, &has_row, err) && read_integer(c->db, "SELECT changes()", &n_changed, err);
    data_statement_free(s);
    if (!ok) return false;
    if (n_changed == 0)
        return senc_fail(err, SENC_FAILED, "%s: the vectors have %lld numbers, those in the cache another count",
                         c->path, (long long)width);
    c->width = width;
    return true;
}

static bool store_row(eval_paid_vectors *c, const char *type, const uint8_t *digest, const float *vector,
                      senc_error *err) {
    bool has_row;
    data_statement_bind_integer(c->store, 1, c->space);
    data_statement_bind_text(c->store, 2, type, (int64_t)strlen(type));
    data_statement_bind_blob(c->store, 3, digest, EVAL_PAID_DIGEST);
    data_statement_bind_blob(c->store, 4, vector, c->width * (int64_t)sizeof *vector);
    const bool ok = data_statement_step(c->store, &has_row, err);
    data_statement_reset(c->store);
    return ok;
}

bool eval_paid_vectors_store(eval_paid_vectors *c, const char *type, const uint8_t (*digests)[EVAL_PAID_DIGEST],
                             const float *vectors, int64_t n, int64_t width, senc_error *err) {
    const int64_t width_before = c->width;
    bool ok = data_database_run(c->db, "BEGIN IMMEDIATE", err) && (c->width == width || set_width(c, width, err));
    for (int64_t i = 0; ok && i < n; i++) ok = store_row(c, type, digests[i], vectors + i * width, err);
    ok = ok && data_database_run(c->db, "COMMIT", err);
    if (ok) return true;
    data_database_run(c->db, "ROLLBACK", NULL);
    c->width = width_before;
    return senc_error_prefix(err, "the cache of vectors: ");
}

bool eval_paid_vectors_plan(eval_paid_vectors *c, const char *type, const uint8_t digest[EVAL_PAID_DIGEST],
                            bool *is_new, senc_error *err) {
    bool has_row = false;
    if (!c->plan) {
        /* A temporary table lives in memory or a file of its own, and goes with the connection. */
        if (!data_database_run(c->db, "CREATE TEMP TABLE planned (type TEXT, digest BLOB, UNIQUE (type, digest))",
                               err) ||
            !data_database_prepare(c->db, "INSERT OR IGNORE INTO planned VALUES (?1, ?2) RETURNING 1", &c->plan, err))
            return false;
    }
    data_statement_bind_text(c->plan, 1, type, (int64_t)strlen(type));
    data_statement_bind_blob(c->plan, 2, digest, EVAL_PAID_DIGEST);
    if (!data_statement_step(c->plan, &has_row, err)) return false;
    *is_new = has_row;
    data_statement_reset(c->plan);
    return true;
}
