# What a preset may set, and the two INTERFACE targets that carry settings and warnings to every library.
option(NESTBOX_BUILD_TESTS "Build the tests" ON)
option(NESTBOX_BUILD_BENCHMARKS "Build the benchmarks" ON)
option(NESTBOX_BUILD_FUZZERS "Build the libFuzzer targets (clang only)" OFF)
option(NESTBOX_WITH_DOCKER "Build the driver of container engines" ON)
option(NESTBOX_WITH_EC2 "Build the driver of Amazon EC2 (needs NESTBOX_WITH_SSH)" ON)
option(NESTBOX_WITH_LIBVIRT "Build the driver of libvirt (8.2 or newer)" ON)
option(NESTBOX_WITH_SSH "Build the drivers that reach machines over ssh (libssh)" ON)
option(NESTBOX_WERROR "Treat warnings as errors" OFF)
option(NESTBOX_SKIP_FAILS "A skipped test counts as failed (CI, where everything is there)" OFF)
option(NESTBOX_COVERAGE "Instrument for coverage" OFF)
set(NESTBOX_SANITIZERS "" CACHE STRING "Sanitizers to build with, comma separated (address,undefined or thread)")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(nestbox_settings INTERFACE)
target_include_directories(nestbox_settings INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_features(nestbox_settings INTERFACE cxx_std_20)
target_compile_definitions(nestbox_settings INTERFACE NESTBOX_VERSION="${PROJECT_VERSION}" _FILE_OFFSET_BITS=64)
if(NESTBOX_SANITIZERS)
  target_compile_options(nestbox_settings INTERFACE -fsanitize=${NESTBOX_SANITIZERS} -fno-omit-frame-pointer)
  target_link_options(nestbox_settings INTERFACE -fsanitize=${NESTBOX_SANITIZERS})
endif()
if(NESTBOX_BUILD_FUZZERS)
  target_compile_options(nestbox_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NESTBOX_COVERAGE)
  target_compile_options(nestbox_settings INTERFACE --coverage)
  target_link_options(nestbox_settings INTERFACE --coverage)
endif()

add_library(nestbox_warnings INTERFACE)
target_compile_options(nestbox_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Woverloaded-virtual
  -Wunused -Wimplicit-fallthrough)
# gcc 12 sees the value of an empty std::optional being read wherever it inlines a sort or a copy, and more falsely
# still in instrumented code; and it sees an overlapping copy in every literal assigned to a std::string (its bug
# 105651). clang-tidy and the sanitizers look for the real thing.
target_compile_options(nestbox_warnings INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
if(NESTBOX_WERROR)
  target_compile_options(nestbox_warnings INTERFACE -Werror)
endif()
