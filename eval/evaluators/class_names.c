/* Classes by name, over several sets: see evaluator_parts.h. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "eval/evaluators/evaluator_parts.h"

static bool is_whole_number(const char *text) {
    if (*text == '-') text++;
    const size_t n = strlen(text);
    return n > 0 && n < 18 && strspn(text, "0123456789") == n;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_number(const void *a, const void *b) {
    const long long x = strtoll(*(char *const *)a, NULL, 10), y = strtoll(*(char *const *)b, NULL, 10);
    return x != y ? (x > y) - (x < y) : by_bytes(a, b);
}

/* Adds the names that the set's rows use; ids are the set's own for now. */
static bool add_set(const data_set *set, int64_t slot, eval_class_names *c, int64_t **ids, senc_error *err) {
    const int64_t n = data_set_n_rows(set), n_own = data_set_n_classes(set);
    *ids = senc_alloc((size_t)n, sizeof **ids);
    char **grown = senc_realloc(c->names, (size_t)(c->n + n_own), sizeof *grown);
    if (grown != NULL) c->names = grown;
    bool *used = senc_alloc_zero((size_t)n_own, sizeof *used);
    bool ok = (*ids != NULL && grown != NULL && used != NULL) || senc_fail_memory(err, (size_t)n * 8, "classes");
    data_row row = {0};
    for (int64_t i = 0; ok && i < n; i++) {
        ok = data_set_row(set, i, &row, err);
        if (!ok) break;
        const int64_t id = (*ids)[i] = row.values[slot].class_id;
        if (used[id]) continue;
        used[id] = true;
        c->names[c->n] = senc_strdup(data_set_class_name(set, id));
        ok = c->names[c->n] != NULL || senc_fail_memory(err, 1, "classes");
        c->n += ok;
    }
    data_row_free(&row);
    free(used);
    return ok;
}

static void sort_names(eval_class_names *c) {
    bool numbers = true;
    for (int64_t i = 0; i < c->n; i++) numbers = numbers && is_whole_number(c->names[i]);
    qsort(c->names, (size_t)c->n, sizeof *c->names, numbers ? by_number : by_bytes);
    int64_t kept = 0;
    for (int64_t i = 0; i < c->n; i++) {
        if (kept > 0 && strcmp(c->names[kept - 1], c->names[i]) == 0)
            free(c->names[i]);
        else
            c->names[kept++] = c->names[i];
    }
    c->n = kept;
}

/* The set's own ids become places in the sorted names. */
static bool renumber(const data_set *set, const eval_class_names *c, int64_t *ids, senc_error *err) {
    const int64_t n_own = data_set_n_classes(set);
    int64_t *place = senc_alloc((size_t)n_own, sizeof *place);
    if (place == NULL) return senc_fail_memory(err, (size_t)n_own * sizeof *place, "classes");
    for (int64_t k = 0; k < n_own; k++) place[k] = -1;
    for (int64_t i = 0; i < data_set_n_rows(set); i++) {
        const char *name = data_set_class_name(set, ids[i]);
        for (int64_t k = 0; place[ids[i]] < 0; k++)
            if (strcmp(c->names[k], name) == 0) place[ids[i]] = k;
        ids[i] = place[ids[i]];
    }
    free(place);
    return true;
}

bool eval_class_names_collect(const data_set *const *sets, const int64_t *slots, int n_sets, eval_class_names *out,
                              senc_error *err) {
    SENC_ASSERT(n_sets <= EVAL_CLASS_SETS, "n_sets %d", n_sets);
    *out = (eval_class_names){0};
    bool ok = true;
    for (int s = 0; ok && s < n_sets; s++) ok = add_set(sets[s], slots[s], out, &out->ids[s], err);
    if (ok) sort_names(out);
    for (int s = 0; ok && s < n_sets; s++) ok = renumber(sets[s], out, out->ids[s], err);
    if (!ok) eval_class_names_free(out);
    return ok;
}

void eval_class_names_free(eval_class_names *c) {
    for (int64_t i = 0; i < c->n; i++) free(c->names[i]);
    free(c->names);
    for (int s = 0; s < EVAL_CLASS_SETS; s++) free(c->ids[s]);
    *c = (eval_class_names){0};
}
