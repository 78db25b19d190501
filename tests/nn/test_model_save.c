/* Saved folders: what is in them, that they read back the same, and that nothing of a loaded folder gets lost. */
#include "tests/nn/model_bench.h"

#include "data/formats/json.h"

static data_json *load_json(const char *folder, const char *name) {
    senc_error err = {0};
    char *path = senc_path_join(folder, name);
    data_json *file;
    ck_assert_msg(data_json_load(path, &file, &err), "%s", err.text);
    free(path);
    return file;
}

static void save(const nn_model *m, const char *folder) {
    senc_error err = {0};
    ck_assert_msg(nn_model_save(m, folder, &err), "%s", err.text);
}

/* Tensors of `want` and those of `got` by the same names: the same bytes. */
static int64_t same_tensors(const char *got_path, const char *want_path) {
    senc_error err = {0};
    data_safetensors got, want;
    ck_assert_msg(data_safetensors_open(got_path, &got, &err) && data_safetensors_open(want_path, &want, &err), "%s",
                  err.text);
    for (int64_t i = 0; i < got.n_tensors; i++) {
        const data_tensor *g = &got.tensors[i], *w = data_safetensors_find(&want, g->name);
        ck_assert_msg(w != NULL, "%s", g->name);
        ck_assert_int_eq(g->dtype, DATA_F32);
        ck_assert_int_eq(g->n_dims, w->n_dims);
        ck_assert_int_eq(memcmp(g->shape, w->shape, (size_t)g->n_dims * sizeof g->shape[0]), 0);
        ck_assert_uint_eq(g->n_bytes, w->n_bytes);
        ck_assert_int_eq(memcmp(g->data, w->data, g->n_bytes), 0);
    }
    const int64_t n = got.n_tensors;
    data_safetensors_close(&got);
    data_safetensors_close(&want);
    return n;
}

START_TEST(unchanged_tensors_keep_their_bytes) {
    char *folder = model_bench_folder();
    nn_model *m = model_bench_load(TINY, NULL, false);
    save(m, folder);
    nn_model_free(m);
    char *path = senc_path_join(folder, "model.safetensors");
    ck_assert_int_eq(same_tensors(path, TINY "/model.safetensors"), 5 + 2 * 16 + 2); /* the unused pooler travels too */
    free(path);
    model_bench_remove(folder);
}
END_TEST

START_TEST(old_layout_is_written) {
    char *folder = model_bench_folder();
    nn_overrides o = {.pooling = "cls+mean", .normalize = 1, .max_length = 9, .dropout = 0.3, .precision = NN_FP32};
    nn_model *m = model_bench_load(TINY, &o, false);
    senc_error err = {0};
    ck_assert(nn_model_set_prompt(m, "query", "ask \"it\": ", &err));
    save(m, folder);
    nn_model_free(m);

    data_json *modules = load_json(folder, "modules.json");
    static const char *const types[] = {"Transformer", "Pooling", "Normalize"};
    static const char *const paths[] = {"", "1_Pooling", "2_Normalize"};
    ck_assert_int_eq(data_json_count(modules), 3);
    for (int i = 0; i < 3; i++) {
        const data_json *item = data_json_at(modules, i);
        char type[64], name[16];
        snprintf(type, sizeof type, "sentence_transformers.models.%s", types[i]);
        snprintf(name, sizeof name, "%d", i);
        ck_assert_int_eq(data_json_integer(data_json_find(item, "idx")), i);
        ck_assert_str_eq(data_json_text(data_json_find(item, "name"), NULL), name);
        ck_assert_str_eq(data_json_text(data_json_find(item, "path"), NULL), paths[i]);
        ck_assert_str_eq(data_json_text(data_json_find(item, "type"), NULL), type);
    }
    data_json_free(modules);

    char *text = model_bench_read(folder, "1_Pooling/config.json", NULL);
    ck_assert_str_eq(text, "{\n"
                           "  \"word_embedding_dimension\": 12,\n"
                           "  \"pooling_mode_cls_token\": true,\n"
                           "  \"pooling_mode_mean_tokens\": true,\n"
                           "  \"pooling_mode_max_tokens\": false,\n"
                           "  \"pooling_mode_mean_sqrt_len_tokens\": false,\n"
                           "  \"pooling_mode_weightedmean_tokens\": false,\n"
                           "  \"pooling_mode_lasttoken\": false,\n"
                           "  \"include_prompt\": true\n"
                           "}\n");
    free(text);
    text = model_bench_read(folder, "sentence_bert_config.json", NULL);
    ck_assert_str_eq(text, "{\n  \"max_seq_length\": 9,\n  \"do_lower_case\": false\n}\n");
    free(text);

    char *normalize = senc_path_join(folder, "2_Normalize");
    ck_assert(senc_path_is_folder(normalize));
    free(normalize);

    data_json *st = load_json(folder, "config_sentence_transformers.json");
    ck_assert_ptr_null(data_json_find(st, "__version__"));
    ck_assert_str_eq(data_json_text(data_json_find(data_json_find(st, "prompts"), "query"), NULL), "ask \"it\": ");
    ck_assert_int_eq(data_json_get_type(data_json_find(st, "default_prompt_name")), DATA_JSON_NULL);
    ck_assert_str_eq(data_json_text(data_json_find(st, "similarity_fn_name"), NULL), "cosine");
    ck_assert_str_eq(data_json_text(data_json_find(st, "model_type"), NULL), "SentenceTransformer");
    data_json_free(st);
    model_bench_remove(folder);
}
END_TEST

/* Also: the dropout of a training run is not the model's, and the type of the weights is now F32. */
START_TEST(unknown_keys_of_config_stay) {
    char *from = model_bench_tiny_copy(), *folder = model_bench_folder();
    model_bench_replace(from, "config.json", "\"dtype\": \"float32\"",
                        "\"dtype\": \"bfloat16\", \"my_key\": {\"a\": [1, 2.5, null]}");
    nn_overrides o = NN_OVERRIDES_NONE;
    o.dropout = 0.3;
    nn_model *m = model_bench_load(from, &o, false);
    save(m, folder);
    nn_model_free(m);
    data_json *want = load_json(from, "config.json"), *got = load_json(folder, "config.json");
    int64_t n = 0;
    for (const data_json *p = data_json_first(want); p; p = data_json_next(p), n++) {
        senc_buffer a = {0}, b = {0};
        const char *key = data_json_key(p, NULL);
        const data_json *g = data_json_find(got, key);
        ck_assert_msg(g != NULL, "%s is lost", key);
        if (strcmp(key, "dtype") == 0) {
            ck_assert_str_eq(data_json_text(g, NULL), "float32");
            continue;
        }
        ck_assert(data_json_dump(p, 0, &a) && data_json_dump(g, 0, &b));
        ck_assert_str_eq(senc_buffer_text(&b), senc_buffer_text(&a));
        senc_buffer_free(&a);
        senc_buffer_free(&b);
    }
    ck_assert_int_eq(data_json_count(got), n);
    data_json_free(want);
    data_json_free(got);
    model_bench_remove(from);
    model_bench_remove(folder);
}
END_TEST

static char *saved_text(const nn_model *m, const char *name) {
    char *folder = model_bench_folder();
    save(m, folder);
    char *text = model_bench_read(folder, name, NULL);
    model_bench_remove(folder);
    return text;
}

/* Saving what was saved gives the same files. */
START_TEST(saving_again_changes_nothing) {
    static const char *const names[] = {"config.json", "sentence_bert_config.json", "config_sentence_transformers.json",
                                        "modules.json", "1_Pooling/config.json"};
    char *folder = model_bench_folder();
    nn_overrides o = {.pooling = "max", .normalize = 1, .max_length = 9, .dropout = -1, .precision = NN_FP32};
    nn_model *m = model_bench_load(TINY, &o, false);
    save(m, folder);
    nn_model_free(m);
    m = model_bench_load(folder, NULL, false);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *want = model_bench_read(folder, names[i], NULL), *got = saved_text(m, names[i]);
        ck_assert_str_eq(got, want);
        free(want);
        free(got);
    }
    nn_model_free(m);
    model_bench_remove(folder);
}
END_TEST

/* Booleans cannot say "mean before cls": the new key says it, and reads back. */
START_TEST(pooling_order_survives) {
    char *from = model_bench_tiny_copy(), *folder = model_bench_folder();
    model_bench_replace(from, "1_Pooling/config.json", "\"mean\"", "[\"mean\", \"cls\"]");
    model_bench b = model_bench_open();
    nn_model *m = model_bench_load(from, NULL, false);
    float *want = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, NULL);
    save(m, folder);
    nn_model_free(m);
    m = model_bench_load(folder, NULL, false);
    float *got = model_bench_encode(m, kern_best(), false, b.ids, b.sequences, NULL);
    ck_assert_int_eq(memcmp(got, want, sizeof *got * (size_t)(b.sequences.n * 24)), 0);
    float *mean = model_bench_tensor(&b, "pooled.mean", NULL);
    model_bench_compare(got, mean, 12, 1e-5, 0, "the first half");
    free(mean);
    free(got);
    free(want);
    nn_model_free(m);
    model_bench_close(&b);
    model_bench_remove(from);
    model_bench_remove(folder);
}
END_TEST

START_TEST(dense_survives) {
    senc_error err = {0};
    char *from = model_bench_tiny_copy(), *folder = model_bench_folder();
    float weight[2 * 12], bias[2] = {0.5f, -1};
    for (int i = 0; i < 24; i++) weight[i] = (float)(i % 5 - 2);
    model_bench_write_text(from, "modules.json",
                           "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
                           "{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"},"
                           "{\"path\":\"odd/place\",\"type\":\"sentence_transformers.models.Dense\"}]");
    model_bench_write_text(from, "odd/place/config.json",
                           "{\"in_features\": 12, \"out_features\": 2, \"bias\": true, "
                           "\"activation_function\": \"torch.nn.modules.activation.GELU\"}");
    const data_tensor tensors[] = {
        {.name = "linear.weight", .n_dims = 2, .shape = {2, 12}, .data = weight, .n_bytes = sizeof weight},
        {.name = "linear.bias", .n_dims = 1, .shape = {2}, .data = bias, .n_bytes = sizeof bias},
    };
    char *path = senc_path_join(from, "odd/place/model.safetensors");
    ck_assert(data_safetensors_save(path, tensors, 2, NULL, &err));
    nn_model *m = model_bench_load(from, NULL, false);
    save(m, folder);
    nn_model_free(m);
    char *saved = senc_path_join(folder, "2_Dense/model.safetensors");
    ck_assert_int_eq(same_tensors(saved, path), 2);
    char *text = model_bench_read(folder, "2_Dense/config.json", NULL);
    ck_assert_str_eq(text, "{\n  \"in_features\": 12,\n  \"out_features\": 2,\n  \"bias\": true,\n"
                           "  \"activation_function\": \"torch.nn.modules.activation.GELU\"\n}\n");
    free(text);
    nn_model_free(model_bench_load(folder, NULL, false));
    free(saved);
    free(path);
    model_bench_remove(from);
    model_bench_remove(folder);
}
END_TEST

/* ---- fresh models ---- */

static const nn_new_config fresh = {
    .architecture = "bert",
    .vocab_size = 30,
    .hidden_size = 8,
    .layers = 2,
    .heads = 2,
    .intermediate_size = 16,
    .max_positions = 20,
    .max_length = 12,
    .dropout = 0.1,
    .pooling = "mean",
    .normalize = true,
    .seed = 4,
};

static nn_model *create(const nn_new_config *config) {
    senc_error err = {0};
    nn_model *m;
    ck_assert_msg(nn_model_create(config, true, &m, &err), "%s", err.text);
    return m;
}

START_TEST(created_model) {
    nn_model *m = create(&fresh), *same = create(&fresh);
    nn_new_config other_seed = fresh;
    other_seed.seed = 5;
    nn_model *other = create(&other_seed);
    const ag_params *p = nn_model_params(m);
    const size_t n_bytes = (size_t)p->n_numbers * sizeof(real);
    ck_assert_int_eq(memcmp(p->values, nn_model_params(same)->values, n_bytes), 0);
    ck_assert_int_ne(memcmp(p->values, nn_model_params(other)->values, n_bytes), 0);
    ck_assert_int_eq(nn_model_max_length(m), 12);
    double sum = 0, squares = 0, n = 0;
    for (int64_t i = 0; i < p->n; i++) {
        const ag_param *q = p->items[i];
        const bool is_gamma = strstr(q->name, "LayerNorm.weight") != NULL;
        for (int64_t k = 0; k < q->rows * q->cols; k++) {
            const double x = (double)q->value[k];
            if (q->is_vector)
                ck_assert(x == (is_gamma ? 1.0 : 0.0));
            else {
                sum += x;
                squares += x * x;
                n++;
            }
        }
    }
    ck_assert_double_eq_tol(sum / n, 0, 0.002); /* 1280 numbers: five standard errors are 0.0028 */
    ck_assert_double_eq_tol(sqrt(squares / n), 0.02, 0.002);
    char *folder = model_bench_folder();
    save(m, folder);
    nn_model *loaded = model_bench_load(folder, NULL, true);
    char a[160], b[160];
    ck_assert_str_eq(nn_model_describe(loaded, a, sizeof a), nn_model_describe(m, b, sizeof b));
    ck_assert_int_eq(nn_model_max_length(loaded), 12);
    ck_assert_int_eq(memcmp(p->values, nn_model_params(loaded)->values, n_bytes), 0);
    nn_model_free(loaded);
    nn_model_free(m);
    nn_model_free(same);
    nn_model_free(other);
    model_bench_remove(folder);
}
END_TEST

static void create_fails(nn_new_config config, const char *part) {
    senc_error err = {0};
    nn_model *m;
    ck_assert(!nn_model_create(&config, false, &m, &err));
    ck_assert_ptr_null(m);
    ck_assert_msg(strstr(err.text, part) && strncmp(err.text, "new model", 9) == 0, "expected \"%s\", got \"%s\"", part,
                  err.text);
}

START_TEST(created_models_are_checked) {
    nn_new_config c = fresh;
    c.architecture = "brat";
    create_fails(c, "unknown architecture \"brat\"");
    c = fresh;
    c.heads = 3;
    create_fails(c, "\"hidden_size\": expected a multiple of \"num_attention_heads\" (3), got 8");
    c = fresh;
    c.layers = 0;
    create_fails(c, "\"num_hidden_layers\"");
    c = fresh;
    c.max_length = 21;
    create_fails(c, "max_length: expected at most 20");
    c = fresh;
    c.pooling = "median";
    create_fails(c, "unknown pooling mode \"median\"");
    c = fresh;
    c.dropout = 1;
    create_fails(c, "\"hidden_dropout_prob\"");
}
END_TEST

START_TEST(folder_that_cannot_be_written) {
    senc_error err = {0};
    nn_model *m = create(&fresh);
    ck_assert(!nn_model_save(m, "/proc/senc-absent", &err));
    ck_assert_msg(strstr(err.text, "/proc/senc-absent") != NULL, "%s", err.text);
    nn_model_free(m);
}
END_TEST

/* Whatever allocation fails while saving: an error, and no file that does not read back. */
START_TEST(every_allocation_fails) {
    nn_model *m = create(&fresh);
    char *folder = model_bench_folder();
    for (int64_t n = 1;; n++) {
        senc_error err = {0};
        senc_alloc_fail_at(n);
        const bool ok = nn_model_save(m, folder, &err);
        senc_alloc_fail_at(0);
        if (ok) {
            ck_assert_int_gt(n, 10);
            break;
        }
        ck_assert_msg(err.text[0] != '\0', "allocation %lld failed without a word", (long long)n);
        ck_assert_int_lt(n, 20000);
    }
    nn_model_free(model_bench_load(folder, NULL, false));
    for (int64_t n = 1;; n++) {
        senc_error err = {0};
        nn_model *fails = NULL;
        senc_alloc_fail_at(n);
        const bool ok = nn_model_create(&fresh, true, &fails, &err);
        senc_alloc_fail_at(0);
        nn_model_free(fails);
        if (ok) break;
        ck_assert_msg(err.text[0] != '\0', "allocation %lld failed without a word", (long long)n);
    }
    nn_model_free(m);
    model_bench_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_save");
    TCase *tests = tcase_create("model_save");
    tcase_add_test(tests, unchanged_tensors_keep_their_bytes);
    tcase_add_test(tests, old_layout_is_written);
    tcase_add_test(tests, unknown_keys_of_config_stay);
    tcase_add_test(tests, saving_again_changes_nothing);
    tcase_add_test(tests, pooling_order_survives);
    tcase_add_test(tests, dense_survives);
    tcase_add_test(tests, created_model);
    tcase_add_test(tests, created_models_are_checked);
    tcase_add_test(tests, folder_that_cannot_be_written);
    tcase_add_test(tests, every_allocation_fails);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
