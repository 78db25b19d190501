/* Tokenisation on one thread: bench_tokenise MODEL TEXTS.jsonl PASSES. Prints {"units": MB of text, "seconds"} as JSON.
 * The texts are in memory; one pass over some of them warms up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/table.h"
#include "data/tokenizers/tokenizer.h"

#define WARM_UP_TEXTS 64

typedef struct texts {
    char **items;
    size_t *n_bytes;
    int64_t n;
} texts;

static bool load_texts(char *path, texts *out, senc_error *err) {
    static const data_role roles[] = {{.name = "text", .kind = DATA_ROLE_TEXT, .allow_empty = true}};
    const data_source source = {.path = path};
    data_set *set;
    if (!data_set_open(&source, 1, roles, 1, "the benchmark", &set, err)) return false;
    const int64_t n = data_set_n_rows(set);
    out->items = calloc((size_t)n, sizeof *out->items);
    out->n_bytes = calloc((size_t)n, sizeof *out->n_bytes);
    bool ok = (out->items && out->n_bytes) || senc_fail_memory(err, (size_t)n * sizeof(char *), "texts");
    data_row row = {0};
    for (; ok && out->n < n; out->n++) {
        ok = data_set_row(set, out->n, &row, err);
        if (!ok) break;
        out->n_bytes[out->n] = row.values[0].n_bytes;
        out->items[out->n] = strndup(row.values[0].text, row.values[0].n_bytes);
        ok = out->items[out->n] || senc_fail_memory(err, row.values[0].n_bytes, "a text");
    }
    data_row_free(&row);
    data_set_close(set);
    return ok;
}

/* Bytes of text that were tokenised. */
static double tokenise(const data_tokenizer *t, data_tokenizer_scratch *scratch, const texts *x, int64_t n,
                       data_ids *ids) {
    double n_bytes = 0;
    for (int64_t i = 0; i < n && i < x->n; i++) {
        ids->n = 0;
        data_tokenizer_encode(t, scratch, x->items[i], x->n_bytes[i], 0, ids, NULL);
        n_bytes += (double)x->n_bytes[i];
    }
    return n_bytes;
}

static bool measure(const char *model, char *path, long passes, senc_error *err) {
    texts x = {0};
    data_tokenizer *tokenizer = NULL;
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    bool ok = data_tokenizer_load(model, NULL, &tokenizer, err) && load_texts(path, &x, err) &&
              (scratch || senc_fail_memory(err, 0, "a tokenizer's memory"));
    if (ok) {
        tokenise(tokenizer, scratch, &x, WARM_UP_TEXTS, &ids);
        const double start_ms = senc_clock_ms();
        double n_bytes = 0;
        for (long pass = 0; pass < passes; pass++) n_bytes += tokenise(tokenizer, scratch, &x, x.n, &ids);
        const double seconds = 1e-3 * (senc_clock_ms() - start_ms);
        ok = !ids.failed || senc_fail_memory(err, 0, "token ids");
        printf("{\"units\": %.6f, \"seconds\": %.6f}\n", 1e-6 * n_bytes, seconds);
    }
    for (int64_t i = 0; i < x.n; i++) free(x.items[i]);
    free(x.items);
    free(x.n_bytes);
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
    data_tokenizer_free(tokenizer);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: bench_tokenise MODEL TEXTS.jsonl PASSES\n", stderr);
        return 2;
    }
    senc_error err = {0};
    if (!measure(argv[1], argv[2], strtol(argv[3], NULL, 10), &err)) fprintf(stderr, "bench_tokenise: %s\n", err.text);
    return senc_error_exit_code(&err);
}
