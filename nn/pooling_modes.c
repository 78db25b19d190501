/* Pooling names: see pooling_modes.h. The layouts are those of sentence-transformers' Pooling (booleans up to 5.3,
 * "pooling_mode" since 5.4). */
#include "nn/pooling_modes.h"

#include <stdio.h>
#include <string.h>

/* In the order in which sentence-transformers concatenates. */
static const struct mode_name {
    kern_pooling mode;
    const char *name;     /* senc's */
    const char *new_name; /* "pooling_mode" of the new layout */
    const char *old_key;  /* boolean of the old layout */
} mode_names[NN_POOLING_MODES] = {
    {KERN_POOL_CLS, "cls", "cls", "pooling_mode_cls_token"},
    {KERN_POOL_MAX, "max", "max", "pooling_mode_max_tokens"},
    {KERN_POOL_MEAN, "mean", "mean", "pooling_mode_mean_tokens"},
    {KERN_POOL_MEAN_SQRT_LEN, "mean_sqrt_len", "mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"},
    {KERN_POOL_WEIGHTED_MEAN, "weightedmean", "weightedmean", "pooling_mode_weightedmean_tokens"},
    {KERN_POOL_LAST, "lasttoken", "lasttoken", "pooling_mode_lasttoken"},
};
#define KNOWN_MODES "mean, cls, max, mean_sqrt_len, weightedmean or lasttoken"

static int find_mode(const char *name, size_t n_bytes) {
    for (int i = 0; i < NN_POOLING_MODES; i++) {
        const struct mode_name *m = &mode_names[i];
        if (strlen(m->name) == n_bytes && memcmp(m->name, name, n_bytes) == 0) return i;
        if (strlen(m->new_name) == n_bytes && memcmp(m->new_name, name, n_bytes) == 0) return i;
    }
    return -1;
}

static int index_of(kern_pooling mode) {
    for (int i = 0; i < NN_POOLING_MODES; i++) {
        if (mode_names[i].mode == mode) return i;
    }
    return 0;
}

static bool add_mode(nn_pooling *p, const char *name, size_t n_bytes, const char *place, senc_error *err) {
    const int found = find_mode(name, n_bytes);
    if (found < 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: unknown pooling mode \"%.*s\", expected " KNOWN_MODES, place,
                         (int)(n_bytes < 64 ? n_bytes : 64), name);
    }
    for (int i = 0; i < p->n_modes; i++) {
        if (p->modes[i] == mode_names[found].mode) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: pooling mode \"%s\" is given twice", place,
                             mode_names[found].name);
        }
    }
    p->modes[p->n_modes++] = mode_names[found].mode;
    return true;
}

bool nn_pooling_parse(const char *text, const char *place, nn_pooling *out, senc_error *err) {
    nn_pooling p = {.include_prompt = true};
    for (const char *at = text;; at++) {
        const size_t n = strcspn(at, "+");
        if (!add_mode(&p, at, n, place, err)) return false;
        at += n;
        if (*at == '\0') break;
    }
    *out = (nn_pooling){.include_prompt = true};
    for (int i = 0; i < NN_POOLING_MODES; i++) {
        for (int k = 0; k < p.n_modes; k++) {
            if (p.modes[k] == mode_names[i].mode) out->modes[out->n_modes++] = p.modes[k];
        }
    }
    return true;
}

/* sentence-transformers keeps the weights of the positions that the tokens have behind the prompt; kern_pool starts
 * at 1. */
bool nn_pooling_check(const nn_pooling *pooling, const char *place, senc_error *err) {
    for (int i = 0; i < pooling->n_modes; i++) {
        if (pooling->modes[i] == KERN_POOL_WEIGHTED_MEAN && !pooling->include_prompt) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: weightedmean with \"include_prompt\": false is not supported",
                             place);
        }
    }
    return true;
}

static bool read_new(const data_json *file, const data_json *mode, nn_pooling *out, senc_error *err) {
    char place[512];
    snprintf(place, sizeof place, "%s: \"pooling_mode\"", data_json_place(file));
    size_t n = 0;
    if (data_json_get_type(mode) == DATA_JSON_STRING) {
        const char *text = data_json_text(mode, &n);
        return add_mode(out, text, n, place, err);
    }
    if (data_json_get_type(mode) != DATA_JSON_ARRAY || data_json_count(mode) == 0) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected a string or a list of strings, got %s", place,
                         data_json_type_name(data_json_get_type(mode)));
    }
    for (const data_json *item = data_json_first(mode); item; item = data_json_next(item)) {
        const char *text = data_json_text(item, &n);
        if (!text) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: expected a string, got %s", place,
                             data_json_type_name(data_json_get_type(item)));
        }
        if (!add_mode(out, text, n, place, err)) return false;
    }
    return true;
}

/* No mode set means mean, as in sentence-transformers. A key of a mode that nobody knows must not be passed over. */
static bool read_old(const data_json *file, nn_pooling *out, senc_error *err) {
    for (int i = 0; i < NN_POOLING_MODES; i++) {
        bool on = false;
        if (!data_json_read_bool(file, mode_names[i].old_key, &on, err)) return false;
        if (on) out->modes[out->n_modes++] = mode_names[i].mode;
    }
    for (const data_json *m = data_json_first(file); m; m = data_json_next(m)) {
        const char *key = data_json_key(m, NULL);
        bool known = strncmp(key, "pooling_mode_", 13) != 0 || !data_json_bool(m);
        for (int i = 0; i < NN_POOLING_MODES; i++) known = known || strcmp(key, mode_names[i].old_key) == 0;
        if (!known) {
            return senc_fail(err, SENC_BAD_INPUT, "%s: unknown pooling mode \"%.64s\", expected " KNOWN_MODES,
                             data_json_place(file), key);
        }
    }
    if (out->n_modes == 0) out->modes[out->n_modes++] = KERN_POOL_MEAN;
    return true;
}

bool nn_pooling_read(const data_json *file, int64_t width, nn_pooling *out, senc_error *err) {
    *out = (nn_pooling){.include_prompt = true};
    int64_t given = width;
    if (!data_json_read_integer(file, "word_embedding_dimension", 1, INT32_MAX, &given, err) ||
        !data_json_read_integer(file, "embedding_dimension", 1, INT32_MAX, &given, err) ||
        !data_json_read_bool(file, "include_prompt", &out->include_prompt, err)) {
        return false;
    }
    if (given != width) {
        return senc_fail(err, SENC_BAD_INPUT, "%s: the pooling is %lld wide, config.json implies %lld",
                         data_json_place(file), (long long)given, (long long)width);
    }
    const data_json *mode = data_json_find(file, "pooling_mode");
    if (!(mode ? read_new(file, mode, out, err) : read_old(file, out, err))) return false;
    return nn_pooling_check(out, data_json_place(file), err);
}

void nn_pooling_write(const nn_pooling *pooling, int64_t width, data_json *file) {
    static const int old_order[NN_POOLING_MODES] = {0, 2, 1, 3, 4, 5}; /* cls, mean, max, ... as the files have them */
    data_json_put_integer(file, "word_embedding_dimension", width);
    for (int i = 0; i < NN_POOLING_MODES; i++) {
        const struct mode_name *m = &mode_names[old_order[i]];
        bool on = false;
        for (int k = 0; k < pooling->n_modes; k++) on = on || pooling->modes[k] == m->mode;
        data_json_put_bool(file, m->old_key, on);
    }
    data_json_put_bool(file, "include_prompt", pooling->include_prompt);
    bool sorted = true;
    for (int k = 1; k < pooling->n_modes; k++) {
        sorted = sorted && index_of(pooling->modes[k - 1]) < index_of(pooling->modes[k]);
    }
    if (sorted) return;
    data_json *list = data_json_put_array(file, "pooling_mode");
    for (int k = 0; k < pooling->n_modes; k++) {
        data_json_put_string(list, NULL, mode_names[index_of(pooling->modes[k])].new_name);
    }
}

const char *nn_pooling_text(const nn_pooling *pooling, char *out, size_t out_bytes) {
    size_t used = 0;
    out[0] = '\0';
    for (int k = 0; k < pooling->n_modes && used < out_bytes; k++) {
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", k ? "+" : "",
                                 mode_names[index_of(pooling->modes[k])].name);
    }
    return out;
}
