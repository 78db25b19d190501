/* Rounds vectors to bytes and packs them (simd_int8_scan.h); the exact products of a search. */
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_int8_scan.h"

#if !defined(KERN_HALF) /* compiled once an instruction set */

/* A vector on its way into bytes. */
typedef struct rounding {
    int8_shape shape;
    float *x;        /* (blocks * INT8_BLOCK) scale * row - center, zeros behind the width */
    uint32_t *words; /* (steps), lane l of block b at b * LANES + l */
    float largest;   /* absolute value */
    float group;     /* the largest length that one 16-bit sum sees */
    double length, error_length;
    float step;
} rounding;

static rounding take_scratch(const int8_format *f, int64_t width) {
    rounding r = {.shape = int8_shape_of(f, width)};
    r.x = kern_scratch_take(KERN_SCRATCH_TASK, 4 * (r.shape.blocks * INT8_BLOCK + r.shape.steps));
    r.words = (uint32_t *)(r.x + r.shape.blocks * INT8_BLOCK);
    return r;
}

static void take_row(rounding *r, int64_t width, const float *row, float scale, const float *center) {
    const vf by = v_set(scale);
    int64_t i = 0;
    for (; i + LANES <= width; i += LANES)
        v_store(r->x + i, by * v_load(row + i) - (center ? v_load(center + i) : v_set(0.0f)));
    if (i < width) {
        const vf c = center ? v_load_part(center + i, width - i) : v_set(0.0f);
        v_store(r->x + i, by * v_load_part(row + i, width - i) - c);
        i += LANES;
    }
    for (; i < r->shape.blocks * INT8_BLOCK; i += LANES) v_store(r->x + i, v_set(0.0f));
}

/* Length, largest number (blind to NaNs, which the length tells) and, in pairs, the largest length of a group. A 16-bit
 * sum takes the first two or the last two bytes of its words. */
static void measure_row(rounding *r, bool pairs) {
    vf largest = v_set(0.0f), sum = largest, group = largest;
    for (int64_t b = 0; b < r->shape.blocks; b += r->shape.length) {
        const int64_t end = min_of(b + r->shape.length, r->shape.blocks);
        vf low[2] = {{0}}, high[2] = {{0}}; /* two each: a sum has to wait for the one before */
        for (const float *x = r->x + b * INT8_BLOCK; x < r->x + end * INT8_BLOCK; x += INT8_BLOCK) {
            const vf v0 = v_load(x), v1 = v_load(x + LANES), v2 = v_load(x + 2 * LANES), v3 = v_load(x + 3 * LANES);
            low[0] += v0 * v0;
            low[1] += v1 * v1;
            high[0] += v2 * v2;
            high[1] += v3 * v3;
            largest =
                v_max(largest, v_max(v_max(v_absolute(v0), v_absolute(v1)), v_max(v_absolute(v2), v_absolute(v3))));
        }
        const vf first = low[0] + low[1], second = high[0] + high[1];
        group = v_max(group, v_max(first, second));
        sum += first + second;
    }
    r->largest = v_highest(largest);
    r->group = pairs ? sqrtf(v_highest(group)) : 0.0f;
    r->length = sqrt((double)v_sum(sum));
}

/* The smallest step with which the integers keep to the levels and the limit. Rounding may lengthen a group by half a
 * step in each of its 2 length numbers. */
static void choose_step(rounding *r, const int8_format *f, bool query) {
    const float levels = (float)(query ? f->query_levels : f->document_levels);
    r->step = r->largest / levels;
    if (f->pairs) {
        const float limit = (query ? f->query_limit : f->document_limit) - 1.0f;
        const float longer = 0.5f * sqrtf(2.0f * (float)r->shape.length);
        const float least = r->group * 1.0001f / (limit - longer);
        if (r->step < least) r->step = least;
    }
    if (!(r->step > 0.0f)) r->step = 1.0f;
}

/* A number below 2^22 plus this is rounded to an integer, which stands in the low bits (two's complement). */
#define MAGIC 12582912.0f /* 1.5 * 2^23 */

static inline vu round_four(const float *x, vf inverse, vf step, vu offset, vf *errors) {
    vu word = {0};
    for (int p = 3; p >= 0; p--) {
        const vf v = v_load(x + p * LANES), shifted = v * inverse + v_set(MAGIC);
        const vf error = v - (shifted - v_set(MAGIC)) * step;
        errors[p] += error * error;
        word = word << 8 | (((vu)shifted + offset) & 0xff);
    }
    return word;
}

static void round_row(rounding *r, uint32_t offset) {
    typedef uint32_t vu_unaligned __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
    const vf inverse = v_set(1.0f / r->step), step = v_set(r->step);
    const vu offsets = (vu){0} + offset;
    vf errors[4] = {{0}};
    int64_t b = 0;
    for (; b < r->shape.blocks; b++)
        *(vu_unaligned *)(r->words + b * LANES) = round_four(r->x + b * INT8_BLOCK, inverse, step, offsets, errors);
    for (; b * LANES < r->shape.steps; b++) *(vu_unaligned *)(r->words + b * LANES) = (vu){0};
    r->error_length = sqrt((double)v_sum((errors[0] + errors[1]) + (errors[2] + errors[3])));
}

/* Rounds it; false when the vector is too wide, too large or too small for that or holds a NaN: then all words are 0.
 */
static bool round_vector(rounding *r, const int8_format *f, int64_t width, bool query) {
    measure_row(r, f->pairs);
    const bool fits = r->largest == 0.0f || (r->largest > KERN_SCAN_SMALLEST && r->largest < KERN_SCAN_LARGEST);
    if (width > KERN_SCAN_MOST_WIDTH || !fits || !isfinite(r->length)) {
        memset(r->words, 0, (size_t)r->shape.steps * 4);
        return false;
    }
    choose_step(r, f, query);
    round_row(r, query ? 0 : (uint32_t)f->offset);
    return true;
}

static double length_of(int64_t width, const float *x) {
    double square = 0.0;
    if (x) kern_scan_squares(width, 1, x, &square);
    return sqrt(square);
}

static int64_t step_of(const int8_shape *s, int64_t block, int64_t lane) {
    return (block / s->length * LANES + lane) * s->length + block % s->length;
}

/* What the offset adds to the sums: taken away before they begin. Modulo 2^16 in pairs, modulo 2^32 else. */
static uint32_t correction_of(const int8_format *f, const uint32_t *words, int64_t n) {
    uint32_t sums[4] = {0};
    for (int64_t i = 0; i < n; i++) {
        for (int p = 0; p < 4; p++) sums[p] -= (uint32_t)f->offset * (uint32_t)(int8_t)(words[i] >> 8 * p & 0xff);
    }
    if (!f->pairs) return sums[0] + sums[1] + sums[2] + sums[3];
    return ((sums[0] + sums[1]) & 0xffff) | (sums[2] + sums[3]) << 16;
}

void kern_scan_pack_query(const int8_format *f, int64_t width, const float *row, float scale, const float *center,
                          void *packed, kern_scan_query *query) {
    rounding r = take_scratch(f, width);
    take_row(&r, width, row, scale, center);
    *query = kern_scan_query_unknown();
    if (round_vector(&r, f, width, true))
        *query = kern_scan_measure_query(width, r.step, r.length, r.error_length, length_of(width, center));
    uint32_t *out = packed;
    const int64_t length = f->pairs ? r.shape.length : r.shape.steps;
    for (int64_t b = 0; b * LANES < r.shape.steps; b++) {
        for (int64_t l = 0; l < LANES; l++) {
            const int64_t step = step_of(&r.shape, b, l);
            out[step + step / length + 1] = r.words[b * LANES + l];
        }
    }
    for (int64_t first = 0; first < r.shape.steps; first += length, out += length + 1)
        out[0] = correction_of(f, out + 1, length);
}

void kern_scan_pack_panel(const int8_format *f, int64_t n, int64_t width, const float *rows, const float *scales,
                          const float *center, float query_error, bool squares, void *panel) {
    rounding r = take_scratch(f, width);
    const int64_t documents = f->panel_documents;
    uint32_t *words = panel;
    float *numbers = (float *)(words + r.shape.steps * documents);
    const double length_of_center = length_of(width, center);
    for (int64_t j = 0; j < documents; j++) {
        kern_scan_document d = {0};
        if (j < n) {
            take_row(&r, width, rows + j * width, scales ? scales[j] : 1.0f, center);
            d = kern_scan_document_unknown();
            if (round_vector(&r, f, width, false))
                d = kern_scan_measure_document(width, r.step, r.length, r.error_length, length_of_center, query_error,
                                               squares);
        } else if (j == n) {
            memset(r.words, 0, (size_t)r.shape.steps * 4);
        }
        numbers[j] = d.step;
        numbers[j + documents] = d.base;
        numbers[j + 2 * documents] = d.error;
        numbers[j + 3 * documents] = d.square;
        for (int64_t b = 0, i = 0; i < r.shape.steps; b++) {
            uint32_t *out = words + step_of(&r.shape, b, 0) * documents + j;
            for (int64_t l = 0; l < LANES; l++, i++) out[l * r.shape.length * documents] = r.words[i];
        }
    }
}

/* ---- exact products ---- */

/* The eight lanes of a sum as vectors that fit a register. */
#define HALF_LANES (LANES / 2)
#define PARTS      (8 / HALF_LANES)
typedef double vd __attribute__((vector_size(HALF_LANES * 8)));
typedef double vd_unaligned __attribute__((vector_size(HALF_LANES * 8), aligned(8), may_alias));
typedef float v_few __attribute__((vector_size(HALF_LANES * 4), aligned(4), may_alias));

static inline vd load_double(const float *x) {
#if defined(__AVX512F__)
    return (vd)_mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined(__AVX2__) && LANES == 8 /* GCC 12 goes through memory for the conversion below */
    return (vd)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return __builtin_convertvector(*(const v_few *)x, vd);
#endif
}

static double sum_lanes(const double *s) {
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* Products of floats are exact in double, so a fused multiply-add changes nothing. */
static inline __attribute__((always_inline)) void
dots_of(const int rows, int64_t width, const double *a, const float *const *b, const float *const *next, double *dots) {
    vd sums[4][PARTS] = {{{0}}};
    int64_t i = 0;
    for (; i + 8 <= width; i += 8) {
        for (int p = 0; p < PARTS; p++) {
            const vd v = *(const vd_unaligned *)(a + i + p * HALF_LANES);
            for (int r = 0; r < rows; r++) sums[r][p] += v * load_double(b[r] + i + p * HALF_LANES);
        }
        if (i % 16 == 0) {
            for (int r = 0; r < rows; r++) __builtin_prefetch(next[r] + i);
        }
    }
    for (int r = 0; r < rows; r++) {
        double s[8];
        for (int p = 0; p < PARTS; p++) *(vd_unaligned *)(s + p * HALF_LANES) = sums[r][p];
        for (int64_t l = 0; i + l < width; l++) s[l] += a[i + l] * (double)b[r][i + l];
        dots[r] = sum_lanes(s);
    }
}

void kern_scan_dots(int64_t width, const double *a, int64_t n, const float *const *rows, double *dots) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) dots_of(4, width, a, rows + j, rows + (j + 8 <= n ? j + 4 : j), dots + j);
    for (; j < n; j++) dots_of(1, width, a, rows + j, rows + j, dots + j);
}

static inline __attribute__((always_inline)) void squares_of(const int rows, int64_t width, const float *a,
                                                             double *squares) {
    vd sums[4][PARTS] = {{{0}}};
    int64_t i = 0;
    for (; i + 8 <= width; i += 8) {
        for (int r = 0; r < rows; r++) {
            for (int p = 0; p < PARTS; p++) {
                const vd v = load_double(a + r * width + i + p * HALF_LANES);
                sums[r][p] += v * v;
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        double s[8];
        for (int p = 0; p < PARTS; p++) *(vd_unaligned *)(s + p * HALF_LANES) = sums[r][p];
        for (int64_t l = 0; i + l < width; l++) s[l] += (double)a[r * width + i + l] * (double)a[r * width + i + l];
        squares[r] = sum_lanes(s);
    }
}

void kern_scan_squares(int64_t width, int64_t n, const float *rows, double *squares) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) squares_of(4, width, rows + j * width, squares + j);
    for (; j < n; j++) squares_of(1, width, rows + j * width, squares + j);
}

#endif
