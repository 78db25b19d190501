/* Classification on frozen vectors: a classifier is fitted on the vectors of a train file and measured on the test
 * file. Logistic regression as scikit-learn's LogisticRegression(C = 1), run until it has converged (mteb stops after
 * 100 iterations on a sample of 8 to 16 texts a class), or the k nearest neighbours. Keys {name}_{metric}. */
#include <math.h>
#include <stdlib.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"
#include "eval/solvers/logistic.h"
#include "eval/metrics/classification.h"
#include "eval/search.h"

#define WANTED_BY  "evaluator \"classification\""
#define BLOCK_ROWS 8192 /* vectors handed to the search at once */

enum { METHOD_LOGISTIC, METHOD_NEIGHBOURS };
enum { TEST, TRAIN };

typedef struct classification_options {
    eval_file_options file; /* first: EVAL_FILE_ROWS */
    char *train, *similarity;
    int method;
    double c, tolerance;
    int64_t max_iterations, neighbours;
} classification_options;

static const senc_option option_rows[] = {
    EVAL_FILE_ROWS,
    SENC_OPTION_PATH(classification_options, train, "!", "the texts and labels to learn from, in the same form"),
    SENC_OPTION_CHOICE(classification_options, method, "logistic", "logistic|neighbours", "the classifier"),
    SENC_OPTION_REAL(classification_options, c, "1", 1e-12, 1e12, "logistic: inverse strength of the L2 penalty"),
    SENC_OPTION_INTEGER(classification_options, max_iterations, "2000", 1, 1e9, "logistic: of L-BFGS"),
    SENC_OPTION_REAL(classification_options, tolerance, "1e-8", 0, 1,
                     "logistic: done when no component of the mean gradient is larger"),
    SENC_OPTION_INTEGER(classification_options, neighbours, "5", 1, 1e6, "neighbours: how many have a vote"),
    SENC_OPTION_STRING(classification_options, similarity, "cosine", "neighbours: cosine, dot, euclidean or manhattan"),
    {0},
};

typedef struct classification_task {
    const classification_options *options;
    eval_similarity similarity;
    data_set *sets[2];
    int64_t text_slots[2], label_slots[2];
    eval_class_names classes; /* of both */
    int64_t *learned;         /* (n_learned) the classes of train */
    int64_t n_learned;
    int64_t *train_ids; /* (train rows) places in learned */
} classification_task;

static const data_role roles[] = {
    {.name = "text", .kind = DATA_ROLE_TEXT},
    {.name = "label", .kind = DATA_ROLE_CLASS},
};

static void classification_free(void *task) {
    classification_task *t = task;
    if (t == NULL) return;
    for (int s = 0; s < 2; s++) data_set_close(t->sets[s]);
    eval_class_names_free(&t->classes);
    free(t->learned);
    free(t->train_ids);
    free(t);
}

/* The classes that train has, in order, and its rows' places among them. */
static bool find_learned(classification_task *t, senc_error *err) {
    const int64_t n = data_set_n_rows(t->sets[TRAIN]), n_classes = t->classes.n;
    int64_t *place = senc_alloc_zero((size_t)n_classes, sizeof *place);
    t->learned = senc_alloc((size_t)n_classes, sizeof *t->learned);
    t->train_ids = senc_alloc((size_t)n, sizeof *t->train_ids);
    const bool ok = place != NULL && t->learned != NULL && t->train_ids != NULL;
    const int64_t *ids = t->classes.ids[TRAIN];
    for (int64_t i = 0; ok && i < n; i++) place[ids[i]] = 1;
    for (int64_t k = 0; ok && k < n_classes; k++) {
        if (place[k] == 0) continue;
        place[k] = t->n_learned;
        t->learned[t->n_learned++] = k;
    }
    for (int64_t i = 0; ok && i < n; i++) t->train_ids[i] = place[ids[i]];
    free(place);
    if (!ok) return senc_fail_memory(err, (size_t)(n + n_classes) * 8, "classes");
    return t->n_learned >= 2 ||
           senc_fail(err, SENC_BAD_INPUT, "%s: expected texts of at least 2 labels to learn from, found 1 (\"%s\")",
                     t->options->train, t->classes.names[t->learned[0]]);
}

static bool classification_load(const void *options, void **task, senc_error *err) {
    classification_task *t = senc_alloc_zero(1, sizeof *t);
    *task = t;
    if (t == NULL) return senc_fail_memory(err, sizeof *t, "an evaluation");
    const classification_options *o = t->options = options;
    eval_file_options train = o->file;
    train.path = o->train;
    train.limit = 0;
    train.slice = NULL;
    bool positional;
    if (!eval_similarity_parse(o->similarity, WANTED_BY, &t->similarity, err) ||
        !eval_file_open(&o->file, roles, 2, WANTED_BY, false, &t->sets[TEST], &positional, err) ||
        !eval_file_open(&train, roles, 2, WANTED_BY, false, &t->sets[TRAIN], &positional, err))
        return false;
    for (int s = 0; s < 2; s++) {
        t->text_slots[s] = data_set_find_slot(t->sets[s], "text");
        t->label_slots[s] = data_set_find_slot(t->sets[s], "label");
        if (data_set_n_rows(t->sets[s]) == 0)
            return senc_fail(err, SENC_BAD_INPUT, "%s: expected at least one text, found none",
                             s == TEST ? o->file.path : o->train);
    }
    const data_set *const sets[] = {t->sets[TEST], t->sets[TRAIN]};
    return eval_class_names_collect(sets, t->label_slots, 2, &t->classes, err) && find_learned(t, err);
}

/* ---- classifiers ---- */

typedef struct classification_run {
    const classification_task *task;
    int64_t width, n; /* of test */
    float *vectors[2];
    int64_t *predicted; /* (n) classes */
    double *decision;   /* (n) with two classes: larger is more likely the second; else of the predicted one */
} classification_run;

static bool predict_logistic(classification_run *run, eval_result *result, senc_error *err) {
    const classification_task *t = run->task;
    const classification_options *o = t->options;
    const eval_logistic_options how = {o->c, o->max_iterations, o->tolerance};
    eval_logistic m;
    if (!eval_logistic_fit(&how, run->vectors[TRAIN], t->train_ids, data_set_n_rows(t->sets[TRAIN]), run->width,
                           t->n_learned, &m, err))
        return false;
    const bool ok =
        eval_logistic_predict(&m, run->vectors[TEST], run->n, run->predicted, run->decision, err) &&
        eval_result_add_count(result, err, "L-BFGS: %lld iterations%s", (long long)m.n_iterations,
                              m.converged ? "" : ", not converged: the numbers may change with max_iterations") &&
        eval_result_add_rule(result, err, "logistic regression, C = %g, intercepts not penalised, vectors as they are",
                             o->c);
    eval_logistic_free(&m);
    return ok;
}

/* The most frequent class among the hits, the first of several. */
static int64_t count_votes(const classification_task *t, const eval_hit *hits, int64_t n_hits, int64_t *votes) {
    int64_t best = -1;
    for (int64_t h = 0; h < n_hits; h++) votes[t->train_ids[hits[h].document]]++;
    for (int64_t h = 0; h < n_hits; h++) {
        const int64_t k = t->train_ids[hits[h].document];
        if (best < 0 || votes[k] > votes[best] || (votes[k] == votes[best] && k < best)) best = k;
    }
    return best;
}

static void vote(classification_run *run, const eval_search *search, int64_t *votes) {
    const classification_task *t = run->task;
    for (int64_t i = 0; i < run->n; i++) {
        int64_t n_hits;
        const eval_hit *hits = eval_search_hits(search, i, &n_hits);
        const int64_t best = count_votes(t, hits, n_hits, votes);
        run->predicted[i] = best;
        run->decision[i] = (double)votes[t->n_learned == 2 ? 1 : best] / (double)n_hits;
        for (int64_t h = 0; h < n_hits; h++) votes[t->train_ids[hits[h].document]] = 0;
    }
}

static bool predict_neighbours(classification_run *run, eval_result *result, senc_error *err) {
    const classification_task *t = run->task;
    const int64_t n = data_set_n_rows(t->sets[TRAIN]), wanted = t->options->neighbours;
    const eval_search_options options = {
        .kernels = kern_best(), .similarity = t->similarity, .k = wanted < n ? wanted : n};
    int64_t *votes = senc_alloc_zero((size_t)t->n_learned, sizeof *votes);
    eval_search *search = NULL;
    bool ok = votes != NULL || senc_fail_memory(err, (size_t)t->n_learned * sizeof *votes, "votes");
    ok = ok && eval_search_open(&options, run->vectors[TEST], run->n, run->width, &search, err);
    for (int64_t first = 0; ok && first < n; first += BLOCK_ROWS)
        ok = eval_search_add(search, run->vectors[TRAIN] + first * run->width,
                             n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS, err);
    if (ok) {
        eval_search_finish(search);
        vote(run, search, votes);
    }
    eval_search_close(search);
    free(votes);
    return ok && eval_result_add_rule(result, err,
                                      "the %lld nearest neighbours by %s have one vote each; of equal votes the first "
                                      "label in order wins",
                                      (long long)options.k, eval_similarity_name(t->similarity));
}

/* ---- measuring ---- */

/* Gold and prediction of every text; found: the predicted label. */
static bool fill_detail(const classification_run *run, eval_result *result, senc_error *err) {
    const classification_task *t = run->task;
    eval_detail *d = &result->detail;
    const int64_t *gold = t->classes.ids[TEST];
    double *right = NULL, *predicted = NULL;
    if (!eval_detail_set_rows(d, "text", t->sets[TEST], t->text_slots[TEST], t->label_slots[TEST], true, err))
        return false;
    senc_buffer key = {0};
    senc_buffer_printf(&key, "%s_accuracy", result->name);
    bool ok = eval_detail_add_series(d, senc_buffer_text(&key), EVAL_MEAN, &right, err);
    senc_buffer_clear(&key);
    senc_buffer_printf(&key, "%s_f1_macro", result->name);
    ok = ok && eval_detail_add_series(d, senc_buffer_text(&key), EVAL_F1_MACRO, &predicted, err);
    senc_buffer_free(&key);
    for (int64_t i = 0; ok && i < run->n; i++) {
        d->gold[i] = (double)gold[i];
        predicted[i] = (double)run->predicted[i];
        right[i] = gold[i] == run->predicted[i];
        ok = eval_detail_add_found(d, i, t->classes.names[run->predicted[i]], NULL, 0, run->decision[i], right[i], err);
    }
    return ok;
}

/* Two classes: average precision of the second. */
static bool add_average_precision(const classification_run *run, eval_result *result, senc_error *err) {
    const classification_task *t = run->task;
    double ap;
    if (t->classes.n != 2) return true;
    if (!eval_average_precision(run->decision, result->detail.gold, run->n, &ap, err)) return false;
    if (isnan(ap)) return true; /* no text of the second class */
    return eval_result_add(result, ap, err, "%s_ap", result->name) &&
           eval_result_add_rule(result, err,
                                "ap: of the label \"%s\", by the classifier's score (mteb: by its yes or no)",
                                t->classes.names[1]) &&
           eval_detail_put_series(result, EVAL_AVERAGE_PRECISION, run->decision, err, "ap") &&
           eval_detail_sample_scores(&result->detail, run->decision, result->detail.gold, run->n, err);
}

static bool describe(const classification_task *t, eval_result *result, senc_error *err) {
    int64_t n_unknown = 0;
    const int64_t n = data_set_n_rows(t->sets[TEST]);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = 0;
        while (k < t->n_learned && t->learned[k] != t->classes.ids[TEST][i]) k++;
        n_unknown += k == t->n_learned;
    }
    return eval_result_add_count(result, err, "texts: %lld to learn from, %lld to test; labels: %lld",
                                 (long long)data_set_n_rows(t->sets[TRAIN]), (long long)n, (long long)t->classes.n) &&
           eval_result_add_left_out(result, t->sets[TRAIN], err) &&
           eval_result_add_left_out(result, t->sets[TEST], err) &&
           (n_unknown == 0 ||
            eval_result_add_count(result, err, "texts with a label that the train file lacks: %lld (always wrong)",
                                  (long long)n_unknown)) &&
           eval_result_add_rule(result, err, "f1_macro: mean over the labels that are true or predicted");
}

static bool measure(classification_run *run, eval_result *result, senc_error *err) {
    const classification_task *t = run->task;
    if (!(t->options->method == METHOD_LOGISTIC ? predict_logistic : predict_neighbours)(run, result, err))
        return false;
    for (int64_t i = 0; i < run->n; i++) run->predicted[i] = t->learned[run->predicted[i]];
    eval_classes c;
    const char *name = result->name;
    return eval_classes_measure(t->classes.ids[TEST], run->predicted, run->n, t->classes.n, &c, err) &&
           eval_result_add(result, c.accuracy, err, "%s_accuracy", name) &&
           eval_result_add(result, c.f1_macro, err, "%s_f1_macro", name) &&
           eval_result_add(result, c.f1_weighted, err, "%s_f1_weighted", name) &&
           eval_result_set_primary(result, err, "accuracy") && fill_detail(run, result, err) &&
           add_average_precision(run, result, err) && describe(t, result, err);
}

static bool classification_evaluate(void *task, const eval_embedder *embedder, eval_result *result, senc_error *err) {
    const classification_task *t = task;
    classification_run run = {.task = t, .width = embedder->width, .n = data_set_n_rows(t->sets[TEST])};
    if (!eval_result_name(result, &t->options->file, err)) return false;
    run.predicted = senc_alloc((size_t)run.n, sizeof *run.predicted);
    run.decision = senc_alloc((size_t)run.n, sizeof *run.decision);
    bool ok = (run.predicted != NULL && run.decision != NULL) || senc_fail_memory(err, (size_t)run.n * 16, "classes");
    for (int s = 0; ok && s < 2; s++)
        ok = eval_column_embed(t->sets[s], t->text_slots[s], embedder, EVAL_TEXT, &run.vectors[s], err);
    ok = ok && measure(&run, result, err);
    for (int s = 0; s < 2; s++) free(run.vectors[s]);
    free(run.predicted);
    free(run.decision);
    return ok || senc_error_prefix(err, "evaluation \"%s\": ", result->name);
}

static bool classification_units(void *task, eval_unit_visit visit, void *context, senc_error *err) {
    const classification_task *t = task;
    return eval_rows_visit(t->sets[TEST], "text", t->text_slots[TEST], -1, NULL, 0, visit, context, err);
}

const eval_spec eval_classification_spec = {
    .name = "classification",
    .help = "texts with labels, train and test: accuracy and F1 of logistic regression or k-NN",
    .options = option_rows,
    .options_bytes = sizeof(classification_options),
    .load = classification_load,
    .run = classification_evaluate,
    .free_task = classification_free,
    .units = classification_units,
};
