/* Whose folder is it? For run_folder.c. */
#ifndef TRAIN_RUN_FOLDER_SCAN_H
#define TRAIN_RUN_FOLDER_SCAN_H

#include <stdbool.h>

#include "autograd/base/error.h"

/* Whether a folder has senc's mark: a file of this name (TRAIN_RUN_MARK, TRAIN_RUN_REMOVED) that says so. */
bool train_run_has_mark(const char *dir, const char *name);

/* Refuses a folder that is neither empty (or missing) nor a run of senc, naming some of what is in it, and a run whose
 * folders are links. A run of the program before the mark gets it. */
bool train_run_scan(const char *dir, senc_error *err);

#endif
