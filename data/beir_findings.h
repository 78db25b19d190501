/* What is wrong with a BEIR folder, all of it, for `senc inspect`: data_beir_open stops at the first mistake. */
#ifndef DATA_BEIR_FINDINGS_H
#define DATA_BEIR_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/buffer.h"
#include "autograd/base/error.h"

typedef struct data_beir_findings {
    /* Lines for people, each "  what: how many: examples": of the corpus, of the queries, and of every split of the
     * judgements with its counts. */
    senc_buffer corpus, queries, judgements;
    int64_t n_refused; /* mistakes for which data_beir_open refuses the folder: ids that stand twice, conflicts */
} data_beir_findings;

/* Reads everything. Fails, as data_beir_open does, where a line cannot be read. */
bool data_beir_find(const char *folder, bool replace_bad_utf8, data_beir_findings *out, senc_error *err);
void data_beir_findings_free(data_beir_findings *f);

#endif
