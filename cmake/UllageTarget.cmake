# ullage_own_code(<target>): the rules for every target whose sources we wrote.
# They are PRIVATE, so nothing of them reaches a user of the library.
function(ullage_own_code target)
  # C++23 inside. Not a compile feature: those would follow the library into its users.
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 23 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  ullage_own_flags(${target})
endfunction()

function(ullage_sanitize target)
  if(ULLAGE_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${ULLAGE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${ULLAGE_SANITIZE})
  endif()
endfunction()

# For sources in C.
function(ullage_own_c_code target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    -Wstrict-prototypes $<$<BOOL:${ULLAGE_WARNINGS_AS_ERRORS}>:-Werror>)
  ullage_sanitize(${target})
endfunction()

# The same without the language level, for the check that public headers are C++20.
function(ullage_own_flags target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wconversion -Wshadow
    -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer
    $<$<BOOL:${ULLAGE_WARNINGS_AS_ERRORS}>:-Werror>
    # GCC's -Wconversion leaves signs alone in C++; so that both compilers ask for the same.
    $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion -Wthread-safety>)
  target_compile_definitions(${target} PRIVATE
    $<$<BOOL:${ULLAGE_DEBUG_CHECKS}>:ULLAGE_DEBUG_CHECKS=1>
    $<$<BOOL:${ULLAGE_SLOW_CHECKS}>:ULLAGE_SLOW_CHECKS=1>
    $<$<BOOL:${ULLAGE_COUNT_LINES}>:ULLAGE_COUNT_LINES=1>)
  ullage_sanitize(${target})
  if(ULLAGE_BUILD_FUZZERS AND ULLAGE_FUZZ_COVERAGE)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()
