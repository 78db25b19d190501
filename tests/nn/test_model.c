/* The model against PyTorch: every layer, every pooling, on every kernel table; dropout; prompts. */
#include "tests/nn/model_bench.h"

#include "autograd/base/threads.h"
#include "nn/encoder_layer.h"
#include "tests/real.h"

#define TOLERANCE                                                                                                      \
    1e-5 /* of the largest value; float has 6e-8, two layers of sums over 12 to 20 numbers lose some of it */

static const struct {
    const char *name, *reference;
} poolings[] = {
    {"mean", "mean"},
    {"cls", "cls"},
    {"max", "max"},
    {"mean_sqrt_len", "mean_sqrt_len_tokens"},
    {"weightedmean", "weightedmean"},
    {"lasttoken", "lasttoken"},
};
enum { N_POOLINGS = 6 };

START_TEST(every_layer) {
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(TINY, NULL, false);
    ck_assert_int_eq(nn_model_layers(m), 2);
    int n_tables;
    const kern_table *const *tables = kern_all(&n_tables);
    for (int k = 0; k < n_tables; k++) {
        senc_error err = {0};
        ag_tape tape;
        ck_assert(ag_tape_init(&tape, tables[k], false, 0, &err));
        ag_node *hidden[3];
        const nn_pass pass = {0};
        nn_model_encode_layers(m, &tape, b.ids, b.sequences, &pass, hidden);
        ck_assert_msg(ag_tape_check(&tape, &err), "%s", err.text);
        for (int layer = 0; layer < 3; layer++) {
            char name[32];
            snprintf(name, sizeof name, "hidden.%d", layer);
            int64_t n;
            float *want = model_bench_tensor(&b, name, &n);
            ck_assert_int_eq(hidden[layer]->rows * hidden[layer]->cols, n);
            model_bench_compare(hidden[layer]->value, want, n, TOLERANCE, 0, name);
            free(want);
        }
        ag_tape_free(&tape);
    }
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

START_TEST(every_pooling) {
    model_bench b = model_bench_open();
    for (int i = 0; i < N_POOLINGS; i++) {
        nn_overrides overrides = NN_OVERRIDES_NONE;
        overrides.pooling = poolings[i].name;
        nn_model *m = model_bench_load(TINY, &overrides, false);
        char name[48];
        snprintf(name, sizeof name, "pooled.%s", poolings[i].reference);
        int64_t n;
        float *want = model_bench_tensor(&b, name, &n);
        for (int gradients = 0; gradients < 2; gradients++) { /* inference reuses memory, training keeps it */
            float *got = model_bench_encode(m, kern_best(), gradients != 0, b.ids, b.sequences, NULL);
            model_bench_compare(got, want, n, TOLERANCE, 0, name);
            free(got);
        }
        free(want);
        nn_model_free(m);
    }
    model_bench_close(&b);
}
END_TEST

/* Whatever order they are asked in, the vectors of several modes come as sentence-transformers lays them side by side.
 */
START_TEST(poolings_side_by_side) {
    model_bench b = model_bench_open();
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.pooling = "lasttoken+mean+cls";
    nn_model *m = model_bench_load(TINY, &overrides, false);
    ck_assert_int_eq(nn_model_width(m), 36);
    float *got = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, NULL);
    const char *const parts[] = {"pooled.cls", "pooled.mean", "pooled.lasttoken"};
    for (int p = 0; p < 3; p++) {
        float *want = model_bench_tensor(&b, parts[p], NULL);
        for (int64_t s = 0; s < b.sequences.n; s++) {
            model_bench_compare(got + s * 36 + p * 12, want + s * 12, 12, 1e-4, 0, parts[p]);
        }
        free(want);
    }
    free(got);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

START_TEST(prompt_left_out) {
    model_bench b = model_bench_open();
    int64_t prompt_tokens[16];
    for (int i = 0; i < 16; i++) prompt_tokens[i] = 2;
    const nn_pass pass = {.prompt_tokens = prompt_tokens};
    for (int i = 0; i < N_POOLINGS; i++) {
        char *folder = model_bench_tiny_copy();
        char config[256], name[48];
        snprintf(config, sizeof config,
                 "{\"embedding_dimension\": 12, \"pooling_mode\": \"%s\", \"include_prompt\": false}",
                 poolings[i].reference);
        model_bench_write_text(folder, "1_Pooling/config.json", config);
        if (strcmp(poolings[i].name, "weightedmean") == 0) {
            model_bench_refuses(folder, NULL, "1_Pooling/config.json: weightedmean with \"include_prompt\": false");
            model_bench_remove(folder);
            continue;
        }
        nn_model *m = model_bench_load(folder, NULL, false);
        ck_assert(!nn_model_includes_prompt(m));
        snprintf(name, sizeof name, "prompt.%s", poolings[i].reference);
        float *want = model_bench_tensor(&b, name, NULL);
        float *got = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, &pass);
        for (int64_t s = 0; s < b.sequences.n; s++) {
            /* The sequence of two tokens is all prompt: senc keeps its last token instead of giving zeros. */
            if (b.offsets[s + 1] - b.offsets[s] <= 2) continue;
            model_bench_compare(got + s * 12, want + s * 12, 12, 1e-4, 0, name);
        }
        for (int64_t k = 0; k < b.sequences.n * 12; k++) ck_assert(isfinite(got[k]));
        free(got);
        free(want);
        nn_model_free(m);
        model_bench_remove(folder);
    }
    model_bench_close(&b);
}
END_TEST

static float *encode_with_dropout(nn_model *m, const model_bench *b, uint64_t seed, int64_t step) {
    const nn_pass pass = {.training = true, .seed = seed, .step = step};
    return model_bench_encode(m, kern_best(), true, b->ids, b->sequences, &pass);
}

START_TEST(dropout_depends_on_seed_and_step_only) {
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(TINY, NULL, true);
    const size_t n_bytes = (size_t)(b.sequences.n * 12) * sizeof(float);
    float *first = encode_with_dropout(m, &b, 5, 3), *again = encode_with_dropout(m, &b, 5, 3);
    float *step = encode_with_dropout(m, &b, 5, 4), *seed = encode_with_dropout(m, &b, 6, 3);
    ck_assert_int_eq(memcmp(first, again, n_bytes), 0);
    ck_assert_int_ne(memcmp(first, step, n_bytes), 0);
    ck_assert_int_ne(memcmp(first, seed, n_bytes), 0);
    free(first);
    free(again);
    free(step);
    free(seed);
    nn_overrides none = NN_OVERRIDES_NONE;
    none.dropout = 0;
    nn_model *plain = model_bench_load(TINY, &none, true);
    float *trained = encode_with_dropout(plain, &b, 5, 3);
    float *want = model_bench_tensor(&b, "pooled.mean", NULL);
    model_bench_compare(trained, want, b.sequences.n * 12, TOLERANCE, 0, "dropout 0");
    free(want);
    free(trained);
    nn_model_free(plain);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

/* Of the states behind the embeddings a quarter is zero, the others are 4/3 of what they were. */
START_TEST(embeddings_are_dropped) {
    model_bench b = model_bench_open();
    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.dropout = 0.25;
    nn_model *m = model_bench_load(TINY, &overrides, true);
    senc_error err = {0};
    ag_tape tape;
    ck_assert(ag_tape_init(&tape, kern_best(), true, 0, &err));
    ag_node *hidden[3];
    const nn_pass pass = {.training = true, .seed = 3};
    nn_model_encode_layers(m, &tape, b.ids, b.sequences, &pass, hidden);
    int64_t n, n_zero = 0;
    float *plain = model_bench_tensor(&b, "hidden.0", &n);
    for (int64_t i = 0; i < n; i++) {
        const double x = (double)hidden[0]->value[i];
        n_zero += x == 0;
        if (x != 0) ck_assert_double_eq_tol(x, (double)plain[i] / 0.75, 1e-4);
    }
    ck_assert((double)n_zero > 0.2 * (double)n &&
              (double)n_zero < 0.3 * (double)n); /* 1056 numbers: four standard errors are 0.053 */
    free(plain);
    ag_tape_free(&tape);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

/* One mask used at two places would tie them together. */
START_TEST(every_place_has_its_own_dropout) {
    enum { LAYERS = 30, SITES = 3 };
    uint64_t keys[(LAYERS + 1) * SITES];
    int n = 0;
    nn_pass pass = {.training = true, .seed = 1, .step = 2, .first_token = 7};
    for (int64_t layer = -1; layer < LAYERS; layer++) {
        for (int site = 0; site < SITES; site++) {
            const kern_dropout d = nn_dropout_at(&pass, 0.1, layer, site);
            ck_assert(d.p == 0.1 && d.first_row == 7);
            for (int i = 0; i < n; i++) ck_assert_uint_ne(keys[i], d.key);
            keys[n++] = d.key;
        }
    }
    ck_assert(nn_dropout_at(&pass, 0, 0, 0).p == 0);
    pass.training = false;
    ck_assert(nn_dropout_at(&pass, 0.1, 0, 0).p == 0);
}
END_TEST

/* Cached contrastive training embeds a batch in chunks and must draw the masks of the whole. */
START_TEST(chunks_draw_the_masks_of_the_whole) {
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(TINY, NULL, true);
    float *whole = encode_with_dropout(m, &b, 5, 3);
    const int64_t cut = 5, first = b.offsets[cut], n_left = b.sequences.n - cut;
    int64_t offsets[16];
    for (int64_t s = 0; s <= n_left; s++) offsets[s] = b.offsets[cut + s] - first;
    const nn_pass pass = {.training = true, .seed = 5, .step = 3, .first_token = first};
    float *part = model_bench_encode(m, kern_best(), true, b.ids + first, (kern_sequences){offsets, n_left}, &pass);
    model_bench_compare(part, whole + cut * 12, n_left * 12, 1e-6, 0, "chunk");
    free(part);
    free(whole);
    nn_model_free(m);
    model_bench_close(&b);
}
END_TEST

START_TEST(facts) {
    nn_model *m = model_bench_load(TINY, NULL, false);
    char text[160];
    ck_assert_str_eq(nn_model_describe(m, text, sizeof text),
                     "bert, 2 layers, 12 wide, 3 heads, pooling mean, 0.003 M parameters");
    ck_assert_int_eq(nn_model_width(m), 12);
    ck_assert_int_eq(nn_model_max_length(m), 16);
    ck_assert_int_eq(nn_model_vocab_size(m), 41);
    ck_assert_str_eq(nn_model_similarity(m), "cosine");
    ck_assert_str_eq(nn_model_prompt(m, "query"), "");
    ck_assert_str_eq(nn_model_prompt(m, NULL), "");
    ck_assert(nn_model_includes_prompt(m) && !nn_model_lowers_case(m));
    senc_error err = {0};
    ck_assert(nn_model_set_prompt(m, "query", "ask: ", &err) && nn_model_set_prompt(m, "other", "x", &err));
    ck_assert_str_eq(nn_model_prompt(m, "query"), "ask: ");
    ck_assert_str_eq(nn_model_prompt(m, "other"), "x");
    ck_assert_str_eq(nn_model_prompt(m, "absent"), "");
    ck_assert_str_eq(nn_model_document_prompt(m), "");
    ck_assert(nn_model_set_prompt(m, "document", "", &err) && nn_model_set_prompt(m, "passage", "it says: ", &err));
    ck_assert_str_eq(nn_model_document_prompt(m), "");
    ck_assert_str_eq(nn_model_unused_prompt(m), "passage");
    ck_assert(nn_model_set_prompt(m, "document", "text: ", &err));
    ck_assert_str_eq(nn_model_document_prompt(m), "text: ");
    ck_assert_ptr_null(nn_model_unused_prompt(m));
    ck_assert(nn_model_set_prompt(m, "empty", "", &err) && nn_model_has_prompt(m, "empty"));
    ck_assert(!nn_model_has_prompt(m, "absent"));
    /* 2 layers x (3 + 4 tokens) x (8 * 144 + 4 * 12 * 20) + 4 * 12 * (9 + 16) a layer */
    const int64_t offsets[] = {0, 3, 7};
    const double want = 2 * (7 * (8 * 144 + 4 * 12 * 20) + 4 * 12 * 25);
    ck_assert_double_eq_tol(nn_model_forward_flops(m, (kern_sequences){offsets, 2}), want, 1e-6);
    ck_assert_int_gt(nn_model_activation_bytes(m, KERN_REAL).kept, 2 * 8 * 12 * 4);
    nn_model_free(m);
}
END_TEST

static void compare_with_plan(int64_t measured, int64_t planned, double least, const char *what) {
    const double ratio = (double)measured / (double)planned;
    printf("%s: %lld bytes, %.3f of the plan\n", what, (long long)measured, ratio);
    ck_assert_msg(ratio < 1.02 && ratio > least, "%s: %lld bytes, planned %lld", what, (long long)measured,
                  (long long)planned);
}

/* The plan's bytes, against what the tape really takes: long (0) and short (1) texts, as float (0, 1) and bf16 (2, 3).
 */
START_TEST(memory_plan_holds) {
    senc_error err = {0};
    const nn_new_config config = {.architecture = "bert",
                                  .vocab_size = 50,
                                  .hidden_size = 64,
                                  .layers = 4,
                                  .heads = 4,
                                  .intermediate_size = 256,
                                  .max_positions = 64,
                                  .dropout = 0.1,
                                  .pooling = "mean",
                                  .normalize = true};
    const kern_storage storage = _i < 2 ? KERN_REAL : KERN_BF16;
    if (storage == KERN_BF16 && !kern_best()->bf16) return;
    nn_model *m;
    ck_assert_msg(nn_model_create(&config, true, &m, &err), "%s", err.text);
    enum { N = 2000 };
    static int32_t ids[N];
    const int64_t length = _i % 2 ? 10 : 50, n_rows = N / length;
    int64_t offsets[N + 1];
    for (int i = 0; i < N; i++) ids[i] = i % 50;
    for (int64_t s = 0; s <= n_rows; s++) offsets[s] = s * length;
    const kern_sequences sequences = {offsets, n_rows};
    const nn_activation_bytes plan = nn_model_activation_bytes(m, storage);
    const int64_t rest = n_rows * plan.sequence + plan.nodes;
    nn_pass pass = {.training = true, .seed = 1, .storage = storage};
    ag_tape tape, second, inference;
    ck_assert(ag_tape_init(&tape, kern_best(), true, 0, &err));
    ck_assert(ag_tape_init(&inference, kern_best(), false, 0, &err));
    ag_tape_init_beside(&second, &tape, true);
    ag_node *y = nn_model_encode(m, &tape, ids, sequences, &pass);
    const int64_t first = tape.memory->top + tape.memory->beside_bytes;
    nn_model_encode(m, &second, ids, sequences, &pass);
    compare_with_plan(tape.memory->top + tape.memory->beside_bytes - first, N * plan.kept + rest, 0.9, "kept");
    ag_tape_reset(&second);
    float *seed = senc_alloc_zero((size_t)(y->rows * y->cols), sizeof *seed);
    seed[0] = 1;
    ag_tape_backward(&tape, y, seed);
    ck_assert_int_le(ag_tape_peak_bytes(&tape), N * (2 * plan.kept + plan.passing) + 2 * rest);
    ag_tape_free(&second);
    ag_tape_free(&tape);
    ck_assert(ag_tape_init(&tape, kern_best(), true, 0, &err));
    y = nn_model_encode(m, &tape, ids, sequences, &pass);
    ag_tape_backward(&tape, y, seed);
    compare_with_plan(ag_tape_peak_bytes(&tape), N * (plan.kept + plan.passing) + rest, 0.9, "with backward");
    pass.training = false;
    nn_model_encode(m, &inference, ids, sequences, &pass);
    compare_with_plan(ag_tape_peak_bytes(&inference), N * plan.inference + rest, 0.7, "without gradients");
    ag_tape_reset(&tape);
    nn_model_encode(m, &tape, ids, (kern_sequences){offsets, 1}, &pass);
    ck_assert_int_le(tape.memory->beside_bytes, length * plan.kept + plan.nodes);
    ck_assert_int_ge(tape.memory->beside_bytes, plan.nodes / 2);
    free(seed);
    ag_tape_free(&tape);
    ag_tape_free(&inference);
    nn_model_free(m);
}
END_TEST

START_TEST(tensors_by_their_names) {
    nn_model *m = model_bench_load(TINY, NULL, true);
    ck_assert_int_eq(nn_model_n_tensors(m), 5 + 2 * 16);
    const nn_tensor *query = nn_model_find_tensor(m, "encoder.layer.1.attention.self.query.weight");
    const nn_tensor *value = nn_model_find_tensor(m, "encoder.layer.1.attention.self.value.bias");
    ck_assert(query && value && !nn_model_find_tensor(m, "encoder.layer.1.attention.self.qkv.weight"));
    ck_assert_str_eq(query->param->name, "encoder.layer.1.attention.self.qkv.weight");
    ck_assert(query->offset == 0 && query->rows == 12 && query->cols == 12 && !query->is_vector);
    ck_assert(value->offset == 24 && value->rows == 1 && value->cols == 12 && value->is_vector);
    int64_t n = 0;
    for (int64_t i = 0; i < nn_model_n_tensors(m); i++) {
        const nn_tensor *t = nn_model_tensor(m, i);
        n += t->rows * t->cols;
        ck_assert_int_eq(t->param->decay, !t->is_vector);
    }
    ck_assert_int_eq(n, ag_params_count(nn_model_params(m)));
    nn_model_free(m);
}
END_TEST

/* Vectors of the public all-MiniLM-L6-v2 (its own folder: mean pooling, normalized), computed by
 * sentence-transformers 6.2 in float32: SentenceTransformer(folder).encode(["A lamp by the river.", "Bread, salt and
 * paper boats are sold at the old clock tower."]). Components 0, 1, 2, 191, 383. */
START_TEST(real_model) {
    const char *models = getenv("SENC_MODELS");
    static const int32_t ids[] = {101,  1037, 10437, 2011, 1996, 2314, 1012, 102,  101,  7852, 1010, 5474,
                                  1998, 3259, 6242,  2024, 2853, 2012, 1996, 2214, 5119, 3578, 1012, 102};
    static const int64_t offsets[] = {0, 8, 24};
    static const int columns[] = {0, 1, 2, 191, 383};
    static const double want[2][5] = {
        {0.02089295, 0.07735380, -0.01839285, 0.00216530, -0.01102308},
        {-0.06846906, 0.06827635, 0.04163631, 0.06008402, 0.02368161},
    };
    char *folder = senc_path_join(models, "all-MiniLM-L6-v2");
    nn_model *m = model_bench_load(folder, NULL, false);
    char text[160];
    ck_assert_str_eq(nn_model_describe(m, text, sizeof text),
                     "bert, 6 layers, 384 wide, 12 heads, pooling mean, normalized, 22.6 M parameters");
    ck_assert_int_eq(nn_model_max_length(m), 256);
    float *got = model_bench_encode(m, kern_best(), false, ids, (kern_sequences){offsets, 2}, NULL);
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < 5; i++) {
            ck_assert_double_eq_tol((double)got[s * 384 + columns[i]], want[s][i], 1e-6);
        }
    }
    free(got);
    nn_model_free(m);
    free(folder);
}
END_TEST

/* In the test's own process: a pool does not outlive a fork. */
static void start_threads(void) {
    senc_error err = {0};
    ck_assert_msg(senc_threads_init(2, &err), "%s", err.text);
}

int main(int argc, char **argv) {
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("model");
    tcase_add_checked_fixture(tests, start_threads, senc_threads_free);
    tcase_add_test(tests, every_layer);
    tcase_add_test(tests, every_pooling);
    tcase_add_test(tests, poolings_side_by_side);
    tcase_add_test(tests, prompt_left_out);
    tcase_add_test(tests, dropout_depends_on_seed_and_step_only);
    tcase_add_test(tests, embeddings_are_dropped);
    tcase_add_test(tests, every_place_has_its_own_dropout);
    tcase_add_test(tests, chunks_draw_the_masks_of_the_whole);
    tcase_add_test(tests, facts);
    tcase_add_loop_test(tests, memory_plan_holds, 0, 4);
    tcase_add_test(tests, tensors_by_their_names);
    suite_add_tcase(suite, tests);
    TCase *real_case = tcase_create("real");
    tcase_add_checked_fixture(real_case, start_threads, senc_threads_free);
    tcase_add_test(real_case, real_model);
    return run_with_real(suite, real_case, "SENC_MODELS", argc, argv);
}
