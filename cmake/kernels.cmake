# The numeric kernels: the reference in plain C and the tuned ones.
senc_library(senc_kernels DIRS autograd/kernels autograd/kernels/ref autograd/kernels/cpu LINK senc_base)
