/* Windows: see embed_window.h. */
#include "eval/embed_window.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

#define LEAST_BATCH_TOKENS 256 /* a batch for every thread must have this many: below, threads share a batch better */

void eval_window_free(eval_window *w) {
    for (int64_t i = 0; i < w->n_task_ids; i++) data_ids_free(&w->task_ids[i]);
    free(w->task_ids);
    free(w->items);
    free(w->order);
    free(w->ends);
    free(w->rows);
    eval_text_chunk_free(&w->chunk);
    *w = (eval_window){0};
}

static bool reserve_texts(eval_window *w, senc_error *err) {
    if (w->n <= w->capacity) return true;
    free(w->items);
    free(w->order);
    free(w->ends);
    w->capacity = 0;
    w->items = senc_alloc((size_t)w->n, sizeof *w->items);
    w->order = senc_alloc((size_t)w->n, sizeof *w->order);
    w->ends = senc_alloc((size_t)w->n, sizeof *w->ends);
    if (!w->items || !w->order || !w->ends) return senc_fail_memory(err, (size_t)w->n * sizeof *w->items, "texts");
    w->capacity = w->n;
    return true;
}

static bool reserve_tasks(eval_window *w, senc_error *err) {
    w->n_tasks = (w->n + EVAL_TASK_TEXTS - 1) / EVAL_TASK_TEXTS;
    if (w->n_tasks <= w->n_task_ids) return true;
    data_ids *grown = senc_realloc(w->task_ids, (size_t)w->n_tasks, sizeof *grown);
    if (!grown) return senc_fail_memory(err, (size_t)w->n_tasks * sizeof *grown, "texts");
    w->task_ids = grown;
    while (w->n_task_ids < w->n_tasks) w->task_ids[w->n_task_ids++] = (data_ids){0};
    return true;
}

static bool reserve_rows(eval_window *w, int64_t width, senc_error *err) {
    if (w->n <= w->capacity_rows) return true;
    free(w->rows);
    w->capacity_rows = 0;
    w->rows = senc_alloc((size_t)(w->n * width), sizeof *w->rows);
    if (!w->rows) return senc_fail_memory(err, (size_t)(w->n * width) * sizeof *w->rows, "vectors");
    w->capacity_rows = w->n;
    return true;
}

bool eval_window_reserve(eval_window *w, int64_t width, float *out, senc_error *err) {
    if (!reserve_texts(w, err) || !reserve_tasks(w, err) || (!out && !reserve_rows(w, width, err))) return false;
    w->out = out ? out : w->rows;
    return true;
}

bool eval_window_tokenize(eval_window *w, int64_t task, const eval_text_rule *rule, data_tokenizer_scratch *scratch,
                          senc_error *err) {
    data_ids *ids = &w->task_ids[task];
    const int64_t special = data_tokenizer_special_count(rule->tokenizer);
    const int64_t end = (task + 1) * EVAL_TASK_TEXTS < w->n ? (task + 1) * EVAL_TASK_TEXTS : w->n;
    ids->n = 0;
    ids->failed = false; /* a failure of an earlier call is over */
    for (int64_t i = task * EVAL_TASK_TEXTS; i < end; i++) {
        const eval_text text = w->texts ? w->texts[i] : eval_text_chunk_get(&w->chunk, i);
        eval_item *item = &w->items[i];
        item->first = ids->n;
        item->n = data_tokenizer_encode_prompted(rule->tokenizer, scratch, rule->prompt, text.bytes,
                                                 (size_t)text.n_bytes, rule->max_length, ids, &item->truncated);
        if (item->n < 0) return senc_fail_memory(err, (size_t)text.n_bytes, "token ids");
        item->empty = rule->prompt ? eval_text_is_blank(&text) : item->n <= special;
    }
    return true;
}

/* Counting sort by length, longest first: the first batch then needs the most memory, and none later needs more. Equal
 * lengths keep their order. Returns the number of tokens, -1 when out of memory. */
static int64_t order_texts(eval_window *w) {
    int64_t longest = 0, n_tokens = 0;
    for (int64_t i = 0; i < w->n; i++) {
        if (w->items[i].n > longest) longest = w->items[i].n;
        n_tokens += w->items[i].n;
    }
    int64_t *starts = senc_alloc_zero((size_t)longest + 2, sizeof *starts);
    if (!starts) return -1;
    for (int64_t i = 0; i < w->n; i++) starts[longest - w->items[i].n + 1]++;
    for (int64_t i = 1; i <= longest + 1; i++) starts[i] += starts[i - 1];
    for (int64_t i = 0; i < w->n; i++) w->order[starts[longest - w->items[i].n]++] = i;
    free(starts);
    return n_tokens;
}

bool eval_window_arrange(eval_window *w, int64_t batch_tokens, int n_threads, senc_error *err) {
    const int64_t n_tokens = order_texts(w);
    if (n_tokens < 0) return senc_fail_memory(err, 8, "the order of the texts");
    int64_t wanted = n_tokens / batch_tokens + 1;
    if (n_tokens >= n_threads * LEAST_BATCH_TOKENS) wanted = (wanted + n_threads - 1) / n_threads * n_threads;
    w->n_batches = 0;
    int64_t done = 0; /* tokens in whole batches */
    for (int64_t first = 0, end = 0; first < w->n; first = end) {
        const double share = (double)n_tokens * (double)(w->n_batches + 1) / (double)wanted;
        int64_t n = 0;
        do {
            n += w->items[w->order[end++]].n;
        } while (end < w->n && end - first < EVAL_MOST_BATCH_TEXTS && (double)(done + n) < share &&
                 n + w->items[w->order[end]].n <= batch_tokens);
        done += n;
        w->ends[w->n_batches++] = end;
    }
    return true;
}

const int32_t *eval_window_ids(const eval_window *w, int64_t text, int64_t *n) {
    const eval_item *item = &w->items[text];
    *n = item->n;
    return item->n ? w->task_ids[text / EVAL_TASK_TEXTS].items + item->first : NULL;
}
