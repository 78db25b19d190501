/* A training run: check everything, evaluate the untouched model, train, evaluate, keep the best, report.
 *
 * The run folder:
 *   senc-run.json   senc's mark: only in a folder that has it senc replaces and removes anything (train/run_folder.h)
 *   config.toml     the configuration with every default
 *   log.jsonl       one object a logged step and evaluation
 *   baseline.json   the untouched model's evaluation; best.json: the best model's (reports: senc compare reads them)
 *   checkpoints/    to go on from (train/checkpoint.h)
 *   best/  final/   complete model folders
 *   report.json     everything of the above in one place; for people report.md, and with evaluations report.html: the
 *                   best model against the untouched one, query by query */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "train/config.h"

typedef struct train_run_options {
    bool resume;        /* go on from the newest checkpoint; start anew when there is none */
    bool extend;        /* with resume: epochs and max_steps may be others than those of the run */
    bool overwrite;     /* take the place of an earlier run in the output folder */
    bool dry_run;       /* check everything, print the plan, write nothing */
    int64_t step_bytes; /* tests: what a step may take, whatever memory_limit says; 0: as memory_limit says */
} train_run_options;

/* Prints progress to stderr and the table of metrics before and after to stdout. Interrupted by SIGINT or SIGTERM it
 * saves a checkpoint and fails with SENC_INTERRUPTED; a second signal ends the process at once. */
bool train_run(const train_config *config, const train_run_options *options, senc_error *err);

#endif
