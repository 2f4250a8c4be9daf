# What `cmake --install` gives: the headers, the library, its CMake package, the program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ullage")
install(TARGETS ullage EXPORT ullageTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ullage"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h"
        PATTERN "observe" EXCLUDE PATTERN "document.h" EXCLUDE)
# find_package(ullage COMPONENTS observe)
if(TARGET ullage_observe)
  set_target_properties(ullage_observe PROPERTIES EXPORT_NAME observe)
  install(TARGETS ullage_observe EXPORT ullageObserveTargets
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  set(ullage_has_heap OFF)
  if(TARGET ullage_heap)
    set(ullage_has_heap ON)
    set_target_properties(ullage_heap PROPERTIES EXPORT_NAME heap)
    install(TARGETS ullage_heap EXPORT ullageObserveTargets
            ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  endif()
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ullage/observe"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ullage" FILES_MATCHING PATTERN "*.h")
  install(EXPORT ullageObserveTargets NAMESPACE ullage:: DESTINATION "${package_dir}")
endif()
# find_package(ullage COMPONENTS document)
if(TARGET ullage_document)
  set_target_properties(ullage_document PROPERTIES EXPORT_NAME document)
  install(TARGETS ullage_document EXPORT ullageDocumentTargets
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(FILES "${PROJECT_SOURCE_DIR}/include/ullage/document.h"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ullage")
  install(EXPORT ullageDocumentTargets NAMESPACE ullage:: DESTINATION "${package_dir}")
endif()
# find_package(ullage COMPONENTS c), and pkg-config ullage-c
if(TARGET ullage_c)
  set_target_properties(ullage_c PROPERTIES EXPORT_NAME c)
  install(TARGETS ullage_c EXPORT ullageCTargets
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(EXPORT ullageCTargets NAMESPACE ullage:: DESTINATION "${package_dir}")
  file(RELATIVE_PATH pc_to_include
    "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/${CMAKE_INSTALL_INCLUDEDIR}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/ullage-c.pc.in"
                 "${PROJECT_BINARY_DIR}/ullage-c.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/ullage-c.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
install(EXPORT ullageTargets NAMESPACE ullage:: DESTINATION "${package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/ullageConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/ullageConfig.cmake" INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ullageConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ullageConfig.cmake"
              "${PROJECT_BINARY_DIR}/ullageConfigVersion.cmake"
        DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TARGET ullage_program)
  install(TARGETS ullage_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
