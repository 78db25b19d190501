/* oneDNN's matmul as we use it: products of one fixed shape, made once and kept, because making one compiles code (some
 * milliseconds). The one place that knows oneDNN's types, which differ between its versions 2 and 3. */
#ifndef KERN_ONEDNN_PRIMITIVE_H
#define KERN_ONEDNN_PRIMITIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/kernels/kernels.h"

/* c (m, n) = beta * c + op(a) (m, k) b (k, n) + bias (n), all without gaps between rows. */
typedef struct kern_onednn_shape {
    int64_t m, n, k;
    float beta;       /* 0 overwrites */
    kern_storage in;  /* of a and b */
    kern_storage out; /* of c; sums are in float */
    bool a_transposed;
    bool weights;            /* b comes from float weights through kern_onednn_pack */
    bool weights_transposed; /* those are stored (n, k) */
    bool bias;
} kern_onednn_shape;

typedef struct kern_onednn_product kern_onednn_product;
/* Packed weights, or a plain b: what a product reads as b. */
typedef struct kern_onednn_operand kern_onednn_operand;

/* Loads the library of the version that this was compiled for. False: see kern_fill_onednn. */
bool kern_onednn_load(void);
/* "oneDNN 2.6.3 (libdnnl.so.2)" once loaded, else NULL. */
const char *kern_onednn_name(void);
/* Every thread calls this before it uses any function below: oneDNN shall start no threads of its own. Cheap. */
void kern_onednn_enter(void);

/* The product of a shape from the cache, or a new one; NULL when oneDNN cannot do it or the cache is full. Products
 * with weights of one shape read the same packed form, whatever their m. May be called by several threads. */
const kern_onednn_product *kern_onednn_find(const kern_onednn_shape *shape);
/* Bytes of work space for kern_onednn_run and kern_onednn_pack. */
int64_t kern_onednn_scratch_bytes(const kern_onednn_product *product);
/* Bytes of the packed weights; 0: the product reads them where they are. */
int64_t kern_onednn_packed_bytes(const kern_onednn_product *product);

/* What the product reads as b. With packed_bytes > 0, `b` is room for that many and kern_onednn_pack fills it. Not
 * NULL; free it. */
kern_onednn_operand *kern_onednn_operand_create(const kern_onednn_product *product, const void *b);
void kern_onednn_operand_free(kern_onednn_operand *operand);
/* Packing is cut into parts of columns that threads may do side by side. */
int kern_onednn_pack_parts(const kern_onednn_product *product);
void kern_onednn_pack(const kern_onednn_product *product, int part, const float *weights, void *packed, void *scratch);

/* b is for products without weights (else `operand` is read); bias NULL as the shape says. */
void kern_onednn_run(const kern_onednn_product *product, const void *a, const kern_onednn_operand *operand,
                     const void *b, const float *bias, void *c, void *scratch);

/* c = alpha op(a) op(b) + beta c in floats, row-major as everything, on this thread. */
void kern_onednn_sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                       int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
