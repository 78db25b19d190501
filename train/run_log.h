/* The course of a run, read back from its log.jsonl: what charts show. A resumed run's log is that of the whole run. */
#ifndef TRAIN_RUN_LOG_H
#define TRAIN_RUN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"

enum { TRAIN_LOG_POINTS = 200 }; /* of a curve: what lies between two is averaged */

typedef struct train_log_curve {
    double *steps, *values; /* (n) steps ascending */
    int64_t n;
} train_log_curve;

typedef struct train_log {
    train_log_curve loss, learning_rate; /* of the lines that training wrote */
    train_log_curve metric;              /* of the lines that evaluations wrote; step 0: before training */
} train_log;

/* key: of the metric; "": none. A line that was cut off by a kill is passed over; values that are not numbers (null)
 * are left out. */
bool train_log_read(const char *path, const char *key, train_log *out, senc_error *err);
void train_log_free(train_log *log);

#endif
