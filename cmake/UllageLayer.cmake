# ullage_layer(<name> [PUBLIC_API] [LIBRARY <target>] [PACKAGES <target>...] [DEPS <layer>...])
#
# One folder src/<name> is one layer and one target, ullage_layer_<name>. Its sources write
# `#include "<layer>/x.h"` for its own headers and for those of the layers in DEPS, and
# `#include <ullage/x.h>` if it has PUBLIC_API. Anything else is not on the include path and
# does not compile.
#
# How: <build>/layers/<name>/<name> is a link to src/<name>, and <build>/layers/<name> is put on
# the include path of exactly the targets that may see it. Usage requirements would make DEPS
# transitive, so there are none: a layer that is not named is not seen. For the same reason a
# header may include only what every layer that includes it may see; tools/check_layers.py says
# so with file and line.
#
# Beside its sources a layer may have
#   x_test.cpp     goes to <name>_test                           (tests)
#   x_testing.cpp  helpers for tests, compiled into <name>_test
#   x_bench.cpp    one benchmark, x_bench                        (bench)
#   x_fuzz.cpp     one libFuzzer target, x_fuzz                  (fuzz)
# A layer is bundled into LIBRARY, the embeddable `ullage` unless it says otherwise. What it needs
# besides the standard library is in PACKAGES; layers of `ullage` have none.
function(ullage_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PUBLIC_API" "LIBRARY" "DEPS;PACKAGES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ullage_layer(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()

  if(NOT arg_LIBRARY)
    set(arg_LIBRARY ullage)
  endif()

  set(root "${PROJECT_BINARY_DIR}/layers/${name}")
  file(MAKE_DIRECTORY "${root}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/src/${name}" "${root}/${name}" SYMBOLIC)

  set(include_roots "${root}")
  set(prefix_maps "-ffile-prefix-map=${root}=src")
  foreach(dep IN LISTS arg_DEPS)
    if(NOT TARGET ullage_layer_${dep})
      message(FATAL_ERROR "layer ${name} depends on ${dep}, which is not declared before it")
    endif()
    list(APPEND include_roots "${PROJECT_BINARY_DIR}/layers/${dep}")
    list(APPEND prefix_maps "-ffile-prefix-map=${PROJECT_BINARY_DIR}/layers/${dep}=src")
  endforeach()
  if(arg_PUBLIC_API)
    list(APPEND include_roots "${PROJECT_SOURCE_DIR}/include")
  endif()

  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  set(beside "${sources}")
  list(FILTER sources EXCLUDE REGEX "_(test|testing|bench|fuzz)\\.cpp$")
  list(FILTER beside INCLUDE REGEX "_(test|testing|bench|fuzz)\\.cpp$")
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.h")
  if(NOT sources)  # a layer of headers only is a layer too
    set(sources "${PROJECT_BINARY_DIR}/layers/${name}_headers_only.cpp")
    file(CONFIGURE OUTPUT "${sources}" CONTENT "// ${name} has headers only.\n")
  endif()

  add_library(ullage_layer_${name} OBJECT ${sources} ${headers})
  set_target_properties(ullage_layer_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    ULLAGE_INCLUDE_ROOTS "${include_roots}"
    ULLAGE_PREFIX_MAPS "${prefix_maps}"
    ULLAGE_HEADERS "${headers}"
    ULLAGE_PUBLIC_API "${arg_PUBLIC_API}"
    ULLAGE_LIBRARY "${arg_LIBRARY}"
    ULLAGE_PACKAGES "${arg_PACKAGES}")
  ullage_own_code(ullage_layer_${name})
  ullage_see_layer(ullage_layer_${name} ${name})
  target_sources(${arg_LIBRARY} PRIVATE $<TARGET_OBJECTS:ullage_layer_${name}>)
  target_link_libraries(${arg_LIBRARY} PUBLIC ${arg_PACKAGES})
  set_property(GLOBAL APPEND PROPERTY ULLAGE_LAYERS ${name})

  if(ULLAGE_BUILD_TESTS)
    ullage_layer_test(${name} ${beside})
  endif()
  if(ULLAGE_BUILD_BENCH)
    ullage_layer_bench(${name} ${beside})
  endif()
  if(ULLAGE_BUILD_FUZZERS)
    ullage_layer_fuzz(${name} ${beside})
  endif()
endfunction()

# Gives <target>, tests of layer <name>, the helpers in tests/support as `#include "support/x.h"`, if
# the layer may see the public headers that they are made of.
function(ullage_see_test_support target name)
  get_target_property(public_api ullage_layer_${name} ULLAGE_PUBLIC_API)
  if(public_api)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  endif()
endfunction()

# Gives <target> the view that layer <name> has: its own headers, those of its direct
# dependencies, nothing more.
function(ullage_see_layer target name)
  get_target_property(include_roots ullage_layer_${name} ULLAGE_INCLUDE_ROOTS)
  get_target_property(prefix_maps ullage_layer_${name} ULLAGE_PREFIX_MAPS)
  get_target_property(packages ullage_layer_${name} ULLAGE_PACKAGES)
  target_include_directories(${target} PRIVATE ${include_roots})
  if(packages)
    target_link_libraries(${target} PRIVATE ${packages})
  endif()
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE ${prefix_maps})
  endif()
endfunction()
