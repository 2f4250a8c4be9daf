# Tests: one GoogleTest binary per layer (src/<layer>/*_test.cpp) and one per folder of tests/.
#
# A test whose suite or name contains "Stress" is long: it gets the label `stress`, which
# `./dev test` leaves out and `./dev stress` runs. All others get the label of their binary.
include(GoogleTest)
find_package(GTest REQUIRED)
find_package(rapidcheck QUIET)
find_package(Python3 COMPONENTS Interpreter REQUIRED)
# ullage_tests_<label> builds the test binaries of one label; these are named by ./dev and exist
# even without a test.
foreach(label unit contract concurrency count)
  add_custom_target(ullage_tests_${label})
endforeach()

# ullage_gtest(<target> LABEL <label> SOURCES <file>... [TIMEOUT <seconds>])
function(ullage_gtest target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "SOURCES")
  if(arg_LABEL STREQUAL "stress")  # tests/stress: all of it is long
    set(arg_TIMEOUT 3600)
  elseif(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${target} ${arg_SOURCES})
  if(NOT TARGET ullage_tests_${arg_LABEL})
    add_custom_target(ullage_tests_${arg_LABEL})
  endif()
  add_dependencies(ullage_tests_${arg_LABEL} ${target})
  ullage_own_code(${target})
  target_link_libraries(${target} PRIVATE ullage GTest::gmock GTest::gtest_main)
  if(TARGET rapidcheck)
    target_link_libraries(${target} PRIVATE rapidcheck rapidcheck_gtest)
    target_compile_definitions(${target} PRIVATE ULLAGE_HAS_RAPIDCHECK=1)
  endif()
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  # The source folder as working directory: tests name their data as tests/...
  gtest_discover_tests(${target}
    TEST_FILTER "-*Stress*"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT})
  gtest_discover_tests(${target}
    TEST_FILTER "*Stress*"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "stress" TIMEOUT 3600 RUN_SERIAL ON)
endfunction()

# Unit tests beside the sources of a layer; they see what the layer sees.
function(ullage_layer_test name)
  set(sources ${ARGN})
  list(FILTER sources INCLUDE REGEX "_(test|testing)\\.cpp$")
  if(NOT sources MATCHES "_test\\.cpp")
    return()
  endif()
  ullage_gtest(${name}_test LABEL unit SOURCES ${sources})
  get_target_property(library ullage_layer_${name} ULLAGE_LIBRARY)
  target_link_libraries(${name}_test PRIVATE ${library})
  ullage_see_layer(${name}_test ${name})
  ullage_see_test_support(${name}_test ${name})
endfunction()
