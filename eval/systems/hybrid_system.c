/* Lists of several systems fused into one.
 *
 *     rrf   sum over the parts of weight / (c + rank)                     Cormack, Clarke, Buettcher 2009; c = 60
 *     sum   sum over the parts of weight x score, the scores of each list brought to one scale first:
 *           minmax (s - min) / (max - min), z (s - mean) / deviation
 *
 * over the first `depth` documents of each part. A document that a part did not find adds nothing (rrf), or the lowest
 * normalised score of that part's list (sum). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/corpus_search.h"
#include "eval/systems/system_parts.h"

enum { FUSION_RRF, FUSION_SUM };
enum { NORM_MINMAX, NORM_Z };

typedef struct hybrid_options {
    int fusion, norm;
    double c, weight;
    int64_t depth;
} hybrid_options;

static const senc_option option_rows[] = {
    SENC_OPTION_CHOICE(hybrid_options, fusion, "rrf", "rrf|sum", "reciprocal ranks, or normalised scores"),
    SENC_OPTION_REAL(hybrid_options, c, "60", 0, 1e9, "rrf: weight / (c + rank)"),
    SENC_OPTION_CHOICE(hybrid_options, norm, "minmax", "minmax|z", "sum: what brings a list's scores to one scale"),
    SENC_OPTION_REAL(hybrid_options, weight, NULL, 0, 1,
                     "of the first part, the others share the rest; unset: all the same"),
    SENC_OPTION_INTEGER(hybrid_options, depth, "1000", 1, 100000, "documents of each part's list"),
    {0},
};

typedef struct hybrid_run {
    const eval_system *system;
    const hybrid_options *options;
    const eval_rank_request *request;
    int64_t depth;     /* of the parts' lists */
    eval_hit **lists;  /* (n_parts) each (n_queries, depth) */
    int64_t **n_lists; /* (n_parts) each (n_queries) */
    double *score;     /* (documents) NaN: not met */
    int64_t *met;      /* (n_parts x depth) documents of the query at work */
    int64_t n_met;
    eval_reading reading; /* of the part that leaves out most of its texts */
    bool has_unknown;     /* a part of which that is not known */
} hybrid_run;

static double weight_of(const eval_system *s, const hybrid_options *o, int64_t part) {
    const double n = (double)s->n_parts;
    if (isnan(o->weight)) return o->fusion == FUSION_RRF ? 1 : 1 / n;
    return part == 0 ? o->weight : (1 - o->weight) / (n - 1);
}

/* scores of a list -> shift and scale that normalise it, and what a document outside of it gets. */
typedef struct list_scale {
    double shift, scale, outside;
} list_scale;

static list_scale scale_of(int norm, const eval_hit *hits, int64_t n) {
    if (n == 0) return (list_scale){0, 0, 0};
    const double high = (double)hits[0].score, low = (double)hits[n - 1].score;
    if (norm == NORM_MINMAX) {
        if (!(high > low)) return (list_scale){low - 1, 1, 0}; /* all of them count 1 */
        return (list_scale){low, 1 / (high - low), 0};
    }
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) mean += (double)hits[i].score / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)hits[i].score - mean;
        squares += d * d / (double)n;
    }
    const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
    return (list_scale){mean, scale, (low - mean) * scale};
}

static void add_score(hybrid_run *run, int64_t document, double score) {
    if (isnan(run->score[document])) {
        run->score[document] = 0;
        run->met[run->n_met++] = document;
    }
    run->score[document] += score;
}

/* Adds one part's list of a query; returns what documents outside of it get. */
static double add_list(hybrid_run *run, int64_t part, int64_t query) {
    const hybrid_options *o = run->options;
    const eval_hit *hits = run->lists[part] + query * run->depth;
    const int64_t n = run->n_lists[part][query];
    const double weight = weight_of(run->system, o, part);
    if (o->fusion == FUSION_RRF) {
        for (int64_t i = 0; i < n; i++) add_score(run, hits[i].document, weight / (o->c + (double)(i + 1)));
        return 0;
    }
    const list_scale scale = scale_of(o->norm, hits, n);
    for (int64_t i = 0; i < n; i++) {
        const double normal = ((double)hits[i].score - scale.shift) * scale.scale;
        add_score(run, hits[i].document, weight * (normal - scale.outside));
    }
    return weight * scale.outside;
}

static void fuse_query(hybrid_run *run, int64_t query, eval_nearest *nearest) {
    double outside = 0;
    run->n_met = 0;
    for (int64_t p = 0; p < run->system->n_parts; p++) outside += add_list(run, p, query);
    for (int64_t i = 0; i < run->n_met; i++) {
        const int64_t document = run->met[i];
        eval_nearest_offer(nearest, query, (eval_hit){document, (float)(run->score[document] + outside)});
        run->score[document] = (double)NAN;
    }
}

static void note_reading(hybrid_run *run, const eval_reading *part) {
    run->has_unknown = run->has_unknown || part->n_texts == 0;
    if (part->n_texts == 0) return;
    if (run->reading.n_texts == 0 || eval_reading_share(part) > eval_reading_share(&run->reading)) run->reading = *part;
}

static bool rank_parts(hybrid_run *run, senc_error *err) {
    eval_rank_request deeper = *run->request;
    deeper.depth = run->depth;
    const size_t n_queries = (size_t)deeper.n_queries;
    for (int64_t p = 0; p < run->system->n_parts; p++) {
        run->lists[p] = senc_alloc(n_queries * (size_t)run->depth, sizeof **run->lists);
        run->n_lists[p] = senc_alloc_zero(n_queries, sizeof **run->n_lists);
        if (!run->lists[p] || !run->n_lists[p])
            return senc_fail_memory(err, n_queries * (size_t)run->depth * sizeof **run->lists, "lists to fuse");
        const eval_embedder part = eval_system_embedder(run->system->parts[p]);
        if (part.prepare && !part.prepare(part.context, NULL, 0, err)) return false;
        const eval_reading before = part.reader ? part.reader->sum : (eval_reading){0};
        if (!eval_corpus_rank(&deeper, &part, run->lists[p], run->n_lists[p], err)) return false;
        const eval_reading reading = eval_reading_since(part.reader, &before);
        note_reading(run, &reading);
    }
    return true;
}

static bool fuse_all(hybrid_run *run, eval_hit *hits, int64_t *n_hits, senc_error *err) {
    const eval_rank_request *r = run->request;
    eval_nearest nearest = {
        .n_queries = r->n_queries, .k = r->depth, .tie_rank = r->tie_rank, .tie_descending = r->tie_descending};
    const bool ok = eval_nearest_init(&nearest);
    if (ok) {
        for (int64_t q = 0; q < r->n_queries; q++) fuse_query(run, q, &nearest);
        eval_nearest_sort(&nearest);
        memcpy(hits, nearest.hits, (size_t)(r->n_queries * r->depth) * sizeof *hits);
        memcpy(n_hits, nearest.n_hits, (size_t)r->n_queries * sizeof *n_hits);
    }
    eval_nearest_free(&nearest);
    return ok || senc_fail_memory(err, (size_t)(r->n_queries * r->depth) * sizeof *hits, "fused lists");
}

static bool run_hybrid(hybrid_run *run, eval_hit *hits, int64_t *n_hits, senc_error *err) {
    const int64_t n_documents = data_beir_n_documents(run->request->beir), n_parts = run->system->n_parts;
    run->depth = run->options->depth > run->request->depth ? run->options->depth : run->request->depth;
    if (run->depth > n_documents) run->depth = n_documents;
    run->lists = senc_alloc_zero((size_t)n_parts, sizeof *run->lists);
    run->n_lists = senc_alloc_zero((size_t)n_parts, sizeof *run->n_lists);
    run->score = senc_alloc((size_t)n_documents, sizeof *run->score);
    run->met = senc_alloc((size_t)(n_parts * run->depth), sizeof *run->met);
    if (!run->lists || !run->n_lists || !run->score || !run->met)
        return senc_fail_memory(err, (size_t)n_documents * sizeof *run->score, "lists to fuse");
    for (int64_t d = 0; d < n_documents; d++) run->score[d] = (double)NAN;
    return rank_parts(run, err) && fuse_all(run, hits, n_hits, err);
}

static bool rank_hybrid(void *context, const eval_rank_request *request, eval_hit *hits, int64_t *n_hits,
                        senc_error *err) {
    eval_system *s = context;
    hybrid_run run = {.system = s, .options = s->options, .request = request};
    const bool ok = run_hybrid(&run, hits, n_hits, err);
    if (run.reading.n_cut > 0 || !run.has_unknown) {
        s->reader.sum.n_texts += run.reading.n_texts;
        s->reader.sum.n_cut += run.reading.n_cut;
        s->reader.sum.max_length = run.reading.max_length;
    }
    for (int64_t p = 0; p < s->n_parts; p++) {
        if (run.lists) free(run.lists[p]);
        if (run.n_lists) free(run.n_lists[p]);
    }
    free(run.lists);
    free(run.n_lists);
    free(run.score);
    free(run.met);
    return ok;
}

/* ---- opening ---- */

/* "(SPEC)" -> "SPEC". */
static char *part_text(const char *text, size_t n) {
    if (n >= 2 && text[0] == '(' && eval_spec_find(text + 1, ')') == n - 2) return senc_strndup(text + 1, n - 2);
    return senc_strndup(text, n);
}

static bool open_part(eval_system *s, const char *text, size_t n, const eval_system_options *how, senc_error *err) {
    char *spec = part_text(text, n);
    eval_system *part = NULL;
    bool ok = spec || senc_fail_memory(err, n, "the name of a system");
    ok = ok && eval_system_open(spec, how, &part, err) && eval_system_add_part(s, part, err);
    free(spec);
    return ok;
}

static bool add_rules(eval_system *s, const hybrid_options *o, senc_error *err) {
    senc_buffer parts = {0};
    for (int64_t p = 0; p < s->n_parts; p++)
        senc_buffer_printf(&parts, "%s%.3g x %s", p > 0 ? " + " : "", weight_of(s, o, p),
                           eval_system_label(s->parts[p]));
    const char *text = senc_buffer_text(&parts);
    const long long depth = (long long)o->depth;
    bool ok = !parts.failed || senc_fail_memory(err, 1, "a rule");
    if (ok && o->fusion == FUSION_RRF)
        ok = eval_system_add_rule(s, err, "hybrid: reciprocal ranks, weight / (%g + rank), of the first %lld: %s", o->c,
                                  depth, text);
    else if (ok)
        ok = eval_system_add_rule(
            s, err, "hybrid: sum of scores of the first %lld, %s of each list (not in it: the lowest): %s", depth,
            o->norm == NORM_Z ? "(s - mean) / deviation" : "(s - min) / (max - min)", text);
    for (int64_t p = 0; ok && p < s->n_parts; p++) {
        const eval_system *part = s->parts[p];
        for (int64_t i = 0; ok && i < part->n_rules; i++) ok = eval_system_add_rule(s, err, "%s", part->rules[i]);
    }
    senc_buffer_free(&parts);
    return ok;
}

static bool open_hybrid(eval_system *s, const char *argument, const void *options, const eval_system_options *how,
                        senc_error *err) {
    const hybrid_options *o = options;
    for (const char *at = argument;;) {
        const size_t n = eval_spec_find(at, '+');
        if (!open_part(s, at, n, how, err)) /* what stands behind '?' of an API is not repeated */
            return senc_error_prefix(err, "%s: ", eval_system_may_send(s->spec) ? "hybrid" : s->spec);
        if (at[n] == '\0') break;
        at += n + 1;
    }
    if (s->n_parts < 2)
        return senc_fail(err, SENC_BAD_INPUT, "%s: expected at least two systems with '+' between them, got one",
                         s->spec);
    s->ranker = (eval_ranker){.rank = rank_hybrid, .context = s, .score_name = o->fusion == FUSION_RRF ? "rrf" : "sum"};
    s->embedder = (eval_embedder){.ranker = &s->ranker, .reader = &s->reader};
    return add_rules(s, o, err);
}

static bool add_hybrid_facts(const eval_system *s, eval_system_facts *facts, senc_error *err) {
    for (int64_t p = 0; p < s->n_parts; p++) {
        eval_system_facts part;
        if (!eval_system_get_facts(s->parts[p], &part, err)) return false;
        facts->n_parameters += part.n_parameters;
        facts->size_bytes += part.size_bytes;
        facts->bytes_per_vector += part.bytes_per_vector;
    }
    return true;
}

const eval_system_kind eval_hybrid_system = {
    .name = "hybrid",
    .form = "hybrid:A+B",
    .help = "lists of two or more systems, fused; keys: (A?key=value)+B",
    .takes_argument = true,
    .options = option_rows,
    .options_bytes = sizeof(hybrid_options),
    .open = open_hybrid,
    .add_facts = add_hybrid_facts,
};
