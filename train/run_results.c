/* Results of evaluations in the run folder: see run_state.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "train/run_state.h"

void train_results_free(train_results *r) {
    if (r->file.results) {
        eval_saved_report_free(&r->file);
    } else {
        for (int64_t i = 0; i < r->n; i++) eval_result_free(&r->items[i]);
        free(r->items);
    }
    *r = (train_results){0};
}

const eval_metric *train_results_find(const train_results *r, const char *key) {
    for (int64_t i = 0; i < r->n; i++) {
        const eval_metric *m = eval_result_find(&r->items[i], key);
        if (m) return m;
    }
    return NULL;
}

void train_results_forget_details(train_results *r) {
    for (int64_t i = 0; i < r->n; i++) eval_detail_free(&r->items[i].detail);
}

const char *train_base_label(const train_state *s) {
    const char *base = s->config->model.base;
    return base ? senc_path_name(base) : "the untrained model";
}

bool train_results_save(const train_state *s, const char *name, const char *label, const train_results *results,
                        senc_error *err) {
    eval_saved_report report = {.results = results->items, /* borrowed */
                                .n_results = results->n,
                                .stats = results->stats,
                                .facts = {.max_length = results->max_length},
                                .leaks = results->leaks,
                                .n_leaks = results->n_leaks};
    char *path = train_output_path(s, name, err);
    const bool ok = path && eval_saved_report_set_text(&report.label, label, err) &&
                    eval_saved_report_set_text(&report.senc, SENC_VERSION, err) &&
                    eval_saved_report_save(&report, path, err);
    free(report.label);
    free(report.senc);
    free(path);
    return ok;
}

bool train_results_load(const train_state *s, const char *name, train_results *results, senc_error *err) {
    char *path = train_output_path(s, name, err);
    train_results loaded = {0};
    bool ok = path && eval_saved_report_load(path, &loaded.file, err);
    if (ok && loaded.file.n_results == 0) {
        ok = senc_fail(err, SENC_BAD_INPUT, "%s: no results in it", path);
        eval_saved_report_free(&loaded.file);
    }
    free(path);
    if (!ok) return false;
    loaded.items = loaded.file.results;
    loaded.n = loaded.file.n_results;
    loaded.stats = loaded.file.stats;
    loaded.max_length = loaded.file.facts.max_length;
    train_results_free(results);
    *results = loaded;
    return true;
}

/* ---- BM25 ---- */

eval_report_baseline train_bm25_column(const train_state *s) {
    return (eval_report_baseline){"bm25", s->bm25.items, s->bm25.n};
}

void train_bm25_remark(const train_state *s, senc_buffer *out) {
    const eval_report_baseline column = train_bm25_column(s);
    for (int64_t i = 0; i < s->best.n; i++) {
        const eval_result *r = &s->best.items[i];
        const eval_metric *model = r->primary ? eval_result_find(r, r->primary) : NULL;
        const eval_metric *words = model ? eval_report_find_baseline(&column, r, r->primary) : NULL;
        if (words && words->value > model->value)
            senc_buffer_printf(out,
                               "BM25, which needs no model, scores higher than the fine-tuned model on %s: %s %.4f, "
                               "the model's %s %.4f.\n",
                               r->name, words->key, words->value, model->key, model->value);
    }
}
