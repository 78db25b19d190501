/* Matrix products on oneDNN, loaded at run time: for CPUs where its bf16 products are faster than ours, and to compare.
 */
#ifndef KERN_ONEDNN_H
#define KERN_ONEDNN_H

#include <stdbool.h>

#include "autograd/kernels/kernels.h"

/* Loads the library and replaces the products of `table`, whose activations it goes on using, and those of `bf16` (the
 * table for activations in bf16, or NULL) where the CPU multiplies pairs of bf16. Both must live on. False when senc
 * was built without oneDNN, or there is no library of the version that it was built for, or its threads cannot be held
 * back: then nothing is changed. Called once. */
bool kern_fill_onednn(kern_table *table, kern_table *bf16);
/* "oneDNN 2.6.3 (libdnnl.so.2)" once loaded, else NULL. */
const char *kern_onednn_name(void);

#endif
