/* See paraphrase_pairs.h. */
#include "eval/evaluators/paraphrase_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "autograd/base/threads.h"

#define PAIRS_OF_TASK 1024

static int by_value(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* ---- which belong together ---- */

void eval_duplicates_free(eval_duplicates *d) {
    free(d->groups);
    free(d->keys);
    free(d->has_one);
    *d = (eval_duplicates){0};
}

bool eval_duplicates_has(const eval_duplicates *d, int64_t a, int64_t b) {
    if (d->groups != NULL) return d->groups[a] == d->groups[b];
    const int64_t key = a < b ? a * d->n + b : b * d->n + a;
    return d->n_pairs > 0 && bsearch(&key, d->keys, (size_t)d->n_pairs, sizeof key, by_value) != NULL;
}

/* Groups, whose numbers are below n_groups, are there: counts pairs and marks the rows that are not alone. */
static bool count_groups(eval_duplicates *d, int64_t n_groups, senc_error *err) {
    int64_t *sizes = senc_alloc_zero((size_t)n_groups, sizeof *sizes);
    if (sizes == NULL) return senc_fail_memory(err, (size_t)n_groups * sizeof *sizes, "groups");
    for (int64_t i = 0; i < d->n; i++) sizes[d->groups[i]]++;
    for (int64_t g = 0; g < n_groups; g++) d->n_pairs += sizes[g] * (sizes[g] - 1) / 2;
    for (int64_t i = 0; i < d->n; i++) d->has_one[i] = sizes[d->groups[i]] > 1;
    free(sizes);
    return true;
}

static bool take_rows(eval_duplicates *d, int64_t n, bool with_groups, senc_error *err) {
    *d = (eval_duplicates){.n = n};
    d->has_one = senc_alloc_zero((size_t)n, sizeof *d->has_one);
    if (with_groups) d->groups = senc_alloc((size_t)n, sizeof *d->groups);
    return (d->has_one != NULL && (d->groups != NULL || !with_groups)) || senc_fail_memory(err, (size_t)n * 9, "rows");
}

bool eval_duplicates_of_labels(const data_set *set, int64_t label_slot, eval_duplicates *out, senc_error *err) {
    const int64_t n = data_set_n_rows(set);
    if (!take_rows(out, n, true, err)) return false;
    data_row row = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(set, i, &row, err);
        if (ok) out->groups[i] = row.values[label_slot].class_id;
    }
    data_row_free(&row);
    return ok && count_groups(out, data_set_n_classes(set), err);
}

/* ---- pairs of ids ---- */

typedef struct named_row {
    const char *id;
    int64_t row;
} named_row;

static int by_id(const void *a, const void *b) {
    return strcmp(((const named_row *)a)->id, ((const named_row *)b)->id);
}

static bool fail_id_twice(const data_set *set, const char *id, int64_t row, senc_error *err) {
    const char *path;
    int64_t line;
    if (!data_set_where(set, row, &path, &line, err)) return false;
    return senc_fail(err, SENC_BAD_INPUT, "%s:%lld: field \"id\": \"%s\" stands twice", path, (long long)line, id);
}

/* Rows in the order of their ids; NULL on failure. */
static named_row *sort_ids(const data_set *set, int64_t id_slot, senc_error *err) {
    const int64_t n = data_set_n_rows(set);
    named_row *rows = senc_alloc((size_t)n, sizeof *rows);
    bool ok = rows != NULL || senc_fail_memory(err, (size_t)n * sizeof *rows, "ids");
    data_row row = {0};
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(set, i, &row, err);
        if (ok) rows[i] = (named_row){data_set_class_name(set, row.values[id_slot].class_id), i};
    }
    data_row_free(&row);
    if (ok) qsort(rows, (size_t)n, sizeof *rows, by_id);
    for (int64_t i = 1; ok && i < n; i++)
        if (strcmp(rows[i - 1].id, rows[i].id) == 0)
            ok = fail_id_twice(set, rows[i].id, rows[i].row > rows[i - 1].row ? rows[i].row : rows[i - 1].row, err);
    if (ok) return rows;
    free(rows);
    return NULL;
}

static int64_t find_row(const named_row *rows, int64_t n, const char *id) {
    const named_row wanted = {id, 0};
    const named_row *found = bsearch(&wanted, rows, (size_t)n, sizeof *rows, by_id);
    return found != NULL ? found->row : -1;
}

/* Keys of all pairs, sorted, each once. */
static bool read_keys(const data_set *pairs, int64_t slot1, int64_t slot2, const named_row *rows, eval_duplicates *d,
                      senc_error *err) {
    const int64_t n = data_set_n_rows(pairs);
    d->keys = senc_alloc((size_t)n, sizeof *d->keys);
    if (d->keys == NULL) return senc_fail_memory(err, (size_t)n * sizeof *d->keys, "pairs");
    data_row row = {0};
    bool ok = true;
    int64_t n_keys = 0;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(pairs, i, &row, err);
        if (!ok) break;
        const int64_t a = find_row(rows, d->n, data_set_class_name(pairs, row.values[slot1].class_id));
        const int64_t b = find_row(rows, d->n, data_set_class_name(pairs, row.values[slot2].class_id));
        if (a < 0 || b < 0 || a == b) {
            d->n_ignored++;
            continue;
        }
        d->keys[n_keys++] = a < b ? a * d->n + b : b * d->n + a;
        d->has_one[a] = d->has_one[b] = true;
    }
    data_row_free(&row);
    qsort(d->keys, (size_t)n_keys, sizeof *d->keys, by_value);
    for (int64_t i = 0; i < n_keys; i++)
        if (i == 0 || d->keys[i] != d->keys[i - 1]) d->keys[d->n_pairs++] = d->keys[i];
    return ok;
}

static int64_t root_of(int64_t *parents, int64_t i) {
    while (parents[i] != i) i = parents[i] = parents[parents[i]];
    return i;
}

/* Whatever hangs together becomes a group, numbered by one of its rows. */
static bool close_pairs(eval_duplicates *d, senc_error *err) {
    d->groups = senc_alloc((size_t)d->n, sizeof *d->groups);
    if (d->groups == NULL) return senc_fail_memory(err, (size_t)d->n * sizeof *d->groups, "groups");
    for (int64_t i = 0; i < d->n; i++) d->groups[i] = i;
    for (int64_t p = 0; p < d->n_pairs; p++) {
        const int64_t a = root_of(d->groups, d->keys[p] / d->n), b = root_of(d->groups, d->keys[p] % d->n);
        d->groups[a > b ? a : b] = a > b ? b : a;
    }
    for (int64_t i = 0; i < d->n; i++) d->groups[i] = root_of(d->groups, i);
    d->n_pairs = 0;
    return count_groups(d, d->n, err);
}

bool eval_duplicates_of_pairs(const data_set *set, int64_t id_slot, const data_set *pairs, int64_t slot1, int64_t slot2,
                              bool transitive, eval_duplicates *out, senc_error *err) {
    if (!take_rows(out, data_set_n_rows(set), false, err)) return false;
    named_row *rows = sort_ids(set, id_slot, err);
    const bool ok = rows != NULL && read_keys(pairs, slot1, slot2, rows, out, err);
    free(rows);
    return ok && (!transitive || close_pairs(out, err));
}

/* ---- what was found ---- */

static int best_first(const void *a, const void *b) {
    const eval_scored_pair *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? 1 : -1;
    if (p->a != q->a) return p->a < q->a ? -1 : 1;
    return (p->b > q->b) - (p->b < q->b);
}

/* The first top_k hits of text i that are not itself: calls for every one until `end`. */
static bool lists(const eval_search *search, int64_t i, int64_t top_k, int64_t other) {
    int64_t n_hits;
    const eval_hit *hits = eval_search_hits(search, i, &n_hits);
    for (int64_t h = 0, place = 0; h < n_hits && place < top_k; h++) {
        if (hits[h].document == other) return true;
        place += hits[h].document != i;
    }
    return false;
}

/* The worst of the kept pairs stands at the root. */
static void sift_down(eval_scored_pair *heap, int64_t n, int64_t i) {
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && best_first(&heap[child + 1], &heap[child]) > 0) child++;
        if (best_first(&heap[child], &heap[i]) <= 0) return;
        const eval_scored_pair moved = heap[i];
        heap[i] = heap[child];
        heap[child] = moved;
    }
}

static void offer(eval_pair_list *list, int64_t max_pairs, eval_scored_pair pair) {
    if (list->n < max_pairs) {
        list->items[list->n++] = pair;
        if (list->n == max_pairs)
            for (int64_t i = list->n / 2 - 1; i >= 0; i--) sift_down(list->items, list->n, i);
    } else if (best_first(&pair, &list->items[0]) < 0) {
        list->items[0] = pair;
        sift_down(list->items, list->n, 0);
    }
}

bool eval_pairs_collect(const eval_search *search, int64_t n, int64_t top_k, int64_t max_pairs, eval_pair_list *out,
                        senc_error *err) {
    const int64_t most = n > 0 && top_k > max_pairs / n ? max_pairs : n * top_k;
    *out = (eval_pair_list){.items = senc_alloc((size_t)most, sizeof *out->items)};
    if (out->items == NULL) return senc_fail_memory(err, (size_t)most * sizeof *out->items, "pairs");
    for (int64_t i = 0; i < n; i++) {
        int64_t n_hits;
        const eval_hit *hits = eval_search_hits(search, i, &n_hits);
        for (int64_t h = 0, place = 0; h < n_hits && place < top_k; h++) {
            const int64_t j = hits[h].document;
            if (j == i) continue;
            place++;
            if (j < i && lists(search, j, top_k, i)) continue; /* it came from there */
            const eval_scored_pair pair = {i < j ? i : j, i < j ? j : i, (double)hits[h].score};
            offer(out, max_pairs, pair);
        }
    }
    qsort(out->items, (size_t)out->n, sizeof *out->items, best_first);
    return true;
}

typedef struct scoring {
    eval_pair_list *pairs;
    eval_similarity similarity;
    const float *vectors;
    int64_t width;
} scoring;

static void score_some(void *context, int64_t task, int thread) {
    (void)thread;
    const scoring *s = context;
    const int64_t first = task * PAIRS_OF_TASK;
    const int64_t end = first + PAIRS_OF_TASK < s->pairs->n ? first + PAIRS_OF_TASK : s->pairs->n;
    for (int64_t p = first; p < end; p++) {
        eval_scored_pair *pair = &s->pairs->items[p];
        pair->score = eval_similarity_of(s->similarity, s->vectors + pair->a * s->width,
                                         s->vectors + pair->b * s->width, s->width);
    }
}

void eval_pairs_score(eval_pair_list *pairs, eval_similarity similarity, const float *vectors, int64_t width) {
    scoring s = {pairs, similarity, vectors, width};
    senc_parallel((pairs->n + PAIRS_OF_TASK - 1) / PAIRS_OF_TASK, score_some, &s);
    qsort(pairs->items, (size_t)pairs->n, sizeof *pairs->items, best_first);
}

eval_mining eval_pairs_judge(const eval_pair_list *pairs, const eval_duplicates *duplicates) {
    eval_mining m = {0};
    int64_t n_right = 0, before = 0;
    const double n_all = (double)duplicates->n_pairs;
    for (int64_t p = 0; p < pairs->n; p++) {
        n_right += eval_duplicates_has(duplicates, pairs->items[p].a, pairs->items[p].b);
        const bool is_last = p + 1 == pairs->n;
        if ((!is_last && pairs->items[p + 1].score == pairs->items[p].score) || n_right == before) continue;
        const double precision = (double)n_right / (double)(p + 1), recall = (double)n_right / n_all;
        const double f1 = 2 * precision * recall / (precision + recall);
        m.average_precision += precision * (double)(n_right - before);
        if (f1 > m.f1) {
            m.f1 = f1;
            m.precision = precision;
            m.recall = recall;
            m.threshold = (pairs->items[p].score + pairs->items[is_last ? p : p + 1].score) / 2;
        }
        before = n_right;
    }
    m.average_precision /= n_all;
    return m;
}
