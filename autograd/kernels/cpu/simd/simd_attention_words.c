/* Operands of attention and their products: see simd_attention.h. */
#include "autograd/kernels/cpu/simd/simd_attention.h"

/* Short sequences are read where they lie; in longer ones rows on as many pages as there are tokens cost more than a
 * copy. */
#define MOST_IN_PLACE 32

/* ---- operands ---- */

/* The first n <= LANES * WORD_DEPTH elements of a row as words, zeros behind. */
static inline vu row_words(const stored *x, int64_t n) {
    const bool whole = n >= LANES * WORD_DEPTH;
#if defined(KERN_PAIRS)
    if (whole) return v_load_words((const word *)x);
    stored buffer[2 * LANES] = {0};
    memcpy(buffer, x, (size_t)n * sizeof *x);
    return v_load_words((const word *)buffer);
#else
    return (vu)(whole ? v_load_stored(x) : v_load_stored_part(x, n));
#endif
}

static words copy_rows(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer) {
    const int64_t row = round_up(words_of(width), LANES);
    for (int64_t r = 0; r < n; r++) {
        for (int64_t j = 0; j < width; j += LANES * WORD_DEPTH)
            v_store_words(buffer + r * row + j / WORD_DEPTH, row_words(x + r * ld + j, width - j));
    }
    return (words){buffer, row};
}

words kern_head_rows(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer) {
#if defined(KERN_PAIRS)
    const bool readable = width % 2 == 0 && ld % 2 == 0;
#else
    const bool readable = sizeof *x == sizeof *buffer;
#endif
    if (readable && n <= MOST_IN_PLACE) return (words){(const word *)x, ld / WORD_DEPTH};
    return copy_rows(n, width, x, ld, buffer);
}

#if defined(KERN_PAIRS)
words kern_head_stack(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer) {
    const int64_t row = round_up(width, LANES);
    for (int64_t r = 0; r < n; r += 2) {
        const stored *even = x + r * ld, *odd = even + ld;
        for (int64_t j = 0; j < width; j += LANES) {
            const bool whole = j + LANES <= width;
            const vf low = whole ? v_load_stored(even + j) : v_load_stored_part(even + j, width - j);
            vf high = v_set(0.0f);
            if (r + 1 < n) high = whole ? v_load_stored(odd + j) : v_load_stored_part(odd + j, width - j);
            v_store_words(buffer + r / 2 * row + j, v_join_exact(low, high));
        }
    }
    return (words){buffer, row};
}
#else
words kern_head_stack(int64_t n, int64_t width, const stored *x, int64_t ld, word *buffer) {
    if (sizeof *x == sizeof *buffer && width % LANES == 0 && n <= MOST_IN_PLACE) return (words){(const word *)x, ld};
    return copy_rows(n, width, x, ld, buffer); /* a word is an element */
}
#endif

void kern_head_across(int64_t n, int64_t width, const stored *x, int64_t ld, word *across, int64_t stride) {
    for (int64_t r = 0; r < n; r += LANES) {
        for (int64_t j = 0; j < width; j += LANES * WORD_DEPTH) {
            vu block[LANES];
            for (int64_t i = 0; i < LANES; i++)
                block[i] = r + i < n ? row_words(x + (r + i) * ld + j, width - j) : (vu){0};
            v_transpose(block);
            const int64_t n_words = min_of(LANES, words_of(width - j));
            for (int64_t i = 0; i < n_words; i++) v_store_words(across + (j / WORD_DEPTH + i) * stride + r, block[i]);
        }
    }
}

/* ---- products ---- */

/* Unrolled early enough that the accumulators become registers. The loop over the depth is unrolled where a step is
 * short, so that its end is foreseen. */
#if defined(__clang__)
#define UNROLL       _Pragma("clang loop unroll(full)")
#define UNROLL_DEPTH _Pragma("clang loop unroll_count(4)")
#else
#define UNROLL       _Pragma("GCC unroll 14")
#define UNROLL_DEPTH _Pragma("GCC unroll 4")
#endif
#if LANES == 16
#undef UNROLL_DEPTH
#define UNROLL_DEPTH
#endif
#if defined(KERN_WIDE) /* these never fit the registers, and compiling takes its time */
#undef UNROLL
#define UNROLL
#endif

/* The compiler may not see what the pointer was computed from. */
#define HIDE(pointer) __asm__("" : "+r"(pointer))

/* acc = a tile of the product. rows and vectors are constants at every call, so that acc lives in registers. */
static inline __attribute__((always_inline)) void tile_sums(const int rows, const int vectors, const word_product *p,
                                                            const word *a, const word *b, vf acc[TILE_ROWS][2]) {
    const int64_t a_row = p->a_row, a_step = p->a_step, b_row = p->b.row;
    UNROLL
    for (int i = 0; i < rows; i++) {
        acc[i][0] = v_set(0.0f);
        acc[i][1] = v_set(0.0f);
    }
    /* Three pointers to rows instead of one with 13 strides: those would not fit the registers. */
    const word *a5 = a + (rows > 5 ? 5 : 0) * a_row, *a10 = a + (rows > 10 ? 10 : 0) * a_row;
    HIDE(a5);
    HIDE(a10);
    UNROLL_DEPTH
    for (int64_t q = p->depth; q > 0; q--) {
        const vu b0 = v_load_words(b), b1 = vectors > 1 ? v_load_words(b + LANES) : (vu){0};
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vu ai = v_set_word((i < 5 ? a : i < 10 ? a5 : a10)[i % 5 * a_row]);
            acc[i][0] = v_add_words(acc[i][0], ai, b0);
            if (vectors > 1) acc[i][1] = v_add_words(acc[i][1], ai, b1);
        }
        b += b_row;
        a += a_step;
        a5 += a_step;
        a10 += a_step;
    }
}

/* Where products go: to floats, or blended into stored elements when `into` is set. */
typedef struct target {
    float *floats;
    bool accumulate;
    stored *into;
    const float *factors;
    int64_t factor_step;
    float beta;
    int64_t ldc;
} target;

/* c = beta * c + factor * sums for a row of n elements. */
static void blend_row(int64_t n, float beta, float factor, const float *sums, stored *c) {
    for (int64_t j = 0; j < n; j += LANES) {
        const bool whole = j + LANES <= n;
        vf v = v_load(sums + j) * v_set(factor);
        if (beta != 0.0f) v += v_set(beta) * (whole ? v_load_stored(c + j) : v_load_stored_part(c + j, n - j));
        if (whole)
            v_store_stored(c + j, v);
        else
            v_store_stored_part(c + j, v, n - j);
    }
}

/* The tile at row i and column j of the product. */
static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const word_product *p,
                                                       const target *t, int64_t i, int64_t j) {
    vf acc[TILE_ROWS][2];
    tile_sums(rows, vectors, p, p->a + i * p->a_row, p->b.at + j, acc);
    if (!t->into) {
        float *c = t->floats + i * t->ldc + j;
        UNROLL
        for (int r = 0; r < rows; r++, c += t->ldc) {
            v_store(c, t->accumulate ? v_load(c) + acc[r][0] : acc[r][0]);
            if (vectors > 1) v_store(c + LANES, t->accumulate ? v_load(c + LANES) + acc[r][1] : acc[r][1]);
        }
        return;
    }
    const int64_t columns = min_of(vectors * LANES, p->columns - j);
    const float *factor = t->factors + i * t->factor_step;
    stored *c = t->into + i * t->ldc + j;
    if (columns == vectors * LANES && t->beta == 0.0f) {
        UNROLL
        for (int r = 0; r < rows; r++, c += t->ldc, factor += t->factor_step) {
            v_store_stored(c, acc[r][0] * v_set(*factor));
            if (vectors > 1) v_store_stored(c + LANES, acc[r][1] * v_set(*factor));
        }
        return;
    }
    float sums[TILE_ROWS * TILE_COLUMNS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        v_store(sums + r * vectors * LANES, acc[r][0]);
        if (vectors > 1) v_store(sums + (r * vectors + 1) * LANES, acc[r][1]);
    }
    for (int64_t r = 0; r < rows; r++)
        blend_row(columns, t->beta, factor[r * t->factor_step], sums + r * vectors * LANES, c + r * t->ldc);
}

/* Called once a tile. */
static inline void fetch_ahead(ahead *next) {
    next->credit += next->rate;
    for (; next->credit >= 64 && next->rows > 0; next->credit -= 64, next->rows--) {
        for (int s = 0; s < next->n_slices; s++) {
            for (int64_t b = 0; b < next->slice_bytes; b += 64) __builtin_prefetch(next->slices[s] + b, 0, 2);
            next->slices[s] += next->row_bytes[s];
        }
    }
}

/* The height of the next tile. Small tiles wait for their sums: where only few rows fit the registers, what does not
 * fill a tile is shared between the last two. */
static inline int64_t next_height(int64_t left) {
#if TILE_ROWS == 14
    return left >= 14 ? 14 : left >= 7 ? 7 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
#else
    return left >= 2 * TILE_ROWS ? TILE_ROWS : left > TILE_ROWS ? (left + 1) / 2 : left;
#endif
}

#define HEIGHT_CASE(height)                                                                                            \
    case height:                                                                                                       \
        tile(height, vectors, p, t, i, j);                                                                             \
        break

static inline __attribute__((always_inline)) void column_of_tiles(const int vectors, const word_product *p,
                                                                  const target *t, int64_t j) {
    for (int64_t i = 0, height; i < p->rows; i += height) {
        height = next_height(p->rows - i);
        switch (height) {
            HEIGHT_CASE(1);
            HEIGHT_CASE(2);
            HEIGHT_CASE(4);
#if TILE_ROWS == 14
            HEIGHT_CASE(7);
            HEIGHT_CASE(14);
#else
            HEIGHT_CASE(3);
            HEIGHT_CASE(5);
            HEIGHT_CASE(6);
#endif
        default:
            break;
        }
        if (p->next) fetch_ahead(p->next);
    }
}

/* Not inlined: one copy of every case. */
static __attribute__((noinline)) void narrow_column(const word_product *p, const target *t, int64_t j) {
    column_of_tiles(1, p, t, j);
}

static __attribute__((noinline)) void wide_column(const word_product *p, const target *t, int64_t j) {
    column_of_tiles(2, p, t, j);
}

static void multiply(const word_product *p, const target *t) {
    for (int64_t j = 0; j < p->columns; j += TILE_COLUMNS) {
        if (p->columns - j > LANES)
            wide_column(p, t, j);
        else
            narrow_column(p, t, j);
    }
}

void kern_multiply_words(const word_product *p, bool accumulate, float *c, int64_t ldc) {
    const target t = {.floats = c, .accumulate = accumulate, .ldc = ldc};
    multiply(p, &t);
}

void kern_multiply_words_into(const word_product *p, const float *factors, int64_t factor_step, float beta, stored *c,
                              int64_t ldc) {
    const target t = {.into = c, .factors = factors, .factor_step = factor_step, .beta = beta, .ldc = ldc};
    multiply(p, &t);
}
