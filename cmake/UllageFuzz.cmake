# Fuzz targets: every *_fuzz.cpp is one libFuzzer program. In the asan preset the seeds in
# fuzz/seeds/<target> run as tests; the fuzz preset adds coverage and is for searching.
option(ULLAGE_FUZZ_COVERAGE "Instrument the library for libFuzzer" OFF)
set(ULLAGE_FUZZ_SECONDS 60 CACHE STRING "Seconds of each fuzz run under the label stress")
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "ULLAGE_BUILD_FUZZERS needs Clang (use the preset fuzz)")
endif()

function(ullage_fuzz source)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  ullage_own_code(${name})
  target_link_libraries(${name} PRIVATE ullage)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  if(ULLAGE_BUILD_TESTS)
    # A short run from the seeds with a fixed order: the same inputs every time.
    set(seeds "${PROJECT_SOURCE_DIR}/fuzz/seeds/${name}")
    if(NOT EXISTS "${seeds}")
      set(seeds "")
    endif()
    add_test(NAME fuzz-seeds.${name} COMMAND ${name} -seed=1 -runs=200 -close_fd_mask=1
             -artifact_prefix=${PROJECT_BINARY_DIR}/fuzz/)
    add_test(NAME fuzz-long.${name} COMMAND ${name} -max_total_time=${ULLAGE_FUZZ_SECONDS}
             -artifact_prefix=${PROJECT_BINARY_DIR}/fuzz/)
    if(seeds)
      add_test(NAME fuzz-replay.${name} COMMAND ${name} -runs=0 ${seeds})
      set_tests_properties(fuzz-replay.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
    endif()
    set_tests_properties(fuzz-seeds.${name} PROPERTIES LABELS fuzz TIMEOUT 300)
    math(EXPR limit "${ULLAGE_FUZZ_SECONDS} + 120")
    set_tests_properties(fuzz-long.${name} PROPERTIES LABELS stress TIMEOUT ${limit})
  endif()
endfunction()

# Fuzz targets beside the sources of a layer; they see what the layer sees.
function(ullage_layer_fuzz name)
  set(sources ${ARGN})
  list(FILTER sources INCLUDE REGEX "_fuzz\\.cpp$")
  foreach(source IN LISTS sources)
    ullage_fuzz("${source}")
    get_filename_component(target "${source}" NAME_WE)
    ullage_see_layer(${target} ${name})
    get_target_property(library ullage_layer_${name} ULLAGE_LIBRARY)
    target_link_libraries(${target} PRIVATE ${library})
    ullage_see_test_support(${target} ${name})
  endforeach()
endfunction()
