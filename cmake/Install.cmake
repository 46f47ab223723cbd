# cmake --install and find_package(ArchLeak).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(archleak_libraries archleak_core archleak_data archleak_models archleak_wire archleak_nas archleak_defenses
                       archleak_client archleak_server archleak_eavesdropper archleak_membership
                       archleak_reconstruction archleak_pch)
install(TARGETS ${archleak_libraries} EXPORT ArchLeakTargets)
install(TARGETS archleak)
foreach(folder core data models wire nas defenses client server attacks)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/archleak FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/archleak FILES_MATCHING PATTERN "*.toml")
install(EXPORT ArchLeakTargets NAMESPACE ArchLeak:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ArchLeak)
configure_package_config_file(cmake/ArchLeakConfig.cmake.in ${CMAKE_BINARY_DIR}/ArchLeakConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ArchLeak)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/ArchLeakConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/ArchLeakConfig.cmake ${CMAKE_BINARY_DIR}/ArchLeakConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ArchLeak)
