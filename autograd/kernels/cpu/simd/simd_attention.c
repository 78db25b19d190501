/* Self-attention forward (see kernels.h) and the tasks of both directions. For a block of queries all scores are made
 * in one product, turned into unnormalised probabilities in place, and multiplied with the values; the sums divide what
 * comes out. A block of scores with the longest sequence fits the second-level cache, so softmax needs no running
 * maximum. */
#include "autograd/kernels/cpu/simd/simd_attention.h"

#include "autograd/base/threads.h"
#include "autograd/kernels/cpu/scratch.h"
#include "autograd/kernels/cpu/simd/simd_fill.h"
#include "autograd/kernels/cpu/simd/simd_math.h"

#define QUERIES 48 /* in a block: a multiple of LANES and of most tile heights */

/* ---- tasks ---- */

typedef struct run {
    attention *a;
    attention_head *head;
    mask mask;
    int64_t group; /* heads of a task */
    int64_t n_tasks;
} run;

/* The rows of a head (-1: the first) of a task; none when there is no such task. */
static ahead rows_of_head(const attention *a, int64_t n_tasks, int64_t task, int64_t head) {
    if (task >= n_tasks) return (ahead){0};
    if (head < 0) head = a->tasks[task].first_head;
    const int64_t sequence = a->tasks[task].sequence, first = a->sequences.offsets[sequence], size = sizeof(stored);
    ahead next = {.slice_bytes = a->width * size, .rows = a->sequences.offsets[sequence + 1] - first};
    /* The result too: a store waits for its line like a load. */
    const stored *const wide[] = {a->qkv, a->dout ? a->result : NULL};
    for (int i = 0; i < 6; i++) {
        if (!wide[i / 3]) continue;
        next.row_bytes[next.n_slices] = 3 * a->d * size;
        next.slices[next.n_slices++] = (const char *)(wide[i / 3] + first * 3 * a->d + i % 3 * a->d + head * a->width);
    }
    const stored *const narrow[] = {a->out, a->dout, a->dout ? NULL : a->result};
    for (int i = 0; i < 3; i++) {
        if (!narrow[i]) continue;
        next.row_bytes[next.n_slices] = a->d * size;
        next.slices[next.n_slices++] = (const char *)(narrow[i] + first * a->d + head * a->width);
    }
    return next;
}

static void run_task(void *context, int64_t i, int thread) {
    (void)thread;
    const run *r = context;
    const attention_task t = r->a->tasks[i];
    const int64_t *offsets = r->a->sequences.offsets, first = offsets[t.sequence];
    const int64_t last_head = min_of(t.first_head + r->group, r->a->heads), after = i + senc_threads_count();
    for (int64_t h = t.first_head; h < last_head; h++) {
        ahead next =
            h + 1 < last_head ? rows_of_head(r->a, r->n_tasks, i, h + 1) : rows_of_head(r->a, r->n_tasks, after, -1);
        r->head(r->a, &r->mask, first, offsets[t.sequence + 1] - first, h, &next);
    }
}

/* Heads of a task: all of them when there are sequences enough to share out. */
static int64_t heads_per_task(const attention *a) {
    const int64_t wanted = 8 * senc_threads_count(); /* tasks */
    return max_of(1, min_of(a->heads, a->sequences.n * a->heads / wanted));
}

static int64_t length_of(const attention *a, int64_t s) {
    return a->sequences.offsets[s + 1] - a->sequences.offsets[s];
}

/* Sequences by length, the longest first so that no thread is left with one at the end; counted, not compared. */
static void order_sequences(const attention *a, int64_t longest, int64_t *starts, int64_t *order) {
    memset(starts, 0, (size_t)(longest + 2) * sizeof *starts);
    for (int64_t s = 0; s < a->sequences.n; s++) starts[longest - length_of(a, s) + 1]++;
    for (int64_t i = 0; i <= longest; i++) starts[i + 1] += starts[i];
    for (int64_t s = 0; s < a->sequences.n; s++) order[starts[longest - length_of(a, s)]++] = s;
}

void kern_attention_run(attention *a, attention_head *head) {
    const int64_t n = a->sequences.n, group = heads_per_task(a);
    int64_t longest = 0;
    for (int64_t s = 0; s < n; s++) longest = max_of(longest, length_of(a, s));
    const int64_t most_tasks = n * ((a->heads + group - 1) / group);
    int64_t *starts = kern_scratch_take(KERN_SCRATCH_CALL, (longest + 2 + n) * (int64_t)sizeof *starts +
                                                               most_tasks * (int64_t)sizeof *a->tasks);
    int64_t *order = starts + longest + 2;
    a->tasks = (attention_task *)(order + n);
    order_sequences(a, longest, starts, order);
    int64_t n_tasks = 0;
    for (int64_t i = 0; i < n && length_of(a, order[i]) > 0; i++) {
        for (int64_t h = 0; h < a->heads; h += group) a->tasks[n_tasks++] = (attention_task){order[i], h};
    }
    run r = {.a = a, .head = head, .mask = mask_of(a->dropout), .group = group, .n_tasks = n_tasks};
    senc_parallel(n_tasks, run_task, &r);
}

/* ---- forward ---- */

/* LANES queries: their scores (keys, stride) become unnormalised probabilities with dropout, as words along the keys
 * with the same stride (but without the factor 1/(1-p)). log_sums: log-sum-exps of the scaled scores; factors: what the
 * sums of values have to be multiplied with. */
static void softmax_lanes(const attention *a, const mask *m, int64_t keys, int64_t stride, const uint32_t *low,
                          const uint32_t *high, float *scores, float *log_sums, float *factors) {
    vf top = v_load(scores);
    for (int64_t j = 1; j < keys; j++) top = v_max(top, v_load(scores + j * stride));
    const vf scale2 = v_set(a->scale * LOG2_E), top2 = top * scale2, least = v_set(-126.0f);
    vu place = v_load_words(low);
    const vu key_high = v_load_words(high);
    vf sum = v_set(0.0f);
    for (int64_t j = 0; j < keys; j += WORD_DEPTH) {
        vf p[WORD_DEPTH];
        for (int e = 0; e < WORD_DEPTH; e++) {
            p[e] = v_set(0.0f);
            if (j + e >= keys) break;
            p[e] = v_exp2(v_max(least, v_load(scores + (j + e) * stride) * scale2 - top2));
            sum += p[e];
            if (m->on) p[e] = (vf)(~v_dropped(m, place, key_high) & (vi)p[e]);
            place += MASK_COLUMN;
        }
        v_store_words((word *)scores + j / WORD_DEPTH * stride, v_words_of(p));
    }
    v_store(log_sums, top * v_set(a->scale) + v_log(sum));
    v_store(factors, (m->on ? m->scale : v_set(1.0f)) / sum);
}

static void attend_block(const attention *a, const mask *m, int64_t first, int64_t n, int64_t keys, int64_t head,
                         words k, words v, word *across, float *scores, ahead *next) {
    const int64_t stride = lane_stride(n), ld = 3 * a->d, column = head * a->width;
    float log_sums[QUERIES], factors[QUERIES];
    uint32_t low[QUERIES] = {0}, high[QUERIES] = {0};
    if (m->on) attention_row_keys(a, first, n, head, low, high);
    kern_head_across(n, a->width, a->qkv + first * ld + column, ld, across, stride);
    const word_product qk = {.rows = keys,
                             .columns = round_up(n, LANES),
                             .depth = words_of(a->width),
                             .a = k.at,
                             .a_row = k.row,
                             .a_step = 1,
                             .b = {across, stride},
                             .next = next};
    kern_multiply_words(&qk, false, scores, stride);
    for (int64_t c = 0; c < n; c += LANES)
        softmax_lanes(a, m, keys, stride, low + c, high + c, scores + c, log_sums + c, factors + c);
    const word_product pv = {.rows = n,
                             .columns = a->width,
                             .depth = words_of(keys),
                             .a = (const word *)scores,
                             .a_row = 1,
                             .a_step = stride,
                             .b = v,
                             .next = next};
    kern_multiply_words_into(&pv, factors, 1, 0.0f, a->result + first * a->d + column, a->d);
    for (int64_t i = 0; i < n; i++) a->log_sum[(first + i) * a->heads + head] = log_sums[i];
}

static void attend_head(const attention *a, const mask *m, int64_t first, int64_t keys, int64_t head, ahead *next) {
    const int64_t width = a->width, wide = round_up(width, LANES), ld = 3 * a->d;
    const int64_t stride = lane_stride(min_of(QUERIES, keys));
    word *rows = kern_scratch_take(KERN_SCRATCH_TASK, (2 * keys * wide + (wide + keys) * stride) * 4);
    word *stack = rows + keys * wide, *across = stack + keys * wide;
    float *scores = (float *)(across + wide * stride);
    const stored *q = a->qkv + first * ld + head * width;
    const words k = kern_head_rows(keys, width, q + a->d, ld, rows);
    const words v = kern_head_stack(keys, width, q + 2 * a->d, ld, stack);
    ahead_spread(next, n_tiles(keys, keys) + n_tiles(keys, width));
    for (int64_t i = 0; i < keys; i += QUERIES)
        attend_block(a, m, first + i, min_of(QUERIES, keys - i), keys, head, k, v, across, scores, next);
}

static void attention_forward(kern_sequences sequences, int64_t heads, int64_t d, double scale, kern_dropout dropout,
                              const kern_stored *qkv, kern_stored *out, float *log_sum) {
    attention a = {.sequences = sequences,
                   .heads = heads,
                   .d = d,
                   .width = d / heads,
                   .scale = (float)scale,
                   .dropout = dropout,
                   .qkv = qkv,
                   .result = out,
                   .log_sum = log_sum};
    kern_attention_run(&a, attend_head);
}

void KERN_NAME(kern_fill_attention)(kern_table *table) {
    table->attention_forward = attention_forward;
}
