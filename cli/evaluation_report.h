/* From an evaluation that has been run to the report that can be kept: what was measured on what, and how. */
#ifndef EVALUATION_REPORT_H
#define EVALUATION_REPORT_H

#include "cli/command.h"
#include "cli/evaluation_data.h"
#include "eval/reports/saved_report.h"

/* Fills everything of a report but its results, facts and stats, from the system they were measured with, the data
 * (whose files are read for their hashes) and the flags of the call. */
bool cli_report_describe(eval_saved_report *r, const eval_system *system, const cli_evaluation_data *data,
                         const cli_call *call, senc_error *err);

#endif
