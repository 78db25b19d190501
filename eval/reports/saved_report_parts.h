/* What reading and writing a saved report share. */
#ifndef EVAL_SAVED_REPORT_PARTS_H
#define EVAL_SAVED_REPORT_PARTS_H

#define EVAL_REPORT_FORMAT  "senc report"
#define EVAL_REPORT_VERSION 1

#endif
