# Benchmarks: every *_bench.cpp is one program. Each understands
#   --tiny        a run of seconds, so that no benchmark rots: it is also a test (bench-tiny)
#   --json FILE   results for tools/write_figures.py
find_path(ULLAGE_BOOST_INCLUDE boost/unordered/unordered_flat_map.hpp)

function(ullage_bench source)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(${name} "${source}")
  ullage_own_code(${name})
  target_link_libraries(${name} PRIVATE ullage)
  if(TARGET ullage_bench_common)
    target_link_libraries(${name} PRIVATE ullage_bench_common)
  endif()
  # Peers we compare with; only benchmarks may see them.
  if(ULLAGE_BOOST_INCLUDE)
    target_compile_definitions(${name} PRIVATE ULLAGE_HAS_BOOST=1)
    target_include_directories(${name} SYSTEM PRIVATE "${ULLAGE_BOOST_INCLUDE}")
  endif()
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  if(ULLAGE_BUILD_TESTS)
    add_test(NAME bench-tiny.${name} COMMAND ${name} --tiny
             WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(bench-tiny.${name} PROPERTIES LABELS bench-tiny TIMEOUT 300)
  endif()
endfunction()

# Benchmarks beside the sources of a layer; they see what the layer sees.
function(ullage_layer_bench name)
  set(sources ${ARGN})
  list(FILTER sources INCLUDE REGEX "_bench\\.cpp$")
  foreach(source IN LISTS sources)
    ullage_bench("${source}")
    get_filename_component(target "${source}" NAME_WE)
    ullage_see_layer(${target} ${name})
    get_target_property(library ullage_layer_${name} ULLAGE_LIBRARY)
    target_link_libraries(${target} PRIVATE ${library})
  endforeach()
endfunction()
