/* Printing a configuration with every default: see config.h. */
#include "train/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"
#include "data/formats/toml.h"
#include "train/base_model.h"
#include "train/prompts.h"

static bool print_evals(const train_config *c, bool with_help, senc_buffer *out, senc_error *err) {
    static const char *const type_key[] = {"type", NULL};
    for (int64_t i = 0; i < c->n_evals; i++) {
        const senc_value *type = senc_value_find(c->evals[i], "type");
        const eval_spec *spec = type && type->type == SENC_VALUE_STRING ? eval_find(type->string) : NULL;
        if (!spec) continue; /* eval_job_open has the message for this */
        void *options = senc_alloc_zero(1, spec->options_bytes);
        if (!options) return senc_fail_memory(err, spec->options_bytes, "an evaluator's options");
        const bool ok = senc_options_read(spec->options, options, c->evals[i], "eval", NULL, type_key, err);
        if (ok) {
            senc_buffer_printf(out, "\n[[eval]]\ntype = \"%s\"\n", spec->name);
            senc_options_print(spec->options, options, with_help, out);
        }
        senc_options_free(spec->options, options);
        free(options);
        if (!ok) return false;
    }
    return true;
}

/* Which prompts the model brings cannot be seen from its keys. A base that cannot be read has its message elsewhere. */
static void print_prompts(const train_config *c, senc_buffer *out) {
    nn_model *model;
    senc_error ignored = {0};
    if (!train_base_model_settings(c, false, &model, &ignored) || !model) return;
    senc_buffer lines = {0};
    train_prompts_print(model, &lines);
    for (const char *line = senc_buffer_text(&lines), *end; (end = strchr(line, '\n')); line = end + 1)
        senc_buffer_printf(out, "# prompts: %.*s\n", (int)(end - line), line);
    senc_buffer_free(&lines);
    nn_model_free(model);
}

bool train_config_print(const train_config *c, bool with_help, senc_buffer *out, senc_error *err) {
    senc_buffer_append_text(out, "[model]\n");
    senc_options_print(train_model_options, &c->model, with_help, out);
    if (with_help) print_prompts(c, out);
    for (int64_t i = 0; i < c->n_sources; i++) {
        senc_buffer_append_text(out, "\n[[data]]\n");
        senc_options_print(data_source_options, &c->sources[i], with_help, out);
    }
    senc_buffer_printf(out, "\n[loss]\ntype = \"%s\"\n", c->loss->name);
    senc_options_print(c->loss->options, c->loss_options, with_help, out);
    senc_buffer_append_text(out, "\n[train]\n");
    senc_options_print(train_settings_options, &c->train, with_help, out);
    if (!print_evals(c, with_help, out, err)) return false;
    senc_buffer_append_text(out, "\n[output]\n");
    senc_options_print(train_output_options, &c->output, with_help, out);
    return out->failed ? senc_fail_memory(err, out->n_bytes, "the configuration's text") : true;
}
