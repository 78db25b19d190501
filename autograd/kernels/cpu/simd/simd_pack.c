/* Packing for the register tile: see simd_pack.h. */
#include "autograd/kernels/cpu/simd/simd_pack.h"

#include "autograd/kernels/cpu/simd/simd_half_math.h"

static inline __attribute__((always_inline)) vf activate(kern_activation act, vf x) {
#if defined(KERN_HALF)
    if (act == KERN_GELU) return v_gelu_half(x);
#endif
    return v_activate(act, x);
}

static inline __attribute__((always_inline)) vf slope(kern_activation act, vf x) {
#if defined(KERN_HALF)
    if (act == KERN_GELU) return v_gelu_slope_half(x);
#endif
    return v_activate_slope(act, x);
}

/* Runs `call`, which uses act as a constant. */
#define FOR_ACTIVATION(act, call)                                                                                      \
    switch (act) {                                                                                                     \
    case KERN_NONE:                                                                                                    \
        call(KERN_NONE);                                                                                               \
        break;                                                                                                         \
    case KERN_GELU:                                                                                                    \
        call(KERN_GELU);                                                                                               \
        break;                                                                                                         \
    case KERN_TANH:                                                                                                    \
        call(KERN_TANH);                                                                                               \
        break;                                                                                                         \
    case KERN_RELU:                                                                                                    \
        call(KERN_RELU);                                                                                               \
        break;                                                                                                         \
    }

/* ---- rows of B ---- */

/* A row of a panel; what lies beyond `columns` is 0. */
typedef struct panel_row {
    vf left, right;
} panel_row;

static inline panel_row read_float_row(const float *b, int64_t columns) {
    if (columns == TILE_COLUMNS) return (panel_row){v_load(b), v_load(b + LANES)};
    float buffer[TILE_COLUMNS] = {0};
    for (int64_t j = 0; j < columns; j++) buffer[j] = b[j];
    return (panel_row){v_load(buffer), v_load(buffer + LANES)};
}

static inline panel_row read_stored_row(const stored *b, int64_t columns) {
    if (columns == TILE_COLUMNS) return (panel_row){v_load_stored(b), v_load_stored(b + LANES)};
    float buffer[TILE_COLUMNS] = {0};
    for (int64_t j = 0; j < columns; j++) buffer[j] = load_stored(b + j);
    return (panel_row){v_load(buffer), v_load(buffer + LANES)};
}

static inline __attribute__((always_inline)) panel_row activate_row(kern_activation act, panel_row r) {
    return (panel_row){activate(act, r.left), activate(act, r.right)};
}

#if defined(KERN_PAIRS)
static inline void write_pair_row(panel_row even, panel_row odd, bool exact, word *panel) {
    v_store_words(panel, exact ? v_join_exact(even.left, odd.left) : v_join(even.left, odd.left));
    v_store_words(panel + LANES, exact ? v_join_exact(even.right, odd.right) : v_join(even.right, odd.right));
}

void kern_pack_float_rows(int64_t n_depth, const float *b, int64_t row, int64_t columns, word *panel) {
    for (int64_t q = 0; q < n_depth; q += 2, panel += TILE_COLUMNS) {
        const panel_row even = read_float_row(b + q * row, columns);
        const panel_row odd = read_float_row(b + (q + 1) * row, q + 1 < n_depth ? columns : 0);
        write_pair_row(even, odd, false, panel);
    }
}

static inline __attribute__((always_inline)) void pack_stored(kern_activation act, int64_t n_depth, const stored *b,
                                                              int64_t row, int64_t columns, word *panel) {
    for (int64_t q = 0; q < n_depth; q += 2, panel += TILE_COLUMNS) {
        const panel_row even = read_stored_row(b + q * row, columns);
        const panel_row odd = read_stored_row(b + (q + 1) * row, q + 1 < n_depth ? columns : 0);
        write_pair_row(activate_row(act, even), activate_row(act, odd), act == KERN_NONE || act == KERN_RELU, panel);
    }
}
#else
static inline void write_row(panel_row r, word *panel) {
    v_store_words(panel, (vu)r.left);
    v_store_words(panel + LANES, (vu)r.right);
}

void kern_pack_float_rows(int64_t n_depth, const float *b, int64_t row, int64_t columns, word *panel) {
    for (int64_t q = 0; q < n_depth; q++) write_row(read_float_row(b + q * row, columns), panel + q * TILE_COLUMNS);
}

static inline __attribute__((always_inline)) void pack_stored(kern_activation act, int64_t n_depth, const stored *b,
                                                              int64_t row, int64_t columns, word *panel) {
    for (int64_t q = 0; q < n_depth; q++)
        write_row(activate_row(act, read_stored_row(b + q * row, columns)), panel + q * TILE_COLUMNS);
}
#endif

void kern_pack_stored_rows(kern_activation act, int64_t n_depth, const stored *b, int64_t row, int64_t columns,
                           word *panel) {
#define PACK(act) pack_stored(act, n_depth, b, row, columns, panel)
    FOR_ACTIVATION(act, PACK)
#undef PACK
}

/* ---- columns of B ---- */

/* LANES words of the depth of one column. */
static inline vu column_words(const float *b) {
#if defined(KERN_PAIRS)
    return v_round_pairs(v_load(b), v_load(b + LANES));
#else
    return (vu)v_load(b);
#endif
}

/* The first n elements of the depth; the rest is 0. */
static inline vu column_words_part(const float *b, int64_t n) {
    float buffer[LANES * WORD_DEPTH] = {0};
    for (int64_t i = 0; i < n; i++) buffer[i] = b[i];
    return column_words(buffer);
}

void kern_pack_float_columns(int64_t n_depth, const float *b, int64_t step, int64_t columns, word *panel) {
    for (int64_t q = 0; q < n_depth; q += LANES * WORD_DEPTH) {
        const int64_t n = min_of(LANES * WORD_DEPTH, n_depth - q), n_words = words_of(n);
        for (int64_t first = 0; first < TILE_COLUMNS; first += LANES) {
            vu rows[LANES];
            for (int64_t j = 0; j < LANES; j++) {
                const float *column = b + (first + j) * step + q;
                if (first + j >= columns) {
                    rows[j] = (vu){0};
                } else {
                    rows[j] = n == LANES * WORD_DEPTH ? column_words(column) : column_words_part(column, n);
                }
            }
            v_transpose(rows);
            word *out = panel + q / WORD_DEPTH * TILE_COLUMNS + first;
            for (int64_t p = 0; p < n_words; p++) v_store_words(out + p * TILE_COLUMNS, rows[p]);
        }
    }
}

/* ---- A ---- */

/* An activated row of A. */
static inline __attribute__((always_inline)) void pack_a_row(kern_activation act, int64_t n, const stored *a,
                                                             word *out) {
#if defined(KERN_PAIRS)
    stored *row = (stored *)out;
#define STORE      v_store_stored
#define STORE_PART v_store_stored_part
#else
    float *row = (float *)out;
#define STORE      v_store
#define STORE_PART v_store_part
#endif
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) STORE(row + j, activate(act, v_load_stored(a + j)));
    if (j < n) STORE_PART(row + j, activate(act, v_load_stored_part(a + j, n - j)), n - j);
    if (n % WORD_DEPTH) row[n] = 0;
#undef STORE
#undef STORE_PART
}

void kern_pack_a_rows(kern_activation act, int64_t rows, int64_t n_depth, const stored *a, int64_t row, word *out,
                      int64_t width) {
    for (int64_t i = 0; i < rows; i++) {
#define PACK(act) pack_a_row(act, n_depth, a + i * row, out + i * width)
        FOR_ACTIVATION(act, PACK)
#undef PACK
    }
}

/* One word of the depth of LANES rows of transposed A. */
static inline vu tile_words(const stored *a, int64_t step, bool both) {
#if defined(KERN_PAIRS)
    return v_join_exact(v_load_stored(a), both ? v_load_stored(a + step) : v_set(0.0f));
#else
    (void)step, (void)both;
    return (vu)v_load_stored(a);
#endif
}

static inline uint32_t tile_word(const stored *a, int64_t step, bool both) {
#if defined(KERN_PAIRS)
    return (uint32_t)a[0] | (both ? (uint32_t)a[step] << 16 : 0);
#else
    (void)step, (void)both;
    const float x = load_stored(a);
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
#endif
}

void kern_pack_a_tile(int64_t n_depth, const stored *a, int64_t step, int64_t rows, int64_t room, int64_t height,
                      word *out) {
    for (int64_t q = 0; q < n_depth; q += WORD_DEPTH, out += height) {
        const bool both = q + 1 < n_depth;
        const stored *from = a + q * step;
        if (room >= COPY_WORDS) {
            for (int l = 0; l < COPY_WORDS; l += LANES) v_store_words(out + l, tile_words(from + l, step, both));
        } else {
            for (int64_t r = 0; r < rows; r++) out[r] = tile_word(from + r, step, both);
        }
    }
}

/* Reads into the gap behind the tile. */
void kern_add_tile_sums(int64_t n_words, const word *tile, int64_t height, int64_t rows, float *sums) {
    vf lanes[COPY_WORDS / LANES] = {{0}};
    for (int64_t q = 0; q < n_words; q++) {
        for (int l = 0; l < COPY_WORDS / LANES; l++) {
            const vu w = v_load_words(tile + q * height + l * LANES);
#if defined(KERN_PAIRS)
            lanes[l] += (vf)(w << 16) + (vf)(w & 0xffff0000);
#else
            lanes[l] += (vf)w;
#endif
        }
    }
    float all[COPY_WORDS];
    for (int l = 0; l < COPY_WORDS / LANES; l++) v_store(all + l * LANES, lanes[l]);
    for (int64_t r = 0; r < rows; r++) sums[r] += all[r];
}

/* ---- rows outside the tile ---- */

static inline __attribute__((always_inline)) void activate_stored(kern_activation act, int64_t n, const stored *x,
                                                                  float *y) {
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) v_store(y + j, activate(act, v_load_stored(x + j)));
    if (j < n) v_store_part(y + j, activate(act, v_load_stored_part(x + j, n - j)), n - j);
}

void kern_activate_stored(kern_activation act, int64_t n, const stored *x, float *y) {
#define RUN(act) activate_stored(act, n, x, y)
    FOR_ACTIVATION(act, RUN)
#undef RUN
}

static inline void store_row(stored *y, vf left, vf right) {
#if defined(KERN_PAIRS)
    v_store_words((word *)y, v_round_pairs(left, right));
#else
    v_store_stored(y, left);
    v_store_stored(y + LANES, right);
#endif
}

/* act and add are constants. */
static inline __attribute__((always_inline)) void
finish_whole(kern_activation act, bool add, int64_t rows, const float *tile, const stored *at, stored *y, int64_t ld) {
    for (int64_t i = 0; i < rows; i++, tile += TILE_COLUMNS, at += ld, y += ld) {
        vf left = v_load(tile), right = v_load(tile + LANES);
        if (act != KERN_NONE) {
            left *= slope(act, v_load_stored(at));
            right *= slope(act, v_load_stored(at + LANES));
        }
        if (add) {
            left += v_load_stored(y);
            right += v_load_stored(y + LANES);
        }
        store_row(y, left, right);
    }
}

/* At most LANES elements of a row. */
static void finish_part(kern_activation act, bool add, int64_t n, const float *x, const stored *at, stored *y) {
    vf value = v_load(x);
#define MULTIPLY(act)                                                                                                  \
    if (act != KERN_NONE) value *= slope(act, v_load_stored_part(at, n))
    FOR_ACTIVATION(act, MULTIPLY)
#undef MULTIPLY
    if (add) value += v_load_stored_part(y, n);
    v_store_stored_part(y, value, n);
}

void kern_finish_tile(kern_activation act, int64_t rows, int64_t columns, const float *tile, const stored *at, bool add,
                      stored *y, int64_t ld) {
    if (act == KERN_NONE) at = y; /* not read */
    if (columns == TILE_COLUMNS) {
#define RUN(act)                                                                                                       \
    if (add) {                                                                                                         \
        finish_whole(act, true, rows, tile, at, y, ld);                                                                \
    } else {                                                                                                           \
        finish_whole(act, false, rows, tile, at, y, ld);                                                               \
    }
        FOR_ACTIVATION(act, RUN)
#undef RUN
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j += LANES)
            finish_part(act, add, min_of(LANES, columns - j), tile + i * TILE_COLUMNS + j, at + i * ld + j,
                        y + i * ld + j);
    }
}
