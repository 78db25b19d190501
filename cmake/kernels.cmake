# The numeric kernels: the reference in plain C and the tuned ones. The files in cpu/simd/ are written with vectors of any width and
# compiled once per instruction set; dispatch.c chooses at run time. Fused multiply-add is allowed there (-ffp-contract=fast: each
# fused operation rounds once instead of twice); nothing else of -ffast-math is.
senc_library(senc_kernels DIRS autograd/kernels autograd/kernels/ref autograd/kernels/cpu LINK senc_base)

# oneDNN (the table "onednn") is loaded at run time; its headers decide for which version. AUTO: if there are headers.
set(SENC_ONEDNN AUTO CACHE STRING "Build the kernel table onednn: AUTO, ON or OFF")
set_property(CACHE SENC_ONEDNN PROPERTY STRINGS AUTO ON OFF)
if(SENC_ONEDNN)
  find_path(SENC_ONEDNN_INCLUDE oneapi/dnnl/dnnl.h DOC "oneDNN's headers, version 2 or 3")
  if(SENC_ONEDNN_INCLUDE)
    set_source_files_properties(autograd/kernels/cpu/onednn.c autograd/kernels/cpu/onednn_primitive.c PROPERTIES
      COMPILE_DEFINITIONS SENC_WITH_ONEDNN INCLUDE_DIRECTORIES ${SENC_ONEDNN_INCLUDE} COMPILE_OPTIONS -O3)
  elseif(NOT SENC_ONEDNN STREQUAL "AUTO")
    message(FATAL_ERROR "SENC_ONEDNN=${SENC_ONEDNN}: expected oneapi/dnnl/dnnl.h (Debian: libdnnl-dev) or SENC_ONEDNN_INCLUDE")
  endif()
endif()

function(senc_kernel_isa isa)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "FILES" "")
  if(NOT ARG_FILES)
    set(ARG_FILES *.c)
  endif()
  if(SENC_FUZZ) # no target, and sanitized they take an hour to compile
    list(APPEND ARG_UNPARSED_ARGUMENTS -O1 -fno-sanitize=all)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/autograd/kernels/cpu/simd/${ARG_FILES})
  add_library(senc_kernels_${isa} OBJECT ${sources})
  target_include_directories(senc_kernels_${isa} PRIVATE $<TARGET_PROPERTY:senc_flags,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(senc_kernels_${isa} PRIVATE $<TARGET_PROPERTY:senc_flags,INTERFACE_COMPILE_DEFINITIONS>
    KERN_ISA=${isa})
  # The common flags first (not linked: they would come last and win). -O3 also in debug builds: unrolled loops are what
  # makes these files usable, and the tests run them a lot.
  target_compile_options(senc_kernels_${isa} PRIVATE $<TARGET_PROPERTY:senc_flags,INTERFACE_COMPILE_OPTIONS>
    -O3 -ffp-contract=fast ${ARG_UNPARSED_ARGUMENTS})
  target_sources(senc_kernels PRIVATE $<TARGET_OBJECTS:senc_kernels_${isa}>)
endfunction()

# Every set twice: activations stored as float, and as bf16. avx512_bf16 has AVX-512 only; avx512bf16_bf16 multiplies pairs of bf16 with
# the AVX512-BF16 instructions, and wide_bf16 does the same in plain code.
set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mfma -mprefer-vector-width=512)
senc_kernel_isa(generic)
senc_kernel_isa(generic_bf16 -DKERN_HALF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  senc_kernel_isa(avx2 -mavx2 -mfma)
  senc_kernel_isa(avx2_bf16 -mavx2 -mfma -DKERN_HALF)
  senc_kernel_isa(avx512 ${avx512})
  senc_kernel_isa(avx512_bf16 ${avx512} -DKERN_HALF)
  senc_kernel_isa(avx512bf16_bf16 ${avx512} -mavx512bf16 -DKERN_HALF -DKERN_PAIRS)
  senc_kernel_isa(avx2vnni FILES simd_int8_linear*.c -mavx2 -mfma -mavxvnni)
  senc_kernel_isa(avx512vnni FILES simd_int8_linear*.c ${avx512} -mavx512vnni)
  senc_kernel_isa(avx512vnni_bf16 FILES simd_int8_linear*.c ${avx512} -mavx512vnni -mavx512bf16 -DKERN_HALF)
  senc_kernel_isa(wide -mavx2 -mfma -DKERN_WIDE -Wno-psabi)
  senc_kernel_isa(wide_bf16 -mavx2 -mfma -DKERN_WIDE -DKERN_HALF -DKERN_PAIRS -Wno-psabi)
endif()
