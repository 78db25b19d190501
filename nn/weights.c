/* Weights on disk: see weights.h. The sharded form is transformers': {"weight_map": {"tensor":
 * "model-00001-of-00002.safetensors"}}. */
#include "nn/weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "nn/model_struct.h"

#define NAME_BYTES 256

/* ---- opening ---- */

static bool add_file(nn_weights *c, const char *path, senc_error *err) {
    for (int64_t i = 0; i < c->n_files; i++) {
        if (strcmp(c->files[i].path, path) == 0) return true;
    }
    data_safetensors *grown = senc_realloc(c->files, (size_t)c->n_files + 1, sizeof *grown);
    if (!grown) return senc_fail_memory(err, ((size_t)c->n_files + 1) * sizeof *grown, "the list of shards");
    c->files = grown;
    if (!data_safetensors_open(path, &c->files[c->n_files], err)) return false;
    c->n_files++;
    return true;
}

static bool add_shards(nn_weights *c, const char *folder, const data_json *index, senc_error *err) {
    const data_json *map = data_json_find(index, "weight_map");
    if (data_json_get_type(map) != DATA_JSON_OBJECT) {
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: \"weight_map\": expected an object that names a file for every tensor", c->place);
    }
    for (const data_json *item = data_json_first(map); item; item = data_json_next(item)) {
        size_t n = 0;
        const char *name = data_json_text(item, &n);
        if (!name || n == 0 || strlen(name) != n || strchr(name, '/')) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%.128s\": expected the name of a file in this folder",
                             c->place, data_json_key(item, NULL));
        }
        char *path = senc_path_join(folder, name);
        if (!path) return senc_fail_memory(err, strlen(folder) + n, "a path");
        const bool ok = add_file(c, path, err);
        free(path);
        if (!ok) return false;
    }
    return true;
}

static bool fail_without_weights(const char *folder, senc_error *err) {
    static const char *const others[] = {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5",
                                         "flax_model.msgpack", "model.onnx"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char *path = senc_path_join(folder, others[i]);
        const bool there = path && senc_path_exists(path);
        free(path);
        if (there) {
            return senc_fail(
                err, SENC_BAD_INPUT,
                "%s: expected model.safetensors, found only %s; load the model in the library that wrote it and "
                "save it with safe_serialization=True",
                folder, others[i]);
        }
    }
    return senc_fail(err, SENC_BAD_INPUT, "%s: there are no weights, expected model.safetensors", folder);
}

bool nn_weights_open(const char *folder, nn_weights *out, senc_error *err) {
    *out = (nn_weights){0};
    char *single = senc_path_join(folder, "model.safetensors");
    char *index = senc_path_join(folder, "model.safetensors.index.json");
    bool ok = false;
    if (!single || !index) {
        senc_fail_memory(err, strlen(folder) + 32, "a path");
    } else if (senc_path_exists(single)) {
        ok = nn_text_set(&out->place, single, err) && add_file(out, single, err);
    } else if (senc_path_exists(index)) {
        data_json *file = NULL;
        ok = nn_text_set(&out->place, index, err) && data_json_load(index, &file, err) &&
             add_shards(out, folder, file, err);
        data_json_free(file);
    } else {
        fail_without_weights(folder, err);
    }
    free(single);
    free(index);
    if (!ok) nn_weights_close(out);
    return ok;
}

void nn_weights_close(nn_weights *c) {
    for (int64_t i = 0; i < c->n_files; i++) data_safetensors_close(&c->files[i]);
    free(c->files);
    free(c->place);
    *c = (nn_weights){0};
}

/* ---- finding ---- */

typedef struct found_tensor {
    const data_tensor *tensor; /* NULL: absent */
    const char *path;
} found_tensor;

static found_tensor find_exact(const nn_weights *c, const char *name) {
    for (int64_t i = 0; i < c->n_files; i++) {
        const data_tensor *t = data_safetensors_find(&c->files[i], name);
        if (t) return (found_tensor){t, c->files[i].path};
    }
    return (found_tensor){0};
}

static bool replace_end(char *name, size_t name_bytes, const char *end, const char *by) {
    const size_t n = strlen(name), n_end = strlen(end);
    if (n < n_end || strcmp(name + n - n_end, end) != 0 || n - n_end + strlen(by) >= name_bytes) return false;
    snprintf(name + n - n_end, name_bytes - (n - n_end), "%s", by);
    return true;
}

/* The name as it is, in the oldest spelling (checkpoints converted from TensorFlow), each without and with the prefix.
 */
static found_tensor find_tensor(const nn_weights *c, const char *prefix, const char *name) {
    char old[NAME_BYTES];
    snprintf(old, sizeof old, "%s", name);
    const bool has_old = replace_end(old, sizeof old, "LayerNorm.weight", "LayerNorm.gamma") ||
                         replace_end(old, sizeof old, "LayerNorm.bias", "LayerNorm.beta");
    const char *spellings[2] = {name, has_old ? old : NULL};
    for (int i = 0; i < 2 && spellings[i]; i++) {
        char prefixed[NAME_BYTES + 32];
        snprintf(prefixed, sizeof prefixed, "%s%s", prefix, spellings[i]);
        found_tensor f = find_exact(c, spellings[i]);
        if (!f.tensor) f = find_exact(c, prefixed);
        if (f.tensor) return f;
    }
    return (found_tensor){0};
}

static const char *prefix_of(const nn_model *m, int module) {
    return module == 0 ? m->architecture->prefix : "";
}

/* ---- checking and reading ---- */

static bool has_shape(const data_tensor *t, const nn_tensor *expected) {
    if (expected->is_vector) return t->n_dims == 1 && t->shape[0] == expected->cols;
    return t->n_dims == 2 && t->shape[0] == expected->rows && t->shape[1] == expected->cols;
}

static const char *expected_shape(const nn_tensor *t, char *out, size_t out_bytes) {
    if (t->is_vector)
        snprintf(out, out_bytes, "[%lld]", (long long)t->cols);
    else
        snprintf(out, out_bytes, "[%lld,%lld]", (long long)t->rows, (long long)t->cols);
    return out;
}

static bool is_float(data_dtype dtype) {
    return dtype == DATA_F32 || dtype == DATA_F16 || dtype == DATA_BF16 || dtype == DATA_F64;
}

bool nn_weights_check(const nn_weights *c, const nn_model *m, int module, const char *config, senc_error *err) {
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const nn_tensor *want = &m->tensors[i];
        if (want->module != module) continue;
        char shape[64], is[128];
        const found_tensor f = find_tensor(c, prefix_of(m, module), want->file_name);
        if (!f.tensor) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" is missing, %s implies %s", c->place,
                             want->file_name, config, expected_shape(want, shape, sizeof shape));
        }
        if (!has_shape(f.tensor, want)) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" is %s, %s implies %s", f.path, f.tensor->name,
                             data_tensor_shape_text(f.tensor, is, sizeof is), config,
                             expected_shape(want, shape, sizeof shape));
        }
        if (!is_float(f.tensor->dtype)) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\": expected F32, F16, BF16 or F64, got %s", f.path,
                             f.tensor->name, data_dtype_name(f.tensor->dtype));
        }
    }
    return true;
}

/* Heads of other tasks and buffers: what a sentence encoder never reads. */
static bool is_of_other_use(const char *name) {
    static const char *const heads[] = {"pooler.", "cls.", "classifier.", "qa_outputs.", "lm_head."};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (strncmp(name, heads[i], strlen(heads[i])) == 0) return true;
    }
    return strcmp(name, "embeddings.position_ids") == 0 || strcmp(name, "embeddings.token_type_ids") == 0;
}

static bool is_used(const nn_model *m, int module, const char *name) {
    const char *prefix = prefix_of(m, module);
    if (strncmp(name, prefix, strlen(prefix)) == 0) name += strlen(prefix);
    if (is_of_other_use(name)) return true;
    char modern[NAME_BYTES];
    snprintf(modern, sizeof modern, "%s", name);
    if (!replace_end(modern, sizeof modern, "LayerNorm.gamma", "LayerNorm.weight")) {
        replace_end(modern, sizeof modern, "LayerNorm.beta", "LayerNorm.bias");
    }
    for (int64_t i = 0; i < m->n_tensors; i++) {
        if (m->tensors[i].module == module && strcmp(m->tensors[i].file_name, modern) == 0) return true;
    }
    return false;
}

static void warn_of_unused(const nn_weights *c, const nn_model *m, int module) {
    int64_t n = 0;
    const char *first = NULL;
    for (int64_t f = 0; f < c->n_files; f++) {
        for (int64_t i = 0; i < c->files[f].n_tensors; i++) {
            const char *name = c->files[f].tensors[i].name;
            if (is_used(m, module, name)) continue;
            if (n++ == 0) first = name;
        }
    }
    if (n) senc_warn("%s: unused tensors: %lld, the first is \"%.128s\"", c->place, (long long)n, first);
}

/* The pooler of BERT's next-sentence task. A shape that is not its own is nobody's business here: it is left out. */
static bool keep_pooler(const nn_weights *c, nn_model *m, senc_error *err) {
    const int64_t d = m->config.hidden_size;
    m->kept[0] = (nn_kept_tensor){.name = "pooler.dense.weight", .rows = d, .cols = d};
    m->kept[1] = (nn_kept_tensor){.name = "pooler.dense.bias", .cols = d};
    for (int i = 0; i < NN_N_KEPT; i++) {
        nn_kept_tensor *k = &m->kept[i];
        const nn_tensor shape = {.rows = k->rows, .cols = k->cols, .is_vector = k->rows == 0};
        const found_tensor f = find_tensor(c, m->architecture->prefix, k->name);
        if (!f.tensor || !has_shape(f.tensor, &shape) || !is_float(f.tensor->dtype)) continue;
        const size_t n = (size_t)((k->rows ? k->rows : 1) * k->cols);
        k->values = senc_alloc(n, sizeof *k->values);
        if (!k->values) return senc_fail_memory(err, n * sizeof *k->values, k->name);
        if (!data_tensor_to_floats(f.tensor, f.path, k->values, err)) return false;
    }
    return true;
}

/* One tensor by all threads. */
typedef struct read_job {
    const data_tensor *tensor;
    const char *path;
    float *to; /* where the values are, when they are borrowed */
    bool copy;
    _Atomic bool failed, bad;
} read_job;

#define PART_NUMBERS ((int64_t)1 << 18)

static void read_task(void *context, int64_t i, int thread) {
    (void)thread;
    read_job *job = context;
    const int64_t first = i * PART_NUMBERS, left = data_tensor_count(job->tensor) - first;
    const int64_t n = left < PART_NUMBERS ? left : PART_NUMBERS;
    const size_t size_bytes = data_dtype_bytes(job->tensor->dtype);
    const data_tensor part = {
        .name = job->tensor->name,
        .dtype = job->tensor->dtype,
        .n_dims = 1,
        .shape = {n},
        .data = (const char *)job->tensor->data + (size_t)first * size_bytes,
        .n_bytes = (size_t)n * size_bytes,
    };
    if (job->copy && !data_tensor_to_floats(&part, job->path, job->to + first, NULL)) job->failed = true;
    if (!kern_best()->is_finite(n, job->to + first)) job->bad = true;
}

static bool read_tensor(const found_tensor *f, float *to, senc_error *err) {
    read_job job = {.tensor = f->tensor, .path = f->path, .to = to, .copy = f->tensor->data != to};
    senc_parallel((data_tensor_count(f->tensor) + PART_NUMBERS - 1) / PART_NUMBERS, read_task, &job);
    SENC_ASSERT(!job.failed, "the type of tensor %s was not checked", f->tensor->name);
    return !job.bad || senc_fail(err, SENC_BAD_INPUT, "%s: tensor \"%s\" holds numbers that are not finite", f->path,
                                 f->tensor->name);
}

void nn_weights_borrow(const nn_weights *c, nn_model *m, int module) {
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const nn_tensor *want = &m->tensors[i];
        if (want->module != module || want->rows != want->param->rows || want->cols != want->param->cols) continue;
        const data_tensor *t = find_tensor(c, prefix_of(m, module), want->file_name).tensor;
        SENC_ASSERT(t, "tensor %s was not checked", want->name);
        if (t->dtype == DATA_F32 && (uintptr_t)t->data % sizeof(float) == 0) ag_params_borrow(want->param, t->data);
    }
}

bool nn_weights_read(const nn_weights *c, nn_model *m, int module, senc_error *err) {
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const nn_tensor *want = &m->tensors[i];
        if (want->module != module) continue;
        const found_tensor f = find_tensor(c, prefix_of(m, module), want->file_name);
        SENC_ASSERT(f.tensor, "tensor %s was not checked", want->name);
        float *to = want->param->value + want->offset;
        if (!read_tensor(&f, to, err)) return false;
    }
    warn_of_unused(c, m, module);
    return module != 0 || keep_pooler(c, m, err);
}

/* ---- writing ---- */

static int64_t list_kept(const nn_model *m, data_tensor *tensors) {
    int64_t n = 0;
    for (int i = 0; i < NN_N_KEPT; i++) {
        const nn_kept_tensor *k = &m->kept[i];
        if (!k->values) continue;
        tensors[n++] = (data_tensor){
            .name = k->name,
            .dtype = DATA_F32,
            .n_dims = k->rows ? 2 : 1,
            .shape = {k->rows ? k->rows : k->cols, k->rows ? k->cols : 0},
            .data = k->values,
            .n_bytes = (size_t)((k->rows ? k->rows : 1) * k->cols) * sizeof(float),
        };
    }
    return n;
}

bool nn_weights_save(const nn_model *m, int module, const char *folder, senc_error *err) {
    data_tensor *tensors = senc_alloc_zero((size_t)m->n_tensors + NN_N_KEPT, sizeof *tensors);
    char *path = senc_path_join(folder, "model.safetensors");
    int64_t n = 0;
    for (int64_t i = 0; tensors && i < m->n_tensors; i++) {
        const nn_tensor *t = &m->tensors[i];
        if (t->module != module) continue;
        tensors[n++] = (data_tensor){
            .name = t->file_name,
            .dtype = DATA_F32,
            .n_dims = t->is_vector ? 1 : 2,
            .shape = {t->is_vector ? t->cols : t->rows, t->is_vector ? 0 : t->cols},
            .data = t->param->value + t->offset,
            .n_bytes = (size_t)(t->rows * t->cols) * sizeof(float),
        };
    }
    if (tensors && module == 0) n += list_kept(m, tensors + n);
    const bool ok = tensors && path
                        ? data_safetensors_save(path, tensors, n, NULL, err)
                        : senc_fail_memory(err, (size_t)m->n_tensors * sizeof *tensors, "the list of tensors");
    free(tensors);
    free(path);
    return ok;
}
