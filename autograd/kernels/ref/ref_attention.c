/* Self-attention on packed sequences, one query after the other.
 *   s_ij = scale q_i . k_j,  p = softmax(s),  out_i = sum_j m_ij p_ij v_j          (m: dropout mask / (1 - p))
 *   dv_j += m_ij p_ij dout_i,  dp_ij = m_ij dout_i . v_j,  ds_ij = p_ij (dp_ij - D_i),  D_i = dout_i . out_i
 *   dq_i = scale sum_j ds_ij k_j,  dk_j = scale sum_i ds_ij q_i
 * D_i is FlashAttention's (Dao et al. 2022, appendix B.2): it equals sum_j p_ij dp_ij with dropout as well. */
#include "autograd/kernels/ref/ref.h"

#include "autograd/kernels/scalar.h"

#define CHUNK 64 /* columns whose sums are kept in double at a time */

static int64_t chunk_end(int64_t c, int64_t width) {
    return c + CHUNK < width ? c + CHUNK : width;
}

static double dot(int64_t n, const real *a, const real *b) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* log sum_j exp(scale q.k_j) over the rows [first, last) of k. */
static double log_sum_exp(int64_t first, int64_t last, int64_t d, int64_t width, double scale, const real *q,
                          const real *k) {
    double highest = -INFINITY, sum = 0.0;
    for (int64_t j = first; j < last; j++) highest = fmax(highest, scale * dot(width, q, k + j * 3 * d));
    for (int64_t j = first; j < last; j++) sum += exp(scale * dot(width, q, k + j * 3 * d) - highest);
    return highest + log(sum);
}

/* Columns c .. c+CHUNK-1 of the output of one query and head. */
static void attend(int64_t first, int64_t last, int64_t d, int64_t width, int64_t c, double scale, kern_dropout dropout,
                   uint64_t row_key, double lse, const real *q, const real *k, real *out) {
    const int64_t end = chunk_end(c, width);
    double sum[CHUNK] = {0};
    for (int64_t j = first; j < last; j++) {
        const real *v = k + d + j * 3 * d;
        const double p = exp(scale * dot(width, q, k + j * 3 * d) - lse);
        const double weight = p * kern_dropout_factor(dropout, row_key, j - first);
        for (int64_t e = c; e < end; e++) sum[e - c] += weight * (double)v[e];
    }
    for (int64_t e = c; e < end; e++) out[e] = (real)sum[e - c];
}

void kern_ref_attention_forward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                                const kern_stored *stored_qkv, kern_stored *stored_out, real *log_sum) {
    const real *qkv = stored_qkv;
    real *out = stored_out;
    const int64_t width = d / heads;
    for (int64_t s = 0; s < sequences.n; s++) {
        const int64_t first = sequences.offsets[s], last = sequences.offsets[s + 1];
        for (int64_t i = first; i < last; i++) {
            for (int64_t h = 0; h < heads; h++) {
                const real *q = qkv + i * 3 * d + h * width, *k = qkv + d + h * width;
                const double lse = log_sum_exp(first, last, d, width, scale, q, k);
                const uint64_t row_key = senc_rng_row_key(dropout.key, (uint64_t)((dropout.first_row + i) * heads + h));
                for (int64_t c = 0; c < width; c += CHUNK)
                    attend(first, last, d, width, c, scale, dropout, row_key, lse, q, k, out + i * d + h * width);
                log_sum[i * heads + h] = (real)lse;
            }
        }
    }
}

/* What stays the same for all pairs of one head of one sequence, whose rows are [first, last). */
typedef struct head {
    int64_t first, last, heads, d, width, h;
    double scale;
    kern_dropout dropout;
    const real *qkv, *out, *log_sum, *dout;
} head;

/* p_ij, m_ij and ds_ij of query row i, key row j. */
typedef struct score {
    double p, mask, ds;
} score;

static score score_gradient(const head *a, int64_t i, int64_t j) {
    const int64_t column = a->h * a->width;
    const real *q = a->qkv + i * 3 * a->d + column, *k = a->qkv + j * 3 * a->d + a->d + column, *v = k + a->d;
    const real *o = a->out + i * a->d + column, *go = a->dout + i * a->d + column;
    const uint64_t row = (uint64_t)((a->dropout.first_row + i) * a->heads + a->h);
    score s;
    s.p = exp(a->scale * dot(a->width, q, k) - (double)a->log_sum[i * a->heads + a->h]);
    s.mask = kern_dropout_factor(a->dropout, senc_rng_row_key(a->dropout.key, row), j - a->first);
    s.ds = s.p * (s.mask * dot(a->width, go, v) - dot(a->width, go, o));
    return s;
}

/* Columns c .. c+CHUNK-1 of row r: dq sums over the keys, dk and dv over the queries. */
static void row_gradient(const head *a, int64_t r, int64_t c, real beta, real *dqkv) {
    const int64_t column = a->h * a->width, end = chunk_end(c, a->width);
    double dq[CHUNK] = {0}, dk[CHUNK] = {0}, dv[CHUNK] = {0};
    for (int64_t j = a->first; j < a->last; j++) {
        const score as_query = score_gradient(a, r, j), as_key = score_gradient(a, j, r);
        const real *q = a->qkv + j * 3 * a->d + column, *k = q + a->d, *go = a->dout + j * a->d + column;
        for (int64_t e = c; e < end; e++) {
            dq[e - c] += as_query.ds * (double)k[e];
            dk[e - c] += as_key.ds * (double)q[e];
            dv[e - c] += as_key.p * as_key.mask * (double)go[e];
        }
    }
    real *row = dqkv + r * 3 * a->d + column;
    for (int64_t e = c; e < end; e++) {
        row[e] = kern_blend(beta, row[e], a->scale * dq[e - c]);
        row[a->d + e] = kern_blend(beta, row[a->d + e], a->scale * dk[e - c]);
        row[2 * a->d + e] = kern_blend(beta, row[2 * a->d + e], dv[e - c]);
    }
}

void kern_ref_attention_backward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                                 const kern_stored *stored_qkv, const kern_stored *stored_out, const real *log_sum,
                                 const kern_stored *stored_dout, real beta, kern_stored *stored_dqkv) {
    const real *qkv = stored_qkv;
    const real *out = stored_out;
    const real *dout = stored_dout;
    real *dqkv = stored_dqkv;
    for (int64_t s = 0; s < sequences.n; s++) {
        for (int64_t h = 0; h < heads; h++) {
            const head a = {sequences.offsets[s],
                            sequences.offsets[s + 1],
                            heads,
                            d,
                            d / heads,
                            h,
                            scale,
                            dropout,
                            qkv,
                            out,
                            log_sum,
                            dout};
            for (int64_t r = a.first; r < a.last; r++) {
                for (int64_t c = 0; c < a.width; c += CHUNK) row_gradient(&a, r, c, beta, dqkv);
            }
        }
    }
}
