# What `cmake --install` leaves: the program, the library with its headers, a CMake package, a
# pkg-config file, and the experiments with all they name, at the same places relative to each
# other as in the source tree.
include(CMakePackageConfigHelpers)

install(TARGETS ssmq RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ssmq_library EXPORT ssmq-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY harness quant models analysis
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ssmq
        FILES_MATCHING PATTERN "*.h"
        PATTERN cmake EXCLUDE
        PATTERN tiny-mamba EXCLUDE)
install(DIRECTORY configs experiments DESTINATION ${CMAKE_INSTALL_DATADIR}/ssmq
        PATTERN "*.sh" EXCLUDE)
install(DIRECTORY analysis/figures DESTINATION ${CMAKE_INSTALL_DATADIR}/ssmq)
install(DIRECTORY models/tiny-mamba DESTINATION ${CMAKE_INSTALL_DATADIR}/ssmq/models)
install(FILES LICENSE NOTICE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(SSMQ_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ssmq)
install(EXPORT ssmq-targets NAMESPACE ssmq:: DESTINATION ${SSMQ_PACKAGE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ssmq-config.cmake.in
                              ${PROJECT_BINARY_DIR}/ssmq-config.cmake
                              INSTALL_DESTINATION ${SSMQ_PACKAGE_DIR})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ssmq-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ssmq-config.cmake ${PROJECT_BINARY_DIR}/ssmq-config-version.cmake
        DESTINATION ${SSMQ_PACKAGE_DIR})

# HDF5 by its library files: its pkg-config file is called hdf5, hdf5-serial or not there at all.  What
# HDF5 itself links is its own business.
set(SSMQ_PC_LIBS ${HDF5_C_HL_LIBRARIES} ${HDF5_C_LIBRARIES})
list(FILTER SSMQ_PC_LIBS INCLUDE REGEX hdf5)
list(REMOVE_DUPLICATES SSMQ_PC_LIBS)
list(JOIN SSMQ_PC_LIBS " " SSMQ_PC_LIBS)
file(RELATIVE_PATH SSMQ_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
list(JOIN SSMQ_MODULES " " SSMQ_PC_REQUIRES)
configure_file(${CMAKE_CURRENT_LIST_DIR}/ssmq.pc.in ${PROJECT_BINARY_DIR}/ssmq.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ssmq.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The manual pages and the completions, which the program writes itself.
set(SSMQ_PAGES ${PROJECT_BINARY_DIR}/pages)
set(SSMQ_COMPLETIONS ${SSMQ_PAGES}/ssmq.bash ${SSMQ_PAGES}/_ssmq ${SSMQ_PAGES}/ssmq.fish)
add_custom_command(
  OUTPUT ${SSMQ_PAGES}/ssmq.1 ${SSMQ_COMPLETIONS}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${SSMQ_PAGES}
  COMMAND ssmq man > ${SSMQ_PAGES}/ssmq.1
  COMMAND ssmq completion bash > ${SSMQ_PAGES}/ssmq.bash
  COMMAND ssmq completion zsh > ${SSMQ_PAGES}/_ssmq
  COMMAND ssmq completion fish > ${SSMQ_PAGES}/ssmq.fish
  DEPENDS ssmq
  VERBATIM)
add_custom_target(pages ALL DEPENDS ${SSMQ_PAGES}/ssmq.1 ${SSMQ_COMPLETIONS})
install(FILES ${SSMQ_PAGES}/ssmq.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${SSMQ_PAGES}/ssmq.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME ssmq)
install(FILES ${SSMQ_PAGES}/_ssmq DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${SSMQ_PAGES}/ssmq.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
