# A test that is not run must be seen: only tests/real.h and real_model.sh may skip, with the exit code that ctest knows.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/tests/*.c ${ROOT}/tests/*.h ${ROOT}/tests/*.sh ${ROOT}/tests/cli/cases/*/cmd
  ${ROOT}/tests/cli/cases/*/setup ${ROOT}/tests/cli/cases/*/after)
foreach(file ${files})
  if(file STREQUAL "tests/real.h" OR file STREQUAL "tests/cli/real_model.sh")
    continue()
  endif()
  file(STRINGS ${ROOT}/${file} lines REGEX "skipped: |getenv\\(\"SENC_(MODELS|DATA)\"\\) *==|!getenv\\(\"SENC_(MODELS|DATA)|exit 77|TESTS_SKIPPED")
  if(lines)
    message(SEND_ERROR "${file}: a test of its own that skips; use tests/real.h: ${lines}")
  endif()
endforeach()
