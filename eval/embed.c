/* Text -> tokens -> encoder -> matrix: see embed.h. The work itself is in embed_flow.c.
 *
 * Packing means no padding, and senc's own matrix products give a row the same bits whatever stands beside it: equal
 * texts have equal vectors, wherever they stand. With OpenBLAS or oneDNN the last bits of very short batches differ.
 */
#include "eval/embed.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "eval/embed_flow.h"

/* Of one thread: below 1,000 the packing of the weights shows, above 4,000 activations leave the caches. */
#define BATCH_TOKENS 2048

bool eval_tokenizer_check(const nn_model *model, const data_tokenizer *tokenizer, senc_error *err) {
    const int64_t rows = nn_model_vocab_size(model), highest = data_tokenizer_highest_id(tokenizer);
    if (highest >= rows)
        return senc_fail(err, SENC_BAD_INPUT, "the tokenizer gives ids up to %lld, the model has %lld word embeddings",
                         (long long)highest, (long long)rows);
    if (nn_model_lowers_case(model) && !data_tokenizer_lowercases(tokenizer))
        return senc_fail(err, SENC_BAD_INPUT,
                         "sentence_bert_config.json: do_lower_case is true, but the tokenizer, which lies in another "
                         "folder, is a cased one");
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
    e->batch_tokens = batch_tokens > 0 ? batch_tokens : BATCH_TOKENS;
    e->width = nn_model_width(model);
    e->reader.sum.max_length = e->max_length;
    *out = e;
    return true;
}

static void free_worker(eval_worker *w) {
    data_tokenizer_scratch_free(w->scratch);
    if (w->tape.kernels) ag_tape_free(&w->tape);
    data_ids_free(&w->ids);
    free(w->offsets);
    free(w->prompt_tokens);
}

static void free_workers(eval_encoder *e) {
    for (int i = 0; i < e->n_workers; i++) free_worker(&e->workers[i]);
    free(e->workers);
    e->workers = NULL;
    e->n_workers = 0;
}

void eval_encoder_free(eval_encoder *e) {
    if (!e) return;
    free_workers(e);
    data_tokenizer_scratch_free(e->reader_scratch);
    for (int i = 0; i < EVAL_WINDOWS; i++) eval_window_free(&e->windows[i]);
    eval_reader_free(&e->reader);
    free(e);
}

static bool make_worker(eval_worker *w, senc_error *err) {
    w->scratch = data_tokenizer_scratch_create();
    w->offsets = senc_alloc(EVAL_MOST_BATCH_TEXTS + 1, sizeof *w->offsets);
    w->prompt_tokens = senc_alloc(EVAL_MOST_BATCH_TEXTS, sizeof *w->prompt_tokens);
    if (!w->scratch || !w->offsets || !w->prompt_tokens)
        return senc_fail_memory(err, EVAL_MOST_BATCH_TEXTS * sizeof *w->offsets, "the encoder");
    return ag_tape_init(&w->tape, kern_best(), false, 0, err);
}

/* One for each thread of the pool, which may have been restarted with more. */
static bool reserve_workers(eval_encoder *e, senc_error *err) {
    const int n = senc_threads_count();
    if (n <= e->n_workers) return true;
    free_workers(e);
    if (!e->reader_scratch) e->reader_scratch = data_tokenizer_scratch_create();
    e->workers = senc_alloc_zero((size_t)n, sizeof *e->workers);
    if (!e->workers || !e->reader_scratch) return senc_fail_memory(err, (size_t)n * sizeof *e->workers, "the encoder");
    while (e->n_workers < n) {
        if (make_worker(&e->workers[e->n_workers++], err)) continue;
        free_workers(e); /* the next call tries again */
        return false;
    }
    return true;
}

static bool run(eval_encoder *e, const char *prompt, const eval_ends *ends, senc_error *err) {
    e->start_ms = senc_clock_ms();
    e->earlier_ms = e->stats.encode_ms;
    if (prompt && !prompt[0]) prompt = NULL;
    if (!reserve_workers(e, err)) return false;
    int64_t n_prompt_tokens = 0;
    if (prompt && !nn_model_includes_prompt(e->model))
        n_prompt_tokens = data_tokenizer_prompt_length(e->tokenizer, prompt);
    if (n_prompt_tokens < 0) return senc_fail_memory(err, strlen(prompt), "the prompt");
    const eval_text_rule rule = {e->tokenizer, prompt, e->max_length};
    const bool ok = eval_flow_run(e, ends, &rule, n_prompt_tokens, err);
    e->stats.encode_ms = e->earlier_ms + senc_clock_ms() - e->start_ms;
    return ok;
}

bool eval_encoder_embed(eval_encoder *e, const char *prompt, const eval_text *texts, int64_t n, float *out,
                        senc_error *err) {
    const eval_ends ends = {.texts = texts, .n = n, .out = out};
    return run(e, prompt, &ends, err);
}

bool eval_encoder_stream(eval_encoder *e, const char *prompt, const eval_text_stream *stream, senc_error *err) {
    const eval_ends ends = {.stream = stream};
    return run(e, prompt, &ends, err);
}

const char *eval_encoder_prompt(const eval_encoder *e, eval_role role) {
    if (role == EVAL_DOCUMENT) return nn_model_document_prompt(e->model);
    return nn_model_prompt(e->model, role == EVAL_QUERY ? "query" : NULL); /* NULL: the default */
}

static bool embed_role(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    eval_encoder *e = context;
    if (!eval_reader_start(&e->reader, n, err)) return false;
    const eval_ends ends = {.texts = texts, .n = n, .out = out, .cut = e->reader.cut};
    if (!run(e, eval_encoder_prompt(e, role), &ends, err)) return false;
    eval_reader_finish(&e->reader);
    return true;
}

eval_embedder eval_encoder_embedder(eval_encoder *e) {
    return (eval_embedder){.embed = embed_role,
                           .context = e,
                           .width = e->width,
                           .similarity = nn_model_similarity(e->model),
                           .reader = &e->reader};
}

void eval_encoder_stats_add(eval_encoder_stats *sum, int sign, const eval_encoder_stats *of) {
    sum->n_texts += sign * of->n_texts;
    sum->n_tokens += sign * of->n_tokens;
    sum->n_truncated += sign * of->n_truncated;
    sum->n_empty += sign * of->n_empty;
    sum->encode_ms += sign * of->encode_ms;
    sum->flops += sign * of->flops;
}

const eval_encoder_stats *eval_encoder_get_stats(const eval_encoder *e) {
    return &e->stats;
}

void eval_encoder_watch(eval_encoder *e, eval_encoder_progress *show, void *context) {
    e->show = show;
    e->show_context = context;
}

void eval_encoder_set_check(eval_encoder *e, eval_encoder_check *check, void *context) {
    e->check = check;
    e->check_context = context;
}

typedef struct tokenizer_job {
    const char *folder;
    data_tokenizer *tokenizer;
    bool ok;
    senc_error error;
} tokenizer_job;

static void *load_tokenizer(void *context) {
    tokenizer_job *job = context;
    job->ok = data_tokenizer_load(job->folder, NULL, &job->tokenizer, &job->error);
    return NULL;
}

/* The vocabulary takes as long as the weights: each is loaded by its own thread. When both fail, the tokenizer's error
 * is told. */
static bool load_both(eval_model *m, const char *folder, const nn_overrides *overrides, senc_error *err) {
    tokenizer_job job = {.folder = folder};
    pthread_t thread;
    if (!senc_thread_start(&thread, load_tokenizer, &job, err)) return false;
    senc_error model_error = {0};
    const bool ok = nn_model_load(folder, overrides, false, &m->model, &model_error);
    pthread_join(thread, NULL);
    m->tokenizer = job.tokenizer;
    if (!job.ok) return senc_fail(err, job.error.kind, "%s", job.error.text);
    return ok || senc_fail(err, model_error.kind, "%s", model_error.text);
}

bool eval_model_load(eval_model *m, const char *folder, const nn_overrides *overrides, senc_error *err) {
    *m = (eval_model){0};
    if (!senc_path_is_folder(folder)) {
        if (!senc_path_exists(folder))
            return senc_fail(err, SENC_BAD_INPUT, "%s: there is no such model folder", folder);
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a model folder, got a file", folder);
    }
    if (load_both(m, folder, overrides, err)) {
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
