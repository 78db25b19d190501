/* The benchmark: the same work done by senc and by its peers, one program after the other, several times.
 *
 * A row is a kind of work ("train_long"): one file in rows/ and one line in rows/rows.def. Its build function adds
 * entries: command lines that do this work, senc's and the peers'. measure.c runs all entries of a row in turn, then
 * again, so that a machine that changes its speed changes it for all. report.c turns the runs into JSON, table.c prints
 * that JSON for people. Prefix: bench_. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "bench/child.h"
#include "data/formats/json.h"

#define BENCH_MAX_RUNS      32
#define BENCH_MAX_ENTRIES   16
#define BENCH_MAX_ARGUMENTS 40

typedef struct bench_settings {
    char *programs;        /* the build folder: bin/senc, bench/... */
    char *scripts;         /* the peers' scripts */
    char *work;            /* a temporary folder */
    char *model;           /* the model folder; NULL: none */
    char *data;            /* $SENC_DATA; NULL: none */
    char *python;          /* the peers' environment; NULL: without peers */
    char *tcmalloc;        /* the library to preload; NULL: not installed */
    data_json *with;       /* versions of the peers; NULL: without peers */
    const char *precision; /* of the growth tables: the best this CPU has, or what was asked for */
    int threads;
    int runs;             /* of every entry */
    bool quick;           /* small sizes: does it work at all? */
    bool full;            /* the largest points of the growth tables */
    bool all;             /* also what is known to be slow on this CPU */
    bool has_bf16;        /* this CPU has bf16 products */
    double limit_seconds; /* of one run */
} bench_settings;

typedef struct bench_run {
    double units, seconds; /* pairs, texts, ... in the timed part: warm-up is not in it */
    double gflop;          /* useful ones (real tokens, no recomputation) in that part; 0: not known or not counted */
    double wall_seconds;   /* of the whole program */
    int64_t peak_bytes;
} bench_run;

typedef enum bench_side { BENCH_SENC, BENCH_PEER } bench_side;
typedef struct bench_entry bench_entry;

/* Turns a program that ended well into a run (wall time and peak are filled in already). */
typedef bool bench_reader(const bench_entry *e, const bench_child *child, bench_run *out, senc_error *err);

struct bench_entry {
    char name[32];         /* "ST best bf16"; unique in its row */
    const char *precision; /* "fp32", "bf16", "int8"; "": no matter */
    bench_side side;
    char skipped[160]; /* why it is not run; "": it is */
    char error[400];   /* why it failed */
    const char *base;  /* growth tables: the entry it is compared with; NULL: the row's first */
    char *arguments[BENCH_MAX_ARGUMENTS];
    char *environment[8];
    char *folder; /* for what it writes; emptied before each run */
    double batch; /* rows of a step, for the reader of a training run */
    bench_reader *read;
    bench_run runs[BENCH_MAX_RUNS];
    int n_runs;
};

typedef enum bench_relation {
    BENCH_RATIO,   /* every peer against every precision of senc: how many times as fast senc is */
    BENCH_COST,    /* growth: cost of one unit (of one useful operation, where they are counted) against the base */
    BENCH_SPEEDUP, /* growth: rate against the base */
} bench_relation;

typedef enum bench_measure {
    BENCH_RATE, /* units a second */
    BENCH_TIME, /* milliseconds of the timed part */
    BENCH_SIZE, /* MB, in `units` */
} bench_measure;

/* The rates that the hardware allows, as bench_kernels --limits measures them; 0: not there. */
typedef struct bench_limits {
    double fp32, bf16, int8; /* GF/s on all threads */
    double copy;             /* GB/s, read and written */
} bench_limits;

typedef struct bench_row bench_row;

typedef struct bench_row_spec {
    const char *name;  /* for --rows */
    const char *title; /* one line */
    const char *unit;  /* "pairs" */
    bench_relation relation;
    bench_measure measure;
    bool needs_model;
    bool warm_up; /* one round more, not counted: for what is over in a moment */
    int max_runs; /* 0: as many as asked for; long rows whose noise averages out in themselves take fewer */
    /* Adds the entries. Fails when the row as a whole cannot be run (data missing): then that is shown. */
    bool (*build)(bench_row *row, senc_error *err);
} bench_row_spec;

struct bench_row {
    const bench_row_spec *spec;
    const bench_settings *settings;
    bench_entry entries[BENCH_MAX_ENTRIES];
    int n_entries;
    bench_limits limits[BENCH_MAX_RUNS]; /* one a round, measured before it */
    int n_limits;
    char error[400]; /* the row could not be built */
    bool failed;     /* out of memory while building (sticky) */
};

/* ---- entries (entry.c) ---- */

/* A new entry; the name is "senc bf16", "ST best bf16", ...: `who` and the precision. */
bench_entry *bench_entry_add(bench_row *row, bench_side side, const char *who, const char *precision);
__attribute__((format(printf, 3, 4))) void bench_entry_argument(bench_row *row, bench_entry *e, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void bench_entry_environment(bench_row *row, bench_entry *e, const char *fmt,
                                                                   ...);
__attribute__((format(printf, 2, 3))) void bench_entry_skip(bench_entry *e, const char *fmt, ...);
void bench_row_free(bench_row *row);

/* The usual beginnings: a program of the build (or senc itself), and a peer's script in the peers' environment. */
void bench_entry_program(bench_row *row, bench_entry *e, const char *name);
void bench_entry_script(bench_row *row, bench_entry *e, const char *script);
/* A peer whose memory comes from tcmalloc. */
void bench_entry_tcmalloc(bench_row *row, bench_entry *e);
/* A peer in bf16: skipped where this CPU has no such products, unless everything is asked for. */
void bench_entry_needs_bf16(bench_row *row, bench_entry *e);

/* Readers. */
bench_reader bench_read_json; /* the last line of its output: {"units": .., "seconds": .., "gflop": ..} */
bench_reader bench_read_wall; /* one unit, the wall time of the program */

/* ---- the list of rows (rows.c) ---- */

const bench_row_spec *bench_row_get(int i); /* NULL behind the last */
bool bench_row_is_growth(int i);
bool bench_rows_is_listed(const char *list, const char *name); /* list: "a,b,c" */
bool bench_rows_check(const char *list, senc_error *err);      /* that every name of it is a row's */

/* ---- the rest ---- */

/* Measures a built row: rounds of the limits and all entries. False only when we were stopped. */
bool bench_row_measure(bench_row *row, senc_error *err);
bool bench_limits_measure(const bench_settings *s, bench_limits *out, senc_error *err);

double bench_median(const double *values, int n); /* 0 for none */

/* The row as a JSON object, a member of `rows` (replacing an earlier one of that name). */
void bench_report_row(const bench_row *row, data_json *rows);
/* Machine, settings, versions. */
void bench_report_head(const bench_settings *s, data_json *report);

/* A report for people: all of it; what stands above the rows; one row; the memory of all rows. */
void bench_table_print(const data_json *report, senc_buffer *out);
void bench_table_print_head(const data_json *report, senc_buffer *out);
void bench_table_print_row(const data_json *row, senc_buffer *out);
void bench_table_print_memory(const data_json *report, senc_buffer *out);

#endif
