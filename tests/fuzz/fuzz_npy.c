/* Fuzz target: .npy. Whatever the bytes are, they are refused with one line of text or become a matrix of the stated
 * size. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "autograd/base/error.h"
#include "data/formats/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    data_matrix m;
    senc_error err = {0};
    const bool ok = data_npy_parse(data, n_bytes, "fuzz", &m, &err);
    SENC_ASSERT(ok == (err.kind == SENC_OK) && ok == (m.values != NULL) && !strchr(err.text, '\n'), "%s", err.text);
    volatile float last = 0; /* for the sanitizer: every value is there to be read */
    for (int64_t i = 0; i < m.n_rows * m.n_columns; i++) last = m.values[i];
    (void)last;
    data_matrix_free(&m);
    return 0;
}
