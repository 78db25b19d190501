/* SQL databases: the few calls of SQLite that senc needs (the cache of vectors, BM25). SQLite's header is included by
 * database.c only. A database and its statements belong to one thread at a time.
 *
 *     data_database *db;
 *     data_statement *find;
 *     if (!data_database_open("v.sqlite", &db, err)) return false;
 *     bool has_row = false, ok = data_database_prepare(db, "SELECT x FROM t WHERE id = ?1", &find, err);
 *     if (ok) {
 *         data_statement_bind_integer(find, 1, 42);
 *         ok = data_statement_step(find, &has_row, err);
 *         if (ok && has_row) use(data_statement_get_real(find, 0));
 *     }
 *     data_statement_free(find);
 *     data_database_close(db);
 */
#ifndef DATA_DATABASE_H
#define DATA_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/base/error.h"

typedef struct data_database data_database;
typedef struct data_statement data_statement;

/* Opens or creates the file; ":memory:" lives in memory only, "" in a temporary file that goes away. Folders on the way
 * must exist. A locked database is waited for, 10 s long. Messages: "PATH: ...: <SQLite's text>"; a file that is no
 * database, or is damaged, is BAD_INPUT. *out is NULL on failure. */
bool data_database_open(const char *path, data_database **out, senc_error *err);
/* After its statements; NULL is fine. */
void data_database_close(data_database *db);
/* Runs statements, separated by ';', that give no rows anybody wants: CREATE, BEGIN, COMMIT, PRAGMA. */
bool data_database_run(data_database *db, const char *sql, senc_error *err);

/* One statement, with ?1, ?2, ... for values. *out is NULL on failure. */
bool data_database_prepare(data_database *db, const char *sql, data_statement **out, senc_error *err);
void data_statement_free(data_statement *s); /* NULL is fine */

/* Values for ?i, i from 1. Text and blob are borrowed until the next reset. A failed bind shows at the next step. The
 * statement must be fresh or reset. */
void data_statement_bind_null(data_statement *s, int i);
void data_statement_bind_integer(data_statement *s, int i, int64_t value);
void data_statement_bind_real(data_statement *s, int i, double value);
void data_statement_bind_text(data_statement *s, int i, const char *text, int64_t n_bytes); /* UTF-8 */
void data_statement_bind_blob(data_statement *s, int i, const void *bytes, int64_t n_bytes);

/* The next row; *has_row false: there is none left (and what changes data has changed it). The statement is then, and
 * after a failure, reset by itself. */
bool data_statement_step(data_statement *s, bool *has_row, senc_error *err);
/* Ready for new values and a fresh start; bound values stay until they are bound anew. */
void data_statement_reset(data_statement *s);

/* Columns of the row, from 0; what they point to lives until the next step or reset. NULL in the table: 0, "" of 0
 * bytes. n_bytes may be NULL. Text is NUL-terminated behind n_bytes. */
int64_t data_statement_get_integer(data_statement *s, int column);
double data_statement_get_real(data_statement *s, int column);
const char *data_statement_get_text(data_statement *s, int column, int64_t *n_bytes);
const void *data_statement_get_blob(data_statement *s, int column, int64_t *n_bytes);

#endif
