/* What it costs to run a system: see switching_cost.h. */
#include "eval/statistics/switching_cost.h"

#include <math.h>
#include <stdio.h>

bool eval_switching_cost_describe(const eval_switching_cost *c, int64_t n_documents, char *out, size_t out_bytes) {
    if (!(c->tokens_per_text > 0) || c->dollars_per_text == 0) return false;
    const double price = c->dollars_per_text / c->tokens_per_text * 1e6,
                 all = c->dollars_per_text * (double)n_documents;
    if (isnan(price))
        snprintf(out, out_bytes, "embedding %lld documents takes about %.0f tokens (%.1f a text), at an unknown price",
                 (long long)n_documents, c->tokens_per_text * (double)n_documents, c->tokens_per_text);
    else
        snprintf(out, out_bytes, "embedding %lld documents costs about $%.2f: %.1f tokens a text at $%.10g per million",
                 (long long)n_documents, all, c->tokens_per_text, price);
    return true;
}

const char *eval_switching_cost_map_words(const eval_switching_cost *c) {
    if (c->map_candidate <= c->map_base) return "There is no gain that the old index could keep.";
    if (c->map_value <= c->map_base) return "No gain is left: embed the documents anew.";
    if (c->map_candidate > c->map_value)
        return "Part of the gain is left: a bridge until the documents are embedded anew.";
    return "The old index can stay.";
}

int64_t eval_switching_cost_bytes(const eval_switching_cost *c) {
    return c->bytes_per_vector + c->word_bytes;
}

double eval_switching_cost_seconds(const eval_switching_cost *c, int64_t n_documents) {
    const double embedding = c->texts_per_second > 0 ? (double)n_documents / c->texts_per_second : 0;
    const double indexing = c->documents_per_second > 0 ? (double)n_documents / c->documents_per_second : 0;
    if (embedding + indexing == 0 || (c->bytes_per_vector > 0 && embedding == 0)) return NAN;
    return embedding + indexing;
}

/* ---- which is cheaper ---- */

/* Of a text; an unknown price is above all known ones. */
static double dollars_of(const eval_switching_cost *c) {
    if (!(c->tokens_per_text > 0)) return 0;
    return isnan(c->dollars_per_text) ? HUGE_VAL : c->dollars_per_text;
}

/* Vectors whose model is not known may be of any; without vectors there is none. */
static double parameters_of(const eval_switching_cost *c) {
    return c->n_parameters > 0 || c->bytes_per_vector == 0 ? (double)c->n_parameters : HUGE_VAL;
}

static int order_of(double a, double b) {
    return (a > b) - (a < b);
}

int eval_switching_cost_order(const eval_switching_cost *a, const eval_switching_cost *b) {
    int order = (int)b->is_known - (int)a->is_known;
    if (order == 0) order = order_of(dollars_of(a), dollars_of(b));
    if (order == 0) order = order_of((double)a->bytes_per_vector, (double)b->bytes_per_vector);
    if (order == 0) order = order_of(parameters_of(a), parameters_of(b));
    return order != 0 ? order : order_of((double)a->word_bytes, (double)b->word_bytes);
}

static const char *parameters_text(int64_t n, char *out, size_t out_bytes) {
    if (n >= 1000000)
        snprintf(out, out_bytes, "%.1f million", (double)n / 1e6);
    else
        snprintf(out, out_bytes, "%lld", (long long)n);
    return out;
}

const char *eval_switching_cost_advantage(const eval_switching_cost *a, const eval_switching_cost *b, char *out,
                                          size_t out_bytes) {
    char less[32], more[32];
    if (dollars_of(a) != dollars_of(b))
        snprintf(out, out_bytes, dollars_of(a) == 0 ? "sends nothing to an API" : "is the cheaper API");
    else if (a->bytes_per_vector == 0 && b->bytes_per_vector > 0)
        snprintf(out, out_bytes, "needs no vectors");
    else if (a->bytes_per_vector != b->bytes_per_vector)
        snprintf(out, out_bytes, "takes %lld bytes a vector, not %lld", (long long)a->bytes_per_vector,
                 (long long)b->bytes_per_vector);
    else if (parameters_of(a) != parameters_of(b) && b->n_parameters > 0)
        snprintf(out, out_bytes, "has %s parameters, not %s", parameters_text(a->n_parameters, less, sizeof less),
                 parameters_text(b->n_parameters, more, sizeof more));
    else if (a->word_bytes == 0 && b->word_bytes > 0)
        snprintf(out, out_bytes, "needs no index of words");
    else
        snprintf(out, out_bytes, "costs less");
    return out;
}
