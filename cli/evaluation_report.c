/* From an evaluation that has been run to the report that can be kept: see evaluation_report.h. */
#include "cli/evaluation_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "data/formats/sha256.h"

/* The file as it is, or compressed; false: there is none. */
static bool find_file(const char *folder, const char *name, char *out, size_t out_bytes) {
    static const char *const endings[] = {"", ".gz", ".zst"};
    for (int i = 0; i < 3; i++) {
        snprintf(out, out_bytes, "%s/%s%s", folder, name, endings[i]);
        if (senc_path_is_file(out)) return true;
    }
    return false;
}

static bool add_file(eval_saved_report *r, const char *name, const char *path, senc_error *err) {
    char hash[65];
    struct stat status;
    if (!senc_path_is_file(path)) return true; /* a pipe has been read and is gone */
    if (!data_sha256_file(path, hash, err)) return false;
    return eval_saved_report_add_data(r, name, path, hash, stat(path, &status) == 0 ? (int64_t)status.st_size : 0, err);
}

static bool add_data(eval_saved_report *r, const eval_job *job, senc_error *err) {
    const char *path = eval_job_text(job, "path"), *split = eval_job_text(job, "split");
    if (!path) return true;
    if (!senc_path_is_folder(path)) return add_file(r, job->name, path, err);
    char names[3][256] = {"corpus.jsonl", "queries.jsonl"}, file[4096];
    snprintf(names[2], sizeof names[2], "qrels/%s.tsv", split ? split : "test");
    for (int i = 0; i < 3; i++)
        if (find_file(path, names[i], file, sizeof file) && !add_file(r, job->name, file, err)) return false;
    return true;
}

/* Flags as they were given; those that name data or outputs are shown elsewhere. */
static bool add_flags(eval_saved_report *r, const cli_call *call, senc_error *err) {
    static const char *const left_out[] = {"sts",         "retrieval", "triplets",       "pairs",      "reranking",
                                           "paraphrases", "bitext",    "classification", "clustering", "json",
                                           "html",        "report",    "markdown",       "variants",   "overwrite"};
    for (int64_t i = 0; i < call->n_given; i++) {
        const cli_given *given = &call->given[i];
        size_t l = 0;
        while (l < sizeof left_out / sizeof *left_out && strcmp(left_out[l], given->flag->name) != 0) l++;
        char key[64] = "--";
        snprintf(key + 2, sizeof key - 2, "%s", given->flag->name);
        for (char *c = key; *c; c++)
            if (*c == '_') *c = '-';
        if (l == sizeof left_out / sizeof *left_out &&
            !eval_saved_report_add_option(r, key, *given->value ? given->value : "on", err))
            return false;
    }
    return true;
}

bool cli_report_describe(eval_saved_report *r, const eval_system *system, const cli_evaluation_data *data,
                         const cli_call *call, senc_error *err) {
    char created[32];
    eval_system_get_bill(system, &r->bill);
    eval_system_get_ranking(system, &r->ranking);
    bool ok = eval_saved_report_set_text(&r->senc, SENC_VERSION, err) &&
              eval_saved_report_set_text(&r->created, senc_utc_text(created), err) &&
              eval_saved_report_set_text(&r->label, eval_system_label(system), err) &&
              eval_saved_report_set_text(&r->spec, eval_system_spec(system), err) && add_flags(r, call, err);
    for (int64_t i = 0; ok && i < data->n_jobs; i++) ok = add_data(r, &data->jobs[i], err);
    return ok;
}
