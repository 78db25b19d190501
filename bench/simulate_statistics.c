/* Shows that the statistics of senc compare are right: simulate_statistics [RUNS [SEED [TEXT]]] prints false-alarm
 * rates, coverage and power on simulated data, with what they should be, as a Markdown table. TEXT: only rows with it
 * in their name or method. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/threads.h"
#include "eval/statistics/paired_tests.h"
#include "tests/simulation/statistics_simulation.h"

static double expected_of(const simulation *s) {
    if (s->measure != SIMULATION_POWER) return s->expected;
    return eval_power(s->effect, 1 / sqrt((double)s->n_units), s->n_units, 0.05);
}

int main(int argc, char **argv) {
    static const char *const measures[] = {"false alarms", "false alarms, at most", "coverage", "power"};
    const int64_t n_runs = argc > 1 ? strtoll(argv[1], NULL, 10) : 10000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const char *only = argc > 3 ? argv[3] : "";
    senc_error err = {0};
    if (n_runs < 1 || !senc_threads_init(0, &err)) {
        fprintf(stderr, "simulate_statistics: %s\n", n_runs < 1 ? "expected a number of runs" : err.text);
        return 2;
    }
    int64_t n;
    const simulation *all = simulation_all(&n);
    printf("| simulated | method | units | measure | expected | found |\n|---|---|---:|---|---:|---:|\n");
    int64_t n_off = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!strstr(all[i].name, only) && !strstr(all[i].method, only)) continue;
        const double found = simulation_rate(&all[i], n_runs, seed + (uint64_t)i), expected = expected_of(&all[i]);
        const bool is_below = all[i].measure == SIMULATION_ALARMS_BELOW && found < expected;
        const bool is_off = !is_below && !(fabs(found - expected) <= 0.01);
        printf("| %s | %s | %lld | %s | %.1f %% | %.1f %%%s |\n", all[i].name, all[i].method, (long long)all[i].n_units,
               measures[all[i].measure], 100 * expected, 100 * found, is_off ? " (off)" : "");
        fflush(stdout);
        n_off += is_off;
    }
    printf("\n%lld runs a row, seed %llu; %lld rows are more than 1 point off.\n", (long long)n_runs,
           (unsigned long long)seed, (long long)n_off);
    senc_threads_free();
    return n_off > 0;
}
