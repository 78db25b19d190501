/* The run folder: which folders senc trains in, what it removes there, and how a run takes an earlier one's place.
 *
 * A run folder has senc's mark, the file senc-run.json; it is written before anything else. Only in a folder with the
 * mark senc replaces or removes anything, and only by these names: the parts of a run (train_run_is_part), "best",
 * "final" and "checkpoints/step-N" with ".tmp-PID" or ".old-PID", and the folders below. Other files in it stay. Runs
 * of the program before the mark are known by the config.toml that it wrote and their log or checkpoints.
 *
 *     earlier/      the run that is being replaced (--overwrite), until the new one has its first evaluation or
 * checkpoint unfinished/   a new run that was interrupted before that; the earlier one is back in its place
 *
 * Each has the mark too. While parts are moved the folder's name ends in ".moving", so that a killed move is seen and
 * undone; while they are removed the mark's name is TRAIN_RUN_REMOVED, so that a killed removal is finished. */
#ifndef TRAIN_RUN_FOLDER_H
#define TRAIN_RUN_FOLDER_H

#include <stdbool.h>

#include "train/config.h"
#include "train/run.h"

#define TRAIN_RUN_MARK    "senc-run.json"
#define TRAIN_RUN_REMOVED "senc-run.removed.json"

typedef struct train_run_folder {
    const char *dir;
    bool holds_run;          /* it goes on, or is replaced */
    bool resumes;            /* goes on with the run in it */
    bool resumes_unfinished; /* ... with that in unfinished/ */
    bool has_earlier;        /* an earlier run waits in earlier/ */
} train_run_folder;

/* Whether this name in a run folder is a part of the run. */
bool train_run_is_part(const char *name);

/* Looks at the folder, in the lock of the run; refuses a folder that is not empty and no run, a run when neither
 * --resume nor --overwrite is given, and a --resume with another configuration. Brings an earlier run back whose
 * replacement was killed before its first evaluation or checkpoint. dry_run: changes nothing. */
bool train_run_folder_check(train_run_folder *f, const train_config *config, const train_run_options *options,
                            senc_error *err);
/* Just before the run: mark, earlier run aside, config.toml. */
bool train_run_folder_begin(train_run_folder *f, const train_config *config, const train_run_options *options,
                            senc_error *err);
/* The run has its first evaluation or checkpoint: the run that it replaces is removed. Cheap when there is none. */
bool train_run_folder_commit(train_run_folder *f, senc_error *err);
/* The run failed or was interrupted (err says how, and is extended): before train_run_folder_commit the earlier run
 * comes back; what the new one had saved goes to unfinished/. Always returns false. */
bool train_run_folder_give_back(train_run_folder *f, senc_error *err);

#endif
