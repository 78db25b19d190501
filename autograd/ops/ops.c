/* The table of all ops. */
#include "autograd/ops/ops.h"

static const ag_op *const all[] = {
#define AG_OP(name) &ag_op_##name,
#include "autograd/ops/ops.def"
#undef AG_OP
};

const ag_op *const *ag_ops_all(int *n) {
    *n = (int)(sizeof all / sizeof *all);
    return all;
}
