# tests/cli/cases/NAME is one CTest, cli_NAME: see run_case.sh. A case that begins with the name of a command is there only
# when the command is. To accept what the program prints now: tests/cli/accept.sh BUILD NAME...
if(TARGET senc)
  add_executable(make_model ${CMAKE_CURRENT_LIST_DIR}/make_model.c)
  target_link_libraries(make_model PRIVATE senc_eval)
  add_executable(serve_api ${CMAKE_CURRENT_LIST_DIR}/serve_api.c ${CMAKE_CURRENT_SOURCE_DIR}/remote/api_server.c)
  target_link_libraries(serve_api PRIVATE senc_eval)
  file(GLOB cases CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_CURRENT_LIST_DIR}/cases/*)
  foreach(case ${cases})
    get_filename_component(name ${case} NAME)
    string(REGEX MATCH "^[a-z]+" first ${name})
    if(first MATCHES "^(train|mine|demo)$" AND NOT EXISTS ${CMAKE_SOURCE_DIR}/cli/${first}_command.c)
      continue()
    endif()
    add_test(NAME cli_${name}
      COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/run_case.sh ${case} $<TARGET_FILE:senc> $<TARGET_FILE_DIR:make_model>)
  endforeach()
  add_test(NAME foreign_files
    COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/foreign_files.sh $<TARGET_FILE:senc> $<TARGET_FILE_DIR:make_model> ${CMAKE_SOURCE_DIR})
endif()

add_test(NAME cut_files
  COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/cut_files.sh $<TARGET_FILE:senc> $<TARGET_FILE_DIR:make_model> ${CMAKE_SOURCE_DIR})
add_test(NAME readme_tables
  COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/readme_tables.sh $<TARGET_FILE:senc> ${CMAKE_SOURCE_DIR}/README.md)
add_test(NAME real_model COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/real_model.sh $<TARGET_FILE:senc>)
set_tests_properties(real_model PROPERTIES SKIP_RETURN_CODE 77)
