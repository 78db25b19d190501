/* senc train: fine-tune a model, or train a fresh one, from a configuration. */
#include "autograd/base/log.h"
#include "autograd/base/threads.h"
#include "cli/command.h"
#include "cli/output.h"
#include "train/run.h"

typedef struct train_flags {
    char *config;
    senc_strings set;
    bool resume, extend, overwrite, dry_run, print_config;
} train_flags;

static const senc_option flags[] = {
    SENC_OPTION_PATH(train_flags, config, NULL, "the configuration, a TOML file; may stand without the flag"),
    SENC_OPTION_STRINGS(train_flags, set, NULL,
                        "change a key of it: train.batch_size=16, data.0.path=other.jsonl; may be repeated"),
    SENC_OPTION_BOOLEAN(train_flags, resume, "false", "go on from the newest checkpoint of the run folder"),
    SENC_OPTION_BOOLEAN(
        train_flags, extend, "false",
        "with --resume: train.epochs or train.max_steps may be others than the run was started with; the "
        "learning rate's schedule is that of all steps then"),
    SENC_OPTION_BOOLEAN(train_flags, overwrite, "false",
                        "take the place of an earlier run in the run folder, which is kept until the new one has its "
                        "first evaluation or checkpoint"),
    SENC_OPTION_BOOLEAN(train_flags, dry_run, "false", "check everything, print the plan, write nothing"),
    SENC_OPTION_BOOLEAN(train_flags, print_config, "false",
                        "print the configuration with every default, and do nothing"),
    {0},
};

static bool print_config(const train_config *config, senc_error *err) {
    senc_buffer text = {0};
    if (!train_config_print(config, true, &text, err)) {
        senc_buffer_free(&text);
        return false;
    }
    return cli_output_buffer(&text, err);
}

/* The configuration's path, with --config or without. */
static bool find_config(const cli_call *call, const char **path, senc_error *err) {
    const train_flags *f = call->flags;
    *path = f->config ? f->config : call->n_positionals ? call->positionals[0] : NULL;
    if (!*path) return senc_fail(err, SENC_BAD_INPUT, "no configuration: senc train --config faq.toml");
    if (!f->config || call->n_positionals == 0) return true;
    return senc_fail(err, SENC_BAD_INPUT, "two configurations, %s and %s: give one", f->config, call->positionals[0]);
}

static bool run_train(cli_call *call, senc_error *err) {
    const train_flags *f = call->flags;
    const char *path;
    if (f->resume && f->overwrite) return senc_fail(err, SENC_BAD_INPUT, "--resume and --overwrite: give one of them");
    if (f->extend && !f->resume) return senc_fail(err, SENC_BAD_INPUT, "--extend: goes with --resume");
    train_config config;
    if (!find_config(call, &path, err)) return false;
    if (!train_config_load(&config, path, (const char *const *)f->set.items, f->set.n, err)) return false;
    const train_run_options options = {
        .resume = f->resume, .extend = f->extend, .overwrite = f->overwrite, .dry_run = f->dry_run};
    bool ok;
    if (f->print_config) {
        ok = print_config(&config, err);
    } else {
        const int64_t threads = call->threads ? call->threads : config.train.threads;
        ok = senc_threads_init((int)threads, err) && train_run(&config, &options, err);
    }
    train_config_free(&config);
    return ok;
}

const cli_command cli_train_command = {
    .name = "train",
    .synopsis = "F [--set KEY=VALUE]... [--resume | --overwrite]",
    .help = "fine-tune a model, or train a fresh one; evaluates before and after",
    .details = "Ctrl-C saves a checkpoint and ends with exit code 130; --resume goes on as if nothing had happened.\n\n"
               "  senc train --config configs/medquad.toml\n"
               "  senc train --config faq.toml --set train.batch_size=128 --set output.dir=runs/faq-128",
    .flags = flags,
    .flags_bytes = sizeof(train_flags),
    .max_positionals = 1,
    .positional = "a configuration (a TOML file)",
    .run = run_train,
};
