# How the top-level build compiles and links. A subproject build changes nothing global.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

find_program(ULLAGE_CCACHE ccache)
if(ULLAGE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ULLAGE_CCACHE}")
endif()

find_program(ULLAGE_MOLD mold)
if(ULLAGE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Bytes of our binaries do not depend on where the tree lies; and a header reached through a
# layer's include root (see UllageLayer.cmake) is still called src/<layer>/<header> in messages.
# Debug data has no folder of the build either: "./src/engine/writer.cpp" is found from the project's.
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
                    "-fdebug-prefix-map=${PROJECT_BINARY_DIR}=.")
