/* Model folders as they are found: layouts, prefixes, number types, shards, Dense modules; and every way in which they
 * are wrong. */
#include "tests/nn/weight_variants.h"

#include "autograd/base/log.h"

/* Every parameter of the two models, up to `relative` of the tensor's largest. */
static void same_parameters(const nn_model *got, const nn_model *want, double relative) {
    ck_assert_int_eq(nn_model_n_tensors(got), nn_model_n_tensors(want));
    for (int64_t i = 0; i < nn_model_n_tensors(want); i++) {
        const nn_tensor *w = nn_model_tensor(want, i), *g = nn_model_find_tensor(got, w->name);
        ck_assert_ptr_nonnull(g);
        model_bench_compare(g->param->value + g->offset, w->param->value + w->offset, w->rows * w->cols, relative, 0,
                            w->name);
    }
}

START_TEST(weights_in_other_spellings) {
    static const struct {
        weight_variant v;
        double relative;
    } rows[] = {
        {{.prefix = "bert.", .dtype = DATA_F32}, 0},
        {{.prefix = "bert.", .dtype = DATA_F32, .old_norms = true}, 0},
        {{.dtype = DATA_F64}, 0},
        {{.dtype = DATA_F16}, 1e-3},  /* 10 bits, truncated */
        {{.dtype = DATA_BF16}, 8e-3}, /* 7 bits, truncated */
        {{.dtype = DATA_F32, .shards = 3}, 0},
    };
    nn_model *plain = model_bench_load(TINY, NULL, false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *folder = model_bench_tiny_copy();
        weight_write(folder, rows[i].v);
        nn_model *m = model_bench_load(folder, NULL, false);
        same_parameters(m, plain, rows[i].relative);
        nn_model_free(m);
        model_bench_remove(folder);
    }
    nn_model_free(plain);
}
END_TEST

/* Inference uses what lies in the file as it is needed from there; the file may be replaced meanwhile. */
START_TEST(weights_are_borrowed_from_the_file) {
    char *folder = model_bench_tiny_copy();
    weight_write(folder, (weight_variant){.dtype = DATA_F32});
    nn_model *plain = model_bench_load(folder, NULL, true), *m = model_bench_load(folder, NULL, false);
    const ag_params *ps = nn_model_params(m);
    int64_t n_borrowed = 0, n_own = 0;
    for (int64_t i = 0; i < ps->n; i++) {
        const ag_param *p = ps->items[i];
        const bool own = p->value >= ps->values && p->value < ps->values + ps->n_numbers;
        const bool fused = strstr(p->name, ".qkv.") != NULL;
        ck_assert_msg(own == fused, "%s", p->name);
        n_own += own;
        n_borrowed += !own;
    }
    ck_assert(n_own > 0 && n_borrowed > n_own);
    weight_write(folder, (weight_variant){.dtype = DATA_F16});
    same_parameters(m, plain, 0);
    nn_model_free(m);
    nn_model_free(plain);
    model_bench_remove(folder);
}
END_TEST

/* What loading says on stderr; the caller frees. */
static char *said_while_loading(const char *folder) {
    senc_error err = {0};
    char *path = senc_path_join(folder, "stderr.txt");
    fflush(stderr);
    senc_log_set_level(SENC_LOG_WARNING);
    const int before = dup(STDERR_FILENO);
    ck_assert_ptr_nonnull(freopen(path, "w", stderr));
    nn_model *m = model_bench_load(folder, NULL, false);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    nn_model_free(m);
    char *text = senc_file_read(path, 0, NULL, &err);
    ck_assert_msg(text != NULL, "%s", err.text);
    free(path);
    return text;
}

/* Heads of other tasks and buffers pass in silence; a layer that config.json does not count is worth a word. */
START_TEST(tensors_without_use) {
    static const struct {
        const char *extra;
        bool warns;
    } rows[] = {
        {"embeddings.position_ids", false},
        {"bert.embeddings.position_ids", false},
        {"cls.predictions.bias", false},
        {"bert.pooler.dense.bias", false},
        {"encoder.layer.2.output.dense.bias", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *folder = model_bench_tiny_copy();
        weight_write(folder, (weight_variant){.dtype = DATA_F32, .extra = rows[i].extra});
        char *text = said_while_loading(folder);
        if (rows[i].warns) {
            ck_assert_ptr_nonnull(strstr(text, "model.safetensors: unused tensors: 1, the first is \"encoder.layer.2"));
        } else {
            ck_assert_str_eq(text, "");
        }
        free(text);
        model_bench_remove(folder);
    }
}
END_TEST

/* ---- layouts ---- */

#define OLD_TYPE "sentence_transformers.models."

static const char *const old_modules =
    "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":\"" OLD_TYPE "Transformer\"},"
    "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":\"" OLD_TYPE "Pooling\"},"
    "{\"idx\":2,\"name\":\"2\",\"path\":\"2_Normalize\",\"type\":\"" OLD_TYPE "Normalize\"}]";

START_TEST(old_layout) {
    char *folder = model_bench_tiny_copy();
    char text[160];
    model_bench_write_text(folder, "modules.json", old_modules);
    model_bench_write_text(folder, "1_Pooling/config.json",
                           "{\"word_embedding_dimension\": 12, \"pooling_mode_cls_token\": true, "
                           "\"pooling_mode_mean_tokens\": false, \"pooling_mode_max_tokens\": true}");
    model_bench_write_text(folder, "sentence_bert_config.json", "{\"max_seq_length\": 10, \"do_lower_case\": true}");
    model_bench_write_text(folder, "config_sentence_transformers.json",
                           "{\"prompts\": {\"query\": \"find: \"}, \"default_prompt_name\": \"query\", "
                           "\"similarity_fn_name\": \"dot\"}");
    nn_model *m = model_bench_load(folder, NULL, false);
    ck_assert_str_eq(nn_model_describe(m, text, sizeof text),
                     "bert, 2 layers, 12 wide, 3 heads, pooling cls+max, normalized, 0.003 M parameters");
    ck_assert_int_eq(nn_model_max_length(m), 10);
    ck_assert(nn_model_lowers_case(m));
    ck_assert_str_eq(nn_model_similarity(m), "dot");
    ck_assert_str_eq(nn_model_prompt(m, "query"), "find: ");
    ck_assert_str_eq(nn_model_prompt(m, NULL), "find: ");
    nn_model_free(m);
    model_bench_remove(folder);
}
END_TEST

START_TEST(max_length_never_exceeds_the_positions) {
    char *folder = model_bench_tiny_copy();
    model_bench_write_text(folder, "sentence_bert_config.json", "{\"max_seq_length\": 512}");
    nn_model *m = model_bench_load(folder, NULL, false);
    ck_assert_int_eq(nn_model_max_length(m), 16);
    nn_model_free(m);
    model_bench_remove(folder);
}
END_TEST

/* The transformer in a folder of its own, as the oldest versions wrote it. */
START_TEST(transformer_in_its_own_folder) {
    char *folder = model_bench_folder();
    model_bench_write_text(folder, "modules.json",
                           "[{\"idx\":0,\"path\":\"0_Transformer\",\"type\":\"" OLD_TYPE "Transformer\"},"
                           "{\"idx\":1,\"path\":\"1_Pooling\",\"type\":\"" OLD_TYPE "Pooling\"}]");
    model_bench_copy(TINY, "1_Pooling/config.json", folder);
    char *inner = senc_path_join(folder, "0_Transformer");
    model_bench_copy(TINY, "config.json", inner);
    model_bench_copy(TINY, "model.safetensors", inner);
    nn_model *m = model_bench_load(folder, NULL, false), *plain = model_bench_load(TINY, NULL, false);
    same_parameters(m, plain, 0);
    nn_model_free(plain);
    nn_model_free(m);
    free(inner);
    model_bench_remove(folder);
}
END_TEST

START_TEST(bare_folder) {
    char *folder = model_bench_folder();
    model_bench_copy(TINY, "config.json", folder);
    model_bench_copy(TINY, "model.safetensors", folder);
    nn_model *m = model_bench_load(folder, NULL, false);
    char text[160];
    ck_assert_str_eq(nn_model_describe(m, text, sizeof text),
                     "bert, 2 layers, 12 wide, 3 heads, pooling mean, 0.003 M parameters");
    ck_assert_int_eq(nn_model_max_length(m), 16);
    nn_model_free(m);
    model_bench_write_text(folder, "tokenizer_config.json", "{\"model_max_length\": 1000000000000000019884624838656}");
    m = model_bench_load(folder, NULL, false);
    ck_assert_int_eq(nn_model_max_length(m), 16);
    nn_model_free(m);
    model_bench_write_text(folder, "tokenizer_config.json", "{\"model_max_length\": 9}");
    m = model_bench_load(folder, NULL, false);
    ck_assert_int_eq(nn_model_max_length(m), 9);
    nn_model_free(m);
    model_bench_replace(folder, "config.json", "\"model_type\": \"bert\",", ""); /* older than the key */
    nn_model_free(model_bench_load(folder, NULL, false));
    model_bench_remove(folder);
}
END_TEST

static void write_dense(const char *folder, const char *name, const char *config, const float *weight, int64_t out,
                        int64_t in, const float *bias) {
    senc_error err = {0};
    char *inner = senc_path_join(folder, name), *path = senc_path_join(inner, "model.safetensors");
    model_bench_write_text(inner, "config.json", config);
    const data_tensor tensors[] = {
        {.name = "linear.weight",
         .dtype = DATA_F32,
         .n_dims = 2,
         .shape = {out, in},
         .data = weight,
         .n_bytes = 4 * (size_t)(out * in)},
        {.name = "linear.bias",
         .dtype = DATA_F32,
         .n_dims = 1,
         .shape = {out},
         .data = bias,
         .n_bytes = 4 * (size_t)out},
    };
    ck_assert_msg(data_safetensors_save(path, tensors, bias ? 2 : 1, NULL, &err), "%s", err.text);
    free(path);
    free(inner);
}

/* mean pooling -> tanh(w x + b) with 3 features -> identity with 2, no bias -> length 1, against the same by hand. */
START_TEST(dense_modules) {
    static float w1[3 * 12], w2[2 * 3];
    static const float b1[3] = {0.5f, -0.25f, 0.125f};
    for (int i = 0; i < 36; i++) w1[i] = (float)((i * 7) % 11 - 5) / 8;
    for (int i = 0; i < 6; i++) w2[i] = (float)((i * 5) % 7 - 3) / 4;
    char *folder = model_bench_tiny_copy();
    model_bench_write_text(
        folder, "modules.json",
        "[{\"path\":\"\",\"type\":\"" OLD_TYPE "Transformer\"},{\"path\":\"1_Pooling\",\"type\":\"" OLD_TYPE
        "Pooling\"},{\"path\":\"2_Dense\",\"type\":\"" OLD_TYPE "Dense\"},{\"path\":\"3_Dense\",\"type\":\""
        "sentence_transformers.base.modules.dense.Dense\"},{\"path\":\"4_Normalize\",\"type\":\""
        "sentence_transformers.base.modules.normalize.Normalize\"}]");
    write_dense(folder, "2_Dense", "{\"in_features\": 12, \"out_features\": 3, \"bias\": true}", w1, 3, 12, b1);
    write_dense(folder, "3_Dense",
                "{\"in_features\": 3, \"out_features\": 2, \"bias\": false, "
                "\"activation_function\": \"torch.nn.modules.linear.Identity\"}",
                w2, 2, 3, NULL);
    nn_model *m = model_bench_load(folder, NULL, true);
    ck_assert_int_eq(nn_model_width(m), 2);
    ck_assert_ptr_nonnull(nn_model_find_tensor(m, "2_Dense.linear.bias"));
    ck_assert_str_eq(nn_model_find_tensor(m, "3_Dense.linear.weight")->file_name, "linear.weight");
    model_bench b = model_bench_open();
    float *pooled = model_bench_tensor(&b, "pooled.mean", NULL);
    float *got = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, NULL);
    for (int64_t s = 0; s < b.sequences.n; s++) {
        double hidden[3], y[2], norm = 0;
        for (int j = 0; j < 3; j++) {
            hidden[j] = (double)b1[j];
            for (int k = 0; k < 12; k++) hidden[j] += (double)w1[12 * j + k] * (double)pooled[12 * s + k];
            hidden[j] = tanh(hidden[j]);
        }
        for (int j = 0; j < 2; j++) {
            y[j] = 0;
            for (int k = 0; k < 3; k++) y[j] += (double)w2[3 * j + k] * hidden[k];
            norm += y[j] * y[j];
        }
        for (int j = 0; j < 2; j++) ck_assert_double_eq_tol((double)got[2 * s + j], y[j] / sqrt(norm), 1e-5);
    }
    free(got);
    free(pooled);
    model_bench_close(&b);
    nn_model_free(m);

    nn_overrides overrides = NN_OVERRIDES_NONE;
    overrides.pooling = "cls+mean"; /* 24 features for a Dense of 12 */
    model_bench_refuses(folder, &overrides, "the Dense module 2 takes 12 features, the module before gives 24");
    model_bench_replace(folder, "2_Dense/config.json", "\"bias\": true",
                        "\"activation_function\": \"torch.nn.modules.activation.Mish\"");
    model_bench_refuses(folder, NULL,
                        "2_Dense/config.json: \"activation_function\": expected Tanh, Identity, ReLU or GELU, got");
    model_bench_replace(folder, "2_Dense/config.json", "\"activation_function\": \"torch.nn.modules.activation.Mish\"",
                        "\"use_residual\": true");
    model_bench_refuses(folder, NULL, "\"use_residual\": expected false");
    write_dense(folder, "2_Dense", "{\"in_features\": 12, \"out_features\": 3}", w1, 3, 11, b1);
    model_bench_refuses(
        folder, NULL, "2_Dense/model.safetensors: tensor \"linear.weight\" is [3,11], its config.json implies [3,12]");
    model_bench_remove(folder);
}
END_TEST

START_TEST(overrides) {
    nn_overrides o = {.pooling = "cls", .normalize = 1, .max_length = 8, .dropout = 0, .precision = NN_FP32};
    nn_model *m = model_bench_load(TINY, &o, false);
    char text[160];
    ck_assert_str_eq(nn_model_describe(m, text, sizeof text),
                     "bert, 2 layers, 12 wide, 3 heads, pooling cls, normalized, 0.003 M parameters");
    ck_assert_int_eq(nn_model_max_length(m), 8);
    nn_model_free(m);
    char *folder = model_bench_tiny_copy();
    model_bench_write_text(folder, "modules.json", old_modules);
    o = NN_OVERRIDES_NONE;
    o.normalize = 0;
    m = model_bench_load(folder, &o, false);
    ck_assert_ptr_null(strstr(nn_model_describe(m, text, sizeof text), "normalized"));
    nn_model_free(m);
    o = NN_OVERRIDES_NONE;
    o.max_length = 17;
    model_bench_refuses(folder, &o, "max_length: expected at most 16 (the model's positions), got 17");
    o = NN_OVERRIDES_NONE;
    o.pooling = "mean+midle";
    model_bench_refuses(folder, &o, "unknown pooling mode \"midle\", expected mean, cls");
    o.pooling = "mean+mean";
    model_bench_refuses(folder, &o, "pooling mode \"mean\" is given twice");
    o = NN_OVERRIDES_NONE;
    o.dropout = 1;
    model_bench_refuses(folder, &o, "dropout: expected a number below 1, got 1");
    model_bench_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_load");
    TCase *tests = tcase_create("model_load");
    tcase_add_test(tests, weights_in_other_spellings);
    tcase_add_test(tests, weights_are_borrowed_from_the_file);
    tcase_add_test(tests, tensors_without_use);
    tcase_add_test(tests, old_layout);
    tcase_add_test(tests, max_length_never_exceeds_the_positions);
    tcase_add_test(tests, transformer_in_its_own_folder);
    tcase_add_test(tests, bare_folder);
    tcase_add_test(tests, dense_modules);
    tcase_add_test(tests, overrides);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
