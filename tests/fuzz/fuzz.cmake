# senc_fuzz_target(NAME LIBRARY...): tests/fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput. Always built: the executable
# replay_NAME, which runs it over tests/fuzz/corpus/NAME as the CTest fuzz_NAME. With SENC_FUZZ=ON (clang): also the libFuzzer
# executable fuzz_NAME. To fuzz: tests/fuzz/run.sh SECONDS [NAME...]
if(SENC_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "SENC_FUZZ needs clang: -DCMAKE_C_COMPILER=clang")
  endif()
  target_compile_options(senc_flags INTERFACE -fsanitize=fuzzer-no-link) # the libraries report their branches
  target_link_options(senc_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(senc_fuzz_target name)
  set(folder ${CMAKE_SOURCE_DIR}/tests/fuzz)
  add_executable(replay_${name} ${folder}/fuzz_${name}.c ${folder}/replay_main.c)
  target_link_libraries(replay_${name} PRIVATE ${ARGN})
  add_test(NAME fuzz_${name} COMMAND replay_${name} ${folder}/corpus/${name})
  if(SENC_FUZZ)
    add_executable(fuzz_${name} ${folder}/fuzz_${name}.c)
    target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()

# One line per target, by name.
senc_fuzz_target(beir senc_data)
senc_fuzz_target(csv senc_formats)
senc_fuzz_target(jsonl senc_formats)
senc_fuzz_target(model senc_nn)
senc_fuzz_target(npy senc_formats)
senc_fuzz_target(report senc_eval)
senc_fuzz_target(run_folder senc_train)
senc_fuzz_target(safetensors senc_formats)
senc_fuzz_target(tokenizer senc_data)
senc_fuzz_target(toml senc_formats)
senc_fuzz_target(trec senc_eval)
senc_fuzz_target(vectors senc_eval)
