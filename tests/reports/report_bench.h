/* A report to test with: two results with all that a detail may hold. */
#ifndef REPORT_BENCH_H
#define REPORT_BENCH_H

#include <stdint.h>

#include "eval/reports/saved_report.h"

#define BENCH_NASTY "</script><script>alert('x')</script> \"quoted\" & <b>bold</b> \xff\xfe bad"

/* A retrieval "faq" with n queries and an STS "pairs" with n pairs. */
void bench_fill_report(eval_saved_report *r, int64_t n);

#endif
