/* One batch, whole and cut into chunks: the same loss and gradients, dropout included; limits that cannot work; NaN
 * weights. */
#include "train/step.h"

#include "tests/losses/loss_bench.h"
#include "tests/train/train_bench.h"
#include "train/optimizer.h"

#define N_ROWS  24
#define DROPOUT 0.2

static const char *const losses[] = {"mnrl", "cosine"};
enum { N_LOSSES = 2 };

/* The smallest budget under which a chunk of the benches' batches has so many tokens. */
static int64_t limit_for(train_bench *b, int64_t tokens) {
    train_stepper s;
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b->model, loss_find("mnrl"), NULL, 1, KERN_REAL, 0, err));
    const int64_t bytes = train_stepper_smallest_budget(&s, 2 * N_ROWS, tokens);
    train_stepper_free(&s);
    return bytes;
}

static void start(void) {
    train_bench_threads(2);
}

static train_bench open_for(const char *loss, double dropout) {
    senc_buffer rows = {0};
    if (strcmp(loss, "mnrl") == 0)
        train_bench_pairs(&rows, N_ROWS, 21);
    else
        train_bench_scored(&rows, N_ROWS, 22);
    const train_bench b = train_bench_open(rows.data, loss, dropout);
    senc_buffer_free(&rows);
    return b;
}

/* Loss, with gradients of weight * loss in the model; *n_chunks: into how many it was cut. */
static double run(train_bench *b, const char *loss, int64_t memory_limit, int64_t dropout_step, double weight,
                  int64_t *n_chunks) {
    const loss_spec *spec = loss_find(loss);
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(b, N_ROWS, 2);
    const train_batch *batch;
    train_stepper s;
    double value = NAN;
    ag_params_zero_grads(nn_model_params(b->model));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b->model, spec, options, 77, KERN_REAL, memory_limit, err));
    TRAIN_BENCH_OK(train_stepper_run(&s, batch, dropout_step, weight, &value, err));
    if (n_chunks) *n_chunks = s.n_chunks;
    if (memory_limit) ck_assert_int_le(train_stepper_peak_bytes(&s), memory_limit);
    train_stepper_free(&s);
    train_feed_free(f);
    bench_close(spec, options);
    return value;
}

static float *copy_gradients(train_bench *b) {
    const ag_params *params = nn_model_params(b->model);
    float *copy = senc_alloc((size_t)params->n_numbers, sizeof *copy);
    memcpy(copy, params->grads, (size_t)params->n_numbers * sizeof *copy);
    return copy;
}

/* Relative to the largest gradient of each parameter; a key's bias has a gradient of zero, that is of rounding noise.
 */
static void compare_gradients(const train_bench *b, const float *want, double relative) {
    const ag_params *params = nn_model_params(b->model);
    const double all = model_bench_largest(want, params->n_numbers);
    ck_assert_double_gt(all, 1e-6);
    for (int64_t i = 0; i < params->n; i++) {
        const ag_param *p = params->items[i];
        model_bench_compare(p->grad, want + p->offset, p->rows * p->cols, relative, 1e-6 * all, p->name);
    }
}

START_TEST(chunks_give_the_same) {
    const char *loss = losses[_i];
    train_bench b = open_for(loss, DROPOUT);
    int64_t n_chunks, n_cuts = 0;
    const double whole = run(&b, loss, 0, 3, 1, &n_chunks);
    ck_assert_int_eq(n_chunks, 1);
    ck_assert(whole > 0);
    float *want = copy_gradients(&b);
    /* 30 tokens: a sequence or two a chunk; 4000: all at once */
    static const int64_t tokens[] = {30, 64, 200, 350, 4000};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const double cut = run(&b, loss, limit_for(&b, tokens[i]), 3, 1, &n_chunks);
        ck_assert_msg(fabs(cut - whole) <= 1e-5 * whole, "%s in chunks of %lld tokens: loss %.9g, whole %.9g", loss,
                      (long long)tokens[i], cut, whole);
        compare_gradients(&b, want, 1e-5);
        n_cuts += n_chunks > 1;
    }
    ck_assert_int_eq(n_cuts, 4);
    /* the masks do matter: other ones give another loss, none another still */
    const double other = run(&b, loss, 0, 4, 1, NULL);
    ck_assert(fabs(other - whole) > 1e-4 * whole);
    free(want);
    train_bench_close(&b);
    train_bench plain = open_for(loss, 0);
    const double without = run(&plain, loss, 0, 3, 1, NULL);
    ck_assert(fabs(without - whole) > 1e-4 * whole);
    train_bench_close(&plain);
}
END_TEST

/* Gradients of weight * loss are added to what is there, whole or cut: two halves make one. */
START_TEST(weights_add_up) {
    train_bench b = open_for("mnrl", DROPOUT);
    const int64_t limit = limit_for(&b, 60);
    const double loss = run(&b, "mnrl", 0, 1, 1, NULL);
    float *want = copy_gradients(&b);
    for (int cut = 0; cut < 2; cut++) {
        ck_assert_double_eq_tol(run(&b, "mnrl", cut ? limit : 0, 1, 0.25, NULL), loss,
                                1e-5 * loss); /* the loss itself has no weight */
        float *quarter = copy_gradients(&b);
        const ag_params *params = nn_model_params(b.model);
        for (int64_t i = 0; i < params->n_numbers; i++) params->grads[i] = 4 * quarter[i];
        compare_gradients(&b, want, 1e-5);
        free(quarter);
    }
    /* added, not written */
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    ag_params_zero_grads(nn_model_params(b.model));
    for (int cut = 0; cut < 2; cut++) {
        train_stepper s;
        double value;
        TRAIN_BENCH_OK(
            train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, cut ? limit : 0, err));
        TRAIN_BENCH_OK(train_stepper_run(&s, batch, 1, 0.5, &value, err));
        train_stepper_free(&s);
    }
    compare_gradients(&b, want, 1e-5);
    train_feed_free(f);
    bench_close(spec, options);
    free(want);
    train_bench_close(&b);
}
END_TEST

typedef struct kept_run {
    int64_t n_chunks, n_kept, n_tokens_twice;
} kept_run;

/* Three steps of AdamW from the model's weights, in chunks of about 60 tokens under a budget. */
static kept_run three_steps(train_bench *b, const char *loss, kern_storage storage, int64_t budget) {
    const loss_spec *spec = loss_find(loss);
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(b, N_ROWS, 2);
    train_optimizer optimizer;
    train_stepper s;
    kept_run out = {0};
    const train_adamw_options adamw = {0.9, 0.999, 1e-8, 0.01, 1.0};
    TRAIN_BENCH_OK(train_optimizer_init(&optimizer, kern_best(), nn_model_params(b->model), adamw, err));
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b->model, spec, options, 77, storage, budget, err));
    s.largest_chunk = 60;
    for (int step = 0; step < 3; step++) {
        const train_batch *batch;
        double value;
        ag_params_zero_grads(nn_model_params(b->model));
        TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
        TRAIN_BENCH_OK(train_stepper_run(&s, batch, step, 1, &value, err));
        train_optimizer_step(&optimizer, 1e-3, 1.0, train_optimizer_gradient_norm(&optimizer, 1.0));
        int64_t n_tokens = 0;
        for (int64_t i = 0; i < s.n_chunks; i++) {
            n_tokens += s.chunks[i].n_tokens;
            if (i < s.n_chunks - s.n_kept) out.n_tokens_twice += s.chunks[i].n_tokens;
        }
        ck_assert_int_eq(n_tokens, batch->ids.n);
        ck_assert_int_ge(s.n_kept, 1);
    }
    ck_assert_int_eq(s.n_tokens_twice, out.n_tokens_twice);
    if (budget) ck_assert_int_le(train_stepper_peak_bytes(&s), budget);
    out.n_chunks = s.n_chunks;
    out.n_kept = s.n_kept;
    train_optimizer_free(&optimizer);
    train_stepper_free(&s);
    train_feed_free(f);
    bench_close(spec, options);
    return out;
}

/* How many chunks are kept decides the time and the memory, not a bit of the result: floats (0, 1), bf16 (2). */
START_TEST(kept_or_not_the_weights_are_the_same) {
    const char *loss = losses[_i % N_LOSSES];
    const kern_storage storage = _i < 2 ? KERN_REAL : KERN_BF16;
    if (storage == KERN_BF16 && !kern_best()->bf16) return;
    train_bench b = open_for(loss, DROPOUT);
    const ag_params *params = nn_model_params(b.model);
    const size_t bytes = (size_t)params->n_numbers * sizeof(float);
    float *start_values = malloc(bytes), *want = malloc(bytes);
    memcpy(start_values, params->values, bytes);
    kept_run first = three_steps(&b, loss, storage, 0), before = {0};
    memcpy(want, params->values, bytes);
    ck_assert_mem_ne(want, start_values, bytes);
    ck_assert_int_ge(first.n_chunks, 5);
    ck_assert_int_eq(first.n_kept, first.n_chunks);
    ck_assert_int_eq(first.n_tokens_twice, 0);
    int n_kinds = 0;
    for (int64_t budget = limit_for(&b, 100); before.n_kept < first.n_chunks; budget += budget / 12) {
        memcpy(params->values, start_values, bytes);
        const kept_run r = three_steps(&b, loss, storage, budget);
        ck_assert_int_eq(r.n_chunks, first.n_chunks);
        ck_assert_int_ge(r.n_kept, before.n_kept);
        n_kinds += r.n_kept > before.n_kept;
        ck_assert_msg(memcmp(params->values, want, bytes) == 0, "budget %lld, %lld of %lld chunks kept",
                      (long long)budget, (long long)r.n_kept, (long long)r.n_chunks);
        before = r;
    }
    ck_assert_int_eq(before.n_tokens_twice, 0);
    ck_assert_int_ge(n_kinds, 4);
    free(start_values);
    free(want);
    train_bench_close(&b);
}
END_TEST

/* The n-th allocation fails: an error that says so, and the next batch is as if nothing had been. */
START_TEST(allocations_may_fail) {
    train_bench b = open_for("mnrl", DROPOUT);
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    double want = NAN, value;
    int n_failed = 0;
    bool done = false;
    for (int n = 0; !done; n++) {
        train_stepper s;
        senc_error failure = {0};
        TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, 0, err));
        s.largest_chunk = 60;
        senc_alloc_fail_at(n);
        const bool ok = train_stepper_run(&s, batch, 3, 1, &value, &failure);
        senc_alloc_fail_at(0);
        if (n == 0) want = value;
        ck_assert(ok || strstr(failure.text, "memory"));
        ck_assert(!ok || value == want);
        n_failed += !ok;
        TRAIN_BENCH_OK(train_stepper_run(&s, batch, 3, 1, &value, err));
        ck_assert(value == want);
        done = n > 60;
        train_stepper_free(&s);
    }
    ck_assert_int_ge(n_failed, 10);
    for (int n = 1; n < 3; n++) {
        train_stepper s;
        senc_alloc_fail_at(n);
        TRAIN_BENCH_FAILS(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, 0, err),
                          SENC_FAILED, "memory");
        senc_alloc_fail_at(0);
        train_stepper_free(&s);
        break; /* the profile, the second one, is off */
    }
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

/* The plan for a batch: an upper bound of what it takes, and not far above; the smallest budget works, half of it does
 * not. */
START_TEST(the_plan_is_what_it_takes) {
    train_bench b = open_for("mnrl", DROPOUT);
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    int64_t longest = 0;
    for (int64_t i = 0; i < 2 * N_ROWS; i++) {
        const int64_t n = batch->offsets[i + 1] - batch->offsets[i];
        longest = n > longest ? n : longest;
    }
    const int64_t smallest = limit_for(&b, longest);
    for (int i = 0; i < 6; i++) {
        train_stepper s;
        double value;
        const int64_t budgets[] = {0, smallest, 2 * smallest, 3 * smallest, 5 * smallest, 9 * smallest};
        TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, budgets[i], err));
        s.largest_chunk = 100;
        const train_step_plan plan = train_stepper_plan(&s, batch->ids.n, 2 * N_ROWS, longest);
        TRAIN_BENCH_OK(train_stepper_run(&s, batch, 3, 1, &value, err));
        const int64_t planned = plan.activations_bytes + plan.loss_bytes, taken = train_stepper_peak_bytes(&s);
        printf("budget %lld: plan %lld chunks, %lld kept, %lld bytes; was %lld, %lld, %lld\n", (long long)budgets[i],
               (long long)plan.n_chunks, (long long)plan.n_kept, (long long)planned, (long long)s.n_chunks,
               (long long)s.n_kept, (long long)taken);
        ck_assert(taken <= planned + planned / 20 && taken >= planned / 5 * 3);
        ck_assert(budgets[i] == 0 || taken <= budgets[i]);
        train_stepper_free(&s);
    }
    train_stepper s;
    double value;
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, smallest / 2, err));
    TRAIN_BENCH_FAILS(train_stepper_run(&s, batch, 3, 1, &value, err), SENC_FAILED, "memory limit");
    train_stepper_free(&s);
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

/* Rows without some of the hard negatives (0), prompts that pooling leaves out (1): finite, and the same in chunks. */
START_TEST(absent_texts_and_excluded_prompts) {
    senc_buffer rows = {0};
    senc_rng rng;
    senc_rng_init(&rng, 8);
    for (int i = 0; i < 12; i++) {
        senc_buffer_append_text(&rows, "{\"anchor\": \"");
        train_bench_sentence(&rng, &rows);
        senc_buffer_append_text(&rows, "\", \"positive\": \"");
        train_bench_sentence(&rng, &rows);
        if (_i == 1 || i % 3 == 0) {
            senc_buffer_append_text(&rows, "\", \"negative\": \"");
            train_bench_sentence(&rng, &rows);
        }
        senc_buffer_append_text(&rows, "\"}\n");
    }
    train_bench b = train_bench_open(rows.data, "mnrl", DROPOUT);
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    const train_feed_options feed = {.set = b.set,
                                     .columns = &b.columns,
                                     .tokenizer = b.tokenizer,
                                     .query_prompt = "where is ",
                                     .exclude_prompt = _i == 1,
                                     .max_length = 40,
                                     .batch_size = 12,
                                     .mask_known_positives = true};
    train_feed *f;
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_create(&feed, &f, err));
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    ck_assert_int_eq(batch->loss.n_masked, _i == 1 ? 0 : 8 * 12);
    double want = NAN;
    float *gradients = NULL;
    for (int cut = 0; cut < 2; cut++) {
        train_stepper s;
        double value = NAN;
        const int64_t limit = cut ? limit_for(&b, 50) : 0;
        ag_params_zero_grads(nn_model_params(b.model));
        TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, limit, err));
        TRAIN_BENCH_OK(train_stepper_run(&s, batch, 1, 1, &value, err));
        ck_assert_int_eq(s.n_chunks > 1, cut);
        train_stepper_free(&s);
        ck_assert(isfinite(value));
        if (cut) {
            ck_assert_double_eq_tol(value, want, 1e-5 * want);
            compare_gradients(&b, gradients, 1e-5);
        }
        want = value;
        free(gradients);
        gradients = copy_gradients(&b);
        for (int64_t i = 0; i < nn_model_params(b.model)->n_numbers; i++) ck_assert(isfinite((double)gradients[i]));
    }
    free(gradients);
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
    senc_buffer_free(&rows);
}
END_TEST

/* The estimate behind the limit holds: any limit from a few tokens on works or says clearly that it is too small; none
 * crashes. */
START_TEST(any_limit) {
    train_bench b = open_for("mnrl", DROPOUT);
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    int64_t longest = 0;
    for (int64_t i = 0; i < 2 * N_ROWS; i++) {
        const int64_t n = batch->offsets[i + 1] - batch->offsets[i];
        longest = n > longest ? n : longest;
    }
    int n_failed = 0;
    for (int64_t limit = 1; limit < limit_for(&b, 3000); limit += 1 + limit / 3) {
        train_stepper s;
        double value;
        senc_error failure = {0};
        TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, limit, err));
        const bool ok = train_stepper_run(&s, batch, 0, 1, &value, &failure);
        n_failed += !ok;
        ck_assert_msg(ok || limit < limit_for(&b, 2 * longest), "a limit of %lld bytes, %lld for the longest text: %s",
                      (long long)limit, (long long)limit_for(&b, longest), failure.text);
        ck_assert(ok || failure.kind == SENC_FAILED || failure.kind == SENC_BAD_INPUT);
        ck_assert_msg(ok || (strstr(failure.text, "memory") && strstr(failure.text, "limit")), "%s", failure.text);
        train_stepper_free(&s);
    }
    ck_assert_int_gt(n_failed, 3);
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

static const struct nan_case {
    const char *tensor, *part;
} nan_cases[] = {
    {"embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"},
    {"encoder.layer.0.intermediate.dense.bias", "encoder.layer.0.intermediate.dense.bias"},
    {"encoder.layer.1.attention.output.dense.weight", "encoder.layer.1.attention.output.dense.weight"},
    {"encoder.layer.1.output.LayerNorm.bias", "encoder.layer.1.output.LayerNorm.bias"},
};
enum { N_NAN_CASES = sizeof nan_cases / sizeof nan_cases[0] };

/* The message names the parameter that went bad, whole or in chunks. */
START_TEST(nan_weights) {
    const struct nan_case *c = &nan_cases[_i];
    train_bench b = open_for("mnrl", DROPOUT);
    const nn_tensor *t = nn_model_find_tensor(b.model, c->tensor);
    ck_assert_msg(t != NULL, "no tensor %s", c->tensor);
    for (int64_t i = 0; i < t->rows * t->cols; i++) t->param->value[t->offset + i] = (real)NAN;
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    for (int cut = 0; cut < 2; cut++) {
        train_stepper s;
        double value;
        const int64_t limit = cut ? limit_for(&b, 60) : 0;
        TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, limit, err));
        TRAIN_BENCH_FAILS(train_stepper_run(&s, batch, 0, 1, &value, err), SENC_NOT_FINITE,
                          "loss is nan; first non-finite tensor: ");
        senc_error failure = {0};
        train_stepper_run(&s, batch, 0, 1, &value, &failure);
        ck_assert_msg(strstr(failure.text, c->part) != NULL, "expected %s, got %s", c->part, failure.text);
        train_stepper_free(&s);
    }
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

/* Finite weights that overflow on the way: the message names what overflowed. */
START_TEST(overflow) {
    train_bench b = open_for("mnrl", 0);
    const nn_tensor *t = nn_model_find_tensor(b.model, "encoder.layer.1.output.LayerNorm.weight");
    for (int64_t i = 0; i < t->cols; i++) t->param->value[t->offset + i] = (real)3e38;
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *f = train_bench_feed(&b, N_ROWS, 2);
    const train_batch *batch;
    train_stepper s;
    double value;
    TRAIN_BENCH_OK(train_feed_next(f, &batch, err));
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, 0, err));
    TRAIN_BENCH_FAILS(train_stepper_run(&s, batch, 0, 1, &value, err), SENC_NOT_FINITE,
                      "first non-finite tensor: layer 2 feed-forward norm");
    train_stepper_free(&s);
    train_feed_free(f);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

/* A second batch after a failed or a large one: the stepper can be used on. */
START_TEST(used_again) {
    train_bench b = open_for("mnrl", DROPOUT);
    const loss_spec *spec = loss_find("mnrl");
    void *options = bench_options(spec, NULL);
    train_feed *large = train_bench_feed(&b, N_ROWS, 2), *small = train_bench_feed(&b, 2, 2);
    const train_batch *batch, *two;
    TRAIN_BENCH_OK(train_feed_next(large, &batch, err));
    TRAIN_BENCH_OK(train_feed_next(small, &two, err));
    train_stepper s, fresh;
    double value, again, want;
    const int64_t limit = limit_for(&b, 80);
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, spec, options, 77, KERN_REAL, limit, err));
    TRAIN_BENCH_OK(train_stepper_init(&fresh, kern_best(), b.model, spec, options, 77, KERN_REAL, limit, err));
    TRAIN_BENCH_OK(train_stepper_run(&fresh, two, 9, 1, &want, err));
    TRAIN_BENCH_OK(train_stepper_run(&s, batch, 8, 1, &value, err));
    TRAIN_BENCH_OK(train_stepper_run(&s, two, 9, 1, &again, err));
    ck_assert_double_eq(again, want);
    ck_assert_int_eq(s.n_chunks, 1);
    ck_assert_int_gt(s.n_tokens_twice, 0);
    train_stepper_trim(&s);
    TRAIN_BENCH_OK(train_stepper_run(&s, two, 9, 1, &again, err));
    ck_assert_double_eq(again, want);
    ck_assert(s.flops > fresh.flops && fresh.flops > 0);
    train_stepper_free(&s);
    train_stepper_free(&fresh);
    train_feed_free(large);
    train_feed_free(small);
    bench_close(spec, options);
    train_bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("step");
    TCase *tests = tcase_create("step");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_loop_test(tests, chunks_give_the_same, 0, N_LOSSES);
    tcase_add_loop_test(tests, kept_or_not_the_weights_are_the_same, 0, 3);
    tcase_add_test(tests, allocations_may_fail);
    tcase_add_test(tests, the_plan_is_what_it_takes);
    tcase_add_test(tests, weights_add_up);
    tcase_add_loop_test(tests, absent_texts_and_excluded_prompts, 0, 2);
    tcase_add_test(tests, any_limit);
    tcase_add_loop_test(tests, nan_weights, 0, N_NAN_CASES);
    tcase_add_test(tests, overflow);
    tcase_add_test(tests, used_again);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
