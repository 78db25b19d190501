/* The reference table. */
#include "autograd/kernels/ref/ref.h"

static const kern_table reference = {
    .name = "ref",
    .gemm = kern_ref_gemm,
    .linear_forward = kern_ref_linear_forward,
    .linear_backward_input = kern_ref_linear_backward_input,
    .linear_backward_weight = kern_ref_linear_backward_weight,
    .int8_pack = kern_ref_int8_pack,
    .linear_int8 = kern_ref_linear_int8,
    .activation_forward = kern_ref_activation_forward,
    .activation_backward = kern_ref_activation_backward,
    .layer_norm_forward = kern_ref_layer_norm_forward,
    .layer_norm_backward = kern_ref_layer_norm_backward,
    .add_norm_forward = kern_ref_add_norm_forward,
    .add_norm_backward = kern_ref_add_norm_backward,
    .dropout_forward = kern_ref_dropout_forward,
    .dropout_backward = kern_ref_dropout_backward,
    .attention_forward = kern_ref_attention_forward,
    .attention_backward = kern_ref_attention_backward,
    .embed_forward = kern_ref_embed_forward,
    .embed_backward = kern_ref_embed_backward,
    .pool_forward = kern_ref_pool_forward,
    .pool_backward = kern_ref_pool_backward,
    .normalize_forward = kern_ref_normalize_forward,
    .normalize_backward = kern_ref_normalize_backward,
    .axpy = kern_ref_axpy,
    .scale = kern_ref_scale,
    .sum_of_squares = kern_ref_sum_of_squares,
    .is_finite = kern_ref_is_finite,
    .is_finite_stored = kern_ref_is_finite_stored,
    .adamw = kern_ref_adamw,
    .scan = &kern_ref_scan,
};

const kern_table *kern_reference(void) {
    return &reference;
}
