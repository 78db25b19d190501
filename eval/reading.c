/* How much of its texts a system reads: see reading.h. */
#include "eval/reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

double eval_reading_share(const eval_reading *r) {
    return r->n_texts > 0 ? (double)r->n_cut / (double)r->n_texts : NAN;
}

bool eval_reading_differs(const eval_reading *a, const eval_reading *b) {
    const double x = eval_reading_share(a), y = eval_reading_share(b);
    if (isnan(x) || isnan(y)) return false;
    return fabs(x - y) >= EVAL_READING_DIFFERS ||
           (a->max_length != b->max_length && fmax(x, y) >= EVAL_READING_DIFFERS);
}

/* "1,234,567" */
static const char *count_text(int64_t n, char *out, size_t out_bytes) {
    if (n >= 1000000)
        snprintf(out, out_bytes, "%lld,%03lld,%03lld", (long long)(n / 1000000), (long long)(n / 1000 % 1000),
                 (long long)(n % 1000));
    else if (n >= 1000)
        snprintf(out, out_bytes, "%lld,%03lld", (long long)(n / 1000), (long long)(n % 1000));
    else
        snprintf(out, out_bytes, "%lld", (long long)n);
    return out;
}

const char *eval_reading_describe(const eval_reading *r, char *out, size_t out_bytes) {
    char all[32], cut[32], percent[16];
    count_text(r->n_texts, all, sizeof all);
    if (r->n_texts == 0)
        snprintf(out, out_bytes, "unknown");
    else if (r->n_cut > 0)
        snprintf(out, out_bytes, "%s of %s (%s) %s cut at %lld tokens", count_text(r->n_cut, cut, sizeof cut), all,
                 eval_reading_percent(r, percent, sizeof percent), r->n_cut == 1 ? "was" : "were",
                 (long long)r->max_length);
    else if (r->max_length > 0)
        snprintf(out, out_bytes, "none of %s was cut (%lld tokens at most)", all, (long long)r->max_length);
    else
        snprintf(out, out_bytes, "all of %s were read whole", all);
    return out;
}

const char *eval_reading_percent(const eval_reading *r, char *out, size_t out_bytes) {
    const double percent = 100 * eval_reading_share(r);
    if (isnan(percent))
        snprintf(out, out_bytes, "-");
    else if (r->n_cut == 0 || percent >= 0.05)
        snprintf(out, out_bytes, r->n_cut == 0 || r->n_cut == r->n_texts ? "%.0f %%" : "%.1f %%", percent);
    else
        snprintf(out, out_bytes, "<0.1 %%");
    return out;
}

const char *eval_reading_words(const eval_reading *r, char *out, size_t out_bytes) {
    char percent[16];
    if (r->n_cut > 0)
        snprintf(out, out_bytes, "reads %lld tokens and cut %s of the texts", (long long)r->max_length,
                 eval_reading_percent(r, percent, sizeof percent));
    else
        snprintf(out, out_bytes, "read everything");
    return out;
}

bool eval_reader_start(eval_reader *r, int64_t n, senc_error *err) {
    if (n > r->capacity) {
        free(r->cut);
        r->capacity = 0;
        r->cut = senc_alloc((size_t)n, sizeof *r->cut);
        if (!r->cut) return senc_fail_memory(err, (size_t)n * sizeof *r->cut, "texts");
        r->capacity = n;
    }
    if (n > 0) memset(r->cut, 0, (size_t)n * sizeof *r->cut);
    r->n = n;
    return true;
}

void eval_reader_finish(eval_reader *r) {
    r->sum.n_texts += r->n;
    for (int64_t i = 0; i < r->n; i++) r->sum.n_cut += r->cut[i];
}

void eval_reader_free(eval_reader *r) {
    free(r->cut);
    *r = (eval_reader){0};
}

eval_reading eval_reading_since(const eval_reader *r, const eval_reading *before) {
    if (!r) return (eval_reading){0};
    return (eval_reading){r->sum.n_texts - before->n_texts, r->sum.n_cut - before->n_cut, r->sum.max_length};
}
