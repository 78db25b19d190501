/* A training run: see run.h. */
#include "train/run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "autograd/base/file.h"
#include "autograd/base/log.h"
#include "autograd/base/mapping.h"
#include "autograd/base/memory.h"
#include "autograd/base/threads.h"
#include "train/run_inputs.h"
#include "train/run_state.h"

/* ---- signals ---- */

static volatile sig_atomic_t stop_requested, stop_is_told;

/* Says so at once: a step can take minutes. */
static void request_stop(int number) {
    static const char note[] = "stopping after this step; once more stops at once\n";
    const int code = errno;
    (void)number;
    stop_requested = 1;
    if (stop_is_told && write(STDERR_FILENO, note, sizeof note - 1) < 0) stop_is_told = 0; /* nobody reads it */
    errno = code;
}

/* A first SIGINT or SIGTERM asks the loop to save and stop; the second one has its default effect. */
static void catch_signals(void) {
    struct sigaction action = {.sa_handler = request_stop, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    stop_requested = 0;
    stop_is_told = senc_log_get_level() >= SENC_LOG_INFO;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void release_signals(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

bool train_check_stop(void *context, senc_error *err) {
    (void)context;
    return !stop_requested || senc_fail(err, SENC_INTERRUPTED, "interrupted");
}

static bool fail_interrupted(const train_state *s, senc_error *err) {
    return senc_fail(err, SENC_INTERRUPTED, "interrupted: saved at step %lld in %s; to go on, add --resume",
                     (long long)s->progress.step, s->config->output.dir);
}

/* ---- starting ---- */

static bool check_resumable(const train_state *s, const train_progress *loaded, senc_error *err) {
    if (loaded->n_rows != s->progress.n_rows)
        return senc_fail(err, SENC_BAD_INPUT, "resume: the run was started with %lld rows of data, there are %lld now",
                         (long long)loaded->n_rows, (long long)s->progress.n_rows);
    if (loaded->threads != s->progress.threads)
        return senc_fail(err, SENC_BAD_INPUT,
                         "resume: train.threads: the run was started with %lld threads, there are %lld now; the same "
                         "number gives the same result",
                         (long long)loaded->threads, (long long)s->progress.threads);
    return true;
}

/* The schedule is that of all steps, so a run that is extended goes on at another rate than it would have had. */
static bool extend(train_state *s, const train_progress *loaded, senc_error *err) {
    const train_settings *t = &s->config->train;
    const train_schedule schedule = (train_schedule)t->schedule;
    if (loaded->n_steps == s->n_steps) return true;
    if (loaded->step > s->n_steps)
        return senc_fail(err, SENC_BAD_INPUT,
                         "--extend: the run is at step %lld; expected at least as many steps, got %lld",
                         (long long)loaded->step, (long long)s->n_steps);
    s->progress.evaluations_without_best = 0;
    const double now = train_schedule_factor(schedule, loaded->step, s->warmup_steps, s->n_steps);
    senc_info("extended to %lld steps: the rate follows their schedule, %.2e at step %lld", (long long)s->n_steps,
              t->learning_rate * now, (long long)loaded->step + 1);
    if (loaded->n_steps > 0 && loaded->n_steps > loaded->step) {
        const int64_t warmup = train_warmup_steps(t->warmup, loaded->n_steps);
        const double then = train_schedule_factor(schedule, loaded->step, warmup, loaded->n_steps);
        senc_info("(of %lld steps, as the run was started, it would have been %.2e)", (long long)loaded->n_steps,
                  t->learning_rate * then);
    }
    return true;
}

static bool is_out_of_patience(const train_state *s) {
    const int64_t patience = s->config->train.patience;
    return patience > 0 && s->progress.evaluations_without_best >= patience && s->progress.step < s->n_steps;
}

/* Continues from the newest checkpoint; *found = false when there is none. */
static bool resume(train_state *s, const train_run_options *options, bool *found, senc_error *err) {
    train_progress loaded = s->progress;
    data_json *inputs = NULL;
    if (!train_checkpoint_load(s->config->output.dir, &loaded, &inputs, &s->optimizer, found, err)) return false;
    const bool same = !*found || train_inputs_check_same(s->inputs, inputs, err);
    data_json_free(inputs);
    if (!same) return false;
    if (!*found) {
        senc_info("no checkpoint in %s yet: starting from the beginning", s->config->output.dir);
        return true;
    }
    if (!check_resumable(s, &loaded, err)) return false;
    if (!train_feed_restore(s->feed, loaded.epoch, loaded.position, err)) return false;
    s->progress = loaded;
    if (options->extend && !extend(s, &loaded, err)) return false;
    s->progress.n_steps = s->n_steps;
    s->stopped_early = is_out_of_patience(s); /* the checkpoint may be that of the last step */
    if (s->n_jobs > 0 && !train_results_load(s, "baseline.json", &s->baseline, err)) return false;
    if (!isnan(loaded.best_value) && !train_results_load(s, "best.json", &s->best, err)) return false;
    if (s->n_jobs > 0 && !train_load_bm25(s, err)) return false;
    if (options->extend) train_adopt_best(s);
    train_results_forget_details(&s->baseline);
    train_results_forget_details(&s->best);
    senc_info("resuming %s at step %lld of %lld", s->config->output.dir, (long long)loaded.step, (long long)s->n_steps);
    return true;
}

static bool evaluate_baseline(train_state *s, senc_error *err) {
    if (s->n_jobs == 0) {
        senc_warn("no [[eval]]: nobody will know whether the model got better");
        return true;
    }
    if (!train_evaluate_baselines(s, err)) {
        if (err->kind != SENC_INTERRUPTED) return false;
        *err = (senc_error){0};
        return senc_fail(err, SENC_INTERRUPTED, "interrupted: no step was trained yet, so there is nothing to save");
    }
    char peak[32];
    if (s->evaluation_peak_bytes > train_memory_plan_total(&s->plan))
        senc_info("evaluations take more memory than training: %s",
                  senc_bytes_text(s->evaluation_peak_bytes, peak, sizeof peak));
    return true;
}

static bool start(train_state *s, const train_run_options *options, senc_error *err) {
    bool resumed = false;
    if (!train_run_folder_begin(&s->folder, s->config, options, err) ||
        !train_inputs_collect(s->config, s->jobs, s->n_jobs, &s->inputs, err))
        return false;
    if (s->folder.resumes && !resume(s, options, &resumed, err)) return false;
    if (!resumed && !train_inputs_hash(s->inputs, err)) return false;
    if (!resumed && !evaluate_baseline(s, err)) return false;
    if (!train_output_start_log(s, resumed, err)) return false;
    if (!resumed && !train_output_log_leakage(s, err)) return false;
    if (!resumed && s->n_jobs > 0) return train_output_log_evaluation(s, &s->baseline, err);
    return true;
}

/* ---- the loop ---- */

/* Gradients of one step: up to `accumulation` batches, never across the end of an epoch. */
static bool accumulate(train_state *s, senc_error *err) {
    train_progress *p = &s->progress;
    const int64_t left = s->batches_per_epoch - p->batch % s->batches_per_epoch;
    const int64_t n = s->config->train.accumulation < left ? s->config->train.accumulation : left;
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        const train_batch *batch;
        double loss = 0;
        if (!train_feed_next(s->feed, &batch, err)) return false;
        if (!train_stepper_run(&s->stepper, batch, p->batch, 1.0 / (double)n, &loss, err)) {
            char rows[512];
            if (err->kind == SENC_NOT_FINITE) {
                senc_error full = {0};
                senc_fail(&full, SENC_NOT_FINITE, "step %lld: %s; batch rows: %s", (long long)p->step + 1, err->text,
                          train_feed_describe_rows(s->feed, batch, rows, sizeof rows));
                *err = full;
                return false;
            }
            return senc_error_prefix(err, "step %lld: ", (long long)p->step + 1);
        }
        total += loss / (double)n;
        p->batch++;
        p->n_masked += batch->n_masked;
        p->n_truncated += batch->n_truncated;
        p->n_texts += batch->n_rows * batch->n_columns;
        p->n_tokens += batch->ids.n;
        p->window_rows += batch->n_rows;
    }
    p->window_loss += total;
    p->window_steps++;
    return true;
}

static bool update(train_state *s, double learning_rate, senc_error *err) {
    s->last_norm = train_optimizer_gradient_norm(&s->optimizer, 1.0);
    if (!isfinite(s->last_norm))
        return senc_fail(err, SENC_NOT_FINITE,
                         "step %lld: the gradient norm is %s; a lower learning rate or a higher temperature helps",
                         (long long)s->progress.step + 1, isnan(s->last_norm) ? "nan" : "infinite");
    train_optimizer_step(&s->optimizer, learning_rate, 1.0, s->last_norm);
    ag_params_zero_grads(nn_model_params(s->model));
    return true;
}

/* The progress with the place of the feed, as a checkpoint holds it. */
static void note_place(train_state *s) {
    train_progress *p = &s->progress;
    const data_sampler *sampler = train_feed_sampler(s->feed);
    p->epoch = sampler->epoch;
    p->position = sampler->position;
    p->n_updates = s->optimizer.n_updates;
}

static bool save_progress(const train_state *s, const train_progress *progress, senc_error *err) {
    return train_checkpoint_save(s->config->output.dir, progress, train_inputs_list(s->inputs), &s->optimizer,
                                 s->config->train.keep_checkpoints, err);
}

static bool save_checkpoint(train_state *s, senc_error *err) {
    note_place(s);
    return save_progress(s, &s->progress, err);
}

/* The run ends with an error that is none of the weights (a file was cut, an evaluation failed): the state behind the
 * last whole step is saved, which nothing that was read since has touched. Always false. */
static bool save_and_fail(train_state *s, const train_progress *behind_step, senc_error *err) {
    senc_error lost = {0}, failure = {0};
    if (!senc_mappings_check(&lost)) *err = lost; /* the reason of whatever else was said */
    if (err->kind == SENC_INTERRUPTED || err->kind == SENC_NOT_FINITE || behind_step->step == 0) return false;
    senc_mappings_forget_losses();
    s->progress = *behind_step;
    const bool saved = save_progress(s, behind_step, &failure);
    senc_error full = {0};
    if (saved)
        senc_fail(&full, err->kind, "%.700s; saved at step %lld in %.200s; to go on, add --resume", err->text,
                  (long long)behind_step->step, s->config->output.dir);
    else
        senc_fail(&full, err->kind, "%.600s; step %lld could not be saved: %.300s", err->text,
                  (long long)behind_step->step, failure.text);
    *err = full;
    return false;
}

static bool is_due(int64_t every, int64_t step) {
    return every > 0 && step % every == 0;
}

static bool is_evaluation_due(const train_state *s) {
    const train_settings *t = &s->config->train;
    const train_progress *p = &s->progress;
    if (s->n_jobs == 0 || p->step == 0 || p->evaluated_step == p->step) return false;
    const bool epoch_done = p->batch % s->batches_per_epoch == 0;
    return p->step == s->n_steps || (t->eval_every ? is_due(t->eval_every, p->step) : epoch_done);
}

/* The last one is there so that the run can be extended. */
static bool is_checkpoint_due(const train_state *s) {
    const train_settings *t = &s->config->train;
    return is_due(t->checkpoint_every, s->progress.step) ||
           (t->checkpoint_every > 0 && (s->progress.step == s->n_steps || s->stopped_early));
}

/* What happens behind a step and its line in the log: evaluation, checkpoint, early stop, signals. */
static bool after_step(train_state *s, senc_error *err) {
    const train_progress *p = &s->progress;
    const bool evaluate = is_evaluation_due(s);
    if (evaluate && !train_evaluate_and_keep_best(s, err)) {
        if (err->kind != SENC_INTERRUPTED) return false;
        *err = (senc_error){0}; /* the run that goes on begins with this evaluation */
        return save_checkpoint(s, err) && fail_interrupted(s, err);
    }
    s->stopped_early = is_out_of_patience(s);
    const bool save = is_checkpoint_due(s);
    if ((save || stop_requested) && !save_checkpoint(s, err)) return false;
    if ((save || evaluate) && !train_run_folder_commit(&s->folder, err)) return false;
    return !stop_requested || p->step == s->n_steps || fail_interrupted(s, err);
}

static bool loop(train_state *s, senc_error *err) {
    const train_settings *t = &s->config->train;
    train_progress *p = &s->progress;
    /* A run that ended in the middle of an evaluation comes back to it. */
    if (is_evaluation_due(s)) {
        if (!train_evaluate_and_keep_best(s, err)) {
            if (err->kind != SENC_INTERRUPTED) return false;
            *err = (senc_error){0}; /* the checkpoint that it came from is still there */
            return fail_interrupted(s, err);
        }
        s->stopped_early = is_out_of_patience(s);
    }
    note_place(s);
    train_progress behind_step = *p;
    while (p->step < s->n_steps && !s->stopped_early) {
        const double start_ms = senc_clock_ms();
        const double factor = train_schedule_factor((train_schedule)t->schedule, p->step, s->warmup_steps, s->n_steps);
        if (!accumulate(s, err) || !senc_mappings_check(err) || !update(s, t->learning_rate * factor, err))
            return save_and_fail(s, &behind_step, err);
        p->step++;
        const double ms = senc_clock_ms() - start_ms;
        p->window_ms += ms;
        p->elapsed_ms += ms;
        s->session_ms += ms;
        note_place(s);
        behind_step = *p;
        if ((is_due(t->log_every, p->step) || p->step == s->n_steps) &&
            !train_output_log_step(s, t->learning_rate * factor, err))
            return save_and_fail(s, &behind_step, err);
        train_output_status(s);
        behind_step = *p; /* the log has begun a new window */
        if (!after_step(s, err)) return save_and_fail(s, &behind_step, err);
    }
    senc_log_status("%s", "");
    if (s->stopped_early)
        senc_info("stopped at step %lld: %lld evaluations without a new best", (long long)p->step,
                  (long long)t->patience);
    return true;
}

static bool finish(train_state *s, senc_error *err) {
    train_note_peak(&s->training_peak_bytes);
    if (s->n_jobs > 0 && isnan(s->progress.best_value)) { /* every value was NaN, or there was no step */
        if (!train_evaluate_and_keep_best(s, err)) return false;
    }
    return train_output_save_model(s, "final", err) && train_run_folder_commit(&s->folder, err) && train_report(s, err);
}

/* Two runs in one folder would mix their checkpoints. The lock is on the folder itself, so it leaves nothing behind and
 * ends with the process; file systems without locks go without it. */
static bool lock_folder(const char *folder, int *lock, senc_error *err) {
    if (!senc_path_create_folders(folder, err)) return false;
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
    return senc_fail(err, SENC_BAD_INPUT, "%s: another run is writing into this folder", folder);
}

/* What the evaluations write (save_run) is theirs to write again in a run that goes on, or takes another's place. */
static bool check_saved_files(const train_state *s, const train_run_options *options, senc_error *err) {
    static const char *const keys[] = {"save_run", "save_qrels"};
    bool ok = true;
    for (int64_t i = 0; ok && !options->overwrite && !s->folder.resumes && i < s->n_jobs; i++) {
        for (size_t k = 0; ok && k < sizeof keys / sizeof *keys; k++) {
            const char *path = eval_job_text(&s->jobs[i], keys[k]);
            ok = !path || (senc_file_check_new(path, err) && senc_file_check_folder(path, err));
        }
    }
    return ok;
}

/* --overwrite moves the earlier run aside: the base must not be one of its models. */
static bool check_base_stays(const train_config *config, const train_run_options *options, senc_error *err) {
    if (!options->overwrite || !config->model.base) return true;
    char *folder;
    if (!train_base_model_find(config, &folder, err)) return false;
    char *base = realpath(folder, NULL), *dir = realpath(config->output.dir, NULL);
    const size_t n = dir ? strlen(dir) : 0;
    const bool is_inside = base && dir && strncmp(base, dir, n) == 0 && (base[n] == '/' || base[n] == '\0');
    free(folder);
    free(base);
    free(dir);
    return !is_inside || senc_fail(err, SENC_BAD_INPUT,
                                   "%s: model.base: lies in the run folder %s, which --overwrite would clear; expected "
                                   "another output.dir",
                                   config->path, config->output.dir);
}

bool train_run(const train_config *config, const train_run_options *options, senc_error *err) {
    train_state s = {.config = config};
    int lock = -1;
    bool ok = train_base_model_check(config, err) && check_base_stays(config, options, err) &&
              train_setup_open_data(&s, err) && train_setup_open_jobs(&s, err) && train_check_leakage(&s, err) &&
              train_rehearse(&s, err) &&
              (options->dry_run ? senc_path_check_folder(config->output.dir, err)
                                : lock_folder(config->output.dir, &lock, err)) &&
              train_run_folder_check(&s.folder, config, options, err) && check_saved_files(&s, options, err) &&
              train_setup_load_model(&s, options, err) && train_plan_print(&s, options->dry_run, err);
    if (ok && !options->dry_run) {
        catch_signals();
        train_note_peak(&s.setup_peak_bytes);
        ok = start(&s, options, err) && loop(&s, err);
        release_signals();
        ok = ok && finish(&s, err);
        if (!ok) train_run_folder_give_back(&s.folder, err);
        ag_profile_print(&s.stepper.tape);
    }
    senc_log_status("%s", "");
    train_setup_free(&s);
    if (lock >= 0) close(lock);
    return ok;
}
