/* Is a candidate better than what runs today? Models are compared metric by metric on the same units (queries, pairs),
 * from results of fresh evaluations or saved reports alike. A model may be several seeds of one recipe: then its values
 * are averages over the seeds, unit by unit.
 *
 * Headline metrics (the primary one of every data set) decide; p-values are corrected (Holm) over all headline metrics
 * and candidates together, and those of the other metrics over all of these. Of three models and more the candidates
 * are tested against each other too (`pairs`): these tests are of the same family as those against the base, so that
 * with 5 % in all no two models are wrongly told apart. */
#ifndef EVAL_COMPARISON_H
#define EVAL_COMPARISON_H

#include "eval/evaluator.h"
#include "eval/statistics/bootstrap.h"
#include "eval/statistics/paired_tests.h"

#define EVAL_ALPHA 0.05
#define EVAL_POWER 0.8

/* How many units of an evaluation a model was trained on. Above EVAL_LEAK_SHARE of them its numbers say what it
 * remembers, not what it has learned: there is no verdict then. */
#define EVAL_LEAK_SHARE 0.01
typedef struct eval_leak {
    const char *data; /* name of the evaluation */
    const char *unit; /* "question", "pair", "text" */
    int64_t n_leaked, n_units;
} eval_leak;

/* The results of one evaluation of a model: of one seed. */
typedef struct eval_compared_run {
    const char *label;
    const eval_result *results; /* (n_results), each with its detail */
    int64_t n_results;
    const eval_leak *leaks; /* (n_leaks) evaluations whose units it was trained on; of others nothing is known */
    int64_t n_leaks;
} eval_compared_run;

typedef struct eval_compared_model {
    const char *label;
    const eval_compared_run *runs; /* (n_runs): seeds of one recipe */
    int64_t n_runs;
} eval_compared_model;

/* metric: the end of a key ("ndcg@10", "nfcorpus_cosine_ndcg@10"); it may fall by at most `limit`. */
typedef struct eval_regression_limit {
    const char *metric;
    double limit;
} eval_regression_limit;

typedef struct eval_comparison_options {
    double min_effect; /* differences below it do not matter; 0: any */
    const eval_regression_limit *limits;
    int64_t n_limits;
    bool pairs;         /* of three models and more: candidates against each other; else against the base only */
    bool all_metrics;   /* else the headline, those often quoted beside it, and those with a limit */
    int64_t n_examples; /* most improved and most hurt units that are listed */
    int64_t n_resamples;
    uint64_t seed;
} eval_comparison_options;

typedef enum eval_verdict {
    EVAL_VERDICT_BETTER,
    EVAL_VERDICT_SAME, /* not distinguishable */
    EVAL_VERDICT_WORSE,
    EVAL_VERDICT_TOO_FEW,
    EVAL_VERDICT_WITHHELD, /* the candidate or the base was trained on these units */
} eval_verdict;
#define EVAL_N_VERDICTS (EVAL_VERDICT_WITHHELD + 1)

/* One metric of one candidate against the base. Differences are candidate - base. */
typedef struct eval_change {
    const char *data;           /* name of the evaluation */
    const char *base_key, *key; /* of the base's metric, of the candidate's */
    char metric[80];            /* without the data's name, and without the function where the models differ in it */
    const eval_reading *base_reading, *reading; /* of the first seeds */
    const char *type;                           /* of the evaluator: "retrieval" */
    const char *unit_name;
    eval_statistic statistic;
    bool is_headline, greater_is_better;
    int64_t n_units;
    double base, candidate;               /* over seeds: the mean */
    double base_spread, candidate_spread; /* standard deviation over seeds; NaN for one */
    eval_estimate difference;
    const char *test;   /* "sign flips", "sign flips, exact", "swaps", "bootstrap" */
    double p, p_holm;   /* NaN: undefined */
    double williams;    /* p of Williams' test for Pearson and Spearman (one seed each), else NaN */
    eval_effect effect; /* of single units, see eval_series_unit_scores */
    double detectable;  /* smallest difference that is seen with 80 % power at 5 %; NaN: unknown */
    eval_verdict verdict;
    eval_leak leak;    /* of the side that was trained on more of the units; n_leaked 0: none is known */
    bool leak_is_base; /* that side is the base */
    double limit;      /* NaN: none */
    bool is_regression, may_be_regression; /* fell below the limit; or the interval goes below it */
} eval_change;

/* A unit that one model does much better on. Indices are into the details of the first seed's results. */
typedef struct eval_changed_unit {
    const eval_unit *base, *candidate;
    double base_value, candidate_value; /* of the headline series, averages over seeds */
    double change;                      /* of the unit's score */
    double gold;                        /* NaN: none */
} eval_changed_unit;

typedef struct eval_changed_units {
    const char *data, *key, *unit_name;
    bool is_mean; /* values are the metric of the unit; else a similarity or class */
    eval_changed_unit *improved, *hurt;
    int64_t n_improved, n_hurt;
} eval_changed_units;

/* Two candidates against each other on the headline metric of a data set; in `change` the base is `a`. */
typedef struct eval_pair {
    int64_t a, b; /* models, as they were given; 0 < a < b */
    eval_change change;
} eval_pair;

/* One candidate against the base. */
typedef struct eval_candidate {
    const char *label;
    int64_t n_runs;
    eval_change *changes;
    int64_t n_changes;
    eval_changed_units *units; /* (n_units) one for each data set */
    int64_t n_units;
    eval_verdict verdict;
    bool is_regression;
} eval_candidate;

typedef struct eval_comparison {
    const char *base_label;
    int64_t n_base_runs;
    double min_effect;
    uint64_t seed;
    eval_candidate *candidates;
    int64_t n_candidates;
    eval_pair *pairs; /* (n_pairs) without the base's, which are the candidates' changes */
    int64_t n_pairs;
    int64_t n_headline, n_others; /* tests that were corrected together */
} eval_comparison;

/* models (n_models >= 2): the first is what runs today. All must have been measured on the same units: an id that a
 * side lacks, another text or gold score behind an id, and metrics without details are BAD_INPUT errors. What *out
 * points to borrows from the models. */
bool eval_compare(const eval_compared_model *models, int64_t n_models, const eval_comparison_options *options,
                  eval_comparison *out, senc_error *err);
void eval_comparison_free(eval_comparison *c);
bool eval_comparison_has_regression(const eval_comparison *c);
/* The headline change on a data set from model a to model b, as they were given, in whichever direction it was tested:
 * *is_turned when the change's base is b. NULL: not tested. */
const eval_change *eval_comparison_find(const eval_comparison *c, const char *data, int64_t a, int64_t b,
                                        bool *is_turned);
/* The interval lies inside (-effect, effect): what would matter is excluded. false for 0. */
bool eval_change_excludes(const eval_change *c, double effect);

/* "better", "not distinguishable", "worse", "too few", "no verdict" */
const char *eval_verdict_name(eval_verdict verdict);
/* Whether so many units were trained on that no verdict is given. */
bool eval_leak_withholds(const eval_leak *leak);

#endif
