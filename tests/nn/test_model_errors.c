/* Model folders that are wrong: each is refused with one line that names the file, what was expected and what was
 * found. */
#include "tests/nn/weight_variants.h"

/* One change of config files, and what must be said of it. */
static const struct wrong_file {
    const char *name, *old, *by; /* old NULL: the whole file becomes `by` */
    const char *says;
} wrong_files[] = {
    {"config.json", NULL, "{\"model_type\": \"bert\",\n  \"hidden_size\": }", "/config.json:2:18: bad JSON"},
    {"config.json", NULL, "[]", "/config.json: expected an object, got an array"},
    {"config.json", NULL, "{}", "\"model_type\" is missing, expected one of \"bert\""},
    {"config.json", "\"bert\"", "\"gpt2\"", "\"model_type\": expected one of \"bert\", got \"gpt2\""},
    {"config.json", "\"hidden_size\": 12", "\"hidden_size\": 0", "\"hidden_size\": expected"},
    {"config.json", "\"hidden_size\": 12", "\"hidden_size\": \"12\"", "\"hidden_size\": expected"},
    {"config.json", "\"hidden_size\": 12", "\"hidden_size\": 1000000000000000000000", "\"hidden_size\": expected"},
    {"config.json", "\"hidden_size\": 12", "\"hidden_size\": 13",
     "\"hidden_size\": expected a multiple of \"num_attention_heads\" (3), got 13"},
    {"config.json", "\"hidden_size\": 12,", "", "hidden_size"},
    {"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 2000000000", "\"num_hidden_layers\": expected"},
    {"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3",
     "/model.safetensors: tensor \"encoder.layer.2.attention.self.query.weight\" is missing, config.json implies "
     "[12,12]"},
    {"config.json", "\"vocab_size\": 41", "\"vocab_size\": 67000000",
     "/model.safetensors: tensor \"embeddings.word_embeddings.weight\" is [41,12], config.json implies [67000000,12]"},
    {"config.json", "\"intermediate_size\": 20", "\"intermediate_size\": 24",
     "tensor \"encoder.layer.0.intermediate.dense.weight\" is [20,12], config.json implies [24,12]"},
    {"config.json", "\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": -1", "\"layer_norm_eps\": expected"},
    {"config.json", "\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 1.0",
     "\"hidden_dropout_prob\": expected"},
    {"config.json", "\"gelu\"", "\"gelu_new\"",
     "\"hidden_act\": expected \"gelu\" (exact) or \"relu\", got \"gelu_new\""},
    {"config.json", "\"is_decoder\": false", "\"is_decoder\": true", "\"is_decoder\": expected false"},
    {"config.json", "\"is_decoder\": false", "\"position_embedding_type\": \"relative_key\"",
     "\"position_embedding_type\": expected \"absolute\", got \"relative_key\""},
    {"modules.json", NULL, "{}", "/modules.json: expected a list of modules, got"},
    {"modules.json", NULL, "[]", "/modules.json: expected a list of modules, got nothing in it"},
    {"modules.json", NULL, "[1]", "/modules.json: expected a list of objects, got an integer"},
    {"modules.json", NULL, "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Pooling\"}]",
     "module 0: \"type\": expected the Transformer first, got \"sentence_transformers.models.Pooling\""},
    {"modules.json", NULL, "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"}]",
     "there is no Pooling module"},
    {"modules.json", "\"1_Pooling\"", "\"../elsewhere\"",
     "\"path\": expected a folder inside the model's, got \"../elsewhere\""},
    {"modules.json", "\"1_Pooling\"", "\"a/../../b\"", "\"path\": expected a folder inside the model's"},
    {"modules.json", "\"1_Pooling\"", "\"/etc\"", "\"path\": expected a folder inside the model's, got \"/etc\""},
    {"modules.json", "\"1_Pooling\"", "\"1_Poling\"", "1_Poling: there is no config.json"},
    {"modules.json", "pooling.Pooling", "lstm.LSTM",
     "module 1: \"type\": expected a Transformer, then Pooling, Dense and Normalize"},
    {"modules.json", "sentence_transformers.sentence_transformer.modules.pooling.Pooling", "my_own.Pooling",
     "got \"my_own.Pooling\""},
    {"1_Pooling/config.json", "\"mean\"", "\"median\"",
     "1_Pooling/config.json: \"pooling_mode\": unknown pooling mode \"median\", expected mean, cls, max, "
     "mean_sqrt_len, weightedmean or lasttoken"},
    {"1_Pooling/config.json", "\"mean\"", "7",
     "\"pooling_mode\": expected a string or a list of strings, got an integer"},
    {"1_Pooling/config.json", "\"mean\"", "[\"mean\", null]", "\"pooling_mode\": expected a string, got null"},
    {"1_Pooling/config.json", NULL, "{\"word_embedding_dimension\": 12, \"pooling_mode_median_tokens\": true}",
     "unknown pooling mode \"pooling_mode_median_tokens\""},
    {"1_Pooling/config.json", NULL, "{\"word_embedding_dimension\": 768, \"pooling_mode_mean_tokens\": true}",
     "the pooling is 768 wide, config.json implies 12"},
    {"1_Pooling/config.json", NULL, "{\"pooling_mode_mean_tokens\": 1}", "\"pooling_mode_mean_tokens\": expected"},
    {"sentence_bert_config.json", NULL, "{\"max_seq_length\": 0}", "\"max_seq_length\": expected"},
    {"sentence_bert_config.json", NULL, "{\"max_seq_length\": 12", "/sentence_bert_config.json:1:"},
    {"tokenizer_config.json", NULL, "{\"model_max_length\": \"long\"}", "\"model_max_length\": expected"},
    {"config_sentence_transformers.json", "\"cosine\"", "\"cosin\"",
     "\"similarity_fn_name\": expected cosine, dot, euclidean or manhattan, got \"cosin\""},
    {"config_sentence_transformers.json", "\"query\": \"\"", "\"query\": 5",
     "\"prompts\": \"query\": expected a string, got an integer"},
    {"config_sentence_transformers.json", "\"default_prompt_name\": null", "\"default_prompt_name\": \"ask\"",
     "\"default_prompt_name\": there is no prompt \"ask\""},
    {"config_sentence_transformers.json", "\"default_prompt_name\": null", "\"truncate_dim\": 8",
     "\"truncate_dim\": expected null, got 8"},
};

START_TEST(wrong_config_files) {
    const struct wrong_file *w = &wrong_files[_i];
    char *folder = model_bench_tiny_copy();
    if (w->old)
        model_bench_replace(folder, w->name, w->old, w->by);
    else
        model_bench_write_text(folder, w->name, w->by);
    model_bench_refuses(folder, NULL, w->says);
    model_bench_remove(folder);
}
END_TEST

START_TEST(missing_files) {
    senc_error err = {0};
    char *folder = model_bench_tiny_copy();
    char *weights = senc_path_join(folder, "model.safetensors"), *config = senc_path_join(folder, "config.json");
    ck_assert(senc_path_remove(weights, &err));
    model_bench_refuses(folder, NULL, "there are no weights, expected model.safetensors");
    model_bench_write_text(folder, "pytorch_model.bin", "pickle");
    model_bench_refuses(folder, NULL, "expected model.safetensors, found only pytorch_model.bin");
    model_bench_write_text(folder, "model.safetensors.index.json", "{\"weight_map\": {\"a\": \"../b.safetensors\"}}");
    model_bench_refuses(folder, NULL, "tensor \"a\": expected the name of a file in this folder");
    model_bench_write_text(folder, "model.safetensors.index.json", "{\"weight_map\": 3}");
    model_bench_refuses(folder, NULL, "index.json: \"weight_map\": expected an object");
    model_bench_write_text(folder, "model.safetensors.index.json", "{\"weight_map\": {\"a\": \"absent.safetensors\"}}");
    model_bench_refuses(folder, NULL, "absent.safetensors");
    ck_assert(senc_path_remove(config, &err));
    model_bench_refuses(folder, NULL,
                        "there is no config.json, expected a sentence-transformers or Hugging Face model folder");
    free(weights);
    free(config);
    char *file = senc_path_join(folder, "modules.json"), *absent = senc_path_join(folder, "absent");
    model_bench_refuses(file, NULL, "expected a model folder, found a file");
    model_bench_refuses(absent, NULL, "expected a model folder, found nothing");
    free(file);
    free(absent);
    model_bench_remove(folder);
}
END_TEST

START_TEST(wrong_tensors) {
    char *folder = model_bench_tiny_copy();
    weight_write(folder, (weight_variant){.dtype = DATA_F32, .without = "encoder.layer.1.output.dense.bias"});
    model_bench_refuses(
        folder, NULL,
        "/model.safetensors: tensor \"encoder.layer.1.output.dense.bias\" is missing, config.json implies [12]");
    weight_write(folder, (weight_variant){.dtype = DATA_F32, .square = "encoder.layer.1.attention.self.key.bias"});
    model_bench_refuses(
        folder, NULL,
        "/model.safetensors: tensor \"encoder.layer.1.attention.self.key.bias\" is [1,1], config.json implies [12]");
    weight_write(folder, (weight_variant){.dtype = DATA_F32, .nan = "embeddings.LayerNorm.bias"});
    model_bench_refuses(folder, NULL, "tensor \"embeddings.LayerNorm.bias\" holds numbers that are not finite");
    weight_write(folder, (weight_variant){.dtype = DATA_I32});
    model_bench_refuses(folder, NULL, "expected F32, F16, BF16 or F64, got I32");
    model_bench_remove(folder);
}
END_TEST

/* A file that ends early or lies about its header must never be read past its end; every length is tried around the
 * edges. */
START_TEST(truncated_and_lying_weights) {
    char *folder = model_bench_tiny_copy();
    size_t n;
    char *bytes = model_bench_read(TINY, "model.safetensors", &n);
    const size_t cuts[] = {0, 1, 7, 8, 9, 100, 2000, n / 2, n - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        model_bench_write(folder, "model.safetensors", bytes, cuts[i]);
        model_bench_refuses(folder, NULL, "/model.safetensors: ");
    }
    const uint64_t lies[] = {0, 1, n, n - 8, n - 7, UINT64_C(1) << 40, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        char head[8];
        memcpy(head, bytes, 8);
        memcpy(bytes, &lies[i], 8);
        model_bench_write(folder, "model.safetensors", bytes, n);
        model_bench_refuses(folder, NULL, "/model.safetensors: ");
        memcpy(bytes, head, 8);
    }
    free(bytes);
    model_bench_remove(folder);
}
END_TEST

/* Whatever allocation fails while loading: an error, nothing leaked (the sanitizer build sees that), and a message. */
START_TEST(every_allocation_fails) {
    char *folder = model_bench_tiny_copy();
    nn_overrides o = {.pooling = "cls+mean", .normalize = 1, .max_length = 8, .dropout = 0, .precision = NN_FP32};
    for (int64_t n = 1;; n++) {
        senc_error err = {0};
        nn_model *m = NULL;
        senc_alloc_fail_at(n);
        const bool ok = nn_model_load(folder, &o, true, &m, &err);
        senc_alloc_fail_at(0);
        if (ok) {
            nn_model_free(m);
            ck_assert_int_gt(n, 100);
            break;
        }
        ck_assert_ptr_null(m);
        ck_assert_msg(err.text[0] != '\0', "allocation %lld failed without a word", (long long)n);
        ck_assert_int_lt(n, 20000);
    }
    model_bench_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_errors");
    TCase *tests = tcase_create("model_errors");
    tcase_add_loop_test(tests, wrong_config_files, 0, sizeof wrong_files / sizeof wrong_files[0]);
    tcase_add_test(tests, missing_files);
    tcase_add_test(tests, wrong_tensors);
    tcase_add_test(tests, truncated_and_lying_weights);
    tcase_add_test(tests, every_allocation_fails);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
