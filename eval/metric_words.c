/* Metrics in plain words: see metric_words.h. */
#include "eval/metric_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/metrics/similarity.h"

/* A metric of one kind of evaluation. words: "%k" stands for the number behind '@'. first: the words for k = 1. */
typedef struct entry {
    const char *type; /* NULL: of every evaluator that has no words of its own */
    const char *metric;
    bool is_share;
    const char *words, *first;
    const char *term, *meaning;
} entry;

/* clang-format off */
static const entry entries[] = {
    {NULL, "ndcg", false, "order of the top %k (1: right answers first)", NULL,
     "nDCG@k", "How well the first k answers are ordered: 1 when the right ones stand first, less the farther down they stand, 0 when there is none."},
    {NULL, "mrr", false, "place of the first right answer (1: always first, 0.5: second)", "the first answer is right",
     "MRR@k", "The mean of 1 / place of the first right answer; 0 for a question without one among the first k."},
    {NULL, "map", false, "order of all right answers (1: all of them first)", NULL,
     "MAP", "Average precision of every question's list, averaged: at each right answer, the share of right ones up to there."},
    {"retrieval", "accuracy", true, "a right answer in the top %k", "the first answer is right",
     "accuracy@k", "The share of the questions with at least one right answer among the first k."},
    {"retrieval", "recall", true, "right answers found in the top %k", NULL,
     "recall@k", "The share of a question's right answers that stand among the first k, averaged over the questions."},
    {"retrieval", "precision", true, "right ones among the first %k answers", "the first answer is right",
     "precision@k", "The share of right ones among the first k answers. With one right answer a question it is at most 1 / k."},
    {"paraphrase_mining", "accuracy", true, "the nearest text says the same", NULL,
     "accuracy@1", "The share of the texts whose nearest text says the same."},
    {"paraphrase_mining", "average_precision", false, "pairs that say the same stand above others (1: all of them)", NULL,
     "average precision", "All pairs by similarity: at each right pair, the share of right ones up to there, averaged."},
    {"paraphrase_mining", "precision", true, "pairs found that do say the same", NULL,
     "precision", "The share of right ones among the pairs above the threshold."},
    {"paraphrase_mining", "recall", true, "pairs that say the same and are found", NULL,
     "recall", "The share of the right pairs that lie above the threshold."},
    {"bitext_mining", "src2trg_accuracy", true, "a first-language text finds its translation", NULL,
     "accuracy of translations", "The share of the texts whose nearest text in the other language is their own translation."},
    {"bitext_mining", "trg2src_accuracy", true, "a second-language text finds its translation", NULL,
     "accuracy of translations", "The share of the texts whose nearest text in the other language is their own translation."},
    {"bitext_mining", "mean_accuracy", true, "a text finds its translation", NULL,
     "accuracy of translations", "The share of the texts whose nearest text in the other language is their own translation."},
    {"bitext_mining", "precision", true, "translations found that are right", NULL,
     "precision", "The share of right ones among what is found."},
    {"bitext_mining", "recall", true, "translations that are found", NULL,
     "recall", "The share of what should be found that is found."},
    {"triplet", "accuracy", true, "the right text is nearer than the wrong one", NULL,
     "accuracy of triplets", "The share of the triplets whose positive is nearer to the anchor than their negative."},
    {"classification", "accuracy", true, "texts that get the right label", NULL,
     "accuracy of labels", "The share of the texts that a simple classifier on the vectors labels rightly."},
    {"classification", "f1_macro", false, "right labels, every label counting the same (1: all)", NULL,
     "F1 (macro)", "The F1 of every label, averaged, so that rare labels count as much as frequent ones."},
    {"classification", "f1_weighted", false, "right labels, by how often they occur (1: all)", NULL,
     "F1 (weighted)", "The F1 of every label, averaged by how many texts have it."},
    {"pair_classification", "accuracy", true, "pairs told apart rightly", NULL,
     "accuracy of pairs", "The share of the pairs that the best threshold puts on the right side."},
    {"pair_classification", "precision", true, "pairs called the same that are the same", NULL,
     "precision", "The share of right ones among the pairs above the threshold."},
    {"pair_classification", "recall", true, "pairs that are the same and are called so", NULL,
     "recall", "The share of the right pairs that lie above the threshold."},
    {NULL, "v_measure", false, "clusters are the labels (1: exactly)", NULL,
     "V-measure", "The harmonic mean of homogeneity (clusters hold one label) and completeness (labels stay together)."},
    {NULL, "homogeneity", false, "clusters hold one label each (1: all)", NULL, "homogeneity", "1 when every cluster holds texts of one label only."},
    {NULL, "completeness", false, "labels stay in one cluster (1: all)", NULL, "completeness", "1 when all texts of a label lie in one cluster."},
    {NULL, "adjusted_rand", false, "pairs of texts grouped as the labels say (0: chance, 1: all)", NULL,
     "adjusted Rand", "Pairs of texts that clusters and labels treat alike, above what chance does."},
    {NULL, "purity", true, "texts in a cluster of their own label", NULL, "purity", "The share of the texts whose cluster's most frequent label is theirs."},
    {NULL, "spearman", false, "pairs in the order of the known scores (1: exactly)", NULL,
     "Spearman", "The correlation of ranks: 1 when the similarities order the pairs as the known scores do, 0 without relation."},
    {NULL, "pearson", false, "similarity follows the known score (1: on a line)", NULL,
     "Pearson", "The linear correlation of similarities and known scores: 1 on a line, 0 without relation."},
    {NULL, "accuracy_threshold", false, "similarity from which a pair counts as the same", NULL, "threshold", "The similarity at which the metric named before it is best on these pairs."},
    {NULL, "f1_threshold", false, "similarity from which a pair counts as the same", NULL, "threshold", "The similarity at which the metric named before it is best on these pairs."},
    {NULL, "threshold", false, "similarity from which a pair counts as the same", NULL, "threshold", "The similarity at which the metric named before it is best on these pairs."},
    {NULL, "f1", false, "found, and found rightly (1: all and only those)", NULL,
     "F1", "The harmonic mean of precision and recall: high only when both are."},
    {NULL, "ap", false, "what matches stands above what does not (1: all of it)", NULL,
     "average precision", "All pairs by similarity: at each right pair, the share of right ones up to there, averaged."},
    {NULL, "mcc", false, "agreement with the labels (0: chance, 1: full)", NULL,
     "MCC", "Matthews' correlation of prediction and label: 1 for all right, 0 for chance, also when one label is rare."},
    {NULL, "accuracy", true, "right answers", NULL, "accuracy", "The share of what is answered rightly."},
    {NULL, "recall", true, "found of what should be found", NULL, "recall", "The share of what should be found that is found."},
    {NULL, "precision", true, "right ones of what is found", NULL, "precision", "The share of right ones among what is found."},
};
/* clang-format on */

enum { N_ENTRIES = sizeof entries / sizeof *entries };

/* "spearman_cosine" -> the bytes of "spearman": behind the metric may stand '@' and a number, or a similarity. */
static size_t metric_bytes(const char *key) {
    const char *cut = strchr(key, '@');
    if (cut) return (size_t)(cut - key);
    eval_similarity f;
    cut = strrchr(key, '_');
    return cut && eval_similarity_find(cut + 1, &f) ? (size_t)(cut - key) : strlen(key);
}

/* Where the metric begins when these n bytes end with it, alone or behind '_'; NULL. */
static const char *match(const char *key, size_t n, const char *metric) {
    const size_t length = strlen(metric);
    if (n < length || memcmp(key + n - length, metric, length) != 0) return NULL;
    return n == length || key[n - length - 1] == '_' ? key + n - length : NULL;
}

/* The longest metric that fits; of equally long ones the first: an evaluator's own stand before the general ones. */
static const entry *find_entry(const char *type, const char *key, size_t n, const char **begin) {
    const entry *best = NULL;
    for (int i = 0; i < N_ENTRIES; i++) {
        const entry *e = &entries[i];
        const char *at = match(key, n, e->metric);
        if (!at || (e->type && (!type || strcmp(e->type, type) != 0))) continue;
        if (best && strlen(e->metric) <= strlen(best->metric)) continue;
        best = e;
        *begin = at;
    }
    return best;
}

static void put_words(const char *pattern, const char *k, char *out, size_t out_bytes) {
    const char *cut = strstr(pattern, "%k");
    if (cut)
        snprintf(out, out_bytes, "%.*s%s%s", (int)(cut - pattern), pattern, *k ? k : "list", cut + 2);
    else
        snprintf(out, out_bytes, "%s", pattern);
}

bool eval_metric_find_words(const char *type, const char *data, const char *key, eval_metric_words *out) {
    const size_t n_data = data ? strlen(data) : 0;
    *out = (eval_metric_words){.term = "", .meaning = ""};
    if (n_data > 0 && strncmp(key, data, n_data) == 0 && key[n_data] == '_') key += n_data + 1;
    const size_t n = metric_bytes(key);
    const char *begin = key, *k = key[n] == '@' ? key + n + 1 : "";
    const entry *e = find_entry(type ? type : *k ? "retrieval" : NULL, key, n, &begin);
    snprintf(out->name, sizeof out->name, "%s", begin);
    if (!e) return false;
    const bool is_first = e->first && strcmp(k, "1") == 0;
    put_words(is_first ? e->first : e->words, k, out->words, sizeof out->words);
    out->is_share = e->is_share || is_first;
    out->term = e->term;
    out->meaning = e->meaning;
    return true;
}

static void put_value(const eval_metric_words *words, double value, int digits, char *out, size_t out_bytes) {
    if (!isfinite(value))
        snprintf(out, out_bytes, "-");
    else if (words->is_share)
        snprintf(out, out_bytes, "%.*f %%", digits, 100.0 * value);
    else
        snprintf(out, out_bytes, "%.4f", value);
}

const char *eval_metric_value_text(const eval_metric_words *words, double value, char *out, size_t out_bytes) {
    put_value(words, value, 1, out, out_bytes);
    return out;
}

const char *eval_metric_change_text(const eval_metric_words *words, double before, double after, const char *arrow,
                                    char *out, size_t out_bytes) {
    char old[32], new[32];
    const int digits = fabs(after - before) >= 0.02 ? 0 : 1;
    put_value(words, before, digits, old, sizeof old);
    put_value(words, after, digits, new, sizeof new);
    snprintf(out, out_bytes, "%s: %s %s %s", words->words, old, arrow, new);
    return out;
}
