/* The scan of a search on bytes: see scan.h and simd_int8_scan.h. Where the machine has the byte product (VNNI) it is
 * used; AVX2 multiplies pairs of bytes and sums in 16 bits; elsewhere the same is spelled out. */
#include "autograd/base/cpu.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_int8_scan.h"

#if !defined(KERN_HALF)

/* Unrolled early enough that the sums become registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* The tile of sums, COLUMNS vectors of documents and a query's word must fit the registers: 32 with AVX-512, else 16.
 */
#if LANES == 16
#define ROWS    6
#define COLUMNS 4
#else
#define ROWS    6
#define COLUMNS 2
#endif

static const int8_format dot_format = {
    .panel_documents = LANES * COLUMNS, .query_levels = 127, .document_levels = 127, .offset = 128};

static inline vi v_set_word(int32_t x) {
    return (vi){0} + x;
}

/* Bit l: not a[l] < b[l]. */
static inline uint64_t v_not_below(vf a, vf b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_NLT_UQ);
#elif defined(__AVX2__) && LANES == 8
    return (uint64_t)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_NLT_UQ));
#else
    const vi below = a < b;
    uint64_t mask = 0;
    for (int l = 0; l < LANES; l++) mask |= (uint64_t)(below[l] + 1) << l;
    return mask;
#endif
}

static __attribute__((noinline)) int64_t append(uint64_t mask, const float *bounds, int32_t query, kern_scan_hit *hits,
                                                int64_t n_hits) {
    for (; mask != 0; mask &= mask - 1) {
        const int place = __builtin_ctzll(mask);
        hits[n_hits++] = (kern_scan_hit){query, place, bounds[place]};
    }
    return n_hits;
}

/* The bounds of one query with a panel of n documents; appends the hits. */
static inline __attribute__((always_inline)) int64_t report(const vi *sums, const float *numbers, int64_t n,
                                                            const kern_scan_query *query, int32_t place,
                                                            kern_scan_hit *hits, int64_t n_hits) {
    const vf length = v_set(query->length), inverse = v_set(query->inverse), least = v_set(query->least);
    vf bounds[COLUMNS];
    uint64_t mask = 0;
    UNROLL
    for (int c = 0; c < COLUMNS; c++) {
        const float *at = numbers + c * LANES;
        vf bound = __builtin_convertvector(sums[c], vf) * v_load(at) + v_load(at + COLUMNS * LANES);
        bound += v_load(at + 2 * COLUMNS * LANES) * length;
        bound += v_load(at + 3 * COLUMNS * LANES) * inverse;
        bounds[c] = bound;
        mask |= v_not_below(bound, least) << c * LANES;
    }
    if (n < COLUMNS * LANES) mask &= (UINT64_C(1) << n) - 1;
    if (__builtin_expect(mask == 0, 1)) return n_hits;
    float all[COLUMNS * LANES];
    UNROLL
    for (int c = 0; c < COLUMNS; c++) v_store(all + c * LANES, bounds[c]);
    return append(mask, all, place, hits, n_hits);
}

/* vpdpbusd without the instruction. Sums wrap around on their way, so they are unsigned. */
static inline vi dot_bytes(vi sum, vi documents, vi query) {
    const vu u = (vu)documents, s = (vu)query;
    vu total = (vu)sum;
    for (int p = 0; p < 4; p++) total += (u >> 8 * p & 0xff) * (vu)((vi)(s << (24 - 8 * p)) >> 24);
    return (vi)total;
}

#define INT8_SCAN   scan_plain
#define INT8_TARGET __attribute__((unused))
#define INT8_DOT    dot_bytes
#include "autograd/kernels/cpu/simd/simd_int8_scan_dot.h"

#if defined(__AVX512F__)
#define HAS_VNNI          1
#define INT8_SCAN         scan_vnni
#define INT8_TARGET       __attribute__((target("avx512vnni")))
#define INT8_DOT(s, d, q) ((vi)_mm512_dpbusd_epi32((__m512i)(s), (__m512i)(d), (__m512i)(q)))
#include "autograd/kernels/cpu/simd/simd_int8_scan_dot.h"
#elif defined(__AVX2__) && LANES == 8
#define HAS_VNNI          1
#define INT8_SCAN         scan_vnni
#define INT8_TARGET       __attribute__((target("avxvnni")))
#define INT8_DOT(s, d, q) ((vi)_mm256_dpbusd_avx_epi32((__m256i)(s), (__m256i)(d), (__m256i)(q)))
#include "autograd/kernels/cpu/simd/simd_int8_scan_dot.h"
#endif

/* Not static, and made where the tables do not use them: for the tests. */
extern const kern_scan KERN_NAME(kern_plain_scan), KERN_NAME(kern_pairs_scan);

static int64_t dot_panel_bytes(int64_t width) {
    return int8_panel_bytes(&dot_format, width);
}

static int64_t dot_query_bytes(int64_t width) {
    return int8_query_bytes(&dot_format, width);
}

static void dot_pack_query(int64_t width, const float *row, float scale, const float *center, void *packed,
                           kern_scan_query *query) {
    kern_scan_pack_query(&dot_format, width, row, scale, center, packed, query);
}

static void dot_pack_panel(int64_t n, int64_t width, const float *rows, const float *scales, const float *center,
                           float query_error, bool squares, void *panel) {
    kern_scan_pack_panel(&dot_format, n, width, rows, scales, center, query_error, squares, panel);
}

const kern_scan KERN_NAME(kern_plain_scan) = {
    .name = "int8 plain",
    .panel_documents = LANES * COLUMNS,
    .query_step = ROWS,
    .panel_bytes = dot_panel_bytes,
    .query_bytes = dot_query_bytes,
    .pack_query = dot_pack_query,
    .pack_panel = dot_pack_panel,
    .scan = scan_plain,
    .dots = kern_scan_dots,
    .squares = kern_scan_squares,
};

#if defined(HAS_VNNI)
static const kern_scan vnni_scan = {
    .name = "int8 vnni",
    .panel_documents = LANES * COLUMNS,
    .query_step = ROWS,
    .panel_bytes = dot_panel_bytes,
    .query_bytes = dot_query_bytes,
    .pack_query = dot_pack_query,
    .pack_panel = dot_pack_panel,
    .scan = scan_vnni,
    .dots = kern_scan_dots,
    .squares = kern_scan_squares,
};
#endif

/* ---- pairs of bytes (vpmaddubsw) ---- */

#if LANES >= 8

/* An unsigned byte of at most 2 * 64 times a signed one of 127, two of those: 32,512 does not saturate. Sums of 24
 * such pairs may wrap around, but what is left after the correction for the offset does not: 256 * 127 = 32,512. */
static const int8_format pairs_format = {
    .pairs = true,
    .panel_documents = LANES * COLUMNS,
    .query_levels = 127,
    .document_levels = 63,
    .offset = 64,
    .query_limit = 256.0f,
    .document_limit = 127.0f,
};

typedef int16_t v16 __attribute__((vector_size(LANES * 4)));
typedef uint16_t v16_wrapping __attribute__((vector_size(LANES * 4)));

/* Products of unsigned and signed bytes, two neighbours added. */
static inline v16 v_pairs(vi documents, vi query) {
#if defined(__AVX512F__)
    return (v16)_mm512_maddubs_epi16((__m512i)documents, (__m512i)query);
#elif defined(__AVX2__) && LANES == 8
    return (v16)_mm256_maddubs_epi16((__m256i)documents, (__m256i)query);
#else
    const v16 u = (v16)documents, s = (v16)query;
    return (u & 0xff) * ((v16)((vu)query << 8) >> 8) + (u >> 8 & 0xff) * (s >> 8);
#endif
}

/* Sums of two neighbours. */
static inline vi v_sum_neighbours(v16 sums) {
#if defined(__AVX512F__)
    return (vi)_mm512_madd_epi16((__m512i)sums, _mm512_set1_epi16(1));
#elif defined(__AVX2__) && LANES == 8
    return (vi)_mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(1));
#else
    return ((vi)sums << 16 >> 16) + ((vi)sums >> 16);
#endif
}

#define PAIR_ROWS 3 /* each sum is two registers */

static int64_t scan_pairs(int64_t width, int64_t n, const void *panel, int64_t n_queries, const void *packed,
                          const kern_scan_query *queries, kern_scan_hit *hits) {
    const int8_shape s = int8_shape_of(&pairs_format, width);
    const float *numbers = (const float *)panel + s.steps * COLUMNS * LANES;
    int64_t n_hits = 0;
    for (int64_t first = 0; first < n_queries; first += PAIR_ROWS) {
        const int32_t *words[PAIR_ROWS];
        vi sums[PAIR_ROWS][COLUMNS] = {{{0}}};
        for (int r = 0; r < PAIR_ROWS; r++)
            words[r] = (const int32_t *)packed + min_of(first + r, n_queries - 1) * (s.steps + s.groups);
        const vi *documents = panel;
        for (int64_t group = 0; group < s.groups; group++) {
            v16_wrapping part[PAIR_ROWS][COLUMNS];
            UNROLL
            for (int r = 0; r < PAIR_ROWS; r++) {
                UNROLL
                for (int c = 0; c < COLUMNS; c++) part[r][c] = (v16_wrapping)v_set_word(*words[r]);
                words[r]++;
            }
            for (int64_t step = 0; step < s.length; step++, documents += COLUMNS) {
                UNROLL
                for (int r = 0; r < PAIR_ROWS; r++) {
                    const vi query = v_set_word(words[r][step]);
                    UNROLL
                    for (int c = 0; c < COLUMNS; c++) part[r][c] += (v16_wrapping)v_pairs(documents[c], query);
                }
            }
            UNROLL
            for (int r = 0; r < PAIR_ROWS; r++) {
                UNROLL
                for (int c = 0; c < COLUMNS; c++) sums[r][c] += v_sum_neighbours((v16)part[r][c]);
                words[r] += s.length;
            }
        }
        UNROLL
        for (int r = 0; r < PAIR_ROWS; r++) {
            if (first + r < n_queries)
                n_hits = report(sums[r], numbers, n, &queries[first + r], (int32_t)(first + r), hits, n_hits);
        }
    }
    return n_hits;
}

static int64_t pairs_panel_bytes(int64_t width) {
    return int8_panel_bytes(&pairs_format, width);
}

static int64_t pairs_query_bytes(int64_t width) {
    return int8_query_bytes(&pairs_format, width);
}

static void pairs_pack_query(int64_t width, const float *row, float scale, const float *center, void *packed,
                             kern_scan_query *query) {
    kern_scan_pack_query(&pairs_format, width, row, scale, center, packed, query);
}

static void pairs_pack_panel(int64_t n, int64_t width, const float *rows, const float *scales, const float *center,
                             float query_error, bool squares, void *panel) {
    kern_scan_pack_panel(&pairs_format, n, width, rows, scales, center, query_error, squares, panel);
}

const kern_scan KERN_NAME(kern_pairs_scan) = {
    .name = "int8 pairs",
    .panel_documents = LANES * COLUMNS,
    .query_step = PAIR_ROWS,
    .panel_bytes = pairs_panel_bytes,
    .query_bytes = pairs_query_bytes,
    .pack_query = pairs_pack_query,
    .pack_panel = pairs_pack_panel,
    .scan = scan_pairs,
    .dots = kern_scan_dots,
    .squares = kern_scan_squares,
};
#endif

void KERN_NAME(kern_fill_scan)(kern_table *table) {
    table->scan = &KERN_NAME(kern_plain_scan); /* in the wide table too: what runs on VNNI, for tests */
#if defined(HAS_VNNI)
    const bool vnni = LANES == 16 ? senc_cpu_get()->avx512_vnni : senc_cpu_get()->avx_vnni;
    table->scan = vnni ? &vnni_scan : &KERN_NAME(kern_pairs_scan);
#endif
}

#else
/* The table for activations in bf16 takes the scan of the other. */
void KERN_NAME(kern_fill_scan)(kern_table *table) {
    (void)table;
}
#endif
