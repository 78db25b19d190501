/* What this machine can do at most, measured on the spot: the rates that speeds are compared with. All threads of the
 * pool work. */
#ifndef KERN_PROBE_H
#define KERN_PROBE_H

/* Multiply-adds of floats, dot products of bf16, of bytes. */
typedef enum kern_probe_kind { KERN_PROBE_FP32, KERN_PROBE_BF16, KERN_PROBE_INT8 } kern_probe_kind;

/* Operations a second (a multiply-add is two), from registers: the best of as many tries as fit into `seconds`, at
 * least one. 0: this CPU has no instruction for it. */
double kern_probe_operations(kern_probe_kind kind, double seconds);

/* Bytes a second that are read and written when a large array is copied, measured like kern_probe_operations. 0: out of
 * memory. */
double kern_probe_bytes(double seconds);

#endif
