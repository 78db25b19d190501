/* Printing a configuration with every default, and comparing two: see config.h. */
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

/* ---- comparing ---- */

/* Keys that may change between a run and its continuation: they decide what is kept and shown, not what is computed. */
static const char *const free_keys[] = {"output.dir", "train.log_every", "train.checkpoint_every",
                                        "train.keep_checkpoints", "train.threads"};

static bool is_free(const char *key) {
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++) {
        if (strcmp(key, free_keys[i]) == 0) return true;
    }
    return false;
}

static void value_text(const senc_value *v, senc_buffer *out) {
    senc_buffer_clear(out);
    if (v)
        senc_value_print(v, out);
    else
        senc_buffer_append_text(out, "nothing");
}

static bool fail_changed(const char *key, const senc_value *stored, const senc_value *now, senc_error *err) {
    senc_buffer a = {0}, b = {0};
    value_text(stored, &a);
    value_text(now, &b);
    senc_fail(err, SENC_BAD_INPUT,
              "resume: %s: the run was started with %s, the config says %s; change it back, or start anew in another "
              "output.dir",
              key, senc_buffer_text(&a), senc_buffer_text(&b));
    senc_buffer_free(&a);
    senc_buffer_free(&b);
    return false;
}

static bool same_value(const char *key, const senc_value *stored, const senc_value *now, senc_error *err);

static bool same_tables(const char *key, const senc_value *stored, const senc_value *now, senc_error *err) {
    for (int side = 0; side < 2; side++) { /* keys of either; both sides hold every default, so order does not matter */
        const senc_value *t = side == 0 ? stored : now;
        for (int64_t i = 0; i < t->n; i++) {
            char inner[512];
            snprintf(inner, sizeof inner, "%s%s%s", key, key[0] ? "." : "", t->pairs[i].key);
            const senc_value *a = senc_value_find(stored, t->pairs[i].key), *b = senc_value_find(now, t->pairs[i].key);
            if (is_free(inner)) continue;
            if (!a || !b) return fail_changed(inner, a, b, err);
            if (!same_value(inner, a, b, err)) return false;
        }
    }
    return true;
}

static bool same_value(const char *key, const senc_value *stored, const senc_value *now, senc_error *err) {
    if (stored->type == SENC_VALUE_TABLE && now->type == SENC_VALUE_TABLE) return same_tables(key, stored, now, err);
    const bool arrays = stored->type == SENC_VALUE_ARRAY && now->type == SENC_VALUE_ARRAY;
    if (arrays && stored->n == now->n) {
        for (int64_t i = 0; i < now->n; i++) {
            char inner[512];
            snprintf(inner, sizeof inner, "%s.%lld", key, (long long)i);
            if (!same_value(inner, stored->items[i], now->items[i], err)) return false;
        }
        return true;
    }
    senc_buffer a = {0}, b = {0};
    value_text(stored, &a);
    value_text(now, &b);
    const bool same = !arrays && strcmp(senc_buffer_text(&a), senc_buffer_text(&b)) == 0;
    senc_buffer_free(&a);
    senc_buffer_free(&b);
    return same ? true : fail_changed(key, stored, now, err);
}

bool train_config_check_same(const train_config *c, const char *stored_path, senc_error *err) {
    senc_buffer text = {0};
    senc_value *stored = NULL, *now = NULL;
    const bool ok = train_config_print(c, false, &text, err) && data_toml_load(stored_path, &stored, err) &&
                    data_toml_parse(senc_buffer_text(&text), text.n_bytes, c->path, &now, err) &&
                    same_value("", stored, now, err);
    senc_value_free(stored);
    senc_value_free(now);
    senc_buffer_free(&text);
    return ok;
}
