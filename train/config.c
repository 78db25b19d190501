/* The configuration of a training run: see config.h. */
#include "train/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "data/formats/toml.h"
#include "train/other_names.h"

static const char *const top_level_names[] = {"model", "data", "loss", "train", "eval", "output"};
#define N_TOP_LEVEL ((int64_t)(sizeof top_level_names / sizeof top_level_names[0]))

static bool check_top_level(const senc_value *tree, senc_error *err) {
    for (int64_t i = 0; i < tree->n; i++) {
        const senc_pair *pair = &tree->pairs[i];
        bool known = false;
        for (int64_t k = 0; k < N_TOP_LEVEL; k++) known = known || strcmp(pair->key, top_level_names[k]) == 0;
        if (known) continue;
        char place[512];
        const char *near = senc_nearest_name(pair->key, top_level_names, N_TOP_LEVEL);
        senc_place_text(pair->place, place, sizeof place);
        if (near)
            return senc_fail(err, SENC_BAD_INPUT, "%s%s: unknown table; did you mean \"%s\"?", place, pair->key, near);
        return senc_fail(err, SENC_BAD_INPUT, "%s%s: unknown table; expected model, data, loss, train, eval or output",
                         place, pair->key);
    }
    return true;
}

/* A top-level table; NULL when absent. */
static bool find_table(const senc_value *tree, const char *name, const senc_value **out, senc_error *err) {
    *out = senc_value_find(tree, name);
    if (!*out || (*out)->type == SENC_VALUE_TABLE) return true;
    char place[512];
    return senc_fail(err, SENC_BAD_INPUT, "%s%s: expected a table ([%s]), got %s",
                     senc_place_text((*out)->place, place, sizeof place), name, name,
                     senc_value_type_name((*out)->type));
}

/* An array of tables; NULL when absent. */
static bool find_tables(const senc_value *tree, const char *name, const senc_value **out, senc_error *err) {
    *out = senc_value_find(tree, name);
    if (!*out) return true;
    char place[512];
    bool ok = (*out)->type == SENC_VALUE_ARRAY;
    for (int64_t i = 0; ok && i < (*out)->n; i++) ok = (*out)->items[i]->type == SENC_VALUE_TABLE;
    if (ok) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s%s: expected an array of tables ([[%s]]), got %s",
                     senc_place_text((*out)->place, place, sizeof place), name, name,
                     (*out)->type == SENC_VALUE_ARRAY ? "other items" : senc_value_type_name((*out)->type));
}

/* ---- --set ---- */

static bool apply_sets(senc_value *tree, const char *const *sets, int64_t n_sets, senc_error *err) {
    for (int64_t i = 0; i < n_sets; i++) {
        senc_value *change;
        if (!data_toml_parse_assignment(sets[i], &change, err)) return false;
        if (!senc_value_merge(tree, change, err)) return false; /* frees change */
    }
    return true;
}

/* ---- sections ---- */

static bool read_loss(train_config *c, senc_error *err) {
    static const char *const type_key[] = {"type", NULL};
    const senc_value *table;
    if (!find_table(c->tree, "loss", &table, err)) return false;
    const senc_value *type = senc_value_find(table, "type");
    if (!type || type->type != SENC_VALUE_STRING)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: loss.type: missing; it names the loss (senc list losses), as type = \"mnrl\"", c->path);
    c->loss = loss_find(type->string);
    if (!c->loss) {
        char place[512];
        int n;
        const train_other_loss *other = train_other_loss_find(type->string);
        senc_place_text(type->place, place, sizeof place);
        if (other)
            return senc_fail(err, SENC_BAD_INPUT, "%sloss.type: unknown loss \"%s\"; %s%s%s%s", place, type->string,
                             other->here ? "here it is " : "senc does not have it", other->here ? other->here : "",
                             other->note ? "; " : "", other->note ? other->note : "");
        const loss_spec *const *all = loss_all(&n);
        const char *names[64];
        for (int i = 0; i < n && i < 64; i++) names[i] = all[i]->name;
        const char *near = senc_nearest_name(type->string, names, n < 64 ? n : 64);
        if (near)
            return senc_fail(err, SENC_BAD_INPUT, "%sloss.type: unknown loss \"%s\"; did you mean \"%s\"?", place,
                             type->string, near);
        return senc_fail(err, SENC_BAD_INPUT, "%sloss.type: unknown loss \"%s\"; senc list losses shows all", place,
                         type->string);
    }
    c->loss_options = senc_alloc_zero(1, c->loss->options_bytes);
    if (!c->loss_options) return senc_fail_memory(err, c->loss->options_bytes, "the loss's options");
    char owner[64];
    snprintf(owner, sizeof owner, "loss \"%s\"", c->loss->name);
    if (!senc_options_read(c->loss->options, c->loss_options, table, "loss", owner, type_key, err)) return false;
    if (c->loss->check && !c->loss->check(c->loss_options, "loss", err)) return senc_error_prefix(err, "%s: ", c->path);
    c->loss->roles(c->loss_options, &c->roles);
    return true;
}

static bool read_sources(train_config *c, senc_error *err) {
    const senc_value *tables;
    if (!find_tables(c->tree, "data", &tables, err)) return false;
    if (!tables || tables->n == 0)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: [[data]]: missing; it names the training data, as path = \"train.jsonl\"", c->path);
    c->sources = senc_alloc_zero((size_t)tables->n, sizeof *c->sources);
    if (!c->sources) return senc_fail_memory(err, (size_t)tables->n * sizeof *c->sources, "the data sources");
    for (; c->n_sources < tables->n; c->n_sources++) {
        const senc_value *table = tables->items[c->n_sources];
        if (!senc_options_read(data_source_options, &c->sources[c->n_sources], table, "data", NULL, NULL, err)) {
            c->n_sources++; /* it holds what must be freed */
            return false;
        }
    }
    return true;
}

static bool read_evals(train_config *c, senc_error *err) {
    const senc_value *tables;
    if (!find_tables(c->tree, "eval", &tables, err)) return false;
    if (!tables || tables->n == 0) return true;
    c->evals = senc_alloc((size_t)tables->n, sizeof *c->evals);
    if (!c->evals) return senc_fail_memory(err, (size_t)tables->n * sizeof *c->evals, "the evaluations");
    for (int64_t i = 0; i < tables->n; i++) c->evals[i] = tables->items[i];
    c->n_evals = tables->n;
    return true;
}

static bool read_section(const train_config *c, const char *name, const senc_option *options, void *target,
                         senc_error *err) {
    const senc_value *table;
    if (!find_table(c->tree, name, &table, err)) return false;
    if (senc_options_read(options, target, table, name, NULL, NULL, err)) return true;
    return table ? false : senc_error_prefix(err, "%s: ", c->path); /* an absent table has no place of its own */
}

/* Lengths in tokens: with the two special ones at least 3. What a model folder reads is known when it is opened
 * (train_base_model_open). */
static bool check_lengths(const train_config *c, senc_error *err) {
    const train_model_config *m = &c->model;
    const int64_t lengths[2] = {m->max_length, c->train.max_length};
    static const char *const sections[2] = {"model", "train"};
    for (int i = 0; i < 2; i++) {
        if (lengths[i] > 0 && lengths[i] < 3)
            return senc_fail(err, SENC_BAD_INPUT, "%s: %s.max_length: expected 0 or an integer >= 3, got %lld", c->path,
                             sections[i], (long long)lengths[i]);
        if (m->architecture && lengths[i] > m->max_positions)
            return senc_fail(err, SENC_BAD_INPUT, "%s: %s.max_length: expected at most max_positions = %lld, got %lld",
                             c->path, sections[i], (long long)m->max_positions, (long long)lengths[i]);
    }
    return true;
}

static bool check_baselines(const train_config *c, senc_error *err) {
    const senc_strings *b = &c->train.baselines;
    for (int64_t i = 0; i < b->n; i++) {
        const bool is_bm25 = strncmp(b->items[i], "bm25", 4) == 0 && (b->items[i][4] == '\0' || b->items[i][4] == '?');
        if (!is_bm25 || i > 0)
            return senc_fail(err, SENC_BAD_INPUT, "%s: train.baselines: expected [\"bm25\"] or [], got %s\"%s\"",
                             c->path, i > 0 ? "also " : "", b->items[i]);
    }
    return true;
}

/* Conditions between keys. */
static bool check_together(const train_config *c, senc_error *err) {
    const train_model_config *m = &c->model;
    if (!m->base == !m->architecture)
        return senc_fail(err, SENC_BAD_INPUT,
                         "%s: model: expected either base (a model to fine-tune) or architecture (a fresh one), got %s",
                         c->path, m->base ? "both" : "neither");
    if (m->architecture && m->hidden_size % m->heads != 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: model.heads: expected a divisor of hidden_size = %lld, got %lld",
                         c->path, (long long)m->hidden_size, (long long)m->heads);
    if (c->train.epochs == 0 && c->train.max_steps == 0)
        return senc_fail(err, SENC_BAD_INPUT, "%s: train: epochs and max_steps are both 0, so there is nothing to do",
                         c->path);
    if (c->n_evals == 0 && (c->train.best_metric || c->train.patience > 0))
        return senc_fail(err, SENC_BAD_INPUT, "%s: train.%s: needs an [[eval]] table", c->path,
                         c->train.best_metric ? "best_metric" : "patience");
    return check_lengths(c, err) && check_baselines(c, err);
}

bool train_config_load(train_config *c, const char *path, const char *const *sets, int64_t n_sets, senc_error *err) {
    *c = (train_config){.path = senc_strdup(path)};
    if (!c->path) return senc_fail_memory(err, strlen(path), "a path");
    const bool ok = data_toml_load(path, &c->tree, err) && apply_sets(c->tree, sets, n_sets, err) &&
                    data_toml_expand_environment(c->tree, err) && train_other_names_check(c->tree, err) &&
                    check_top_level(c->tree, err) && read_section(c, "model", train_model_options, &c->model, err) &&
                    read_section(c, "train", train_settings_options, &c->train, err) &&
                    read_section(c, "output", train_output_options, &c->output, err) && read_loss(c, err) &&
                    read_sources(c, err) && read_evals(c, err) && check_together(c, err);
    if (!ok) train_config_free(c);
    return ok;
}

void train_config_free(train_config *c) {
    senc_options_free(train_model_options, &c->model);
    senc_options_free(train_settings_options, &c->train);
    senc_options_free(train_output_options, &c->output);
    if (c->loss && c->loss_options) senc_options_free(c->loss->options, c->loss_options);
    free(c->loss_options);
    for (int64_t i = 0; i < c->n_sources; i++) senc_options_free(data_source_options, &c->sources[i]);
    free(c->sources);
    free(c->evals);
    senc_value_free(c->tree);
    free(c->path);
    *c = (train_config){0};
}
