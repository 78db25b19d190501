/* Matrix products on OpenBLAS, loaded at run time. For CPUs that the vector kernels have no wide instruction set for,
 * and to compare. */
#ifndef KERN_OPENBLAS_H
#define KERN_OPENBLAS_H

#include <stdbool.h>

#include "autograd/kernels/kernels.h"

/* Loads the library and replaces the products of `table`, whose activations it goes on using; `table` must live on.
 * False when there is no library: then nothing is changed. Called once. */
bool kern_fill_openblas(kern_table *table);
/* "OpenBLAS 0.3.21 Zen (libopenblas.so.0)" once loaded, else NULL. */
const char *kern_openblas_name(void);

#endif
