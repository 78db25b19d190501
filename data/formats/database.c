/* SQL databases: see database.h. https://www.sqlite.org/c3ref/intro.html */
#include "data/formats/database.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

enum { BUSY_MS = 10000 }; /* another senc may write to the same cache */

struct data_database {
    sqlite3 *handle;
    char *path;
};

struct data_statement {
    data_database *db;
    sqlite3_stmt *handle;
    int bind_code; /* the first failed bind, or SQLITE_OK */
};

/* What the user can do something about, as opposed to a full disk or broken hardware. */
static senc_error_kind kind_of(int code) {
    switch (code & 0xff) { /* the lowest byte is the primary result code */
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return SENC_BAD_INPUT;
    default:
        return SENC_FAILED;
    }
}

static bool fail(const data_database *db, int code, const char *what, senc_error *err) {
    if ((code & 0xff) == SQLITE_NOMEM) return senc_fail_memory(err, 0, "a database");
    const char *text = db->handle && sqlite3_errcode(db->handle) == code ? sqlite3_errmsg(db->handle) : NULL;
    return senc_fail(err, kind_of(code), "%s: %s: %s", db->path, what, text ? text : sqlite3_errstr(code));
}

bool data_database_open(const char *path, data_database **out, senc_error *err) {
    *out = NULL;
    data_database *db = senc_alloc_zero(1, sizeof *db);
    if (!db || !(db->path = senc_strdup(path))) {
        free(db);
        return senc_fail_memory(err, sizeof *db, "a database");
    }
    int code =
        sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) code = sqlite3_extended_result_codes(db->handle, 1);
    if (code == SQLITE_OK) code = sqlite3_busy_timeout(db->handle, BUSY_MS);
    /* SQLite opens lazily; reading the schema finds out now whether this is a database. */
    if (code == SQLITE_OK) code = sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        fail(db, code, "cannot open the database", err);
        data_database_close(db);
        return false;
    }
    *out = db;
    return true;
}

void data_database_close(data_database *db) {
    if (!db) return;
    const int code = sqlite3_close(db->handle);
    SENC_ASSERT(code == SQLITE_OK, "%s: statements are still open (code %d)", db->path, code);
    free(db->path);
    free(db);
}

bool data_database_run(data_database *db, const char *sql, senc_error *err) {
    const int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(db, code, "the database refused", err);
}

bool data_database_prepare(data_database *db, const char *sql, data_statement **out, senc_error *err) {
    *out = NULL;
    data_statement *s = senc_alloc_zero(1, sizeof *s);
    if (!s) return senc_fail_memory(err, sizeof *s, "a database statement");
    s->db = db;
    const int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL);
    if (code != SQLITE_OK) {
        free(s);
        return fail(db, code, "the database refused", err);
    }
    *out = s;
    return true;
}

void data_statement_free(data_statement *s) {
    if (!s) return;
    sqlite3_finalize(s->handle);
    free(s);
}

static void note(data_statement *s, int code) {
    if (s->bind_code == SQLITE_OK) s->bind_code = code;
}

void data_statement_bind_null(data_statement *s, int i) {
    note(s, sqlite3_bind_null(s->handle, i));
}

void data_statement_bind_integer(data_statement *s, int i, int64_t value) {
    note(s, sqlite3_bind_int64(s->handle, i, value));
}

void data_statement_bind_real(data_statement *s, int i, double value) {
    note(s, sqlite3_bind_double(s->handle, i, value));
}

void data_statement_bind_text(data_statement *s, int i, const char *text, int64_t n_bytes) {
    note(s, sqlite3_bind_text64(s->handle, i, text, (sqlite3_uint64)n_bytes, SQLITE_STATIC, SQLITE_UTF8));
}

void data_statement_bind_blob(data_statement *s, int i, const void *bytes, int64_t n_bytes) {
    note(s, sqlite3_bind_blob64(s->handle, i, bytes, (sqlite3_uint64)n_bytes, SQLITE_STATIC));
}

bool data_statement_step(data_statement *s, bool *has_row, senc_error *err) {
    *has_row = false;
    int code = s->bind_code;
    s->bind_code = SQLITE_OK;
    if (code == SQLITE_OK) code = sqlite3_step(s->handle);
    *has_row = code == SQLITE_ROW;
    if (*has_row) return true;
    const bool ok = code == SQLITE_DONE || fail(s->db, code, "the database refused", err);
    sqlite3_reset(s->handle);
    return ok;
}

void data_statement_reset(data_statement *s) {
    sqlite3_reset(s->handle);
    s->bind_code = SQLITE_OK;
}

int64_t data_statement_get_integer(data_statement *s, int column) {
    return sqlite3_column_int64(s->handle, column);
}

double data_statement_get_real(data_statement *s, int column) {
    return sqlite3_column_double(s->handle, column);
}

const char *data_statement_get_text(data_statement *s, int column, int64_t *n_bytes) {
    const char *text = (const char *)sqlite3_column_text(s->handle, column);
    if (n_bytes) *n_bytes = sqlite3_column_bytes(s->handle, column);
    return text ? text : "";
}

const void *data_statement_get_blob(data_statement *s, int column, int64_t *n_bytes) {
    const void *bytes = sqlite3_column_blob(s->handle, column);
    if (n_bytes) *n_bytes = sqlite3_column_bytes(s->handle, column);
    return bytes ? bytes : "";
}
