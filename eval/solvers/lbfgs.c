/* See lbfgs.h. The line search looks for a step where the slope has fallen to SLOPE of what it was (the curvature
 * condition, which keeps the pairs usable). The slope of a convex function only rises along a line, so a bracket of its
 * sign and secants find the step; the slope stays meaningful long after differences of the value have drowned in
 * rounding, which is why convergence can be asked for tightly. */
#include "eval/solvers/lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/base/memory.h"

#define PAIRS      10  /* scipy's and Nocedal's usual number */
#define SLOPE      0.5 /* of the first slope; 0.9 in the book: evaluations are dear here, but pairs are worth more */
#define MOST_TRIES 40
#define NOISE      1e-13 /* relative: a value may rise by its rounding error */

typedef struct lbfgs {
    eval_objective *objective;
    void *context;
    int64_t n;
    double *x, *gradient;           /* (n) where it stands */
    double *next, *next_gradient;   /* (n) */
    double *direction;              /* (n) */
    double *steps, *changes;        /* (PAIRS, n) of x and of the gradient */
    double inverse_products[PAIRS]; /* 1 / step.change */
    int64_t n_pairs;                /* ever kept */
    double value;
} lbfgs;

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double largest_of(const double *a, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(a[i]));
    return most;
}

static void add_scaled(double *to, double factor, const double *from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

/* direction = -H gradient by the two loops of algorithm 7.4. */
static void take_direction(lbfgs *s) {
    const int64_t n = s->n, oldest = s->n_pairs > PAIRS ? s->n_pairs - PAIRS : 0;
    double weights[PAIRS] = {0};
    for (int64_t i = 0; i < n; i++) s->direction[i] = -s->gradient[i];
    for (int64_t p = s->n_pairs - 1; p >= oldest; p--) {
        const int64_t at = p % PAIRS;
        weights[at] = s->inverse_products[at] * dot(s->steps + at * n, s->direction, n);
        add_scaled(s->direction, -weights[at], s->changes + at * n, n);
    }
    if (s->n_pairs > 0) {
        const int64_t last = (s->n_pairs - 1) % PAIRS;
        const double *change = s->changes + last * n;
        const double scale = 1 / (s->inverse_products[last] * dot(change, change, n));
        for (int64_t i = 0; i < n; i++) s->direction[i] *= scale;
    }
    for (int64_t p = oldest; p < s->n_pairs; p++) {
        const int64_t at = p % PAIRS;
        const double weight = s->inverse_products[at] * dot(s->changes + at * n, s->direction, n);
        add_scaled(s->direction, weights[at] - weight, s->steps + at * n, n);
    }
}

/* Value and slope at x + step direction. */
static double try_step(lbfgs *s, double step, double *slope) {
    for (int64_t i = 0; i < s->n; i++) s->next[i] = s->x[i] + step * s->direction[i];
    const double value = s->objective(s->context, s->next, s->next_gradient);
    *slope = dot(s->next_gradient, s->direction, s->n);
    return value;
}

/* Finds the step and leaves it in next, next_gradient. False when rounding hides any progress. */
static bool search_line(lbfgs *s, double first_slope, double *value) {
    double step = s->n_pairs > 0 ? 1 : fmin(1, 1 / sqrt(dot(s->direction, s->direction, s->n)));
    double low = 0, low_slope = first_slope, high = INFINITY, high_slope = NAN;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        double slope;
        *value = try_step(s, step, &slope);
        const bool rose = !(*value <= s->value + NOISE * fabs(s->value));
        if (!rose && fabs(slope) <= -SLOPE * first_slope) return true;
        if (rose || slope > 0) {
            high = step;
            high_slope = slope;
        } else {
            low = step;
            low_slope = slope;
        }
        if (isinf(high)) {
            step *= 3;
            continue;
        }
        /* The secant's zero, kept off the ends; the middle where slopes are of no use. */
        const double secant = low - low_slope * (high - low) / (high_slope - low_slope), margin = 0.1 * (high - low);
        step = high_slope > 0 && secant > low + margin && secant < high - margin ? secant : low + 0.5 * (high - low);
        if (!(high - low > 1e-15 * high)) return false;
    }
    return false;
}

/* Keeps the pair of the last step unless rounding has spoilt it, and goes there. */
static void advance(lbfgs *s, double value) {
    const int64_t n = s->n, at = s->n_pairs % PAIRS;
    double *step = s->steps + at * n, *change = s->changes + at * n;
    for (int64_t i = 0; i < n; i++) {
        step[i] = s->next[i] - s->x[i];
        change[i] = s->next_gradient[i] - s->gradient[i];
    }
    const double product = dot(step, change, n);
    if (product > 1e-16 * dot(change, change, n)) {
        s->inverse_products[at] = 1 / product;
        s->n_pairs++;
    }
    memcpy(s->x, s->next, (size_t)n * sizeof *s->x);
    memcpy(s->gradient, s->next_gradient, (size_t)n * sizeof *s->gradient);
    s->value = value;
}

static void minimize(lbfgs *s, const eval_lbfgs_options *options, eval_lbfgs_outcome *outcome) {
    s->value = s->objective(s->context, s->x, s->gradient);
    for (;;) {
        outcome->value = s->value;
        outcome->largest_gradient = largest_of(s->gradient, s->n);
        outcome->converged = outcome->largest_gradient <= options->tolerance;
        if (outcome->converged || outcome->n_iterations == options->max_iterations) return;
        take_direction(s);
        double slope = dot(s->gradient, s->direction, s->n), value;
        if (!(slope < 0) || !search_line(s, slope, &value)) {
            if (s->n_pairs == 0) return;
            s->n_pairs = 0; /* once more from the gradient alone */
            continue;
        }
        advance(s, value);
        outcome->n_iterations++;
    }
}

bool eval_lbfgs_minimize(const eval_lbfgs_options *options, eval_objective *objective, void *context, int64_t n,
                         double *x, eval_lbfgs_outcome *outcome, senc_error *err) {
    *outcome = (eval_lbfgs_outcome){0};
    double *room = senc_alloc((size_t)n, (4 + 2 * PAIRS) * sizeof *room);
    if (!room) return senc_fail_memory(err, (size_t)n * (4 + 2 * PAIRS) * sizeof *room, "a minimisation");
    lbfgs s = {.objective = objective,
               .context = context,
               .n = n,
               .x = x,
               .gradient = room,
               .next = room + n,
               .next_gradient = room + 2 * n,
               .direction = room + 3 * n,
               .steps = room + 4 * n,
               .changes = room + (4 + PAIRS) * n};
    minimize(&s, options, outcome);
    free(room);
    return true;
}
