/* The memory plan: lengths of rows, the longest batch to expect, budgets under a limit, the sums, and the lines. */
#include "train/memory_plan.h"

#include "autograd/base/memory.h"
#include "tests/losses/loss_bench.h"
#include "tests/train/train_bench.h"

#define MIB ((int64_t)1 << 20)

static void start(void) {
    train_bench_threads(2);
}

/* Rows of 1, 2, ... n words in the anchor, one in the positive. */
static train_bench open_growing(int n) {
    senc_buffer rows = {0};
    for (int i = 1; i <= n; i++) {
        senc_buffer_append_text(&rows, "{\"anchor\": \"");
        for (int k = 0; k < i; k++) senc_buffer_append_text(&rows, k ? " a" : "a");
        senc_buffer_append_text(&rows, "\", \"positive\": \"a\"}\n");
    }
    const train_bench b = train_bench_open(rows.data, "mnrl", 0);
    senc_buffer_free(&rows);
    return b;
}

static train_feed_options feed_of(const train_bench *b, int64_t max_length) {
    return (train_feed_options){
        .set = b->set, .columns = &b->columns, .tokenizer = b->tokenizer, .max_length = max_length, .batch_size = 4};
}

/* i words and two special tokens, one word and two special tokens. */
START_TEST(lengths_of_rows) {
    train_bench b = open_growing(9);
    train_feed_options feed = feed_of(&b, 40);
    train_row_lengths l;
    TRAIN_BENCH_OK(train_row_lengths_measure(&feed, 100, &l, err));
    ck_assert_int_eq(l.n_looked_at, 9);
    ck_assert_double_eq_tol(l.mean, 5 + 2 + 3, 1e-9);
    ck_assert_double_eq_tol(l.deviation, sqrt(60.0 / 9), 1e-9);   /* of 1..9 */
    TRAIN_BENCH_OK(train_row_lengths_measure(&feed, 3, &l, err)); /* rows 0, 3, 6 */
    ck_assert_int_eq(l.n_looked_at, 3);
    ck_assert_double_eq_tol(l.mean, 4 + 2 + 3, 1e-9);
    feed.max_length = 4; /* two words at most */
    TRAIN_BENCH_OK(train_row_lengths_measure(&feed, 100, &l, err));
    ck_assert_double_eq_tol(l.mean, (1 + 8 * 2) / 9.0 + 2 + 3, 1e-9);
    feed.max_length = 40;
    feed.query_prompt = "a a a ";
    TRAIN_BENCH_OK(train_row_lengths_measure(&feed, 100, &l, err));
    ck_assert_double_eq_tol(l.mean, 5 + 3 + 2 + 3, 1e-9);
    for (int n = 1; n < 4; n++) {
        senc_error failure = {0};
        senc_alloc_fail_at(n);
        const bool ok = train_row_lengths_measure(&feed, 100, &l, &failure);
        senc_alloc_fail_at(0);
        ck_assert_msg(!ok && strstr(failure.text, "memory"), "allocation %d: %s", n, failure.text);
    }
    train_bench_close(&b);
}
END_TEST

START_TEST(the_longest_batch_to_expect) {
    const train_row_lengths l = {.mean = 100, .deviation = 30};
    ck_assert_int_eq(train_row_lengths_longest_batch(&l, 1000000, 64, 1), 6400);
    const int64_t of_ten = train_row_lengths_longest_batch(&l, 1000000, 64, 10);
    ck_assert_int_eq(of_ten, 6400 + 516); /* sqrt(2 ln 10) = 2.146 times 30 sqrt(64) */
    ck_assert_int_gt(train_row_lengths_longest_batch(&l, 1000000, 64, 1000), of_ten);
    ck_assert_int_eq(train_row_lengths_longest_batch(&l, 64, 64, 10), 6400); /* all rows: always the same */
    ck_assert_int_eq(train_row_lengths_longest_batch(&l, 20, 64, 10), 2000);
    ck_assert_int_lt(train_row_lengths_longest_batch(&l, 100, 64, 10), of_ten);
    /* Random batches of such rows stay below it, mostly: 200 runs of 10 batches of 64 rows of 70 or 130 tokens. */
    senc_rng rng;
    senc_rng_init(&rng, 9);
    int n_longer = 0;
    for (int run = 0; run < 200; run++) {
        int64_t longest = 0;
        for (int batch = 0; batch < 10; batch++) {
            int64_t n = 0;
            for (int i = 0; i < 64; i++) n += senc_rng_below(&rng, 2) ? 70 : 130;
            longest = n > longest ? n : longest;
        }
        ck_assert_int_lt(longest, of_ten + of_ten / 10);
        ck_assert_int_gt(longest, of_ten - of_ten / 10);
        n_longer += longest > of_ten;
    }
    ck_assert_int_lt(n_longer, 60);
}
END_TEST

START_TEST(budgets) {
    train_step_budget b = train_memory_budget(0, 300 * MIB, 30 * MIB);
    ck_assert(b.bytes == 0 && b.cut_bytes == 0);
    b = train_memory_budget(1000 * MIB, 300 * MIB, 30 * MIB);
    ck_assert_int_eq(b.bytes, 670 * MIB);
    ck_assert_int_eq(b.cut_bytes, 350 * MIB);
    /* what chunks are cut for does not follow what the process has at the moment */
    for (int64_t rest = 0; rest <= 350; rest++) {
        b = train_memory_budget(1000 * MIB, 300 * MIB, rest * MIB);
        ck_assert_int_eq(b.cut_bytes, 350 * MIB);
        ck_assert_int_eq(b.bytes, (700 - rest) * MIB);
    }
    b = train_memory_budget(1000 * MIB, 300 * MIB, 351 * MIB);
    ck_assert(b.bytes == 0 && b.cut_bytes == 0);
    b = train_memory_budget(300 * MIB, 300 * MIB, 30 * MIB);
    ck_assert(b.bytes == 0 && b.cut_bytes == 0);
}
END_TEST

static void check_print(const train_memory_plan *plan, const char *const *parts) {
    senc_buffer text = {0};
    train_memory_plan_print(plan, &text);
    int n_lines = 0;
    for (const char *p = text.data; *p; p++) n_lines += *p == '\n';
    ck_assert_int_eq(n_lines, 4);
    for (int i = 0; parts[i]; i++)
        ck_assert_msg(strstr(text.data, parts[i]) != NULL, "no \"%s\" in\n%s", parts[i], text.data);
    senc_buffer_free(&text);
}

START_TEST(sums_and_lines) {
    train_bench b = open_growing(9);
    const ag_params *params = nn_model_params(b.model);
    const train_row_lengths lengths = {.mean = 300, .deviation = 0};
    train_stepper s;
    TRAIN_BENCH_OK(train_stepper_init(&s, kern_best(), b.model, loss_find("mnrl"), NULL, 1, KERN_REAL, 0, err));
    s.largest_chunk = 1000;
    train_memory_facts facts = {.params = params,
                                .stepper = &s,
                                .lengths = &lengths,
                                .rest_bytes = 20 * MIB,
                                .n_rows = 1000,
                                .batch_rows = 10,
                                .n_columns = 2,
                                .n_batches = 7,
                                .max_length = 400};
    train_memory_plan plan;
    train_memory_plan_make(&facts, &plan);
    ck_assert_int_eq(plan.batch_tokens, 3000);
    ck_assert_int_eq(plan.longest_batch_tokens, 8000);
    ck_assert_int_eq(plan.step.n_chunks, 4); /* of 1000 tokens at most with texts of up to 400: of 800 on average */
    ck_assert_int_eq(plan.step.n_kept, 4);
    const int64_t parameters = 4 * params->n_numbers * (int64_t)sizeof(real);
    ck_assert_int_eq(plan.weights_bytes + plan.gradients_bytes + plan.moments_bytes, parameters);
    ck_assert_int_eq(train_memory_parameter_bytes(params), parameters);
    ck_assert_int_eq(train_memory_plan_total(&plan),
                     parameters + 20 * MIB + plan.step.activations_bytes + plan.step.loss_bytes);
    check_print(&plan, (const char *[]){"weights ", "(3000 tokens in 4 chunks, all kept)", "if every text were", NULL});
    /* under a limit: within it, and the smallest one is what is said */
    facts.rest_bytes = plan.step.activations_bytes / 4;
    facts.limit_bytes = parameters + facts.rest_bytes + plan.step.activations_bytes * 3 / 4;
    const train_step_budget budget = train_memory_budget(facts.limit_bytes, parameters, facts.rest_bytes);
    s.budget_bytes = budget.bytes;
    s.cut_bytes = budget.cut_bytes;
    train_memory_plan_make(&facts, &plan);
    ck_assert_int_le(train_memory_plan_total(&plan), facts.limit_bytes);
    ck_assert_int_lt(plan.step.n_kept, plan.step.n_chunks);
    ck_assert_int_lt(plan.smallest_limit_bytes, facts.limit_bytes);
    check_print(&plan, (const char *[]){" run twice)", ", within memory_limit ", NULL});
    for (int64_t rest = 0; rest < 3; rest++) { /* of a process that is smaller and larger than the step */
        facts.rest_bytes = rest * plan.step.activations_bytes;
        train_memory_plan_make(&facts, &plan);
        const train_step_budget least = train_memory_budget(plan.smallest_limit_bytes, parameters, facts.rest_bytes);
        s.budget_bytes = least.bytes;
        s.cut_bytes = least.cut_bytes;
        ck_assert_int_ge(train_stepper_plan(&s, 400, 20, 20).chunk_tokens, 390);
        s.budget_bytes = budget.bytes;
        s.cut_bytes = budget.cut_bytes;
    }
    /* a batch is never longer than the data allows */
    facts.n_rows = 4;
    facts.max_length = 10;
    train_memory_plan_make(&facts, &plan);
    ck_assert_int_eq(plan.batch_tokens, 4 * 2 * 10);
    train_stepper_free(&s);
    train_bench_close(&b);
}
END_TEST

/* What is there now: parameters count once, a block of the heap in full. */
START_TEST(rest_of_the_process) {
    train_bench b = open_growing(3);
    const int64_t before = train_memory_rest_bytes(nn_model_params(b.model));
    ck_assert_int_gt(before, 0);
    const size_t n = (size_t)(40 * MIB);
    char *block = senc_alloc_aligned(n, 1);
    for (size_t i = 0; i < n; i += 4096) ((volatile char *)block)[i] = 1;
    const int64_t more = train_memory_rest_bytes(nn_model_params(b.model)) - before;
    ck_assert_msg(more > 39 * MIB && more < 44 * MIB, "%lld bytes more", (long long)more);
    free(block);
    train_bench_close(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory_plan");
    TCase *tests = tcase_create("memory_plan");
    tcase_add_checked_fixture(tests, start, senc_threads_free);
    tcase_add_test(tests, lengths_of_rows);
    tcase_add_test(tests, the_longest_batch_to_expect);
    tcase_add_test(tests, budgets);
    tcase_add_test(tests, sums_and_lines);
    tcase_add_test(tests, rest_of_the_process);
    suite_add_tcase(suite, tests);
    return train_bench_run(suite);
}
