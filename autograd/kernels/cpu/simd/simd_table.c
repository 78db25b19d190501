/* Puts the kernels of one instruction set into a table. */
#include "autograd/kernels/cpu/simd/simd_fill.h"

void KERN_NAME(kern_fill)(kern_table *table) {
    KERN_NAME(kern_fill_product)(table);
    KERN_NAME(kern_fill_int8)(table);
    KERN_NAME(kern_fill_vector)(table);
    KERN_NAME(kern_fill_norm)(table);
    KERN_NAME(kern_fill_normalize)(table);
    KERN_NAME(kern_fill_attention)(table);
    KERN_NAME(kern_fill_attention_backward)(table);
    KERN_NAME(kern_fill_embed)(table);
    KERN_NAME(kern_fill_scan)(table);
}
