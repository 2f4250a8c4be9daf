# The Debian package: `./dev package`. The program, its unit and its settings, which an upgrade
# leaves as the operator made them.
if(NOT TARGET ullage_program)
  return()
endif()
install(TARGETS ullage_program RUNTIME DESTINATION bin COMPONENT server EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/systemd/ullage.service"
        DESTINATION lib/systemd/system COMPONENT server EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/ullage.toml" DESTINATION /etc/ullage COMPONENT server EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/prometheus/ullage.rules.yml"
              "${PROJECT_SOURCE_DIR}/deploy/grafana/ullage.json"
        DESTINATION share/ullage COMPONENT server EXCLUDE_FROM_ALL)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/operating" DESTINATION share/doc/ullage
        COMPONENT server EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/ullage RENAME copyright
        COMPONENT server EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ullage)
set(CPACK_PACKAGE_VENDOR "The Ullage authors")
set(CPACK_PACKAGE_CONTACT "The Ullage authors <ullage@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Two-level cache in bounded memory, for Redis clients")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL server)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "A cache of groups of fields that cannot outgrow its memory limit, and that can say at any\
 moment who owns every byte. Speaks the protocol of Redis.")
# What the operator has changed in it stays: dpkg asks, or keeps it where it may not ask.
file(WRITE "${PROJECT_BINARY_DIR}/package/conffiles" "/etc/ullage/ullage.toml\n")
file(WRITE "${PROJECT_BINARY_DIR}/package/postinst" [=[#!/bin/sh
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  # An upgrade goes on with the new program; a first install waits to be enabled.
  if [ "$1" = configure ] && [ -n "$2" ]; then systemctl try-restart ullage.service || true; fi
fi
]=])
file(WRITE "${PROJECT_BINARY_DIR}/package/prerm" [=[#!/bin/sh
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ] && [ "$1" = remove ]; then
  systemctl disable --now ullage.service || true
fi
]=])
foreach(script postinst prerm)
  file(CHMOD "${PROJECT_BINARY_DIR}/package/${script}" PERMISSIONS
       OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_BINARY_DIR}/package/conffiles;${PROJECT_BINARY_DIR}/package/postinst;${PROJECT_BINARY_DIR}/package/prerm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
