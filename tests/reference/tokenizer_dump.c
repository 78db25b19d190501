/* Encodes texts for tokenizer_ids.py: tokenizer_dump FOLDER auto|yes|no MAX_LENGTH, with records of (uint32 bytes,
 * text) on standard input; writes records of (uint32 count, int32 ids) and, on standard error, the seconds spent in
 * encoding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "data/tokenizers/tokenizer.h"

static bool read_record(char **text, uint32_t *n_bytes) {
    if (fread(n_bytes, sizeof *n_bytes, 1, stdin) != 1) return false;
    char *grown = realloc(*text, (size_t)*n_bytes + 1);
    if (!grown) return false;
    *text = grown;
    return fread(*text, 1, *n_bytes, stdin) == *n_bytes;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    data_tokenizer_options options = {DATA_LOWERCASE_AUTO};
    if (strcmp(argv[2], "yes") == 0) options.lowercase = DATA_LOWERCASE_YES;
    if (strcmp(argv[2], "no") == 0) options.lowercase = DATA_LOWERCASE_NO;
    int64_t max_length = strtoll(argv[3], NULL, 10);
    senc_error err = {0};
    data_tokenizer *t;
    double start = senc_clock_ms();
    if (!data_tokenizer_load(argv[1], &options, &t, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double load_ms = senc_clock_ms() - start, encode_ms = 0, bytes = 0;
    data_tokenizer_scratch *scratch = data_tokenizer_scratch_create();
    data_ids ids = {0};
    char *text = NULL;
    uint32_t n_bytes = 0;
    while (scratch && read_record(&text, &n_bytes)) {
        ids.n = 0;
        start = senc_clock_ms();
        uint32_t n = (uint32_t)data_tokenizer_encode(t, scratch, text, n_bytes, max_length, &ids, NULL);
        encode_ms += senc_clock_ms() - start;
        bytes += n_bytes;
        fwrite(&n, sizeof n, 1, stdout);
        fwrite(ids.items, sizeof *ids.items, n, stdout);
    }
    fprintf(stderr, "load %.1f ms, encode %.1f ms, %.1f MB/s\n", load_ms, encode_ms, bytes / 1e3 / encode_ms);
    free(text);
    data_ids_free(&ids);
    data_tokenizer_scratch_free(scratch);
    data_tokenizer_free(t);
    return 0;
}
