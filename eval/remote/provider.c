/* The table of providers and what they share: see provider.h. */
#include "eval/remote/provider.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/remote/paid_vectors.h"

#define PROVIDER(name) extern const eval_provider eval_##name##_provider;
#include "eval/remote/providers.def"
#undef PROVIDER

#define PROVIDER(name) &eval_##name##_provider,
static const eval_provider *const all_providers[] = {
#include "eval/remote/providers.def"
};
#undef PROVIDER

enum { N_PROVIDERS = sizeof all_providers / sizeof *all_providers };

const eval_provider *const *eval_provider_all(int *n) {
    *n = N_PROVIDERS;
    return all_providers;
}

const eval_provider *eval_provider_find(const char *name, size_t n_bytes) {
    for (int i = 0; i < N_PROVIDERS; i++) {
        const char *known = all_providers[i]->name;
        if (strlen(known) == n_bytes && memcmp(known, name, n_bytes) == 0) return all_providers[i];
    }
    return NULL;
}

double eval_provider_list_price(const eval_provider *p, const char *model) {
    for (const eval_provider_price *price = p->price; price->prefix; price++)
        if (strncmp(model, price->prefix, strlen(price->prefix)) == 0) return price->dollars;
    return NAN;
}

void eval_provider_put_texts(const eval_provider_call *call, data_json *parent, const char *key) {
    data_json *texts = data_json_put_array(parent, key);
    for (int64_t i = 0; i < call->n; i++)
        data_json_put_text(texts, NULL, call->texts[i].bytes, (size_t)call->texts[i].n_bytes);
}

void eval_provider_put_path(senc_buffer *url, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (isalnum(*c) || strchr("-._~/", *c))
            senc_buffer_append(url, c, 1);
        else
            senc_buffer_printf(url, "%%%02X", *c);
    }
}

static bool reserve(eval_answer *out, int64_t width, const data_json *vector, senc_error *err) {
    if (width < 1 || width > EVAL_MOST_DIMENSIONS)
        return senc_fail(err, SENC_FAILED, "%s: bad answer: expected a vector of 1 to %d numbers, found %lld",
                         out->place, EVAL_MOST_DIMENSIONS, (long long)data_json_count(vector));
    out->width = width;
    out->values = senc_alloc((size_t)out->n, (size_t)width * sizeof *out->values);
    return out->values || senc_fail_memory(err, (size_t)(out->n * width) * sizeof *out->values, "vectors");
}

bool eval_answer_put(eval_answer *out, int64_t i, const data_json *vector, senc_error *err) {
    const long long number = i + 1;
    if (!vector || data_json_get_type(vector) != DATA_JSON_ARRAY)
        return senc_fail(err, SENC_FAILED, "%s: bad answer: vector %lld: expected an array of numbers, found %s",
                         out->place, number, vector ? data_json_type_name(data_json_get_type(vector)) : "nothing");
    const int64_t count = data_json_count(vector);
    if (!out->values && !reserve(out, out->width > 0 ? out->width : count, vector, err)) return false;
    if (count != out->width)
        return senc_fail(err, SENC_FAILED, "%s: bad answer: vector %lld: expected %lld numbers, found %lld", out->place,
                         number, (long long)out->width, (long long)count);
    float *row = out->values + i * out->width;
    int64_t k = 0;
    for (const data_json *v = data_json_first(vector); v; v = data_json_next(v), k++) {
        const data_json_type type = data_json_get_type(v);
        if (type == DATA_JSON_ARRAY)
            return senc_fail(err, SENC_FAILED,
                             "%s: bad answer: vector %lld: expected numbers, found arrays: the server gives a vector "
                             "for each token, not one for the text",
                             out->place, number);
        if (!data_json_is_number(v))
            return senc_fail(err, SENC_FAILED, "%s: bad answer: vector %lld, number %lld: expected a number, found %s",
                             out->place, number, (long long)k + 1, data_json_type_name(type));
        const double x = data_json_number(v);
        row[k] = (float)x;
        if (!isfinite(row[k]))
            return senc_fail(err, SENC_FAILED,
                             "%s: bad answer: vector %lld, number %lld: expected a number that a float holds, found %g",
                             out->place, number, (long long)k + 1, x);
    }
    return true;
}

bool eval_answer_check_count(const eval_answer *out, const data_json *array, const char *what, senc_error *err) {
    if (!array || data_json_get_type(array) != DATA_JSON_ARRAY)
        return senc_fail(err, SENC_FAILED, "%s: bad answer: %s: expected an array, found %s", out->place, what,
                         array ? data_json_type_name(data_json_get_type(array)) : "nothing");
    if (data_json_count(array) != out->n)
        return senc_fail(err, SENC_FAILED, "%s: bad answer: %s: expected %lld vectors, found %lld", out->place, what,
                         (long long)out->n, (long long)data_json_count(array));
    return true;
}

bool eval_answer_put_all(eval_answer *out, const data_json *vectors, const char *what, senc_error *err) {
    if (!eval_answer_check_count(out, vectors, what, err)) return false;
    int64_t i = 0;
    for (const data_json *v = data_json_first(vectors); v; v = data_json_next(v))
        if (!eval_answer_put(out, i++, v, err)) return false;
    return true;
}

/* The place of an item in the order of the texts; without an index it stands where it stands. */
static bool read_index(const eval_answer *out, const data_json *item, int64_t at, bool *seen, int64_t *i,
                       senc_error *err) {
    const data_json *index = data_json_find(item, "index");
    *i = index ? data_json_integer(index) : at;
    if (index && (data_json_get_type(index) != DATA_JSON_INTEGER || *i < 0 || *i >= out->n))
        return senc_fail(err, SENC_FAILED, "%s: bad answer: data[%lld].index: expected 0 to %lld, found %s", out->place,
                         (long long)at, (long long)out->n - 1,
                         data_json_get_type(index) == DATA_JSON_INTEGER
                             ? "another number"
                             : data_json_type_name(data_json_get_type(index)));
    if (seen[*i])
        return senc_fail(err, SENC_FAILED, "%s: bad answer: data[%lld].index: %lld is there twice", out->place,
                         (long long)at, (long long)*i);
    seen[*i] = true;
    return true;
}

bool eval_answer_put_indexed(eval_answer *out, const data_json *answer, senc_error *err) {
    const data_json *data = data_json_find(answer, "data");
    if (!eval_answer_check_count(out, data, "data", err)) return false;
    bool *seen = senc_alloc_zero((size_t)out->n, sizeof *seen);
    if (!seen) return senc_fail_memory(err, (size_t)out->n, "an answer");
    bool ok = true;
    int64_t at = 0, i;
    for (const data_json *item = data_json_first(data); ok && item; item = data_json_next(item), at++)
        ok =
            read_index(out, item, at, seen, &i, err) && eval_answer_put(out, i, data_json_find(item, "embedding"), err);
    free(seen);
    const data_json *usage = data_json_find(answer, "usage");
    const data_json *tokens = data_json_find(usage, "total_tokens");
    if (!tokens) tokens = data_json_find(usage, "prompt_tokens");
    if (tokens && data_json_is_number(tokens)) out->n_tokens = (int64_t)data_json_number(tokens);
    return ok;
}

void eval_answer_free(eval_answer *out) {
    free(out->values);
    out->values = NULL;
}
