/* Fuzz target: safetensors. Whatever the bytes are, they are refused with one line of text, or every byte of every
 * tensor can be read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/error.h"
#include "data/formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void read_tensor(const data_safetensors *s, const data_tensor *t) {
    const int64_t n = data_tensor_count(t);
    float *values = malloc((size_t)n * sizeof *values + 1);
    char shape[128];
    senc_error err = {0};
    SENC_ASSERT(values, "%lld values", (long long)n);
    const bool ok = data_tensor_to_floats(t, "fuzz", values, &err);
    SENC_ASSERT(ok == (t->dtype <= DATA_I32), "%s: %s", data_dtype_name(t->dtype), err.text);
    SENC_ASSERT(data_safetensors_find(s, t->name) == t, "%s", t->name);
    SENC_ASSERT(data_tensor_shape_text(t, shape, sizeof shape)[0] == '[', "%s", shape);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    data_safetensors s;
    senc_error err = {0};
    const bool ok = data_safetensors_parse(data, n_bytes, "fuzz", &s, &err);
    SENC_ASSERT(ok == (err.kind == SENC_OK) && !strchr(err.text, '\n'), "%s", err.text);
    for (int64_t i = 0; ok && i < s.n_tensors; i++) read_tensor(&s, &s.tensors[i]);
    data_safetensors_close(&s);
    return 0;
}
