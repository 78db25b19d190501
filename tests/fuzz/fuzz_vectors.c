/* Fuzz target: files of vectors on the way of `senc inspect --vectors` and `senc dedupe --vectors`. The first byte
 * chooses the kind; of the raw kinds FILE.json comes first, then a NUL, then the rows (the scales of .i8 are the same
 * bytes). Whatever the bytes are, the file is refused with one line of text, or every measure can be taken. */
#include "tests/fuzz/fuzz_folder.h"

#include "data/formats/json.h"
#include "eval/near_duplicates.h"
#include "eval/quality/quality_findings.h"

#define MOST_WIDTH 48 /* of what is measured: some measures take the cube of it */

static void check_findings(data_vectors *v) {
    eval_findings f = {.names = {"a", "a"}, .n_sets = 2, .has_drift = true, .has_shift = true};
    senc_error err = {0};
    bool ok = eval_quality_measure(v, &f.quality[0], &err) && eval_quality_align(v, v, &f.quality[0], &err);
    f.quality[1] = f.quality[0];
    ok = ok && eval_drift_measure(v, v, &f.drift, &err) && eval_shift_measure(v, v, 1, &f.shift, &err) &&
         eval_findings_judge(&f, &err);
    fuzz_check_error(ok, &err);
    senc_buffer out = {0};
    data_json *o = data_json_create_object();
    if (ok) eval_findings_print(&f, &out);
    if (ok) eval_findings_put_json(&f, o);
    SENC_ASSERT(data_json_dump(o, 0, &out), "%zu bytes", out.n_bytes);
    data_json_free(o);
    senc_buffer_free(&out);
    eval_findings_free(&f);
}

static void check_duplicates(const data_vectors *v) {
    eval_near_duplicates d = {0};
    senc_error err = {0};
    fuzz_check_error(eval_near_duplicates_find(v, 0.9, NULL, &d, &err), &err);
    eval_near_duplicates_free(&d);
}

static void check_rows(const data_vectors *v) {
    senc_error err = {0};
    float *row = malloc((size_t)v->width * sizeof *row);
    SENC_ASSERT(row && v->n_rows >= 1 && v->width >= 1, "%lld x %lld", (long long)v->n_rows, (long long)v->width);
    volatile float last = 0; /* for the sanitizer: every value is there to be read */
    for (int64_t i = 0; i < v->n_rows; i++) {
        SENC_ASSERT(data_vectors_read(v, i, 1, row, &err), "%s", err.text);
        for (int64_t k = 0; k < v->width; k++) last = row[k];
    }
    (void)last;
    free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes) {
    static const char *const names[] = {"v.npy", "v.jsonl", "v.f32", "v.f16", "v.i8", "v.bin"};
    if (n_bytes == 0) return 0;
    const int kind = data[0] % 6;
    data++, n_bytes--;
    if (kind >= DATA_VECTOR_F32) {
        char name[20];
        const uint8_t *end = memchr(data, 0, n_bytes);
        const size_t n = end ? (size_t)(end - data) : n_bytes;
        snprintf(name, sizeof name, "%s.json", names[kind]);
        fuzz_file(name, data, n);
        data += n + (end != NULL), n_bytes -= n + (end != NULL);
        fuzz_file("v.i8.scales.f32", data, n_bytes);
    }
    const char *path = fuzz_file(names[kind], data, n_bytes);
    data_vectors v;
    senc_error err = {0};
    const bool ok = data_vectors_open(path, true, &v, &err);
    fuzz_check_error(ok, &err);
    if (ok) check_rows(&v);
    if (ok && v.width <= MOST_WIDTH && v.n_rows <= 64) {
        check_findings(&v);
        check_duplicates(&v);
    }
    data_vectors_close(&v);
    return 0;
}
