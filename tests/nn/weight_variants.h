/* The tiny model's weights in other spellings and types, and with faults. Prefix: weight_. */
#ifndef WEIGHT_VARIANTS_H
#define WEIGHT_VARIANTS_H

#include "tests/nn/model_bench.h"

typedef struct weight_variant {
    const char *prefix;
    data_dtype dtype;
    bool old_norms;      /* LayerNorm.gamma, LayerNorm.beta */
    const char *without; /* leave this tensor out */
    const char *square;  /* write this one as [1,1] */
    const char *nan;     /* put a NaN into this one */
    const char *extra;   /* and this one more, of one number */
    int shards;          /* 0: model.safetensors */
} weight_variant;

static inline uint16_t weight_to_f16(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    const int exponent = (int)(u >> 23 & 0xff) - 127 + 15;
    const uint32_t sign = u >> 16 & 0x8000;
    return (uint16_t)(exponent <= 0 ? sign : sign | (uint32_t)exponent << 10 | (u >> 13 & 0x3ff));
}

/* The value in another type, by truncation; owned by the caller. */
static inline void *weight_convert(const float *x, int64_t n, data_dtype dtype) {
    char *out = senc_alloc((size_t)n, 8);
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        const uint16_t bf16 = (uint16_t)(u >> 16), f16 = weight_to_f16(x[i]);
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

static inline void weight_rename_norm(char *name, size_t name_bytes) {
    char *at = strstr(name, "LayerNorm.weight");
    if (at) snprintf(at, name_bytes - (size_t)(at - name), "LayerNorm.gamma");
    at = strstr(name, "LayerNorm.bias");
    if (at) snprintf(at, name_bytes - (size_t)(at - name), "LayerNorm.beta");
}

#define WEIGHT_MAX_TENSORS 64
typedef struct weight_list {
    data_tensor items[WEIGHT_MAX_TENSORS];
    char names[WEIGHT_MAX_TENSORS][128];
    int64_t n;
} weight_list;

static inline void weight_make_tensors(const weight_variant *v, const data_safetensors *from, weight_list *list) {
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
        if (v->old_norms) weight_rename_norm(name, sizeof list->names[0]);
        data_tensor out = *t;
        out.name = name;
        out.dtype = v->dtype;
        if (v->square && strcmp(t->name, v->square) == 0) {
            out.n_dims = 2;
            out.shape[0] = out.shape[1] = n = 1;
        }
        out.data = weight_convert(x, n, v->dtype);
        out.n_bytes = (size_t)n * data_dtype_bytes(v->dtype);
        list->items[list->n++] = out;
        free(x);
    }
    if (!v->extra) return;
    list->items[list->n++] =
        (data_tensor){.name = v->extra, .n_dims = 1, .shape = {1}, .data = senc_alloc_zero(1, 4), .n_bytes = 4};
}

static inline void weight_write_shards(const char *folder, const weight_list *list, int shards) {
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
static inline void weight_write(const char *folder, weight_variant v) {
    senc_error err = {0};
    data_safetensors from;
    ck_assert_msg(data_safetensors_open(TINY "/model.safetensors", &from, &err), "%s", err.text);
    weight_list *list = senc_alloc_zero(1, sizeof *list);
    weight_make_tensors(&v, &from, list);
    char *path = senc_path_join(folder, "model.safetensors");
    if (v.shards) {
        ck_assert(senc_path_remove(path, &err));
        weight_write_shards(folder, list, v.shards);
    } else {
        ck_assert_msg(data_safetensors_save(path, list->items, list->n, NULL, &err), "%s", err.text);
    }
    free(path);
    for (int64_t i = 0; i < list->n; i++) free((void *)list->items[i].data);
    free(list);
    data_safetensors_close(&from);
}

#endif
