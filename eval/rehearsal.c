/* An evaluation on made-up vectors: see rehearsal.h. */
#include "eval/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/rng.h"
#include "data/pairs.h"

#define WIDTH 8 /* of the made-up vectors */

/* When the sample is full every second text of it goes, and from then on half as many come. */
static void thin_out(eval_rehearsal *r) {
    for (int64_t i = 0; i < r->n_sample; i++) {
        if (i % 2 == 0)
            r->sample[i / 2] = r->sample[i];
        else
            free(r->sample[i].bytes);
    }
    r->n_sample /= 2;
    r->stride *= 2;
}

static bool keep_text(eval_rehearsal *r, eval_role role, const eval_text *text, senc_error *err) {
    if (r->n_sample == 2 * EVAL_REHEARSAL_SAMPLE) thin_out(r);
    if (r->n_texts % r->stride != 0) return true;
    char *bytes = senc_strndup(text->bytes, (size_t)text->n_bytes);
    if (!bytes) return senc_fail_memory(err, (size_t)text->n_bytes, "texts");
    r->sample[r->n_sample++] = (eval_rehearsed_text){role, bytes, text->n_bytes};
    return true;
}

/* Equal texts have equal vectors, others differ, so that no evaluator stumbles over a constant. */
static bool make_up(void *context, eval_role role, const eval_text *texts, int64_t n, float *out, senc_error *err) {
    eval_rehearsal *r = context;
    for (int64_t i = 0; i < n; i++) {
        uint64_t hash = data_text_hash(texts[i].bytes, (size_t)texts[i].n_bytes);
        for (int64_t k = 0; k < WIDTH; k++) {
            hash = senc_rng_mix(hash + 1);
            out[i * WIDTH + k] = ((float)(hash >> 40) + 0.5F) / (float)(1 << 23) - 1.0F;
        }
        if (!keep_text(r, role, &texts[i], err)) return false;
        r->n_texts++;
    }
    return true;
}

bool eval_rehearse(eval_job *job, const char *similarity, eval_rehearsal *out, senc_error *err) {
    *out = (eval_rehearsal){.stride = 1};
    const eval_embedder embedder = {
        .embed = make_up, .context = out, .width = WIDTH, .similarity = similarity, .writes_nothing = true};
    const bool ok = eval_job_run(job, &embedder, &out->result, err);
    eval_detail_free(&out->result.detail);
    return ok;
}

void eval_rehearsal_free(eval_rehearsal *r) {
    for (int64_t i = 0; i < r->n_sample; i++) free(r->sample[i].bytes);
    eval_result_free(&r->result);
    *r = (eval_rehearsal){0};
}
