/* The units that changed most: see changed_units.h. */
#include "eval/statistics/changed_units.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"

/* The unit with the largest change (times sign) that comes behind `last` in the order of change, then index; -1: none.
 * n_examples is small, so walking the list for each is cheap. */
static int64_t next_most(const double *d, int64_t n, double sign, int64_t last) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        const double x = sign * d[i];
        if (!(x > 1e-12)) continue;
        if (last >= 0 && (x > sign * d[last] || (x == sign * d[last] && i <= last))) continue;
        if (best < 0 || x > sign * d[best]) best = i;
    }
    return best;
}

static bool fill(const eval_pairing *p, const eval_compared_series *s, double sign, int64_t n_examples,
                 eval_changed_unit **units, int64_t *n, senc_error *err) {
    *units = senc_alloc_zero((size_t)n_examples, sizeof **units);
    if (!*units) return senc_fail_memory(err, (size_t)n_examples * sizeof **units, "a comparison");
    for (int64_t last = -1; *n < n_examples; (*n)++) {
        last = next_most(s->differences, s->n_units, sign, last);
        if (last < 0) break;
        (*units)[*n] = (eval_changed_unit){
            .base = &p->results[0]->detail.units[last],
            .candidate = &p->results[p->n_base]->detail.units[p->orders[p->n_base][last]],
            .base_value = s->base_values[last],
            .candidate_value = s->candidate_values[last],
            .change = s->differences[last],
            .gold = s->gold ? s->gold[last] : NAN,
        };
    }
    return true;
}

bool eval_changed_units_find(const eval_pairing *pairing, const eval_compared_series *s, int64_t n_examples,
                             eval_changed_units *out, senc_error *err) {
    *out = (eval_changed_units){.data = pairing->results[0]->name,
                                .key = s->candidate_key,
                                .unit_name = pairing->results[0]->detail.unit_name,
                                .is_mean = s->base[0].statistic == EVAL_MEAN};
    if (fill(pairing, s, 1, n_examples, &out->improved, &out->n_improved, err) &&
        fill(pairing, s, -1, n_examples, &out->hurt, &out->n_hurt, err))
        return true;
    free(out->improved);
    free(out->hurt);
    return false;
}
