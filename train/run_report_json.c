/* report.json of a run: see run_report_parts.h. */
#include <math.h>

#include "autograd/base/file.h"
#include "eval/report.h"
#include "eval/statistics/comparison_report.h"
#include "train/run_inputs.h"
#include "train/run_report_parts.h"

static void put_counts(const train_state *s, data_json *o) {
    const train_progress *p = &s->progress;
    data_json_put_integer(o, "steps", p->step);
    data_json_put_integer(o, "best_step", p->best_step);
    data_json_put_string(o, "best_metric", s->best_key);
    data_json_put_integer(o, "rows", p->n_rows);
    data_json_put_integer(o, "texts", p->n_texts);
    data_json_put_integer(o, "tokens", p->n_tokens);
    data_json_put_integer(o, "truncated_texts", p->n_truncated);
    data_json_put_integer(o, "masked_negatives", p->n_masked);
    data_json_put_number(o, "training_seconds", p->elapsed_ms * 1e-3);
    data_json_put_number(o, "useful_gflops_per_second",
                         s->session_ms > 0 ? s->stepper.flops / s->session_ms * 1e-6 : NAN);
    data_json_put_integer(o, "peak_memory_bytes", train_facts_peak_bytes(s));
    data_json_put_integer(o, "training_memory_bytes", s->training_peak_bytes);
    data_json_put_integer(o, "planned_memory_bytes", train_memory_plan_total(&s->plan));
    data_json_put_integer(o, "threads", p->threads);
}

bool train_report_write_json(const train_report_view *v, const char *path, senc_error *err) {
    const train_state *s = v->state;
    char created[32];
    data_json *o = data_json_create_object();
    data_json_put_string(o, "senc", SENC_VERSION);
    data_json_put_string(o, "created", senc_utc_text(created));
    data_json_put_string(o, "title", v->title);
    data_json_put_string(
        o, "verdict", v->comparison.n_candidates > 0 ? eval_verdict_name(v->comparison.candidates[0].verdict) : NULL);
    data_json_put_string(o, "note", v->note);
    put_counts(s, o);
    train_facts_put_json(s, o);
    eval_report_put_json(s->baseline.items, s->baseline.n, data_json_put_object(o, "before"));
    eval_report_put_json(s->best.items, s->best.n, data_json_put_object(o, "after"));
    if (s->bm25.n > 0) eval_report_put_json(s->bm25.items, s->bm25.n, data_json_put_object(o, "bm25"));
    if (s->leakage.n > 0) train_leakage_put_json(&s->leakage, data_json_put_object(o, "leakage"));
    if (s->inputs && train_inputs_list(s->inputs)) data_json_put_copy(o, "inputs", train_inputs_list(s->inputs));
    if (v->comparison.n_candidates > 0)
        eval_comparison_put_json(&v->comparison, NULL, 0, 0, data_json_put_object(o, "comparison"));
    const bool ok = data_json_save(o, 2, path, err);
    data_json_free(o);
    return ok;
}
