/* Matrix products and the linear layer on packed panels (Goto, van de Geijn 2008; Van Zee, van de Geijn 2015).
 *
 *   C (m, n) = epilogue(A (m, k) B (k, n) + bias)
 *
 * B is packed once into panels that all threads share; then every task takes a block of rows of C and goes through the
 * panels, in the second-level cache both. The activation of the linear layer is applied where data moves anyway: to a
 * block of A in the task's scratch (forward), to the panels of B (weight gradient) or to the finished tile (its slope,
 * input gradient). Every element of C is summed in an order that depends on the depth only, so results do not depend
 * on the number of threads, nor a row of the linear layer on the rows beside it.
 *
 * With activations in bf16 (KERN_HALF) the tile multiplies what packing has made of them: floats, or pairs of bf16
 * (KERN_PAIRS), weights rounded to bf16 on the way. Sums are floats to the end, which is rounded once. */
#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_pack.h"

/* Sizes in words. CPUs with 16 lanes have at least 1 MiB of second-level cache, the others 256 to 512 KiB. */
#define DEPTH        1536 /* depth of a step; a panel of B of it is read again and again */
#define DEPTH_TALL   768  /* the same when the depth is long and C is added to (see multiply) */
#define BLOCK_WORDS  ((LANES == 16 ? 112 : 76) * 1024)     /* a block of A */
#define BLOCK_ROWS   ((LANES == 16 ? 10 : 24) * TILE_ROWS) /* rows in it at most */
#define COLUMNS      4096                                  /* columns of B packed at a time */
#define PACKED_WORDS (INT64_C(2) << 20)                    /* packed B at a time, when it can be cut */
#define HELD_COLUMNS 1024                                  /* of C as floats, while its depth comes in several steps */
#define GRAIN_FLOPS  200000.0                              /* a smaller task is not worth waking a thread */

typedef struct product {
    int64_t m, n, k;
    const stored *a;
    int64_t a_row, a_step; /* strides of A; one is 1 */
    kern_activation a_activation;
    float *a_sums;  /* (m) += sums over the depth of A (transposed A only), or NULL */
    const float *b; /* or */
    const stored *b_stored;
    int64_t b_row, b_step;        /* strides of B; one is 1 */
    kern_activation b_activation; /* of b_stored, whose b_step is 1 */
    float b_scale;                /* of floats only */
    const float *bias;            /* (n) or NULL */
    float beta;
    float *c;              /* either the sums are added to floats, */
    stored *c_stored;      /* or finished: C = beta * C + sum * slope'(slope_x) */
    const stored *slope_x; /* laid out like C */
    kern_activation slope;
    int64_t ldc;
} product;

/* One round: the columns [first_column, +n_columns) and the depth [first_depth, +n_depth) with its packed B. Depths are
 * words. */
typedef struct pass {
    const product *p;
    int64_t first_column, n_columns, first_depth, n_depth, depth_step;
    int64_t block_rows, n_row_blocks, block_columns;
    bool first;
    word *packed;
    float *bias; /* padded to full tiles */
} pass;

static bool is_transposed(const product *p) {
    return p->a_sums || p->a_step != 1;
}

static const word *panel_at(const pass *s, int64_t depth, int64_t n_depth, int64_t column) {
    return s->packed + depth * round_up(s->n_columns, TILE_COLUMNS) + column * n_depth;
}

/* Elements of the depth in n_depth words from `depth` words on. */
static int64_t elements(const pass *s, int64_t depth, int64_t n_depth) {
    return min_of(n_depth * WORD_DEPTH, s->p->k - (s->first_depth + depth) * WORD_DEPTH);
}

/* ---- packing B ---- */

/* A task packs GROUP panels for one step of depth. Where rows of B lie as they are, it goes through them STRIP at a
 * time and reads long pieces of each, which memory likes better than one cache line per row. */
#define GROUP 8
#define STRIP 16

static void pack_panel(const product *p, int64_t n, int64_t row, int64_t column, word *panel) {
    const int64_t columns = min_of(TILE_COLUMNS, p->n - column);
    if (p->b_stored) {
        kern_pack_stored_rows(p->b_activation, n, p->b_stored + row * p->b_row + column, p->b_row, columns, panel);
    } else if (p->b_step == 1) {
        kern_pack_float_rows(n, p->b + row * p->b_row + column, p->b_row, columns, panel);
    } else {
        kern_pack_float_columns(n, p->b + row + column * p->b_step, p->b_step, columns, panel);
    }
}

static void scale_words(int64_t n, float factor, word *x) {
    for (int64_t i = 0; i < n; i += LANES) v_store_words(x + i, (vu)(v_set(factor) * (vf)v_load_words(x + i)));
}

static void pack_task(void *context, int64_t i, int thread) {
    (void)thread;
    const pass *s = context;
    const product *p = s->p;
    const int64_t groups = (s->n_columns + GROUP * TILE_COLUMNS - 1) / (GROUP * TILE_COLUMNS);
    const int64_t depth = i / groups * s->depth_step, n_depth = min_of(s->depth_step, s->n_depth - depth);
    const int64_t column = i % groups * GROUP * TILE_COLUMNS, end = min_of(column + GROUP * TILE_COLUMNS, s->n_columns);
    const int64_t row = (s->first_depth + depth) * WORD_DEPTH, n = elements(s, depth, n_depth);
    const int64_t strip = p->b_step == 1 ? STRIP : n;
    word *panels = s->packed + (panel_at(s, depth, n_depth, column) - s->packed);
    for (int64_t q = 0; q < n; q += strip) {
        word *panel = panels + q / WORD_DEPTH * TILE_COLUMNS;
        for (int64_t j = column; j < end; j += TILE_COLUMNS, panel += n_depth * TILE_COLUMNS)
            pack_panel(p, min_of(strip, n - q), row + q, s->first_column + j, panel);
    }
    if (p->b_scale != 1.0f) scale_words(n_depth * (round_up(end, TILE_COLUMNS) - column), p->b_scale, panels);
}

static int64_t n_pack_tasks(const pass *s) {
    const int64_t steps = (s->n_depth + s->depth_step - 1) / s->depth_step;
    return steps * ((s->n_columns + GROUP * TILE_COLUMNS - 1) / (GROUP * TILE_COLUMNS));
}

/* ---- a block of A ---- */

/* What the tiles read as A: start, and strides in words. */
typedef struct operand {
    const word *a;
    int64_t tile_stride; /* from one tile of rows to the next */
    int64_t row, step;
} operand;

static int64_t tile_stride(int64_t height, int64_t n_depth) {
    return height * n_depth + COPY_WORDS;
}

/* As for B, a strip of rows at a time. */
static void pack_transposed(const product *p, int64_t row, int64_t rows, int64_t first, int64_t n, int64_t height,
                            word *block) {
    for (int64_t q = 0; q < n; q += STRIP) {
        const stored *a = p->a + (first + q) * p->a_step + row;
        for (int64_t i = 0; i < rows; i += height)
            kern_pack_a_tile(min_of(STRIP, n - q), a + i, p->a_step, min_of(height, rows - i), p->m - row - i, height,
                             block + i / height * tile_stride(height, words_of(n)) + q / WORD_DEPTH * height);
    }
}

static void add_sums(const product *p, int64_t row, int64_t rows, int64_t n_depth, int64_t height, const word *block) {
    for (int64_t i = 0; i < rows; i += height)
        kern_add_tile_sums(n_depth, block + i / height * tile_stride(height, n_depth), height, min_of(height, rows - i),
                           p->a_sums + row + i);
}

/* Rows of A that are words already are read where they lie, unless they fall into the same few sets of the cache. */
static bool read_in_place(const product *p) {
    const bool are_words = sizeof(stored) * WORD_DEPTH == sizeof(word) && p->k % WORD_DEPTH == 0;
    return are_words && p->a_activation == KERN_NONE && (p->a_row * (int64_t)sizeof(stored)) % 2048 != 0;
}

/* Rows [row, +rows) of A and n_depth words of its depth from first_depth on. */
static operand prepare_a(const product *p, int64_t row, int64_t rows, int64_t first_depth, int64_t n_depth,
                         int64_t height, word *block) {
    const int64_t first = first_depth * WORD_DEPTH, n = min_of(n_depth * WORD_DEPTH, p->k - first);
    if (is_transposed(p)) {
        pack_transposed(p, row, rows, first, n, height, block);
        return (operand){block, tile_stride(height, n_depth), 1, height};
    }
    const stored *a = p->a + row * p->a_row + first;
    if (read_in_place(p)) {
        const int64_t stride = p->a_row / WORD_DEPTH;
        return (operand){(const word *)a, height * stride, stride, 1};
    }
    const int64_t width = n_depth + LANES; /* not a power of two */
    kern_pack_a_rows(p->a_activation, rows, n, a, p->a_row, block, width);
    return (operand){block, height * width, width, 1};
}

/* ---- blocks of C ---- */

/* Rows of one task; columns count from the pass's first. */
typedef struct span {
    int64_t row, rows, column, columns;
} span;

static void scale_block(const pass *s, span b) {
    const product *p = s->p;
    for (int64_t i = 0; i < b.rows; i++) {
        float *c = p->c + (b.row + i) * p->ldc + s->first_column + b.column;
        for (int64_t j = 0; j < b.columns; j++) c[j] *= p->beta;
    }
}

/* Adds the product of one block to c, or overwrites it. */
static void add_block(const pass *s, span b, bool sums, word *block) {
    const product *p = s->p;
    const int64_t height = tile_height(b.rows);
    float *c = p->c + b.row * p->ldc + s->first_column + b.column;
    for (int64_t depth = 0; depth < s->n_depth || depth == 0; depth += s->depth_step) {
        const int64_t n_depth = min_of(s->depth_step, s->n_depth - depth);
        const operand a = prepare_a(p, b.row, b.rows, s->first_depth + depth, n_depth, height, block);
        if (sums) add_sums(p, b.row, b.rows, n_depth, height, block);
        const bool first = s->first && depth == 0, accumulate = !first || p->beta != 0.0f;
        for (int64_t j = 0; j < b.columns; j += TILE_COLUMNS) {
            const int64_t columns = min_of(TILE_COLUMNS, b.columns - j);
            const word *panel = panel_at(s, depth, n_depth, b.column + j);
            const float *start = first && p->bias ? s->bias + b.column + j : NULL;
            for (int64_t i = 0, t = 0; i < b.rows; i += height, t++)
                kern_word_tile(min_of(height, b.rows - i), columns, n_depth, a.a + t * a.tile_stride, a.row, a.step,
                               panel, start, accumulate, c + i * p->ldc + j, p->ldc);
        }
    }
}

/* Asks for what finishing a tile reads and writes, while the tile is computed. */
static void fetch_tile(const product *p, int64_t rows, int64_t at) {
    for (int64_t r = 0; r < rows; r++, at += p->ldc) {
        __builtin_prefetch(p->c_stored + at, 1);
        if (p->slope != KERN_NONE) __builtin_prefetch(p->slope_x + at);
    }
}

/* The same for c_stored: the pass holds the whole depth. A tile is finished while it is in the first-level cache; until
 * then `held` keeps it, all of them when the depth comes in several steps. */
static void finish_block(const pass *s, span b, word *block, float *held) {
    const product *p = s->p;
    const int64_t height = tile_height(b.rows), slot = s->n_depth > s->depth_step ? TILE_ROWS * TILE_COLUMNS : 0;
    for (int64_t depth = 0; depth < s->n_depth || depth == 0; depth += s->depth_step) {
        const int64_t n_depth = min_of(s->depth_step, s->n_depth - depth);
        const operand a = prepare_a(p, b.row, b.rows, s->first_depth + depth, n_depth, height, block);
        float *tile = held;
        for (int64_t j = 0; j < b.columns; j += TILE_COLUMNS) {
            const word *panel = panel_at(s, depth, n_depth, b.column + j);
            const float *start = depth == 0 && p->bias ? s->bias + b.column + j : NULL;
            for (int64_t i = 0, t = 0; i < b.rows; i += height, t++, tile += slot) {
                const int64_t rows = min_of(height, b.rows - i);
                const int64_t at = (b.row + i) * p->ldc + s->first_column + b.column + j;
                const bool last = depth + n_depth == s->n_depth;
                if (last) fetch_tile(p, rows, at);
                kern_word_tile(rows, TILE_COLUMNS, n_depth, a.a + t * a.tile_stride, a.row, a.step, panel, start,
                               depth > 0, tile, TILE_COLUMNS);
                if (!last) continue;
                kern_finish_tile(p->slope, rows, min_of(TILE_COLUMNS, b.columns - j), tile,
                                 p->slope == KERN_NONE ? NULL : p->slope_x + at, p->beta != 0.0f, p->c_stored + at,
                                 p->ldc);
            }
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
    const int64_t tiles = (s->block_rows + TILE_ROWS - 1) / TILE_ROWS;
    const int64_t a_words = s->block_rows * (s->depth_step + LANES) + tiles * (COPY_WORDS + s->depth_step);
    const int64_t panels = s->n_depth > s->depth_step ? HELD_COLUMNS / TILE_COLUMNS : 1;
    word *block =
        kern_scratch_take(KERN_SCRATCH_TASK, (a_words + LANES + panels * tiles * TILE_ROWS * TILE_COLUMNS) * 4);
    if (!p->c_stored) {
        if (s->first && p->beta != 0.0f && p->beta != 1.0f) scale_block(s, b);
        add_block(s, b, p->a_sums && s->first_column == 0 && b.column == 0, block);
        return;
    }
    float *held = (float *)(block + round_up(a_words, LANES));
    const int64_t step = s->n_depth > s->depth_step ? HELD_COLUMNS : b.columns;
    for (int64_t column = 0; column < b.columns; column += step) {
        const span part = {b.row, b.rows, b.column + column, min_of(step, b.columns - column)};
        finish_block(s, part, block, held);
    }
}

/* ---- the whole product ---- */

/* Cuts C into tasks: by rows, and by columns as well when there are too few rows for the threads. */
static void plan_tasks(pass *s) {
    const product *p = s->p;
    const int64_t threads = senc_threads_here();
    const double flops = 2.0 * WORD_DEPTH * (double)p->m * (double)s->n_columns * (double)max_of(s->n_depth, 1);
    const int64_t wanted = min_of(threads == 1 ? 1 : 4 * threads, 1 + (int64_t)(flops / GRAIN_FLOPS));
    const int64_t least = TILE_ROWS * 4; /* rows that make reading a panel worthwhile */
    const int64_t most =
        max_of(least, min_of(BLOCK_ROWS, BLOCK_WORDS / (s->depth_step + LANES) / TILE_ROWS * TILE_ROWS));
    int64_t blocks = (p->m + most - 1) / most;
    blocks = max_of(blocks, min_of(wanted, p->m / least));
    if (blocks > 1 && blocks < 16 * threads) blocks = round_up(blocks, min_of(threads, wanted)); /* all end at once */
    const int64_t rows = (p->m + blocks - 1) / blocks, tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    s->block_rows = min_of(p->m, (rows + tiles - 1) / tiles * tiles); /* tiles of one height */
    s->n_row_blocks = (p->m + s->block_rows - 1) / s->block_rows;
    s->block_columns = s->n_columns;
    if (s->n_row_blocks < wanted && p->a_activation == KERN_NONE) {
        const int64_t groups = (wanted + s->n_row_blocks - 1) / s->n_row_blocks;
        s->block_columns = max_of(round_up((s->n_columns + groups - 1) / groups, TILE_COLUMNS), 2 * TILE_COLUMNS);
    }
}

/* Cuts a depth into steps of nearly equal length, at most `most`. */
static int64_t depth_step_of(int64_t depth, int64_t most) {
    const int64_t steps = max_of(1, (depth + most - 1) / most);
    return max_of(1, (depth + steps - 1) / steps);
}

/* B is packed whole where C is finished at once. Where sums are added to C, every round reads and writes all of C, but
 * keeps B and the rows of A in the cache: long rounds for a deep step of A as it lies, short ones of one step where A
 * is transposed (weight gradients: the depth is the tokens). The sums are the same either way. */
static void multiply(const product *p) {
    if (p->m <= 0 || p->n <= 0) return;
    const int64_t depth = words_of(p->k), depth_step = depth_step_of(depth, is_transposed(p) ? DEPTH_TALL : DEPTH);
    const int64_t column_group = min_of(round_up(p->n, TILE_COLUMNS), COLUMNS);
    int64_t depth_group = depth;
    if (!p->c_stored) {
        depth_group = max_of(1, PACKED_WORDS / column_group / depth_step) * depth_step;
        depth_group = min_of(is_transposed(p) ? depth_step : depth_group, depth);
    }
    word *packed = kern_scratch_take(KERN_SCRATCH_CALL, (max_of(depth_group, 1) + 1) * column_group * 4);
    pass s = {.p = p, .depth_step = depth_step, .packed = packed};
    s.bias = (float *)(packed + depth_group * column_group);
    for (int64_t column = 0; column < p->n; column += column_group) {
        s.first_column = column;
        s.n_columns = min_of(column_group, p->n - column);
        for (int64_t j = 0; p->bias && j < round_up(s.n_columns, TILE_COLUMNS); j++)
            s.bias[j] = j < s.n_columns ? p->bias[column + j] : 0.0f;
        for (int64_t first = 0; first < depth || first == 0; first += depth_group) {
            s.first_depth = first;
            s.n_depth = min_of(depth_group, depth - first);
            s.first = first == 0;
            plan_tasks(&s);
            senc_parallel(n_pack_tasks(&s), pack_task, &s);
            const int64_t groups = (s.n_columns + s.block_columns - 1) / s.block_columns;
            senc_parallel(s.n_row_blocks * groups, multiply_task, &s);
            if (depth == 0) break;
        }
    }
}

#if !defined(KERN_HALF)
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
#endif

/* Few tokens (one query): packing the weights would cost more than the product, so the weights are read as they lie and
 * the tokens take the part of B: y^T = w act(x)^T. Sums begin with the bias and go through the same steps of depth as
 * those of many tokens, so that a token's result does not depend on how many stand beside it. Pairs of bf16 need
 * weights that are packed. */
#if !defined(KERN_PAIRS)
#define FEW_TOKENS 64

typedef struct few {
    int64_t n, in, out, rows, depth_step;
    const float *w, *bias;
    const float *packed;
    stored *y;
} few;

/* tile (rows, TILE_COLUMNS) = bias + w x of `rows` outputs and a panel of tokens. */
static void few_tile(const few *f, int64_t row, int64_t rows, const float *panel, float *tile) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t t = 0; t < TILE_COLUMNS; t++) tile[r * TILE_COLUMNS + t] = f->bias ? f->bias[row + r] : 0.0f;
    for (int64_t depth = 0; depth < f->in; depth += f->depth_step) {
        float next[TILE_ROWS * TILE_COLUMNS] = {0}, *sums = depth == 0 ? tile : next;
        kern_tile_onto(rows, min_of(f->depth_step, f->in - depth), f->w + row * f->in + depth, f->in, 1,
                       panel + depth * TILE_COLUMNS, sums, TILE_COLUMNS);
        for (int64_t i = 0; depth > 0 && i < rows * TILE_COLUMNS; i++) tile[i] += next[i];
    }
}

static void few_task(void *context, int64_t i, int thread) {
    (void)thread;
    const few *f = context;
    const int64_t last = min_of((i + 1) * f->rows, f->out);
    float tile[TILE_ROWS * TILE_COLUMNS];
    for (int64_t row = i * f->rows; row < last; row += TILE_ROWS) {
        const int64_t rows = min_of(TILE_ROWS, last - row);
        for (int64_t token = 0; token < f->n; token += TILE_COLUMNS) {
            few_tile(f, row, rows, f->packed + token * f->in, tile);
            const int64_t tokens = min_of(TILE_COLUMNS, f->n - token);
            for (int64_t t = 0; t < tokens; t++)
                for (int64_t r = 0; r < rows; r++)
                    store_stored(f->y + (token + t) * f->out + row + r, tile[r * TILE_COLUMNS + t]);
        }
    }
}

static void linear_forward_few(int64_t n, int64_t in, int64_t out, kern_activation act, const stored *x, const float *w,
                               const float *bias, stored *y) {
    float *packed = kern_scratch_take(KERN_SCRATCH_CALL, (round_up(n, TILE_COLUMNS) + n) * in * 4);
    float *active = packed + round_up(n, TILE_COLUMNS) * in;
    kern_activate_stored(act, n * in, x, active);
    for (int64_t token = 0; token < n; token += TILE_COLUMNS)
        kern_pack_panel(in, token, n, active, 1, in, packed + token * in);
    const double flops = 2.0 * (double)round_up(n, TILE_COLUMNS) * (double)in * (double)out;
    const int64_t threads = senc_threads_here();
    const int64_t wanted = min_of(threads == 1 ? 1 : 4 * threads, 1 + (int64_t)(flops / GRAIN_FLOPS));
    const int64_t rows = round_up((out + wanted - 1) / wanted, TILE_ROWS);
    few f = {n, in, out, rows, depth_step_of(in, DEPTH), w, bias, packed, y};
    senc_parallel((out + rows - 1) / rows, few_task, &f);
}
#endif

static void linear_forward(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                           const float *w, const float *bias, kern_stored *y) {
#if !defined(KERN_PAIRS)
    if (n <= FEW_TOKENS) {
        linear_forward_few(n, in, out, act, x, w, bias, y);
        return;
    }
#endif
    product p = {.m = n,
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
                 .ldc = out};
#if defined(KERN_HALF)
    p.c_stored = y;
#else
    p.c = y;
#endif
    multiply(&p);
}

static void linear_backward_input(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                  const float *w, const kern_stored *dy, float beta, kern_stored *dx) {
    product p = {.m = n,
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
                 .c_stored = dx,
                 .ldc = in,
                 .slope = act,
                 .slope_x = x};
#if !defined(KERN_HALF)
    if (act == KERN_NONE) {
        p.c = dx;
        p.c_stored = NULL;
    }
#endif
    multiply(&p);
}

static void linear_backward_weight(int64_t n, int64_t in, int64_t out, kern_activation act, const kern_stored *x,
                                   const kern_stored *dy, float *dw, float *dbias) {
    const product p = {.m = out,
                       .n = in,
                       .k = n,
                       .a = dy,
                       .a_row = 1,
                       .a_step = out,
                       .a_sums = dbias,
                       .b_stored = x,
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
#if !defined(KERN_HALF)
    table->gemm = gemm;
#endif
    table->linear_forward = linear_forward;
    table->linear_backward_input = linear_backward_input;
    table->linear_backward_weight = linear_backward_weight;
}
