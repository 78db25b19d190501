/* What reading and writing a saved report share. */
#ifndef EVAL_SAVED_REPORT_PARTS_H
#define EVAL_SAVED_REPORT_PARTS_H

#define EVAL_REPORT_FORMAT  "senc report"
#define EVAL_REPORT_VERSION 1

/* Names of eval_statistic in its order, ended by NULL. */
extern const char *const eval_report_statistics[];

#endif
