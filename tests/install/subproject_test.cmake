# Configures a project that takes Ullage with add_subdirectory(): it gets the library only.
#   cmake -DSOURCE_DIR=... -DWORK_DIR=... -DCXX=... -P this file
file(REMOVE_RECURSE "${WORK_DIR}")
file(WRITE "${WORK_DIR}/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.25)
project(embedder LANGUAGES CXX)
add_subdirectory(\"${SOURCE_DIR}\" ullage)
get_property(targets DIRECTORY \"${SOURCE_DIR}/src\" PROPERTY BUILDSYSTEM_TARGETS)
foreach(target IN LISTS targets)
  if(NOT target MATCHES \"^ullage(_layer_[a-z]+)?$\")
    message(FATAL_ERROR \"a subproject build has the target \${target}\")
  endif()
endforeach()
foreach(target ullage_program ullage_headers_public base_test)
  if(TARGET \${target})
    message(FATAL_ERROR \"a subproject build has the target \${target}\")
  endif()
endforeach()
add_executable(embedder main.cpp)
target_link_libraries(embedder PRIVATE ullage::ullage)
")
file(WRITE "${WORK_DIR}/main.cpp" "#include <ullage/cache.h>\nint main() {}\n")
execute_process(COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${WORK_DIR}" -B "${WORK_DIR}/build"
                        "-DCMAKE_CXX_COMPILER=${CXX}"
                RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "configure failed:\n${output}")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
