/* Matrix products on oneDNN: see onednn.h. Layers are cut into pieces of rows whose sizes are powers of two, so that
 * few shapes occur whatever the number of tokens (a shape costs milliseconds the first time); what is left over is
 * padded with zeros. Weights are packed once a call and read by all tasks. oneDNN runs on one thread inside our tasks,
 * so nothing is oversubscribed and a result depends on the number of threads at most. */
#include "autograd/kernels/cpu/onednn.h"

#ifdef SENC_WITH_ONEDNN

#include <string.h>

#include "autograd/base/cpu.h"
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/onednn_primitive.h"
#include "autograd/kernels/cpu/scratch.h"

#define SMALLEST_PIECE 16
#define ROW_PIECES     5 /* 16 to 256 rows of a forward or input-gradient product: one task's at most */
#define DEPTH_PIECES   8 /* 16 to 2048 rows summed over by one product of a weight gradient */
#define CHUNK_ROWS     (SMALLEST_PIECE << (DEPTH_PIECES - 1))
#define COPIED_BYTES   (384 << 10)
#define FEWEST_COPIED  64
#define CHUNK_FLOATS   1024 /* converted at a time, in the first cache */
#define LINE           32   /* columns of a task of column sums: two cache lines of floats, one of bf16 */
#define SLICE_COLUMNS  128  /* a weight gradient's slice has at least so many rows of dw */
#define MOST_PARTIAL   16

/* Loops over bf16 run where AVX-512 is; AVX2 is what the compilers vectorise well. */
#if defined(__x86_64__)
#define VECTORS __attribute__((target("avx2,fma")))
#else
#define VECTORS
#endif

static kern_table before[2]; /* the tables as they were, by storage: activations, and what oneDNN cannot do */

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t round_up(int64_t x, int64_t step) {
    return (x + step - 1) / step * step;
}

static int64_t element_bytes(kern_storage storage) {
    return storage == KERN_BF16 ? 2 : 4;
}

static int64_t piece_rows(int piece) {
    return (int64_t)SMALLEST_PIECE << piece;
}

/* The piece for the next rows when `rows` are left. */
static int next_piece(int64_t rows, int n_pieces) {
    int piece = n_pieces - 1;
    while (piece > 0 && piece_rows(piece) > rows) piece--;
    return piece;
}

/* ---- Activations in both storages ---- */

VECTORS static void widen(int64_t n, const kern_bf16 *restrict x, float *restrict y) {
    for (int64_t i = 0; i < n; i++) y[i] = kern_from_bf16(x[i]);
}

VECTORS static void narrow(int64_t n, const float *restrict x, kern_bf16 *restrict y) {
    for (int64_t i = 0; i < n; i++) y[i] = kern_to_bf16(x[i]);
}

/* y (n) = act(x). */
static void activate(kern_storage storage, kern_activation act, int64_t n, const void *x, void *y) {
    if (storage == KERN_REAL) {
        before[KERN_REAL].activation_forward(act, n, x, y);
        return;
    }
    float in[CHUNK_FLOATS], out[CHUNK_FLOATS];
    for (int64_t i = 0; i < n; i += CHUNK_FLOATS) {
        const int64_t count = smaller(CHUNK_FLOATS, n - i);
        widen(count, (const kern_bf16 *)x + i, in);
        before[KERN_REAL].activation_forward(act, count, in, out);
        narrow(count, out, (kern_bf16 *)y + i);
    }
}

/* dx (n) = beta * dx + gradient * act'(x). */
static void add_slope(kern_storage storage, kern_activation act, int64_t n, const void *x, const float *gradient,
                      float beta, void *dx) {
    if (storage == KERN_REAL) {
        before[KERN_REAL].activation_backward(act, n, x, gradient, beta, dx);
        return;
    }
    float in[CHUNK_FLOATS], out[CHUNK_FLOATS];
    for (int64_t i = 0; i < n; i += CHUNK_FLOATS) {
        const int64_t count = smaller(CHUNK_FLOATS, n - i);
        widen(count, (const kern_bf16 *)x + i, in);
        if (beta != 0.0f) widen(count, (kern_bf16 *)dx + i, out);
        before[KERN_REAL].activation_backward(act, count, in, gradient + i, beta, out);
        narrow(count, out, (kern_bf16 *)dx + i);
    }
}

/* ---- Forward and input gradient: c (n, columns) = beta * c + act(a) (n, k) weights + bias, or times a slope ---- */

typedef struct rows_job {
    int64_t n, columns, k;
    kern_storage storage;
    kern_activation act;   /* of a */
    kern_activation slope; /* c += product * slope'(slope_x) */
    const char *a, *slope_x;
    const float *weights, *bias;
    char *c;
    float beta;
    int task_piece; /* a task has the rows of one piece, the last one what is left */
    const kern_onednn_product *products[ROW_PIECES];
    kern_onednn_operand *operand;
    void *packed;
    int64_t a_bytes, c_bytes; /* of a task's copies */
} rows_job;

/* What a task makes of a or c besides the product; it should stay in the second cache. */
static int64_t copied_bytes(const rows_job *job) {
    const int64_t a_bytes = job->act == KERN_NONE ? 0 : job->k * element_bytes(job->storage);
    const int64_t c_bytes = job->slope == KERN_NONE ? 0 : job->columns * 4;
    return piece_rows(job->task_piece) * (a_bytes + c_bytes);
}

/* The products for all pieces that will occur, and which they are. */
static bool find_rows_products(rows_job *job, bool weights_transposed) {
    const int64_t threads = senc_threads_here();
    job->task_piece = ROW_PIECES - 1;
    while (job->task_piece > 0 && piece_rows(job->task_piece) * 2 * threads > job->n) job->task_piece--;
    while (piece_rows(job->task_piece) > FEWEST_COPIED && copied_bytes(job) > COPIED_BYTES) job->task_piece--;
    kern_onednn_shape shape = {.n = job->columns, .k = job->k, .in = job->storage, .weights = true};
    shape.weights_transposed = weights_transposed;
    shape.bias = job->bias != NULL;
    shape.out = job->slope == KERN_NONE ? job->storage : KERN_REAL;
    shape.beta = job->slope == KERN_NONE ? job->beta : 0.0f;
    for (int64_t left = job->n; left > 0;) {
        const int piece = next_piece(left, job->task_piece + 1);
        shape.m = piece_rows(piece);
        if (!job->products[piece]) job->products[piece] = kern_onednn_find(&shape);
        if (!job->products[piece]) return false;
        left = left > shape.m ? left % shape.m : 0;
    }
    return true;
}

static int64_t rows_scratch_bytes(const rows_job *job) {
    int64_t bytes = 0;
    for (int i = 0; i <= job->task_piece; i++) {
        if (job->products[i]) bytes = larger(bytes, kern_onednn_scratch_bytes(job->products[i]));
    }
    return round_up(bytes, 64);
}

/* One product of `rows` rows from row `first`, padded to those of the piece. */
static void run_rows(const rows_job *job, int64_t first, int64_t rows, int piece, char *scratch) {
    const int64_t bytes = element_bytes(job->storage), m = piece_rows(piece);
    const char *a = job->a + first * job->k * bytes;
    char *c = job->c + first * job->columns * bytes, *a_copy = scratch, *c_copy = scratch + job->a_bytes;
    const bool in_place = rows == m && job->slope == KERN_NONE;
    if (job->act != KERN_NONE || rows < m) {
        if (job->act != KERN_NONE)
            activate(job->storage, job->act, rows * job->k, a, a_copy);
        else
            memcpy(a_copy, a, (size_t)(rows * job->k * bytes));
        memset(a_copy + rows * job->k * bytes, 0, (size_t)((m - rows) * job->k * bytes));
        a = a_copy;
    }
    if (!in_place && job->slope == KERN_NONE && job->beta != 0.0f) {
        memcpy(c_copy, c, (size_t)(rows * job->columns * bytes));
        memset(c_copy + rows * job->columns * bytes, 0, (size_t)((m - rows) * job->columns * bytes));
    }
    kern_onednn_run(job->products[piece], a, job->operand, NULL, job->bias, in_place ? c : c_copy,
                    scratch + job->a_bytes + job->c_bytes);
    if (job->slope != KERN_NONE) {
        add_slope(job->storage, job->slope, rows * job->columns, job->slope_x + first * job->columns * bytes,
                  (const float *)c_copy, job->beta, c);
    } else if (!in_place) {
        memcpy(c, c_copy, (size_t)(rows * job->columns * bytes));
    }
}

static void rows_task(void *context, int64_t i, int thread) {
    (void)thread;
    const rows_job *job = context;
    kern_onednn_enter();
    char *scratch = kern_scratch_take(KERN_SCRATCH_TASK, job->a_bytes + job->c_bytes + rows_scratch_bytes(job));
    const int64_t first = i * piece_rows(job->task_piece), end = smaller(job->n, first + piece_rows(job->task_piece));
    for (int64_t row = first; row < end;) {
        const int piece = next_piece(end - row, job->task_piece + 1);
        const int64_t rows = smaller(piece_rows(piece), end - row);
        run_rows(job, row, rows, piece, scratch);
        row += rows;
    }
}

static void pack_task(void *context, int64_t i, int thread) {
    (void)thread;
    const rows_job *job = context;
    kern_onednn_enter();
    kern_onednn_pack(job->products[job->task_piece], (int)i, job->weights, job->packed,
                     kern_scratch_take(KERN_SCRATCH_TASK, rows_scratch_bytes(job)));
}

/* False: oneDNN cannot do it, nothing is done. */
static bool run_rows_job(rows_job *job, bool weights_transposed) {
    kern_onednn_enter();
    if (!find_rows_products(job, weights_transposed)) return false;
    if (!job->products[job->task_piece]) { /* fewer rows than a task's piece */
        while (!job->products[job->task_piece]) job->task_piece--;
    }
    const kern_onednn_product *product = job->products[job->task_piece];
    const int64_t m = piece_rows(job->task_piece), packed_bytes = kern_onednn_packed_bytes(product);
    job->a_bytes = round_up(m * job->k * element_bytes(job->storage), 64);
    job->c_bytes = round_up(m * job->columns * 4, 64);
    if (packed_bytes > 0) job->packed = kern_scratch_take(KERN_SCRATCH_CALL, packed_bytes);
    job->operand = kern_onednn_operand_create(product, packed_bytes > 0 ? job->packed : job->weights);
    if (packed_bytes > 0) senc_parallel(kern_onednn_pack_parts(product), pack_task, job);
    senc_parallel((job->n + m - 1) / m, rows_task, job);
    kern_onednn_operand_free(job->operand);
    return true;
}

static void forward(kern_storage storage, int64_t n, int64_t in, int64_t out, kern_activation act, const void *x,
                    const float *w, const float *bias, void *y) {
    rows_job job = {.n = n, .columns = out, .k = in, .storage = storage, .act = act, .a = x, .weights = w};
    job.bias = bias;
    job.c = y;
    if (n <= 0 || out <= 0 || in <= 0 || !run_rows_job(&job, true))
        before[storage].linear_forward(n, in, out, act, x, w, bias, y);
}

static void backward_input(kern_storage storage, int64_t n, int64_t in, int64_t out, kern_activation act, const void *x,
                           const float *w, const void *dy, float beta, void *dx) {
    rows_job job = {.n = n, .columns = in, .k = out, .storage = storage, .slope = act, .a = dy, .weights = w};
    job.slope_x = x;
    job.beta = beta;
    job.c = dx;
    if (n <= 0 || out <= 0 || in <= 0 || !run_rows_job(&job, false))
        before[storage].linear_backward_input(n, in, out, act, x, w, dy, beta, dx);
}

/* ---- Weight gradient: dw (out, in) += dy^T act(x), a chunk of rows after the other ---- */

typedef struct weight_job {
    int64_t n, in, out;
    kern_storage storage;
    kern_activation act;
    const char *x, *dy;
    float *dw, *partial;              /* partial (parts, out, in): sums of a part of each chunk's rows; NULL: dw */
    int64_t width, n_slices, n_parts; /* a task does one slice of dw's rows for one part of the chunk */
    const kern_onednn_product *products[2][DEPTH_PIECES]; /* for slices of full width, for the last one */
    char *active;                                         /* act(x) of the chunk; NULL: x itself */
    int64_t first, rows;                                  /* of the chunk */
} weight_job;

static int64_t slice_width(const weight_job *job, int64_t slice) {
    return smaller(job->width, job->out - slice * job->width);
}

/* Rows of a part of a chunk of `rows` rows: parts begin at multiples of the smallest piece. */
static int64_t part_rows(const weight_job *job, int64_t rows) {
    return round_up((rows + job->n_parts - 1) / job->n_parts, SMALLEST_PIECE);
}

static bool find_depth_products(weight_job *job, int64_t rows) {
    kern_onednn_shape shape = {.n = job->in, .in = job->storage, .out = KERN_REAL, .a_transposed = true, .beta = 1.0f};
    while (rows > 0) {
        const int piece = next_piece(rows, DEPTH_PIECES);
        shape.k = piece_rows(piece);
        for (int last = 0; last < 2; last++) {
            shape.m = last ? slice_width(job, job->n_slices - 1) : job->width;
            if (!job->products[last][piece]) job->products[last][piece] = kern_onednn_find(&shape);
            if (!job->products[last][piece]) return false;
        }
        rows = rows > shape.k ? rows % shape.k : 0;
    }
    return true;
}

/* The products for all pieces that will occur. */
static bool find_weight_products(weight_job *job) {
    const int64_t chunk = CHUNK_ROWS * job->n_parts, rest = job->n % chunk, part = part_rows(job, rest);
    if (job->n >= chunk && !find_depth_products(job, CHUNK_ROWS)) return false;
    return find_depth_products(job, smaller(part, rest)) && (part == 0 || find_depth_products(job, rest % part));
}

static int64_t weight_scratch_bytes(const weight_job *job) {
    int64_t bytes = 0;
    for (int i = 0; i < DEPTH_PIECES; i++) {
        for (int last = 0; last < 2; last++) {
            if (job->products[last][i]) bytes = larger(bytes, kern_onednn_scratch_bytes(job->products[last][i]));
        }
    }
    return bytes;
}

static void activate_task(void *context, int64_t i, int thread) {
    (void)thread;
    const weight_job *job = context;
    const int64_t bytes = element_bytes(job->storage), first = i * SMALLEST_PIECE;
    const int64_t rows = smaller(SMALLEST_PIECE, job->rows - first);
    char *to = job->active + first * job->in * bytes;
    activate(job->storage, job->act, rows * job->in, job->x + (job->first + first) * job->in * bytes, to);
    memset(to + rows * job->in * bytes, 0, (size_t)((SMALLEST_PIECE - rows) * job->in * bytes));
}

/* Rows of a matrix without gaps, `padded` in number, the additional ones zero. */
static void copy_rows(int64_t rows, int64_t padded, int64_t row_bytes, const char *from, int64_t from_bytes, char *to) {
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * row_bytes, from + i * from_bytes, (size_t)row_bytes);
    memset(to + rows * row_bytes, 0, (size_t)((padded - rows) * row_bytes));
}

static void weight_task(void *context, int64_t i, int thread) {
    (void)thread;
    const weight_job *job = context;
    kern_onednn_enter();
    const int64_t slice = i % job->n_slices, part = i / job->n_slices, bytes = element_bytes(job->storage);
    const int64_t width = slice_width(job, slice), per_part = part_rows(job, job->rows);
    const int64_t end = smaller(job->rows, (part + 1) * per_part);
    const int64_t dy_bytes = round_up(CHUNK_ROWS * job->width * bytes, 64);
    const int64_t x_bytes = round_up(SMALLEST_PIECE * job->in * bytes, 64);
    char *scratch = kern_scratch_take(KERN_SCRATCH_TASK, dy_bytes + x_bytes + weight_scratch_bytes(job));
    float *dw = (job->partial ? job->partial + part * job->out * job->in : job->dw) + slice * job->width * job->in;
    for (int64_t row = part * per_part; row < end;) {
        const int piece = next_piece(end - row, DEPTH_PIECES);
        const int64_t k = piece_rows(piece), rows = smaller(k, end - row);
        const char *x =
            job->active ? job->active + row * job->in * bytes : job->x + (job->first + row) * job->in * bytes;
        if (rows < k && !job->active) {
            copy_rows(rows, k, job->in * bytes, x, job->in * bytes, scratch + dy_bytes);
            x = scratch + dy_bytes;
        }
        const char *dy = job->dy + ((job->first + row) * job->out + slice * job->width) * bytes;
        if (width < job->out || rows < k) {
            copy_rows(rows, k, width * bytes, dy, job->out * bytes, scratch);
            dy = scratch;
        }
        kern_onednn_run(job->products[slice == job->n_slices - 1][piece], dy, NULL, x, NULL, dw,
                        scratch + dy_bytes + x_bytes);
        row += rows;
    }
}

static void add_partial_task(void *context, int64_t i, int thread) {
    (void)thread;
    const weight_job *job = context;
    for (int64_t part = 0; part < job->n_parts; part++) {
        const float *from = job->partial + (part * job->out + i) * job->in;
        for (int64_t j = 0; j < job->in; j++) job->dw[i * job->in + j] += from[j];
    }
}

/* Slices of dw's rows for the threads, and parts of the rows summed over when there are more threads than slices. */
static void plan_weight_job(weight_job *job) {
    const int64_t threads = senc_threads_here();
    job->n_slices = larger(1, smaller(threads, job->out / SLICE_COLUMNS));
    job->width = round_up((job->out + job->n_slices - 1) / job->n_slices, SMALLEST_PIECE);
    job->n_slices = (job->out + job->width - 1) / job->width;
    job->n_parts = larger(1, smaller(smaller(threads / job->n_slices, MOST_PARTIAL), job->n / CHUNK_FLOATS));
}

static bool run_weight_job(weight_job *job) {
    kern_onednn_enter();
    plan_weight_job(job);
    if (!find_weight_products(job)) return false;
    const int64_t chunk = smaller(CHUNK_ROWS * job->n_parts, round_up(job->n, SMALLEST_PIECE));
    const int64_t active_bytes =
        job->act == KERN_NONE ? 0 : round_up(chunk * job->in * element_bytes(job->storage), 64);
    const int64_t partial_bytes = job->n_parts > 1 ? job->n_parts * job->out * job->in * 4 : 0;
    char *scratch =
        active_bytes + partial_bytes ? kern_scratch_take(KERN_SCRATCH_CALL, active_bytes + partial_bytes) : NULL;
    if (active_bytes) job->active = scratch;
    if (partial_bytes) job->partial = (float *)(scratch + active_bytes);
    if (partial_bytes) senc_parallel_zero(job->partial, (size_t)partial_bytes);
    for (job->first = 0; job->first < job->n; job->first += chunk) {
        job->rows = smaller(chunk, job->n - job->first);
        if (job->active) senc_parallel((job->rows + SMALLEST_PIECE - 1) / SMALLEST_PIECE, activate_task, job);
        senc_parallel(job->n_slices * job->n_parts, weight_task, job);
    }
    if (job->partial) senc_parallel(job->out, add_partial_task, job);
    return true;
}

/* Column sums of dy, a slice of columns to a task; rows in blocks, so that few numbers of very different size meet. */
typedef struct column_sums {
    int64_t n, out;
    kern_storage storage;
    const void *dy;
    float *dbias;
} column_sums;

VECTORS static void add_rows(const column_sums *s, int64_t row, int64_t rows, int64_t first, int64_t columns,
                             float *sums) {
    for (int64_t i = row; i < row + rows; i++) {
        const int64_t at = i * s->out + first;
        for (int64_t j = 0; j < columns; j++)
            sums[j] += s->storage == KERN_BF16 ? kern_from_bf16(((const kern_bf16 *)s->dy)[at + j])
                                               : ((const float *)s->dy)[at + j];
    }
}

static void sums_task(void *context, int64_t i, int thread) {
    (void)thread;
    const column_sums *s = context;
    const int64_t first = i * LINE, columns = smaller(LINE, s->out - first);
    for (int64_t row = 0; row < s->n; row += CHUNK_FLOATS) {
        float sums[LINE] = {0};
        add_rows(s, row, smaller(CHUNK_FLOATS, s->n - row), first, columns, sums);
        for (int64_t j = 0; j < columns; j++) s->dbias[first + j] += sums[j];
    }
}

static void backward_weight(kern_storage storage, int64_t n, int64_t in, int64_t out, kern_activation act,
                            const void *x, const void *dy, float *dw, float *dbias) {
    weight_job job = {.n = n, .in = in, .out = out, .storage = storage, .act = act, .x = x, .dy = dy, .dw = dw};
    if (n <= 0 || out <= 0 || in <= 0 || !run_weight_job(&job)) {
        before[storage].linear_backward_weight(n, in, out, act, x, dy, dw, dbias);
        return;
    }
    column_sums s = {n, out, storage, dy, dbias};
    if (dbias) senc_parallel((out + LINE - 1) / LINE, sums_task, &s);
}

/* ---- gemm: blocks of rows, or of columns when c is wide and low ---- */

typedef struct gemm_job {
    bool ta, tb;
    int64_t m, n, k, lda, ldb, ldc;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int64_t rows, columns, row_blocks; /* of a task */
} gemm_job;

static void gemm_task(void *context, int64_t i, int thread) {
    (void)thread;
    const gemm_job *g = context;
    const int64_t row = i % g->row_blocks * g->rows, column = i / g->row_blocks * g->columns;
    const int64_t m = smaller(g->rows, g->m - row), n = smaller(g->columns, g->n - column);
    kern_onednn_enter();
    kern_onednn_sgemm(g->ta, g->tb, m, n, g->k, g->alpha, g->ta ? g->a + row : g->a + row * g->lda, g->lda,
                      g->tb ? g->b + column * g->ldb : g->b + column, g->ldb, g->beta, g->c + row * g->ldc + column,
                      g->ldc);
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    if (m <= 0 || n <= 0 || k <= 0) {
        before[KERN_REAL].gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    gemm_job g = {transpose_a, transpose_b, m, n, k, lda, ldb, ldc, alpha, beta, a, b, c, m, n, 1};
    const int64_t threads = senc_threads_here();
    if (m >= n)
        g.rows = (m + threads - 1) / threads;
    else
        g.columns = smaller(round_up((n + threads - 1) / threads, SMALLEST_PIECE), n);
    g.row_blocks = (m + g.rows - 1) / g.rows;
    senc_parallel(g.row_blocks * ((n + g.columns - 1) / g.columns), gemm_task, &g);
}

/* ---- The tables' entries ---- */

static void forward_real(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x, const float *w,
                         const float *bias, kern_stored *y) {
    forward(KERN_REAL, n, in, out, act, x, w, bias, y);
}

static void forward_bf16(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x, const float *w,
                         const float *bias, kern_stored *y) {
    forward(KERN_BF16, n, in, out, act, x, w, bias, y);
}

static void backward_input_real(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                const float *w, const kern_stored *dy, float beta, kern_stored *dx) {
    backward_input(KERN_REAL, n, in, out, act, x, w, dy, beta, dx);
}

static void backward_input_bf16(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                const float *w, const kern_stored *dy, float beta, kern_stored *dx) {
    backward_input(KERN_BF16, n, in, out, act, x, w, dy, beta, dx);
}

static void backward_weight_real(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                 const kern_stored *dy, float *dw, float *dbias) {
    backward_weight(KERN_REAL, n, in, out, act, x, dy, dw, dbias);
}

static void backward_weight_bf16(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                 const kern_stored *dy, float *dw, float *dbias) {
    backward_weight(KERN_BF16, n, in, out, act, x, dy, dw, dbias);
}

/* oneDNN would compute bf16 on older CPUs too, by converting back and forth: slower than float. */
static bool has_bf16(void) {
    const kern_onednn_shape shape = {
        .m = 256, .n = 64, .k = 64, .in = KERN_BF16, .out = KERN_BF16, .weights = true, .weights_transposed = true};
    const senc_cpu *cpu = senc_cpu_get();
    return (cpu->avx512_bf16 || cpu->amx_bf16) && kern_onednn_find(&shape);
}

bool kern_fill_onednn(kern_table *table, kern_table *bf16) {
    if (!kern_onednn_load()) return false;
    before[KERN_REAL] = *table;
    table->gemm = gemm;
    table->linear_forward = forward_real;
    table->linear_backward_input = backward_input_real;
    table->linear_backward_weight = backward_weight_real;
    if (!bf16) return true;
    before[KERN_BF16] = *bf16;
    bf16->gemm = gemm;
    if (!has_bf16()) return true;
    bf16->linear_forward = forward_bf16;
    bf16->linear_backward_input = backward_input_bf16;
    bf16->linear_backward_weight = backward_weight_bf16;
    return true;
}

#else

bool kern_fill_onednn(kern_table *table, kern_table *bf16) {
    (void)table;
    (void)bf16;
    return false;
}

const char *kern_onednn_name(void) {
    return NULL;
}

#endif
