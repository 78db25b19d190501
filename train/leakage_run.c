/* What a model was trained on, as the run folder says in which it lies: see leakage.h. The run's config.toml holds
 * every setting, with absolute paths; its data are read again, so that any evaluation can be checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/file.h"
#include "autograd/base/memory.h"
#include "train/config.h"
#include "train/leakage.h"
#include "train/run_inputs.h"

/* The config.toml of the run that the model folder (best, final) is part of; fresh; NULL: it is part of none. */
static char *find_config(const char *model_folder) {
    char *full = realpath(model_folder, NULL), *folder = full ? senc_path_folder(full) : NULL;
    const char *name = full ? senc_path_name(full) : "";
    char *config = NULL;
    if (folder && (strcmp(name, "best") == 0 || strcmp(name, "final") == 0)) {
        char *log = senc_path_join(folder, "log.jsonl");
        config = log && senc_path_is_file(log) ? senc_path_join(folder, "config.toml") : NULL;
        free(log);
    }
    if (config && !senc_path_is_file(config)) {
        free(config);
        config = NULL;
    }
    free(folder);
    free(full);
    return config;
}

/* Runs from before there were groups parted rows one by one. */
static void keep_old_parts(train_config *c) {
    const senc_value *tables = senc_value_find(c->tree, "data");
    for (int64_t i = 0; tables && i < c->n_sources; i++)
        if (!senc_value_find(tables->items[i], "held_out_by")) c->sources[i].held_out_by = DATA_HELD_OUT_BY_ROW;
}

/* The evaluations of a configuration; *n of them are open, also after a failure. */
static bool open_jobs(const train_config *c, eval_job **jobs, int64_t *n, senc_error *err) {
    *n = 0;
    *jobs = senc_alloc_zero((size_t)c->n_evals + 1, sizeof **jobs);
    if (!*jobs) return senc_fail_memory(err, (size_t)c->n_evals * sizeof **jobs, "evaluations");
    for (; *n < c->n_evals; ++*n)
        if (!eval_job_open(&(*jobs)[*n], c->evals[*n], "eval", err)) return false;
    return true;
}

static void close_jobs(eval_job *jobs, int64_t n) {
    for (int64_t i = 0; i < n; i++) eval_job_close(&jobs[i]);
    free(jobs);
}

/* Leaves out what the run left out. */
static bool drop_again(const train_config *c, data_set *set, const train_columns *columns, senc_error *err) {
    if (c->train.on_leakage != TRAIN_LEAKAGE_DROP || c->n_evals == 0) return true;
    eval_job *jobs;
    int64_t n;
    train_leakage l = {0};
    bool *rows = senc_alloc((size_t)data_set_n_rows(set), sizeof *rows);
    bool ok = open_jobs(c, &jobs, &n, err) && (rows || senc_fail_memory(err, (size_t)data_set_n_rows(set), "rows"));
    ok = ok && train_leakage_find(set, columns, jobs, n, c->train.leakage_threshold, rows, &l, err) &&
         data_set_drop_rows(set, rows, err);
    train_leakage_free(&l);
    close_jobs(jobs, n);
    free(rows);
    return ok;
}

static bool find_in_data(train_config *c, const eval_job *jobs, int64_t n_jobs, train_leakage *out, senc_error *err) {
    data_set *set;
    train_columns columns;
    keep_old_parts(c);
    if (!train_feed_open_data(c->sources, c->n_sources, &c->roles, "the run", &set, &columns, err)) return false;
    const bool ok = drop_again(c, set, &columns, err) &&
                    train_leakage_find(set, &columns, jobs, n_jobs, c->train.leakage_threshold, NULL, out, err);
    train_columns_free(&columns);
    data_set_close(set);
    return ok;
}

bool train_leakage_describe(const train_config *c, int64_t width, senc_buffer *out, senc_error *err) {
    data_set *set;
    train_columns columns;
    eval_job *jobs;
    int64_t n;
    train_leakage l = {0};
    char wanted_by[64];
    snprintf(wanted_by, sizeof wanted_by, "loss \"%s\"", c->loss->name);
    if (!train_feed_open_data(c->sources, c->n_sources, &c->roles, wanted_by, &set, &columns, err)) return false;
    const bool ok = open_jobs(c, &jobs, &n, err) &&
                    train_leakage_find(set, &columns, jobs, n, c->train.leakage_threshold, NULL, &l, err);
    if (ok) {
        train_splits_print(set, width, out);
        train_leakage_print(&l, width, out);
    }
    train_leakage_free(&l);
    close_jobs(jobs, n);
    train_columns_free(&columns);
    data_set_close(set);
    return ok;
}

/* The files of a finished run are known by their hashes. */
static bool check_data(const train_config *c, const char *config_path, senc_error *err) {
    char *folder = senc_path_folder(config_path), *path = folder ? senc_path_join(folder, "report.json") : NULL;
    data_json *report = NULL;
    bool ok = path != NULL || senc_fail_memory(err, strlen(config_path), "a path");
    if (ok && senc_path_is_file(path))
        ok = data_json_load(path, &report, err) && train_inputs_check_data(c, train_inputs_list(report), err);
    data_json_free(report);
    free(path);
    free(folder);
    return ok;
}

bool train_leakage_of_model(const char *model_folder, const eval_job *jobs, int64_t n_jobs, train_leakage *out,
                            senc_error *err) {
    *out = (train_leakage){0};
    char *path = find_config(model_folder);
    if (!path) return true;
    train_config config;
    bool ok = train_config_load(&config, path, NULL, 0, err);
    if (ok) {
        ok = check_data(&config, path, err) && find_in_data(&config, jobs, n_jobs, out, err);
        train_config_free(&config);
    }
    free(path);
    return ok;
}
