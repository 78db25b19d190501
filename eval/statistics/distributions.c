/* Normal and Student's t: see distributions.h. */
#include "eval/statistics/distributions.h"

#include <math.h>

#define SQRT_2    1.41421356237309504880
#define SQRT_2_PI 2.50662827463100050242

double eval_normal_cdf(double z) {
    return 0.5 * erfc(-z / SQRT_2);
}

/* Starts from the rational approximation of Abramowitz and Stegun (26.2.23, error below 4.5e-4) and polishes with
 * Halley's rule, which makes about three times as many digits right each time. */
double eval_normal_quantile(double p) {
    if (!(p > 0)) return -HUGE_VAL;
    if (!(p < 1)) return HUGE_VAL;
    const double tail = p < 0.5 ? p : 1 - p, w = sqrt(-2 * log(tail));
    double z = w - (2.515517 + w * (0.802853 + w * 0.010328)) / (1 + w * (1.432788 + w * (0.189269 + w * 0.001308)));
    for (int i = 0; i < 3; i++) { /* of the upper tail, where erfc keeps its digits */
        const double e = 0.5 * erfc(z / SQRT_2) - tail, u = e * SQRT_2_PI * exp(z * z / 2);
        z += u / (1 - z * u / 2);
    }
    return p < 0.5 ? -z : z;
}

/* The continued fraction of the incomplete beta function (Lentz's method; DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 1000; m++) {
        for (int odd = 0; odd < 2; odd++) {
            const double k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                 : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + k * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + k / c;
            if (fabs(c) < tiny) c = tiny;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return h;
}

/* I_x(a, b) */
static double beta_regularized(double a, double b, double x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double eval_t_cdf(double t, double df) {
    if (isinf(t)) return t > 0 ? 1 : 0;
    const double tail = 0.5 * beta_regularized(df / 2, 0.5, df / (df + t * t)); /* P(T > |t|) */
    return t > 0 ? 1 - tail : tail;
}

static double t_density(double t, double df) {
    return exp(lgamma((df + 1) / 2) - lgamma(df / 2) - (df + 1) / 2 * log1p(t * t / df)) / sqrt(df * M_PI);
}

/* Newton's method inside a bracket. */
double eval_t_quantile(double p, double df) {
    if (!(p > 0)) return -HUGE_VAL;
    if (!(p < 1)) return HUGE_VAL;
    if (p > 0.5) return -eval_t_quantile(1 - p, df);
    double low = -1, high = 0;
    while (eval_t_cdf(low, df) > p && low > -1e300) low *= 2;
    double t = eval_normal_quantile(p);
    for (int i = 0; i < 200; i++) {
        if (!(t > low && t < high)) t = (low + high) / 2;
        const double e = eval_t_cdf(t, df) - p;
        if (e > 0)
            high = t;
        else
            low = t;
        const double step = e / t_density(t, df);
        if (fabs(step) <= 1e-14 * (1 + fabs(t))) break;
        t -= step;
    }
    return t;
}

double eval_noncentral_t_cdf(double t, double df, double shift) {
    return eval_normal_cdf((t * (1 - 1 / (4 * df)) - shift) / sqrt(1 + t * t / (2 * df)));
}
