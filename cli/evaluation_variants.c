/* An evaluation again with shorter and coarser vectors: see evaluation_variants.h. */
#include "cli/evaluation_variants.h"

#include <stdio.h>

#include "autograd/base/log.h"
#include "autograd/base/terminal.h"
#include "eval/reports/report_page_parts.h"

enum { FEWEST_DIMENSIONS = 32 };

bool cli_variants_check(const eval_system_facts *facts, const eval_embedder *embedder, const char *label,
                        senc_error *err) {
    const int64_t bytes_of_floats = embedder->width * (int64_t)sizeof(float);
    if (embedder->embed && !embedder->ranker && facts->bytes_per_vector == bytes_of_floats) return true;
    return senc_fail(err, SENC_BAD_INPUT, "--variants: expected a system with vectors of floats, \"%s\" has %s", label,
                     embedder->embed ? "coarser ones already" : "none");
}

static bool run_variant(eval_saved_report *r, int64_t i, eval_job *job, const eval_embedder *embedder, const char *keys,
                        senc_error *err) {
    eval_system *variant;
    eval_system_facts facts;
    eval_result result;
    if (!eval_system_open_variant(embedder, keys, &variant, err)) return false;
    eval_embedder shorter = eval_system_embedder(variant);
    shorter.writes_nothing = true;
    senc_log_status("%s with %s", job->name, keys);
    bool ok = eval_system_get_facts(variant, &facts, err) && eval_job_run(job, &shorter, &result, err);
    if (ok) {
        const eval_metric *primary = result.primary ? eval_result_find(&result, result.primary) : NULL;
        if (primary && r->results[i].primary)
            ok = eval_saved_report_add_variant(r, keys, facts.bytes_per_vector, r->results[i].primary, primary->value,
                                               err);
        eval_result_free(&result);
    }
    eval_system_free(variant);
    senc_log_status("%s", "");
    return ok;
}

bool cli_variants_run(eval_saved_report *r, int64_t i, eval_job *job, const eval_embedder *embedder, senc_error *err) {
    for (int64_t dim = FEWEST_DIMENSIONS; dim < embedder->width; dim *= 2) {
        char keys[32];
        snprintf(keys, sizeof keys, "dim=%lld", (long long)dim);
        if (!run_variant(r, i, job, embedder, keys, err)) return false;
    }
    return run_variant(r, i, job, embedder, "quantize=int8", err) &&
           (!job->spec->can_rank || run_variant(r, i, job, embedder, "quantize=binary&rescore=4", err)) &&
           run_variant(r, i, job, embedder, "quantize=binary", err);
}

void cli_variants_print(const eval_saved_report *r, bool markdown, senc_buffer *out) {
    for (int64_t i = 0; i < r->n_results; i++) {
        const eval_result *result = &r->results[i];
        const eval_metric *primary = result->primary ? eval_result_find(result, result->primary) : NULL;
        if (!primary || !eval_page_has_variants(r, primary->key)) continue;
        senc_grid grid;
        senc_buffer_printf(
            out, markdown ? "\n### %s with shorter and coarser vectors\n\n" : "\n%s with shorter and coarser vectors\n",
            primary->key);
        eval_page_fill_variants(r, primary, &grid);
        if (markdown)
            senc_grid_print_markdown(&grid, out);
        else
            senc_grid_print(&grid, 2, 80, out);
        senc_grid_free(&grid);
    }
}

void cli_variants_put_json(const eval_saved_report *r, data_json *object) {
    data_json *list = data_json_put_array(object, "variants");
    for (int64_t i = 0; i < r->n_variants; i++) {
        const eval_report_variant *v = &r->variants[i];
        data_json *o = data_json_put_object(list, NULL);
        data_json_put_string(o, "label", v->label);
        data_json_put_integer(o, "bytes_per_vector", v->bytes_per_vector);
        data_json_put_string(o, "key", v->key);
        data_json_put_number(o, "value", v->value);
    }
}
