# Installs the build tree, moves it elsewhere, and builds and runs an outside project against it.
#   cmake -DBUILD_DIR=... -DSOURCE_DIR=... -DWORK_DIR=... -DCXX=... -P this file
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  message(STATUS "${what}: ok")
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("install" "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/first")
# The package must work wherever it lies, so it must not remember where it was put or built.
file(RENAME "${WORK_DIR}/first" "${WORK_DIR}/prefix")
file(GLOB_RECURSE package_files "${WORK_DIR}/prefix/*.cmake" "${WORK_DIR}/prefix/*.h")
if(NOT package_files)
  message(FATAL_ERROR "nothing was installed")
endif()
foreach(file IN LISTS package_files)
  file(READ "${file}" text)
  string(FIND "${text}" "${SOURCE_DIR}" source_at)
  string(FIND "${text}" "${WORK_DIR}/first" prefix_at)
  if(NOT source_at EQUAL -1 OR NOT prefix_at EQUAL -1)
    message(FATAL_ERROR "${file} names the tree it was built in")
  endif()
endforeach()

run("configure" "${CMAKE_COMMAND}" -G Ninja -S "${SOURCE_DIR}/tests/install/outside"
    -B "${WORK_DIR}/build" "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix"
    -DCMAKE_BUILD_TYPE=Release)
run("build" "${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
run("run" "${WORK_DIR}/build/outside")

# The C interface by pkg-config, as a program in C finds it.
file(GLOB_RECURSE pc_file "${WORK_DIR}/prefix/*/ullage-c.pc")
if(pc_file)
  get_filename_component(pc_folder "${pc_file}" DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} "${pc_folder}")
  execute_process(COMMAND pkg-config --cflags --libs ullage-c OUTPUT_VARIABLE flags
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run("build in C" cc -std=c99 -Wall -Wextra -Wpedantic -Werror -o "${WORK_DIR}/in_c"
      "${SOURCE_DIR}/tests/install/outside/main.c" ${flags} "-Wl,-rpath,${pc_folder}/..")
  run("run in C" "${WORK_DIR}/in_c")
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
