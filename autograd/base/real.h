/* The number type of the engine. The program is built with float; the gradient checks build the same engine, ops and
 * losses a second time with double (target senc_losses_f64), so that finite differences are sharp. */
#ifndef SENC_REAL_H
#define SENC_REAL_H

#ifdef SENC_REAL_IS_DOUBLE
typedef double real;
#define REAL(x) x
#else
typedef float real;
#define REAL(x) x##f
#endif

#endif
