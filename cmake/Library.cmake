# archleak_library(NAME SOURCES ... [TORCH_FREE ...] LINK ...)
#
# One static library a folder, named archleak_NAME. SOURCES see LibTorch through the shared precompiled header;
# TORCH_FREE sources do not include it and compile without.
function(archleak_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;TORCH_FREE;LINK" ${ARGN})
  add_library(archleak_${name} STATIC ${arg_SOURCES} ${arg_TORCH_FREE})
  add_library(ArchLeak::${name} ALIAS archleak_${name})
  target_compile_features(archleak_${name} PUBLIC cxx_std_20)
  set_target_properties(archleak_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(archleak_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                     $<INSTALL_INTERFACE:include/archleak>)
  target_link_libraries(archleak_${name} PUBLIC ${arg_LINK})
  archleak_precompile(archleak_${name} "${arg_TORCH_FREE}")
endfunction()

# Gives `target` the shared precompiled header, except its `torch_free` sources.
function(archleak_precompile target torch_free)
  target_precompile_headers(${target} REUSE_FROM archleak_pch)
  if(torch_free)
    set_source_files_properties(${torch_free} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# archleak_test(NAME SOURCES ... [TORCH_FREE ...] LINK ...)
#
# One test program a folder, build/<preset>/archleak_NAME_tests; every case becomes a CTest test "NAME.Suite.Case".
function(archleak_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;TORCH_FREE;LINK;LABELS" ${ARGN})
  set(target archleak_${name}_tests)
  add_executable(${target} ${arg_SOURCES} ${arg_TORCH_FREE})
  target_link_libraries(${target} PRIVATE ${arg_LINK} archleak_test_support)
  archleak_precompile(${target} "${arg_TORCH_FREE}")
  gtest_discover_tests(${target} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${name};${arg_LABELS}" TIMEOUT 600)
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cpp "")
add_library(archleak_pch STATIC ${CMAKE_BINARY_DIR}/pch/pch.cpp)
target_link_libraries(archleak_pch PUBLIC torch)
target_precompile_headers(archleak_pch PUBLIC <torch/torch.h>)
