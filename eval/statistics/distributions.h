/* The distributions that intervals, tests and power calculations stand on. */
#ifndef EVAL_DISTRIBUTIONS_H
#define EVAL_DISTRIBUTIONS_H

/* P(Z <= z) of a standard normal number. */
double eval_normal_cdf(double z);
/* z with P(Z <= z) = p, for p in (0, 1); -inf and inf at its ends. */
double eval_normal_quantile(double p);

/* P(T <= t) of Student's t with df > 0 degrees of freedom (need not be whole). */
double eval_t_cdf(double t, double df);
/* t with P(T <= t) = p, for p in (0, 1). */
double eval_t_quantile(double p, double df);
/* P(T <= t) of the noncentral t (Johnson, Welch 1940: a normal approximation; below 0.004 off at df >= 10). */
double eval_noncentral_t_cdf(double t, double df, double shift);

#endif
