/* Model folders as they are found: layouts, prefixes, number types, shards, Dense modules; and every way in which they
 * are wrong. */
#include "tests/nn/model_bench.h"

#include "autograd/base/log.h"

/* ---- other spellings of the tiny model's weights ---- */

typedef struct variant {
    const char *prefix;
    data_dtype dtype;
    bool old_norms;      /* LayerNorm.gamma, LayerNorm.beta */
    const char *without; /* leave this tensor out */
    const char *square;  /* write this one as [1,1] */
    const char *nan;     /* put a NaN into this one */
    const char *extra;   /* and this one more, of one number */
    int shards;          /* 0: model.safetensors */
} variant;

static uint16_t to_f16(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const int exponent = (int)(u >> 23 & 0xff) - 127 + 15;
    const uint32_t sign = u >> 16 & 0x8000;
    return (uint16_t)(exponent <= 0 ? sign : sign | (uint32_t)exponent << 10 | (u >> 13 & 0x3ff));
}

/* The value in another type, by truncation; owned by the caller. */
static void *convert(const float *x, int64_t n, data_dtype dtype) {
    char *out = senc_alloc((size_t)n, 8);
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        const uint16_t bf16 = (uint16_t)(u >> 16), f16 = to_f16(x[i]);
        const double f64 = (double)x[i];
        if (dtype == DATA_BF16)
            memcpy(out + 2 * i, &bf16, 2);
        else if (dtype == DATA_F16)
            memcpy(out + 2 * i, &f16, 2);
        else if (dtype == DATA_F64)
            memcpy(out + 8 * i, &f64, 8);
        else
            memcpy(out + 4 * i, &x[i], 4);
    }
    return out;
}

static void rename_norm(char *name, size_t name_bytes) {
    char *at = strstr(name, "LayerNorm.weight");
    if (at) snprintf(at, name_bytes - (size_t)(at - name), "LayerNorm.gamma");
    at = strstr(name, "LayerNorm.bias");
    if (at) snprintf(at, name_bytes - (size_t)(at - name), "LayerNorm.beta");
}

#define MAX_TENSORS 64
typedef struct tensor_list {
    data_tensor items[MAX_TENSORS];
    char names[MAX_TENSORS][128];
    int64_t n;
} tensor_list;

static void make_tensors(const variant *v, const data_safetensors *from, tensor_list *list) {
    senc_error err = {0};
    for (int64_t i = 0; i < from->n_tensors; i++) {
        const data_tensor *t = &from->tensors[i];
        if (v->without && strcmp(t->name, v->without) == 0) continue;
        int64_t n = data_tensor_count(t);
        float *x = senc_alloc((size_t)n, sizeof *x);
        ck_assert(data_tensor_to_floats(t, "tiny", x, &err));
        if (v->nan && strcmp(t->name, v->nan) == 0) x[1] = NAN;
        char *name = list->names[list->n];
        snprintf(name, sizeof list->names[0], "%s%s", v->prefix ? v->prefix : "", t->name);
        if (v->old_norms) rename_norm(name, sizeof list->names[0]);
        data_tensor out = *t;
        out.name = name;
        out.dtype = v->dtype;
        if (v->square && strcmp(t->name, v->square) == 0) {
            out.n_dims = 2;
            out.shape[0] = out.shape[1] = n = 1;
        }
        out.data = convert(x, n, v->dtype);
        out.n_bytes = (size_t)n * data_dtype_bytes(v->dtype);
        list->items[list->n++] = out;
        free(x);
    }
    if (!v->extra) return;
    list->items[list->n++] =
        (data_tensor){.name = v->extra, .n_dims = 1, .shape = {1}, .data = senc_alloc_zero(1, 4), .n_bytes = 4};
}

static void write_shards(const char *folder, const tensor_list *list, int shards) {
    senc_error err = {0};
    data_json *index = data_json_create_object();
    data_json *map = data_json_put_object(index, "weight_map");
    const int64_t each = (list->n + shards - 1) / shards;
    for (int s = 0; s < shards; s++) {
        char name[64];
        snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", s + 1, shards);
        const int64_t first = s * each, n = list->n - first < each ? list->n - first : each;
        for (int64_t i = 0; i < n; i++) data_json_put_string(map, list->names[first + i], name);
        char *path = senc_path_join(folder, name);
        ck_assert_msg(data_safetensors_save(path, list->items + first, n, NULL, &err), "%s", err.text);
        free(path);
    }
    char *path = senc_path_join(folder, "model.safetensors.index.json");
    ck_assert_msg(data_json_save(index, 1, path, &err), "%s", err.text);
    free(path);
    data_json_free(index);
}

/* Replaces the weights in a copy of the tiny model. */
static void write_variant(const char *folder, variant v) {
    senc_error err = {0};
    data_safetensors from;
    ck_assert_msg(data_safetensors_open(TINY "/model.safetensors", &from, &err), "%s", err.text);
    tensor_list *list = senc_alloc_zero(1, sizeof *list);
    make_tensors(&v, &from, list);
    char *path = senc_path_join(folder, "model.safetensors");
    if (v.shards) {
        ck_assert(senc_path_remove(path, &err));
        write_shards(folder, list, v.shards);
    } else {
        ck_assert_msg(data_safetensors_save(path, list->items, list->n, NULL, &err), "%s", err.text);
    }
    free(path);
    for (int64_t i = 0; i < list->n; i++) free((void *)list->items[i].data);
    free(list);
    data_safetensors_close(&from);
}

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
        variant v;
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
        write_variant(folder, rows[i].v);
        nn_model *m = model_bench_load(folder, NULL, false);
        same_parameters(m, plain, rows[i].relative);
        nn_model_free(m);
        model_bench_remove(folder);
    }
    nn_model_free(plain);
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
        write_variant(folder, (variant){.dtype = DATA_F32, .extra = rows[i].extra});
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
    nn_overrides o = {.pooling = "cls", .normalize = 1, .max_length = 8, .dropout = 0};
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

/* ---- what is wrong ---- */

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
    write_variant(folder, (variant){.dtype = DATA_F32, .without = "encoder.layer.1.output.dense.bias"});
    model_bench_refuses(
        folder, NULL,
        "/model.safetensors: tensor \"encoder.layer.1.output.dense.bias\" is missing, config.json implies [12]");
    write_variant(folder, (variant){.dtype = DATA_F32, .square = "encoder.layer.1.attention.self.key.bias"});
    model_bench_refuses(
        folder, NULL,
        "/model.safetensors: tensor \"encoder.layer.1.attention.self.key.bias\" is [1,1], config.json implies [12]");
    write_variant(folder, (variant){.dtype = DATA_F32, .nan = "embeddings.LayerNorm.bias"});
    model_bench_refuses(folder, NULL, "tensor \"embeddings.LayerNorm.bias\" holds numbers that are not finite");
    write_variant(folder, (variant){.dtype = DATA_I32});
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
    model_bench_write_text(folder, "modules.json", old_modules);
    nn_overrides o = {.pooling = "cls+mean", .normalize = 1, .max_length = 8, .dropout = 0};
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
    Suite *suite = suite_create("model_load");
    TCase *tests = tcase_create("model_load");
    tcase_add_test(tests, weights_in_other_spellings);
    tcase_add_test(tests, tensors_without_use);
    tcase_add_test(tests, old_layout);
    tcase_add_test(tests, transformer_in_its_own_folder);
    tcase_add_test(tests, bare_folder);
    tcase_add_test(tests, dense_modules);
    tcase_add_test(tests, overrides);
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
