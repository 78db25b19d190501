/* Simulated comparisons whose truth is known: how often tests raise a false alarm, how often intervals hold the true
 * value, and how often a true difference is seen. Shared by the program that prints the table (bench/
 * simulate_statistics.c) and by the short version of it among the tests. */
#ifndef STATISTICS_SIMULATION_H
#define STATISTICS_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

typedef enum simulation_measure {
    SIMULATION_FALSE_ALARMS, /* share of runs without a true difference in which p < 0.05 */
    SIMULATION_ALARMS_BELOW, /* the same, of which `expected` is the most that there may be */
    SIMULATION_COVERAGE,     /* share of runs in which the 95 % interval holds the true value */
    SIMULATION_POWER,        /* share of runs with a true difference in which p < 0.05 */
} simulation_measure;

typedef struct simulation {
    const char *name; /* "nDCG@10, 60 % of the queries equal" */
    const char *method;
    simulation_measure measure;
    int64_t n_units;
    double expected; /* 0.05, 0.95, or what theory says of the power */
    /* One run: whether the event (alarm, coverage) happened; 0, 1, or -1 when memory ran out. */
    int (*run)(const struct simulation *s, uint64_t seed);
    double effect, share; /* what run makes of them */
    int64_t n_resamples;
} simulation;

const simulation *simulation_all(int64_t *n);
/* Share of the runs in which the event happened; parallel over runs; the same seed gives the same share. NaN: out of
 * memory. */
double simulation_rate(const simulation *s, int64_t n_runs, uint64_t seed);

#endif
