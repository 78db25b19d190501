/* What a training run does about evaluations that stand in its training data: train.on_leakage. */
#include <stdlib.h>
#include <string.h>

#include "autograd/base/log.h"
#include "autograd/base/memory.h"
#include "train/run_state.h"

static bool fail_leak(const train_state *s, senc_error *err) {
    train_leak leak = s->leakage.items[0];
    for (int64_t i = 1; i < s->leakage.n && train_leak_count(&leak) == 0; i++) leak = s->leakage.items[i];
    const train_leak_example *x = &leak.examples[0];
    return senc_fail(
        err, SENC_BAD_INPUT,
        "%s: train.on_leakage: %lld of %lld %ss of evaluation \"%s\" are in the training data, as %s:%lld (%s); "
        "on_leakage = \"drop\" leaves the rows out",
        s->config->path, (long long)train_leak_count(&leak), (long long)leak.n_units, leak.unit, leak.name, x->path,
        (long long)x->line, x->text);
}

static bool drop_rows(train_state *s, const bool *rows, senc_error *err) {
    const int64_t n_before = data_set_n_rows(s->set);
    if (!data_set_drop_rows(s->set, rows, err)) return false;
    train_leakage_set_dropped(&s->leakage, n_before - data_set_n_rows(s->set));
    if (data_set_n_rows(s->set) > 0) return true;
    return senc_fail(
        err, SENC_BAD_INPUT,
        "%s: train.on_leakage = \"drop\": all %lld rows of the training data hold a question, pair or text "
        "of the evaluations: nothing is left to train on",
        s->config->path, (long long)n_before);
}

bool train_check_leakage(train_state *s, senc_error *err) {
    const train_settings *t = &s->config->train;
    if (s->n_jobs == 0) return true;
    bool *rows = NULL;
    if (t->on_leakage == TRAIN_LEAKAGE_DROP) {
        rows = senc_alloc((size_t)data_set_n_rows(s->set), sizeof *rows);
        if (!rows) return senc_fail_memory(err, (size_t)data_set_n_rows(s->set), "rows");
    }
    bool ok = train_leakage_find(s->set, &s->columns, s->jobs, s->n_jobs, t->leakage_threshold, rows, &s->leakage, err);
    if (ok && train_leakage_is_any(&s->leakage)) {
        if (t->on_leakage == TRAIN_LEAKAGE_STOP) ok = fail_leak(s, err);
        if (t->on_leakage == TRAIN_LEAKAGE_DROP) ok = drop_rows(s, rows, err);
    }
    free(rows);
    senc_memory_trim();
    return ok;
}

/* ---- lines of the plan ---- */

#define HEAD    8
#define COLUMNS (80 - HEAD)

static void print_lines(const char *head, senc_buffer *text) {
    for (char *line = text->failed ? NULL : text->data, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        senc_info("%s %s", head, line);
        head = "       ";
    }
    senc_buffer_free(text);
}

void train_output_leakage(const train_state *s) {
    senc_buffer text = {0};
    train_leakage_print(&s->leakage, COLUMNS, &text);
    print_lines("leaks  ", &text);
}

void train_output_splits(const train_state *s) {
    senc_buffer text = {0};
    train_splits_print(s->set, COLUMNS, &text);
    print_lines("split  ", &text);
}
