# nestbox_library(NAME SOURCES … HEADERS … LINK … PRIVATE_LINK …): one static library a folder. Headers compile
# alone where CMake can check it (3.24; Ubuntu 22.04 ships 3.22 and goes without the check).
function(nestbox_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.24)
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HEADERS})
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  else()
    target_sources(${name} PRIVATE ${ARG_HEADERS})
  endif()
  target_link_libraries(${name} PUBLIC nestbox_settings ${ARG_LINK} PRIVATE nestbox_warnings ${ARG_PRIVATE_LINK})
endfunction()

# unit_tests, fuzzers: everything of the kind, for presets that build nothing else. all_verify_interface_header_sets
# is CMake's own from 3.24 on.
add_custom_target(unit_tests)
add_custom_target(fuzzers)
if(CMAKE_VERSION VERSION_LESS 3.24)
  add_custom_target(all_verify_interface_header_sets)
endif()

# nestbox_test(NAME SOURCES … LINK … LABELS … TIMEOUT seconds): one GoogleTest program, one ctest entry.
function(nestbox_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} nestbox_settings nestbox_warnings GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE NESTBOX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(NESTBOX_SKIP_FAILS)
    set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  endif()
  if("unit" IN_LIST ARG_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
endfunction()

# nestbox_script_test(NAME COMMAND … LABELS … TIMEOUT seconds): a test that is a script; 77 means skipped.
function(nestbox_script_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(NOT NESTBOX_SKIP_FAILS)
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endfunction()

# nestbox_fuzzer(NAME SOURCES … LINK …): one libFuzzer program; its corpus is tests/fuzz/corpus/NAME.
function(nestbox_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} nestbox_settings nestbox_warnings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  # What libFuzzer finds goes into the first directory; the second, ours, it only reads.
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/corpus/${name}")
  add_test(NAME ${name}
           COMMAND ${name} -max_total_time=10 -max_len=65536 "${CMAKE_CURRENT_BINARY_DIR}/corpus/${name}"
                   "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
  add_dependencies(fuzzers ${name})
endfunction()
