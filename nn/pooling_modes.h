/* The names of pooling modes, as sentence-transformers writes them and as senc's configs do. */
#ifndef NN_POOLING_MODES_H
#define NN_POOLING_MODES_H

#include "autograd/base/error.h"
#include "autograd/ops/ops.h"
#include "data/formats/json.h"

#define NN_POOLING_MODES 6

typedef struct nn_pooling {
    kern_pooling modes[NN_POOLING_MODES]; /* their vectors side by side */
    int n_modes;
    bool include_prompt;
} nn_pooling;

/* "mean", "cls+mean". Several are put in the order that every version of sentence-transformers uses: cls, max, mean,
 * mean_sqrt_len, weightedmean, lasttoken. place: what the message begins with. */
bool nn_pooling_parse(const char *text, const char *place, nn_pooling *out, senc_error *err);
/* Refuses what no op computes: weightedmean without the prompt. */
bool nn_pooling_check(const nn_pooling *pooling, const char *place, senc_error *err);
/* 1_Pooling/config.json in the old layout (booleans) or the new one ("pooling_mode"). width: the states', checked. */
bool nn_pooling_read(const data_json *file, int64_t width, nn_pooling *out, senc_error *err);
/* The old layout. An order that its booleans cannot say is written in the new layout's key besides, which old versions
 * refuse rather than misread. */
void nn_pooling_write(const nn_pooling *pooling, int64_t width, data_json *file);
/* "cls+mean"; written to out (96 bytes are enough), which is returned. */
const char *nn_pooling_text(const nn_pooling *pooling, char *out, size_t out_bytes);

#endif
