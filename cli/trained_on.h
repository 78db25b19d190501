/* What the models of senc compare were trained on: a model that lies in a run folder is checked against the data that
 * it is compared on. A model folder that was copied elsewhere says nothing, and nothing is said. */
#ifndef TRAINED_ON_H
#define TRAINED_ON_H

#include "cli/evaluation_data.h"
#include "eval/reports/saved_report.h"

typedef struct cli_trained_on {
    const cli_evaluation_data *data;
    eval_saved_report *report; /* gets the leaks of every model folder that it is told */
} cli_trained_on;

/* eval_system_options.opened; context: a cli_trained_on. Data that cannot be read any more are a warning. */
bool cli_trained_on_find(void *context, const char *folder, senc_error *err);

#endif
