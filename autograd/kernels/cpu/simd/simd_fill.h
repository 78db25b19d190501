/* Each file of an instruction set puts its kernels into the table. */
#ifndef KERN_SIMD_FILL_H
#define KERN_SIMD_FILL_H

#include "autograd/kernels/cpu/simd/simd.h"
#include "autograd/kernels/kernels.h"

void KERN_NAME(kern_fill)(kern_table *table); /* all of the below */
void KERN_NAME(kern_fill_product)(kern_table *table);
void KERN_NAME(kern_fill_int8)(kern_table *table);
void KERN_NAME(kern_fill_vector)(kern_table *table);
void KERN_NAME(kern_fill_norm)(kern_table *table);
void KERN_NAME(kern_fill_normalize)(kern_table *table);
void KERN_NAME(kern_fill_attention)(kern_table *table);
void KERN_NAME(kern_fill_attention_backward)(kern_table *table);
void KERN_NAME(kern_fill_embed)(kern_table *table);
void KERN_NAME(kern_fill_scan)(kern_table *table);

/* y = act(x) on n elements of one thread; y may be x. */
void KERN_NAME(kern_activate_row)(kern_activation act, int64_t n, const float *x, float *y);
/* dx = beta * dx + dy * act'(x). */
void KERN_NAME(kern_activate_row_backward)(kern_activation act, int64_t n, const float *x, const float *dy, float beta,
                                           float *dx);
#define kern_activate_row          KERN_NAME(kern_activate_row)
#define kern_activate_row_backward KERN_NAME(kern_activate_row_backward)

#endif
