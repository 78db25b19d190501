/* Matrix products and the linear layer on packed panels (Goto, van de Geijn 2008; Van Zee, van de Geijn 2015).
 *
 *   C (m, n) = epilogue(A (m, k) B (k, n) + bias)
 *
 * B is packed once into panels that all threads share; then every task takes a block of rows of C and walks through the
 * depth in steps that keep one panel in the first-level cache. The activation of the linear layer is applied where data
 * moves anyway: to a block of A in the task's scratch (forward) or to the panels of B (weight gradient). Every element
 * of C is summed in an order that depends on the shapes only, so results do not depend on the number of threads. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_tile.h"

#define PANEL_BYTES        24576 /* of the first-level cache for one panel */
#define DEPTH              (PANEL_BYTES / (TILE_COLUMNS * 4) < 384 ? PANEL_BYTES / (TILE_COLUMNS * 4) : 384) /* depth of a step */
#define BLOCK_ROWS         144                /* rows of C in a task */
#define PACKED_FLOATS      (INT64_C(2) << 20) /* packed B at a time, when it can be cut */
#define PACKED_TALL_FLOATS (INT64_C(1) << 18) /* the same for transposed A, see packed_floats */
#define BLOCK_FLOATS       32768              /* C held back for the epilogue */
#define GRAIN_FLOPS        200000.0           /* a smaller task is not worth waking a thread */

typedef struct product {
    int64_t m, n, k;
    const float *a;
    int64_t a_row, a_step; /* strides of A; one is 1 */
    kern_activation a_activation;
    float *a_sums; /* (m) += sums over the depth of A (transposed A only), or NULL */
    const float *b;
    int64_t b_row, b_step;
    kern_activation b_activation;
    float b_scale;
    const float *bias; /* (n) or NULL */
    float beta;
    float *c;
    int64_t ldc;
    kern_activation slope; /* not NONE: C = beta * C + product * slope'(slope_x); slope_x laid out like C */
    const float *slope_x;
} product;

/* One round: the columns [first_column, +n_columns) and the depth [first_depth, +n_depth) with its packed B. */
typedef struct pass {
    const product *p;
    int64_t first_column, n_columns, first_depth, n_depth, depth_step;
    int64_t block_rows, n_row_blocks, block_columns;
    bool first, last;
    float *packed, *bias; /* bias padded to full tiles */
} pass;

static const float *panel_at(const pass *s, int64_t depth, int64_t n_depth, int64_t column) {
    return s->packed + depth * round_up(s->n_columns, TILE_COLUMNS) + column * n_depth;
}

/* A task packs GROUP panels for one step of depth. Where rows of B lie as they are, it goes through them STRIP at a
 * time and reads long pieces of each, which memory likes better than one cache line per row. */
#define GROUP 8
#define STRIP 16

static void pack_task(void *context, int64_t i, int thread) {
    (void)thread;
    const pass *s = context;
    const product *p = s->p;
    const int64_t groups = (s->n_columns + GROUP * TILE_COLUMNS - 1) / (GROUP * TILE_COLUMNS);
    const int64_t depth = i / groups * s->depth_step, n_depth = min_of(s->depth_step, s->n_depth - depth);
    const int64_t column = i % groups * GROUP * TILE_COLUMNS, end = min_of(column + GROUP * TILE_COLUMNS, s->n_columns);
    const float *b = p->b + (s->first_depth + depth) * p->b_row + s->first_column * p->b_step;
    float *panels = s->packed + (panel_at(s, depth, n_depth, column) - s->packed);
    const int64_t strip = p->b_step == 1 ? STRIP : n_depth;
    for (int64_t q = 0; q < n_depth; q += strip) {
        float *panel = panels + q * TILE_COLUMNS;
        for (int64_t j = column; j < end; j += TILE_COLUMNS, panel += n_depth * TILE_COLUMNS)
            kern_pack_panel(min_of(strip, n_depth - q), j, s->n_columns, b + q * p->b_row, p->b_row, p->b_step, panel);
    }
    const int64_t n = n_depth * (round_up(end, TILE_COLUMNS) - column);
    if (p->b_activation != KERN_NONE) kern_activate_row(p->b_activation, n, panels, panels);
    for (int64_t j = 0; p->b_scale != 1.0f && j < n; j++) panels[j] *= p->b_scale;
}

static int64_t n_pack_tasks(const pass *s) {
    const int64_t steps = (s->n_depth + s->depth_step - 1) / s->depth_step;
    return steps * ((s->n_columns + GROUP * TILE_COLUMNS - 1) / (GROUP * TILE_COLUMNS));
}

/* What the tiles read as A: strides and start of rows [row, row + rows), depth [depth, ...). */
typedef struct operand {
    const float *a;
    int64_t tile_stride; /* from one tile of rows to the next */
    int64_t row, step;
} operand;

/* Copies columns [row, row + n) of transposed A into one tile, [depth][height]. While `room` columns follow, whole
 * vectors are copied: what is too much is overwritten by the next depth or falls into the gap behind the tile. */
#define COPY_FLOATS ((TILE_ROWS + LANES - 1) / LANES * LANES)

static int64_t tile_floats(int64_t height, int64_t n_depth) {
    return height * n_depth + COPY_FLOATS;
}

static void copy_tile(const product *p, const float *a, int64_t n, int64_t n_depth, int64_t height, int64_t room,
                      float *out) {
    if (room >= COPY_FLOATS) {
        for (int64_t q = 0; q < n_depth; q++) {
            for (int l = 0; l < COPY_FLOATS; l += LANES) v_store(out + q * height + l, v_load(a + q * p->a_step + l));
        }
        return;
    }
    for (int64_t q = 0; q < n_depth; q++) {
        for (int64_t r = 0; r < n; r++) out[q * height + r] = a[q * p->a_step + r];
    }
}

/* Adds the sums over the depth of a tile to its n rows. Reads into the gap behind the tile. */
static void add_tile_sums(const float *tile, int64_t n, int64_t n_depth, int64_t height, float *total) {
    vf sums[COPY_FLOATS / LANES] = {{0}};
    for (int64_t q = 0; q < n_depth; q++) {
        for (int l = 0; l < COPY_FLOATS / LANES; l++) sums[l] += v_load(tile + q * height + l * LANES);
    }
    float all[COPY_FLOATS];
    for (int l = 0; l < COPY_FLOATS / LANES; l++) v_store(all + l * LANES, sums[l]);
    for (int64_t r = 0; r < n; r++) total[r] += all[r];
}

/* As for B, a strip of rows at a time. */
static void pack_transposed(const product *p, int64_t row, int64_t rows, int64_t depth, int64_t n_depth, int64_t height,
                            bool sums, float *block) {
    for (int64_t q = 0; q < n_depth; q += STRIP) {
        const float *a = p->a + (depth + q) * p->a_step + row;
        for (int64_t i = 0; i < rows; i += height)
            copy_tile(p, a + i, min_of(height, rows - i), min_of(STRIP, n_depth - q), height, p->m - row - i,
                      block + i / height * tile_floats(height, n_depth) + q * height);
    }
    for (int64_t i = 0; sums && i < rows; i += height)
        add_tile_sums(block + i / height * tile_floats(height, n_depth), min_of(height, rows - i), n_depth, height,
                      p->a_sums + row + i);
}

static operand prepare_a(const product *p, int64_t row, int64_t rows, int64_t depth, int64_t n_depth, int64_t height,
                         bool sums, float *block) {
    if (p->a_sums || (p->a_row == 1 && p->a_step != 1)) {
        pack_transposed(p, row, rows, depth, n_depth, height, sums, block);
        return (operand){block, tile_floats(height, n_depth), 1, height};
    }
    const float *a = p->a + row * p->a_row + depth * p->a_step;
    if (p->a_activation == KERN_NONE) return (operand){a, height * p->a_row, p->a_row, p->a_step};
    const int64_t width = n_depth + LANES; /* not a power of two: the rows fall into different cache sets */
    for (int64_t i = 0; i < rows; i++) kern_activate_row(p->a_activation, n_depth, a + i * p->a_row, block + i * width);
    return (operand){block, height * width, width, 1};
}

/* Rows of one task. */
typedef struct span {
    int64_t row, rows, column, columns; /* columns count from the pass's first */
} span;

static void scale_block(const pass *s, span b) {
    const product *p = s->p;
    for (int64_t i = 0; i < b.rows; i++) {
        float *c = p->c + (b.row + i) * p->ldc + s->first_column + b.column;
        for (int64_t j = 0; j < b.columns; j++) c[j] *= p->beta;
    }
}

/* The product of one block into c, whose first element is (b.row, b.column). */
static void multiply_block(const pass *s, span b, bool accumulate, bool sums, float *block, float *c, int64_t ldc) {
    const product *p = s->p;
    const int64_t height = tile_height(b.rows);
    for (int64_t depth = 0; depth < s->n_depth || depth == 0; depth += s->depth_step) {
        const int64_t n_depth = min_of(s->depth_step, s->n_depth - depth);
        const operand a = prepare_a(p, b.row, b.rows, s->first_depth + depth, n_depth, height, sums, block);
        for (int64_t j = 0; j < b.columns; j += TILE_COLUMNS) {
            const int64_t columns = min_of(TILE_COLUMNS, b.columns - j);
            const float *panel = panel_at(s, depth, n_depth, b.column + j);
            const float *start = s->first && depth == 0 && p->bias ? s->bias + b.column + j : NULL;
            for (int64_t i = 0, t = 0; i < b.rows; i += height, t++)
                kern_tile(min_of(height, b.rows - i), columns, n_depth, a.a + t * a.tile_stride, a.row, a.step, panel,
                          start, accumulate || depth > 0, c + i * ldc + j, ldc);
        }
    }
}

static void multiply_task(void *context, int64_t i, int thread) {
    (void)thread;
    const pass *s = context;
    const product *p = s->p;
    span b = {.row = i % s->n_row_blocks * s->block_rows, .column = i / s->n_row_blocks * s->block_columns};
    b.rows = min_of(s->block_rows, p->m - b.row);
    b.columns = min_of(s->block_columns, s->n_columns - b.column);
    const bool sums = p->a_sums != NULL && s->first_column == 0 && b.column == 0;
    const int64_t a_floats = s->block_rows * (s->depth_step + LANES + COPY_FLOATS) + TILE_ROWS * s->depth_step;
    float *block =
        kern_scratch_take(KERN_SCRATCH_TASK, (a_floats + BLOCK_FLOATS + 2 * TILE_COLUMNS * s->block_rows) * 4);
    if (p->slope == KERN_NONE) {
        if (s->first && p->beta != 0.0f && p->beta != 1.0f) scale_block(s, b);
        float *c = p->c + b.row * p->ldc + s->first_column + b.column;
        multiply_block(s, b, !s->first || p->beta != 0.0f, sums, block, c, p->ldc);
        return;
    }
    float *held = block + round_up(a_floats, 16);
    const int64_t step = max_of(TILE_COLUMNS, BLOCK_FLOATS / s->block_rows / TILE_COLUMNS * TILE_COLUMNS);
    for (int64_t column = 0; column < b.columns; column += step) {
        const span part = {b.row, b.rows, b.column + column, min_of(step, b.columns - column)};
        multiply_block(s, part, false, sums && column == 0, block, held, step);
        for (int64_t r = 0; r < b.rows; r++) {
            const int64_t at = (b.row + r) * p->ldc + s->first_column + part.column;
            kern_activate_row_backward(p->slope, part.columns, p->slope_x + at, held + r * step, p->beta, p->c + at);
        }
    }
}

/* Cuts C into tasks: by rows, and by columns as well when there are too few rows for the threads. */
static void plan_tasks(pass *s) {
    const product *p = s->p;
    const int64_t threads = senc_threads_count();
    const double flops = 2.0 * (double)p->m * (double)s->n_columns * (double)max_of(s->n_depth, 1);
    const int64_t wanted = min_of(threads == 1 ? 1 : 4 * threads, 1 + (int64_t)(flops / GRAIN_FLOPS));
    const int64_t least = TILE_ROWS * 4; /* rows that make reading a panel worthwhile */
    int64_t rows = min_of(BLOCK_ROWS, max_of(least, (p->m + wanted - 1) / wanted));
    const int64_t blocks = (p->m + rows - 1) / rows;
    rows = (p->m + blocks - 1) / blocks;
    s->block_rows = rows;
    s->n_row_blocks = (p->m + rows - 1) / rows;
    s->block_columns = s->n_columns;
    if (s->n_row_blocks < wanted && p->a_activation == KERN_NONE) {
        const int64_t groups = (wanted + s->n_row_blocks - 1) / s->n_row_blocks;
        s->block_columns = max_of(round_up((s->n_columns + groups - 1) / groups, TILE_COLUMNS), 2 * TILE_COLUMNS);
    }
}

/* How much of B to pack at a time. Every round reads and writes all of C. Where C is large that must be rare; where it
 * is small and the depth is the tokens (weight gradients), short rounds keep B and the rows of A in the cache: 87
 * instead of 81 % of the limit. More threads have more cache and want fewer rounds. The sums are the same either way.
 */
static int64_t packed_floats(const product *p) {
    const bool tall = p->a_step != 1 && p->m * p->n <= INT64_C(1) << 20;
    return tall ? PACKED_TALL_FLOATS * max_of(1, senc_threads_count() / 4) : PACKED_FLOATS;
}

static void multiply(const product *p) {
    if (p->m <= 0 || p->n <= 0) return;
    const int64_t steps = max_of(1, (p->k + DEPTH - 1) / DEPTH), depth_step = max_of(1, (p->k + steps - 1) / steps);
    const int64_t column_group = min_of(round_up(p->n, TILE_COLUMNS), 4096);
    int64_t depth_group = p->k; /* the epilogue needs the whole depth at once */
    if (p->slope == KERN_NONE) {
        depth_group = max_of(depth_step, packed_floats(p) / column_group / depth_step * depth_step);
        depth_group = min_of(depth_group, p->k);
    }
    float *packed = kern_scratch_take(KERN_SCRATCH_CALL, (max_of(depth_group, 1) + 1) * column_group * 4);
    pass s = {.p = p, .depth_step = depth_step, .packed = packed, .bias = packed + depth_group * column_group};
    for (int64_t column = 0; column < p->n; column += column_group) {
        s.first_column = column;
        s.n_columns = min_of(column_group, p->n - column);
        for (int64_t j = 0; p->bias && j < round_up(s.n_columns, TILE_COLUMNS); j++)
            s.bias[j] = j < s.n_columns ? p->bias[column + j] : 0.0f;
        for (int64_t depth = 0; depth < p->k || depth == 0; depth += depth_group) {
            s.first_depth = depth;
            s.n_depth = min_of(depth_group, p->k - depth);
            s.first = depth == 0;
            plan_tasks(&s);
            senc_parallel(n_pack_tasks(&s), pack_task, &s);
            const int64_t groups = (s.n_columns + s.block_columns - 1) / s.block_columns;
            senc_parallel(s.n_row_blocks * groups, multiply_task, &s);
            if (p->k == 0) break;
        }
    }
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                 int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    const product p = {.m = m,
                       .n = n,
                       .k = alpha == 0.0f ? 0 : k,
                       .a = a,
                       .a_row = transpose_a ? 1 : lda,
                       .a_step = transpose_a ? lda : 1,
                       .b = b,
                       .b_row = transpose_b ? 1 : ldb,
                       .b_step = transpose_b ? ldb : 1,
                       .b_scale = alpha,
                       .beta = beta,
                       .c = c,
                       .ldc = ldc};
    multiply(&p);
}

/* Few tokens (one query): packing the weights would cost more than the product, so the weights are read as they lie and
 * the tokens take the part of B: y^T = w act(x)^T. */
#define FEW_TOKENS 64

typedef struct few {
    int64_t n, in, out, rows;
    const float *w, *bias;
    const float *packed;
    float *y;
} few;

static void few_task(void *context, int64_t i, int thread) {
    (void)thread;
    const few *f = context;
    const int64_t last = min_of((i + 1) * f->rows, f->out);
    float tile[TILE_ROWS * TILE_COLUMNS];
    for (int64_t row = i * f->rows; row < last; row += TILE_ROWS) {
        const int64_t rows = min_of(TILE_ROWS, last - row);
        for (int64_t token = 0; token < f->n; token += TILE_COLUMNS) {
            kern_tile(rows, TILE_COLUMNS, f->in, f->w + row * f->in, f->in, 1, f->packed + token * f->in, NULL, false,
                      tile, TILE_COLUMNS);
            const int64_t tokens = min_of(TILE_COLUMNS, f->n - token);
            for (int64_t t = 0; t < tokens; t++) {
                for (int64_t r = 0; r < rows; r++)
                    f->y[(token + t) * f->out + row + r] =
                        tile[r * TILE_COLUMNS + t] + (f->bias ? f->bias[row + r] : 0.0f);
            }
        }
    }
}

static void linear_forward_few(int64_t n, int64_t in, int64_t out, kern_activation act, const float *x, const float *w,
                               const float *bias, float *y) {
    float *packed = kern_scratch_take(KERN_SCRATCH_CALL, round_up(n, TILE_COLUMNS) * in * 4);
    for (int64_t token = 0; token < n; token += TILE_COLUMNS) {
        float *panel = packed + token * in;
        kern_pack_panel(in, token, n, x, 1, in, panel);
        if (act != KERN_NONE) kern_activate_row(act, in * TILE_COLUMNS, panel, panel);
    }
    const double flops = 2.0 * (double)round_up(n, TILE_COLUMNS) * (double)in * (double)out;
    const int64_t threads = senc_threads_count();
    const int64_t wanted = min_of(threads == 1 ? 1 : 4 * threads, 1 + (int64_t)(flops / GRAIN_FLOPS));
    const int64_t rows = round_up((out + wanted - 1) / wanted, TILE_ROWS);
    few f = {n, in, out, rows, w, bias, packed, y};
    senc_parallel((out + rows - 1) / rows, few_task, &f);
}

static void linear_forward(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                           const float *w, const float *bias, kern_stored *stored_y) {
    const float *x = stored_x;
    float *y = stored_y;
    if (n <= FEW_TOKENS) {
        linear_forward_few(n, in, out, act, x, w, bias, y);
        return;
    }
    const product p = {.m = n,
                       .n = out,
                       .k = in,
                       .a = x,
                       .a_row = in,
                       .a_step = 1,
                       .a_activation = act,
                       .b = w,
                       .b_row = 1,
                       .b_step = in,
                       .b_scale = 1.0f,
                       .bias = bias,
                       .c = y,
                       .ldc = out};
    multiply(&p);
}

static void linear_backward_input(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                                  const float *w, const kern_stored *stored_dy, float beta, kern_stored *stored_dx) {
    const float *x = stored_x;
    const float *dy = stored_dy;
    float *dx = stored_dx;
    const product p = {.m = n,
                       .n = in,
                       .k = out,
                       .a = dy,
                       .a_row = out,
                       .a_step = 1,
                       .b = w,
                       .b_row = in,
                       .b_step = 1,
                       .b_scale = 1.0f,
                       .beta = beta,
                       .c = dx,
                       .ldc = in,
                       .slope = act,
                       .slope_x = x};
    multiply(&p);
}

static void linear_backward_weight(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *stored_x,
                                   const kern_stored *stored_dy, float *dw, float *dbias) {
    const float *x = stored_x;
    const float *dy = stored_dy;
    const product p = {.m = out,
                       .n = in,
                       .k = n,
                       .a = dy,
                       .a_row = 1,
                       .a_step = out,
                       .a_sums = dbias,
                       .b = x,
                       .b_row = in,
                       .b_step = 1,
                       .b_activation = act,
                       .b_scale = 1.0f,
                       .beta = 1.0f,
                       .c = dw,
                       .ldc = in};
    multiply(&p);
}

void KERN_NAME(kern_fill_product)(kern_table *table) {
    table->gemm = gemm;
    table->linear_forward = linear_forward;
    table->linear_backward_input = linear_backward_input;
    table->linear_backward_weight = linear_backward_weight;
}
