/* The output of `senc encode`: see encode_output.h. */
#include "cli/encode_output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/read_files.h"
#include "cli/model_argument.h"

static bool from_file(const cli_encode_run *run) {
    return strcmp(run->input, "-") != 0;
}

/* ---- the state beside the output ---- */

static bool need_options(cli_encode_run *run, senc_error *err) {
    if (run->options) return true;
    run->options = data_json_create_object();
    if (!run->options) return senc_fail_memory(err, 64, "the options");
    return run->describe(run->describe_context, run->options, err);
}

static bool save_state(cli_encode_run *run, data_vector_mark mark, bool sealed, senc_error *err) {
    const eval_encode_progress progress = {.mark = mark, .overwrites = run->overwrite, .sealed = sealed};
    if (mark.n_rows > 0 && !need_options(run, err)) return false;
    if (!eval_encode_progress_save(run->state_path, run->options, &progress, err)) return false;
    run->saved_ms = senc_clock_ms();
    return true;
}

static bool mark_and_save(cli_encode_run *run, senc_error *err) {
    data_vector_mark mark;
    return data_vector_writer_mark(&run->writer, &mark, err) && save_state(run, mark, false, err);
}

bool cli_encode_output_save_when_due(cli_encode_run *run, senc_error *err) {
    if (run->to_stream || !from_file(run) || senc_clock_ms() - run->saved_ms < run->save_every_ms) return true;
    return mark_and_save(run, err);
}

/* ---- opening ---- */

/* What there is before the run. */
typedef struct found_files {
    char *target; /* through links; the others lie beside it */
    char *partial, *scales;
    bool has_partial, has_state, has_scales;
    eval_encode_progress progress; /* with has_state */
} found_files;

static char *beside(const char *target, const char *ending) {
    senc_buffer path = {0};
    senc_buffer_printf(&path, "%s%s", target, ending);
    return senc_buffer_take(&path);
}

static void free_found(found_files *f) {
    free(f->target);
    free(f->partial);
    free(f->scales);
}

/* Whether the name is taken, be it by a link that leads nowhere. */
static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Of files by these names only those are senc's that its own state stands beside. */
static bool find_files(cli_encode_run *run, found_files *f, senc_error *err) {
    *f =
        (found_files){.target = senc_path_exists(run->output) ? realpath(run->output, NULL) : senc_strdup(run->output)};
    if (f->target) {
        f->partial = beside(f->target, ".partial");
        f->scales = beside(f->target, ".scales.f32.partial");
        run->state_path = beside(f->target, ".partial.json");
    }
    if (!f->target || !f->partial || !f->scales || !run->state_path)
        return senc_fail_memory(err, strlen(run->output), "a path");
    f->has_partial = is_there(f->partial);
    f->has_scales = run->kind == DATA_VECTOR_I8 && is_there(f->scales);
    f->has_state = eval_encode_progress_peek(run->state_path, &f->progress);
    const char *foreign = f->has_state                ? NULL
                          : is_there(run->state_path) ? run->state_path
                          : f->has_partial            ? f->partial
                          : f->has_scales             ? f->scales
                                                      : NULL;
    return !foreign ||
           senc_fail(err, SENC_BAD_INPUT, "%s: is there already, and not from an interrupted run of senc; move it away",
                     foreign);
}

/* The output and the files that come beside it. */
static bool check_new(const cli_encode_run *run, const char *target, senc_error *err) {
    const bool has_shape = run->kind != DATA_VECTOR_NPY && run->kind != DATA_VECTOR_JSONL;
    const struct {
        const char *ending;
        bool made;
    } files[] = {{"", true},
                 {".json", has_shape},
                 {".scales.f32", run->kind == DATA_VECTOR_I8},
                 {".ids.txt", run->ids && run->kind != DATA_VECTOR_JSONL}};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof files / sizeof *files; i++) {
        char *path = files[i].made ? beside(target, files[i].ending) : NULL;
        if (files[i].made) ok = path ? senc_file_check_new(path, err) : senc_fail_memory(err, 64, "a path");
        free(path);
    }
    return ok;
}

static bool start_anew(cli_encode_run *run, const found_files *f, senc_error *err) {
    const int64_t width = nn_model_width(run->model->model);
    if (run->resume) senc_info("%s: no interrupted run to go on with; starting anew", run->output);
    if (!run->overwrite && !check_new(run, f->target, err)) return false;
    if (!senc_read_files_check(f->target, err)) return false;
    if (f->has_partial && !senc_path_remove(f->partial, err)) return false;
    if (f->has_scales && !senc_path_remove(f->scales, err)) return false;
    if (!save_state(run, (data_vector_mark){0}, false, err)) return false;
    if (data_vector_writer_open(&run->writer, run->output, run->kind, width, err)) {
        run->writer.must_be_new = !run->overwrite && !senc_path_exists(run->output);
        return true;
    }
    senc_path_remove(run->state_path, NULL);
    return false;
}

static bool go_on(cli_encode_run *run, const found_files *f, senc_error *err) {
    const int64_t width = nn_model_width(run->model->model);
    eval_encode_progress progress;
    if (!need_options(run, err) || !eval_encode_progress_load(run->state_path, run->options, &progress, err))
        return false;
    run->overwrite = run->overwrite || progress.overwrites;
    const data_vector_mark mark = progress.mark;
    if (f->has_partial && !run->overwrite && !senc_file_check_new(run->output, err)) return false;
    run->is_complete = progress.sealed;
    if (progress.sealed ? !data_vector_writer_resume_sealed(&run->writer, run->output, run->kind, width, mark, err)
                        : !data_vector_writer_resume(&run->writer, run->output, run->kind, width, mark, err))
        return false;
    run->writer.must_be_new = !run->overwrite && !senc_path_exists(run->output);
    run->n_resumed = mark.n_rows;
    char done[32];
    senc_info("%s: going on behind %s texts", run->output, cli_count_text(mark.n_rows, done, sizeof done));
    cli_text_source_seek(run->source, mark.n_rows);
    return true;
}

static bool open_file(cli_encode_run *run, senc_error *err) {
    found_files f;
    bool ok = find_files(run, &f, err);
    run->saved_ms = senc_clock_ms();
    if (ok && run->resume && f.has_state && f.progress.mark.n_rows > 0 && (f.has_partial || f.progress.sealed))
        ok = go_on(run, &f, err);
    else if (ok && f.has_state && f.has_partial && f.progress.mark.n_rows > 0 && !run->overwrite)
        ok =
            senc_fail(err, SENC_BAD_INPUT, "%s: an interrupted run is there; %s", f.partial,
                      from_file(run) ? "--resume goes on with it, --overwrite starts anew" : "--overwrite starts anew");
    else if (ok)
        ok = start_anew(run, &f, err);
    free_found(&f);
    return ok;
}

bool cli_encode_output_open(cli_encode_run *run, senc_error *err) {
    run->to_stream = senc_path_is_stream(run->output);
    if (!run->to_stream) return open_file(run, err);
    if (run->resume)
        return senc_fail(err, SENC_BAD_INPUT, "--resume: expected a file as --output, got %s", run->output);
    return data_vector_writer_open_stream(&run->writer, run->output, run->kind, nn_model_width(run->model->model),
                                          cli_text_source_count(run->source), err);
}

/* ---- the end ---- */

/* What is done stays, with the last state of it that could be saved, where there is one. */
static void keep_what_is_done(cli_encode_run *run, senc_error *err) {
    eval_encode_progress saved = {0};
    senc_error ignored = {0};
    if (run->to_stream || !run->state_path) return;
    const bool is_lost = err->kind == SENC_FILE_LOST;
    /* Rows that are written were encoded before (eval/embed_flow.c); but what they depend on must be known by now. */
    if (is_lost && run->options) senc_mappings_forget_losses();
    if (from_file(run) && run->writer.file && run->writer.n_rows > 0 && (!is_lost || run->options))
        mark_and_save(run, &ignored);
    const bool keep = eval_encode_progress_peek(run->state_path, &saved) && saved.mark.n_rows > 0;
    data_vector_writer_close(&run->writer, keep);
    if (!keep) senc_path_remove(run->state_path, NULL);
    if (!keep || err->kind != SENC_INTERRUPTED) return;
    char done[32];
    *err = (senc_error){0};
    senc_fail(err, SENC_INTERRUPTED, "interrupted; %s texts are done, --resume goes on behind them",
              cli_count_text(saved.mark.n_rows, done, sizeof done));
}

bool cli_encode_output_end(cli_encode_run *run, bool ok, senc_error *err) {
    data_vector_mark mark;
    if (ok && !run->to_stream && !run->is_complete) {
        ok = data_vector_writer_seal(&run->writer, &mark, err);
        if (ok && run->options) ok = save_state(run, mark, true, err); /* a run that was never saved is a short one */
    }
    ok = ok && data_vector_writer_commit(&run->writer, err);
    if (!ok) {
        keep_what_is_done(run, err);
        return false;
    }
    data_vector_writer_close(&run->writer, false);
    return run->to_stream || senc_path_remove(run->state_path, err);
}
