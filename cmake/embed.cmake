# Turns files into a C source with one array each: cmake -DOUTPUT=x.c -DNAME=demo_files -DROOT=dir "-DFILES=a;b" -P embed.cmake
set(code "/* Made by cmake/embed.cmake. */\n#include \"cli/embedded.h\"\n\n")
set(table "")
set(i 0)
foreach(file ${FILES})
  file(READ ${ROOT}/${file} hex HEX)
  string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}") # 32 bytes a line
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND code "static const unsigned char file_${i}[] = {\n${bytes}\n0};\n")
  string(APPEND table "    {\"${file}\", file_${i}, sizeof file_${i} - 1},\n")
  math(EXPR i "${i} + 1")
endforeach()
string(APPEND code "\nconst cli_embedded cli_${NAME}[] = {\n${table}    {0},\n};\n")
file(WRITE ${OUTPUT} "${code}")
