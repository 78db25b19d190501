/* How much memory a training run will take: see memory_plan.h. */
#include "train/memory_plan.h"

#include <math.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

/* Scratch of the kernels, which comes with the first step: packed matrices, a block a thread. */
#define KERNEL_BYTES        ((int64_t)4 << 20)
#define KERNEL_THREAD_BYTES ((int64_t)2 << 20)

/* Pages of mapped files belong to the process only until the system wants them back; so many are counted. */
#define MOST_MAPPED_BYTES ((int64_t)64 << 20)

/* ---- lengths ---- */

static bool measure_row(const train_feed_options *feed, int64_t i, data_row *row, data_tokenizer_scratch *scratch,
                        data_ids *ids, senc_error *err) {
    ids->n = 0;
    if (!data_set_row(feed->set, i, row, err)) return false;
    for (int64_t c = 0; c < feed->columns->n; c++) {
        const data_value *value = &row->values[feed->columns->slots[c]];
        const char *prompt = c == 0 ? feed->query_prompt : feed->document_prompt;
        if (value->present && data_tokenizer_encode_prompted(feed->tokenizer, scratch, prompt, value->text,
                                                             value->n_bytes, feed->max_length, ids, NULL) < 0)
            return senc_fail_memory(err, value->n_bytes, "token ids");
    }
    return true;
}

bool train_row_lengths_measure(const train_feed_options *feed, int64_t most_rows, train_row_lengths *out,
                               senc_error *err) {
    const int64_t n_rows = data_set_n_rows(feed->set), n = n_rows < most_rows ? n_rows : most_rows;
    *out = (train_row_lengths){.n_looked_at = n};
    data_row row = {0};
    data_ids ids = {0};
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    bool ok = scratch || senc_fail_memory(err, 4096, "a tokenizer's scratch");
    double sum = 0, squares = 0;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = measure_row(feed, (int64_t)((double)i * (double)n_rows / (double)n), &row, scratch, &ids, err);
        sum += (double)ids.n;
        squares += (double)ids.n * (double)ids.n;
    }
    if (ok && n > 0) {
        out->mean = sum / (double)n;
        out->deviation = sqrt(fmax(0, squares / (double)n - out->mean * out->mean));
    }
    data_row_free(&row);
    data_ids_free(&ids);
    if (scratch) data_tokenizer_scratch_free(scratch);
    return ok;
}

/* The largest of n draws of a normal distribution lies about sqrt(2 ln n) deviations above its mean (Cramer
 * 1946, 28.6); rows of a batch are drawn without replacement. */
int64_t train_row_lengths_longest_batch(const train_row_lengths *l, int64_t n_rows, int64_t batch_rows,
                                        int64_t n_batches) {
    const double b = (double)(batch_rows < n_rows ? batch_rows : n_rows), n = (double)n_rows;
    const double finite = n > 1 ? (n - b) / (n - 1) : 0, draws = n_batches > 1 ? (double)n_batches : 1;
    return (int64_t)ceil(b * l->mean + sqrt(2 * log(draws) * b * finite) * l->deviation);
}

/* ---- the budget ---- */

int64_t train_memory_parameter_bytes(const ag_params *params) {
    return 4 * params->n_numbers * (int64_t)sizeof(real);
}

int64_t train_memory_rest_bytes(const ag_params *params) {
    int64_t own, mapped;
    senc_memory_resident_parts(&own, &mapped);
    const int64_t rest = own - train_memory_parameter_bytes(params);
    return (rest > 0 ? rest : 0) + (mapped < MOST_MAPPED_BYTES ? mapped : MOST_MAPPED_BYTES) + KERNEL_BYTES +
           KERNEL_THREAD_BYTES * senc_threads_count();
}

train_step_budget train_memory_budget(int64_t limit_bytes, int64_t parameter_bytes, int64_t rest_bytes) {
    train_step_budget b = {0};
    const int64_t left = limit_bytes - parameter_bytes;
    if (limit_bytes == 0 || left < 2 * rest_bytes) return b;
    b.bytes = left - rest_bytes;
    b.cut_bytes = left / 2; /* the other half is for the rest of the process and for chunks that are kept */
    return b;
}

/* ---- the plan ---- */

void train_memory_plan_make(const train_memory_facts *f, train_memory_plan *plan) {
    const int64_t block = f->params->n_numbers * (int64_t)sizeof(real);
    const int64_t batch_rows = f->batch_rows < f->n_rows ? f->batch_rows : f->n_rows;
    const int64_t n_texts = batch_rows * f->n_columns;
    *plan = (train_memory_plan){
        .limit_bytes = f->limit_bytes,
        .weights_bytes = block,
        .gradients_bytes = block,
        .moments_bytes = 2 * block,
        .rest_bytes = f->rest_bytes,
        .longest_batch_tokens = n_texts * f->max_length,
    };
    plan->batch_tokens = train_row_lengths_longest_batch(f->lengths, f->n_rows, batch_rows, f->n_batches);
    if (plan->batch_tokens > plan->longest_batch_tokens) plan->batch_tokens = plan->longest_batch_tokens;
    plan->step = train_stepper_plan(f->stepper, plan->batch_tokens, n_texts, f->max_length);
    plan->longest_step = train_stepper_plan(f->stepper, plan->longest_batch_tokens, n_texts, f->max_length);
    const int64_t step = train_stepper_smallest_budget(f->stepper, n_texts, f->max_length);
    plan->smallest_limit_bytes = 4 * block + 2 * (step > f->rest_bytes ? step : f->rest_bytes);
}

static int64_t total_with(const train_memory_plan *p, const train_step_plan *step) {
    return p->weights_bytes + p->gradients_bytes + p->moments_bytes + p->rest_bytes + step->activations_bytes +
           step->loss_bytes;
}

int64_t train_memory_plan_total(const train_memory_plan *plan) {
    return total_with(plan, &plan->step);
}

static void print_chunks(const train_step_plan *step, int64_t n_tokens, senc_buffer *out) {
    if (step->n_chunks <= 1) {
        senc_buffer_printf(out, "(%lld tokens)", (long long)n_tokens);
        return;
    }
    senc_buffer_printf(out, "(%lld tokens in %lld chunks, ", (long long)n_tokens, (long long)step->n_chunks);
    if (step->n_kept == step->n_chunks)
        senc_buffer_append_text(out, "all kept)");
    else
        senc_buffer_printf(out, "%lld kept, %lld run twice)", (long long)step->n_kept,
                           (long long)(step->n_chunks - step->n_kept));
}

void train_memory_plan_print(const train_memory_plan *p, senc_buffer *out) {
    char a[32], b[32], c[32];
    senc_buffer_printf(out, "weights %s, gradients %s, AdamW %s\n", senc_bytes_text(p->weights_bytes, a, sizeof a),
                       senc_bytes_text(p->gradients_bytes, b, sizeof b),
                       senc_bytes_text(p->moments_bytes, c, sizeof c));
    senc_buffer_printf(out, "activations %s ", senc_bytes_text(p->step.activations_bytes, a, sizeof a));
    print_chunks(&p->step, p->batch_tokens, out);
    senc_buffer_printf(out, ", embeddings and loss %s\n", senc_bytes_text(p->step.loss_bytes, a, sizeof a));
    senc_buffer_printf(out, "data, tokenizer, program and scratch %s\n", senc_bytes_text(p->rest_bytes, a, sizeof a));
    senc_buffer_printf(out, "total %s for the longest batch to expect",
                       senc_bytes_text(train_memory_plan_total(p), a, sizeof a));
    if (p->limit_bytes)
        senc_buffer_printf(out, ", within memory_limit %s", senc_bytes_text(p->limit_bytes, b, sizeof b));
    else if (p->batch_tokens < p->longest_batch_tokens)
        senc_buffer_printf(out, ", %s if every text were as long as can be",
                           senc_bytes_text(total_with(p, &p->longest_step), b, sizeof b));
    senc_buffer_append_text(out, "\n");
}
