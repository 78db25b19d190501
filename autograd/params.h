/* Parameters: named matrices in one block of values and one of gradients, so that zeroing, clipping, the optimizer and
 * a checkpoint are one loop each. Declare all, then allocate. */
#ifndef AG_PARAMS_H
#define AG_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "autograd/base/error.h"
#include "autograd/base/real.h"

struct kern_int8;

typedef struct ag_param {
    char *name;             /* the checkpoint's tensor name: "encoder.layer.0.attention.self.query.weight" */
    int64_t rows, cols;     /* a vector is (1, n) */
    bool is_vector;         /* stored as shape [n] */
    bool linear;            /* a linear layer's weight, which inference in int8 quantises */
    bool decay;             /* weight decay applies (not for bias and layer norm) */
    int64_t offset;         /* into the blocks, in numbers; aligned to 16 */
    struct kern_int8 *int8; /* what linear layers multiply by instead of value in inference; one block; NULL: none */
    real *value, *grad;     /* pointers into the blocks; grad NULL in inference. A borrowed value is read only */
} ag_param;

typedef struct ag_params {
    ag_param **items; /* stable addresses */
    int64_t n;
    int64_t n_numbers; /* block length, padding included (padding is zero) */
    real *values, *grads;
} ag_params;

/* Adds a parameter; NULL (with err) when out of memory. The name is copied. */
ag_param *ag_params_declare(ag_params *ps, const char *name, int64_t rows, int64_t cols, bool is_vector, bool decay,
                            senc_error *err);
/* Before the blocks are taken: the value lies elsewhere (in a file that is mapped) and outlives the parameters. For
 * inference only. The block of values then holds the others, close together: `offset` no longer says where. */
void ag_params_borrow(ag_param *p, const real *value);
/* Takes the blocks, zeroed. gradients = false: values only. */
bool ag_params_alloc(ag_params *ps, bool gradients, senc_error *err);
ag_param *ag_params_find(const ag_params *ps, const char *name); /* NULL: absent */
void ag_params_zero_grads(ag_params *ps);
void ag_params_free(ag_params *ps);
/* Numbers without padding. */
int64_t ag_params_count(const ag_params *ps);

#endif
