# Every header compiles alone: one generated source per header, which includes it twice and
# nothing else. Public headers as C++20 and without our own include roots, as a user has them;
# headers of a layer as C++23 with that layer's view.
function(ullage_check_headers)
  file(GLOB_RECURSE public RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/include/*.h")
  set(sources "")
  foreach(header IN LISTS public)
    set(source "${PROJECT_BINARY_DIR}/headers/${header}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT
"#include <${header}>
#include <${header}>  // NOLINT(readability-duplicate-include): it must be guarded
static_assert(__cplusplus < 202100L, \"public headers are checked as C++20\");
")
    list(APPEND sources "${source}")
  endforeach()
  if(sources)
    add_library(ullage_headers_public OBJECT ${sources})
    set_target_properties(ullage_headers_public PROPERTIES
      CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    ullage_own_flags(ullage_headers_public)
    target_compile_options(ullage_headers_public PRIVATE -Wpedantic)
    target_include_directories(ullage_headers_public PRIVATE "${PROJECT_SOURCE_DIR}/include")
  endif()

  get_property(layers GLOBAL PROPERTY ULLAGE_LAYERS)
  foreach(layer IN LISTS layers)
    get_target_property(headers ullage_layer_${layer} ULLAGE_HEADERS)
    set(sources "")
    foreach(header IN LISTS headers)
      get_filename_component(name "${header}" NAME)
      set(source "${PROJECT_BINARY_DIR}/headers/${layer}/${name}.cpp")
      file(CONFIGURE OUTPUT "${source}" CONTENT
"#include \"${layer}/${name}\"
#include \"${layer}/${name}\"  // NOLINT(readability-duplicate-include): it must be guarded
")
      list(APPEND sources "${source}")
    endforeach()
    if(sources)
      add_library(ullage_headers_${layer} OBJECT ${sources})
      ullage_own_code(ullage_headers_${layer})
      ullage_see_layer(ullage_headers_${layer} ${layer})
    endif()
  endforeach()
endfunction()
