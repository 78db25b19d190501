/* Text -> tokens -> encoder -> matrix: see embed.h.
 *
 * Texts are taken in blocks (memory stays bounded however many there are). A block is tokenized in parallel, its texts
 * are ordered by length, and packed into batches of at most batch_tokens tokens; each batch is one forward pass without
 * a tape, and its rows go to their places in the caller's order. Packing means no padding, so a text's vector depends
 * on its neighbours only through the rounding of matrix products of another height: below 1e-6 for vectors of length 1.
 */
#include "eval/embed.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define BLOCK_TEXTS 8192
#define TASK_TEXTS  32 /* tokenized by one task: large enough to hide the hand-out, small enough to balance */

/* A text of the block after tokenizing: items [first, first + n) of its task's ids. */
typedef struct embed_item {
    int64_t first, n;
    bool truncated, empty;
} embed_item;

struct eval_encoder {
    nn_model *model;
    const data_tokenizer *tokenizer;
    int64_t max_length, batch_tokens, width;
    ag_tape tape;
    data_tokenizer_scratch **scratches; /* one a thread */
    int n_scratches;
    data_ids *task_ids; /* one list a task */
    int64_t n_tasks;
    embed_item *items; /* (BLOCK_TEXTS) */
    int64_t *order;    /* (BLOCK_TEXTS) texts of the block, longest first */
    int64_t *offsets;  /* (BLOCK_TEXTS + 1) of the batch */
    int64_t *prompt_tokens;
    data_ids batch;
    eval_encoder_stats stats;
    double start_ms, earlier_ms; /* of the call that runs; encode_ms before it */
    eval_encoder_progress *show;
    void *show_context;
};

static bool allocate(eval_encoder *e, senc_error *err) {
    e->n_tasks = (BLOCK_TEXTS + TASK_TEXTS - 1) / TASK_TEXTS;
    e->task_ids = senc_alloc_zero((size_t)e->n_tasks, sizeof *e->task_ids);
    e->items = senc_alloc(BLOCK_TEXTS, sizeof *e->items);
    e->order = senc_alloc(BLOCK_TEXTS, sizeof *e->order);
    e->offsets = senc_alloc(BLOCK_TEXTS + 1, sizeof *e->offsets);
    e->prompt_tokens = senc_alloc(BLOCK_TEXTS, sizeof *e->prompt_tokens);
    if (!e->task_ids || !e->items || !e->order || !e->offsets || !e->prompt_tokens)
        return senc_fail_memory(err, BLOCK_TEXTS * sizeof *e->items, "the encoder");
    return true;
}

bool eval_tokenizer_check(const nn_model *model, const data_tokenizer *tokenizer, senc_error *err) {
    const int64_t rows = nn_model_vocab_size(model), highest = data_tokenizer_highest_id(tokenizer);
    if (highest >= rows)
        return senc_fail(err, SENC_BAD_INPUT, "the tokenizer gives ids up to %lld, the model has %lld word embeddings",
                         (long long)highest, (long long)rows);
    if (nn_model_lowers_case(model) && !data_tokenizer_lowercases(tokenizer))
        return senc_fail(err, SENC_BAD_INPUT,
                         "sentence_bert_config.json: do_lower_case is true, but the tokenizer is a cased one; "
                         "senc leaves lower-casing to the tokenizer");
    return true;
}

bool eval_encoder_create(nn_model *model, const data_tokenizer *tokenizer, int64_t max_length, int64_t batch_tokens,
                         eval_encoder **out, senc_error *err) {
    *out = NULL;
    if (!eval_tokenizer_check(model, tokenizer, err)) return false;
    const int64_t longest = nn_model_max_length(model);
    if (max_length > longest)
        return senc_fail(err, SENC_BAD_INPUT, "max_length: expected at most the model's %lld tokens, got %lld",
                         (long long)longest, (long long)max_length);
    eval_encoder *e = senc_alloc_zero(1, sizeof *e);
    if (!e) return senc_fail_memory(err, sizeof *e, "the encoder");
    e->model = model;
    e->tokenizer = tokenizer;
    e->max_length = max_length > 0 ? max_length : longest;
    e->batch_tokens = batch_tokens > 0 ? batch_tokens : 4096;
    e->width = nn_model_width(model);
    if (allocate(e, err) && ag_tape_init(&e->tape, kern_best(), false, 0, err)) {
        *out = e;
        return true;
    }
    eval_encoder_free(e);
    return false;
}

static void free_scratches(eval_encoder *e) {
    for (int i = 0; i < e->n_scratches; i++) data_tokenizer_scratch_free(e->scratches[i]);
    free(e->scratches);
    e->scratches = NULL;
    e->n_scratches = 0;
}

void eval_encoder_free(eval_encoder *e) {
    if (!e) return;
    free_scratches(e);
    for (int64_t i = 0; e->task_ids && i < e->n_tasks; i++) data_ids_free(&e->task_ids[i]);
    free(e->task_ids);
    free(e->items);
    free(e->order);
    free(e->offsets);
    free(e->prompt_tokens);
    data_ids_free(&e->batch);
    if (e->tape.kernels) ag_tape_free(&e->tape);
    free(e);
}

/* One scratch for each thread of the pool, which may have been restarted with more. */
static bool reserve_scratches(eval_encoder *e, senc_error *err) {
    const int n = senc_threads_count();
    if (n <= e->n_scratches) return true;
    free_scratches(e);
    e->scratches = senc_alloc_zero((size_t)n, sizeof *e->scratches);
    if (!e->scratches) return senc_fail_memory(err, (size_t)n * sizeof *e->scratches, "the encoder");
    e->n_scratches = n;
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        e->scratches[i] = data_tokenizer_scratch_create();
        ok = e->scratches[i] != NULL;
    }
    if (ok) return true;
    free_scratches(e); /* the next call tries again */
    return senc_fail_memory(err, 1, "the tokenizer");
}

typedef struct tokenize_job {
    eval_encoder *e;
    const char *prompt; /* NULL: none */
    const eval_text *texts;
    int64_t n;
} tokenize_job;

static bool is_blank(const eval_text *text) {
    for (int64_t i = 0; i < text->n_bytes; i++) {
        if (!strchr(" \t\r\n", text->bytes[i]) || text->bytes[i] == '\0') return false;
    }
    return true;
}

static void tokenize_texts(void *context, int64_t task, int thread) {
    const tokenize_job *job = context;
    eval_encoder *e = job->e;
    data_ids *ids = &e->task_ids[task];
    const int64_t special = data_tokenizer_special_count(e->tokenizer);
    const int64_t end = (task + 1) * TASK_TEXTS < job->n ? (task + 1) * TASK_TEXTS : job->n;
    ids->n = 0;
    ids->failed = false; /* a failure of an earlier call is over */
    for (int64_t i = task * TASK_TEXTS; i < end; i++) {
        const eval_text *text = &job->texts[i];
        embed_item *item = &e->items[i];
        item->first = ids->n;
        item->n = data_tokenizer_encode_prompted(e->tokenizer, e->scratches[thread], job->prompt, text->bytes,
                                                 (size_t)text->n_bytes, e->max_length, ids, &item->truncated);
        if (item->n < 0) return; /* ids->failed is set: the caller sees it */
        item->empty = job->prompt ? is_blank(text) : item->n <= special;
    }
}

static bool tokenize_block(eval_encoder *e, const char *prompt, const eval_text *texts, int64_t n, senc_error *err) {
    tokenize_job job = {e, prompt, texts, n};
    const int64_t n_tasks = (n + TASK_TEXTS - 1) / TASK_TEXTS;
    senc_parallel(n_tasks, tokenize_texts, &job);
    for (int64_t i = 0; i < n_tasks; i++) {
        if (e->task_ids[i].failed)
            return senc_fail_memory(err, (size_t)e->task_ids[i].n * sizeof(int32_t), "token ids");
    }
    return true;
}

/* Counting sort by length, longest first: the first batch then needs the most memory, and none later needs more. Equal
 * lengths keep their order. */
static bool order_block(eval_encoder *e, int64_t n, senc_error *err) {
    int64_t longest = 0;
    for (int64_t i = 0; i < n; i++) {
        if (e->items[i].n > longest) longest = e->items[i].n;
    }
    int64_t *starts = senc_alloc_zero((size_t)longest + 2, sizeof *starts);
    if (!starts) return senc_fail_memory(err, (size_t)longest * sizeof *starts, "the encoder");
    for (int64_t i = 0; i < n; i++) starts[longest - e->items[i].n + 1]++;
    for (int64_t i = 1; i <= longest + 1; i++) starts[i] += starts[i - 1];
    for (int64_t i = 0; i < n; i++) e->order[starts[longest - e->items[i].n]++] = i;
    free(starts);
    return true;
}

/* Encodes the texts order[first..end) as one batch; rows go to out. */
static bool encode_batch(eval_encoder *e, int64_t first, int64_t end, int64_t n_prompt_tokens, float *out,
                         senc_error *err) {
    const int64_t n = end - first;
    e->batch.n = 0;
    e->batch.failed = false;
    e->offsets[0] = 0;
    for (int64_t s = 0; s < n; s++) {
        const int64_t i = e->order[first + s];
        const embed_item *item = &e->items[i];
        if (!data_ids_reserve(&e->batch, item->n)) return senc_fail_memory(err, (size_t)item->n * 4, "token ids");
        if (item->n > 0)
            memcpy(e->batch.items + e->batch.n, e->task_ids[i / TASK_TEXTS].items + item->first,
                   (size_t)item->n * sizeof(int32_t));
        e->batch.n += item->n;
        e->offsets[s + 1] = e->batch.n;
        e->prompt_tokens[s] = n_prompt_tokens < item->n ? n_prompt_tokens : item->n;
        e->stats.n_truncated += item->truncated;
        e->stats.n_empty += item->empty;
    }
    const kern_sequences sequences = {e->offsets, n};
    const nn_pass pass = {.prompt_tokens = n_prompt_tokens > 0 ? e->prompt_tokens : NULL,
                          .storage = nn_model_storage(e->model)};
    ag_tape_reset(&e->tape);
    const ag_node *vectors = nn_model_encode(e->model, &e->tape, e->batch.items, sequences, &pass);
    if (!ag_tape_check(&e->tape, err)) return false;
    for (int64_t s = 0; s < n; s++)
        memcpy(out + e->order[first + s] * e->width, vectors->value + s * e->width, (size_t)e->width * sizeof *out);
    e->stats.n_texts += n;
    e->stats.n_tokens += e->batch.n;
    e->stats.flops += nn_model_forward_flops(e->model, sequences);
    return true;
}

static bool embed_block(eval_encoder *e, const char *prompt, int64_t n_prompt_tokens, const eval_text *texts, int64_t n,
                        float *out, senc_error *err) {
    if (!tokenize_block(e, prompt, texts, n, err) || !order_block(e, n, err)) return false;
    for (int64_t first = 0; first < n;) {
        int64_t end = first, n_tokens = 0;
        while (end < n && (end == first || n_tokens + e->items[e->order[end]].n <= e->batch_tokens))
            n_tokens += e->items[e->order[end++]].n;
        if (!encode_batch(e, first, end, n_prompt_tokens, out, err)) return false;
        e->stats.encode_ms = e->earlier_ms + senc_clock_ms() - e->start_ms;
        if (e->show) e->show(e->show_context, &e->stats);
        first = end;
    }
    return true;
}

bool eval_encoder_embed(eval_encoder *e, const char *prompt, const eval_text *texts, int64_t n, float *out,
                        senc_error *err) {
    e->start_ms = senc_clock_ms();
    e->earlier_ms = e->stats.encode_ms;
    int64_t n_prompt_tokens = 0;
    if (prompt && !prompt[0]) prompt = NULL;
    if (!reserve_scratches(e, err)) return false;
    if (prompt && !nn_model_includes_prompt(e->model))
        n_prompt_tokens = data_tokenizer_prompt_length(e->tokenizer, prompt);
    if (n_prompt_tokens < 0) return senc_fail_memory(err, strlen(prompt), "the prompt");
    bool ok = true;
    for (int64_t first = 0; ok && first < n; first += BLOCK_TEXTS) {
        const int64_t n_block = n - first < BLOCK_TEXTS ? n - first : BLOCK_TEXTS;
        ok = embed_block(e, prompt, n_prompt_tokens, texts + first, n_block, out + first * e->width, err);
    }
    e->stats.encode_ms = e->earlier_ms + senc_clock_ms() - e->start_ms;
    return ok;
}

static bool embed_role(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    eval_encoder *e = context;
    const char *prompt = nn_model_prompt(e->model, role == EVAL_QUERY ? "query" : NULL); /* NULL: the default */
    if (role == EVAL_DOCUMENT) prompt = nn_model_document_prompt(e->model);
    return eval_encoder_embed(e, prompt, texts, n, out, err);
}

eval_embedder eval_encoder_embedder(eval_encoder *e) {
    return (eval_embedder){embed_role, e, e->width, nn_model_similarity(e->model)};
}

const eval_encoder_stats *eval_encoder_get_stats(const eval_encoder *e) {
    return &e->stats;
}

void eval_encoder_watch(eval_encoder *e, eval_encoder_progress *show, void *context) {
    e->show = show;
    e->show_context = context;
}

bool eval_model_load(eval_model *m, const char *folder, const nn_overrides *overrides, senc_error *err) {
    *m = (eval_model){0};
    if (!senc_path_is_folder(folder)) {
        if (!senc_path_exists(folder))
            return senc_fail(err, SENC_BAD_INPUT, "%s: there is no such model folder", folder);
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a model folder, got a file", folder);
    }
    if (data_tokenizer_load(folder, NULL, &m->tokenizer, err) &&
        nn_model_load(folder, overrides, false, &m->model, err)) {
        if (eval_encoder_create(m->model, m->tokenizer, 0, 0, &m->encoder, err)) return true;
        senc_error_prefix(err, "%s: ", folder);
    }
    eval_model_free(m);
    return false;
}

void eval_model_free(eval_model *m) {
    eval_encoder_free(m->encoder);
    nn_model_free(m->model);
    data_tokenizer_free(m->tokenizer);
    *m = (eval_model){0};
}
