# Compiler, warnings, sanitizers and the compiler cache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# LibTorch is built with NDEBUG, and its headers lay out classes by it (at::RecordFunction): so are we in every build
# type, and Debug is the one that leaves it out.
add_compile_definitions($<$<CONFIG:Debug>:NDEBUG>)

# Options are set by name, `{.rounds = 3}`; what is not named has its default on purpose.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers)
if(ARCHLEAK_WERROR)
  add_compile_options(-Werror)
endif()
if(ARCHLEAK_SANITIZE)
  add_compile_options(-fsanitize=${ARCHLEAK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ARCHLEAK_SANITIZE})
endif()

if(ARCHLEAK_LIBFUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The cache must look through the precompiled header.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
