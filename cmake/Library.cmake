# archleak_library(NAME SOURCES ... [TORCH_FREE ...] LINK ...)
#
# One static library a folder, named archleak_NAME. SOURCES see LibTorch through the shared precompiled header;
# TORCH_FREE sources do not include it and compile without.
function(archleak_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;TORCH_FREE;LINK" ${ARGN})
  if(ARCHLEAK_LIBFUZZER)  # parsers need no LibTorch, whose headers not every clang reads
    set(arg_SOURCES ${CMAKE_BINARY_DIR}/pch/pch.cpp)
  endif()
  add_library(archleak_${name} STATIC ${arg_SOURCES} ${arg_TORCH_FREE})
  add_library(ArchLeak::${name} ALIAS archleak_${name})
  target_compile_features(archleak_${name} PUBLIC cxx_std_20)
  set_target_properties(archleak_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(archleak_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                     $<INSTALL_INTERFACE:include/archleak>)
  target_link_libraries(archleak_${name} PUBLIC ${arg_LINK})
  archleak_precompile(archleak_${name} "${arg_TORCH_FREE}")
endfunction()

# archleak_kernels(NAME STEM) compiles STEM_baseline.cpp, STEM_avx2.cpp and STEM_avx512.cpp of library NAME for their
# instruction sets; STEM.cpp chooses among them at run time. Off x86 there is only the baseline.
function(archleak_kernels name stem)
  set(flags "-O3;-ffp-contract=fast;-Wno-psabi")
  target_sources(archleak_${name} PRIVATE ${stem}.cpp ${stem}_baseline.cpp)
  set_source_files_properties(${stem}.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  set_source_files_properties(${stem}_baseline.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "${flags}")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(archleak_${name} PRIVATE ${stem}_avx2.cpp ${stem}_avx512.cpp)
    set_source_files_properties(${stem}.cpp PROPERTIES COMPILE_DEFINITIONS ARCHLEAK_X86_KERNELS)
    set_source_files_properties(${stem}_avx2.cpp PROPERTIES
      SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "${flags};-mavx2;-mfma")
    set_source_files_properties(${stem}_avx512.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS
      "${flags};-mfma;-mavx512f;-mavx512vl;-mavx512bw;-mavx512dq;-mprefer-vector-width=512")
  endif()
endfunction()

# archleak_parallel(NAME SOURCES...) compiles these sources of library NAME with OpenMP: at::parallel_for runs on one
# thread in a source that is compiled without.
function(archleak_parallel name)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "${OpenMP_CXX_FLAGS}")
  target_link_libraries(archleak_${name} PRIVATE ${OpenMP_CXX_LIBRARIES})
endfunction()

# Gives `target` the shared precompiled header, except its `torch_free` sources.
function(archleak_precompile target torch_free)
  if(ARCHLEAK_LIBFUZZER)
    return()
  endif()
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
