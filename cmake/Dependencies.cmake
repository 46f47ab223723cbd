# Everything comes from Debian packages (see cmake/setup.sh); LibTorch may also be a wheel's:
#   cmake -DCMAKE_PREFIX_PATH=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)') ...
find_package(PkgConfig REQUIRED)

# A wheel's TorchConfig.cmake looks for its libraries in the system's folders first and would take Debian's. What those
# libraries need in turn they find by themselves when they are loaded; the linker would find other versions of it.
foreach(prefix ${CMAKE_PREFIX_PATH})
  if(EXISTS ${prefix}/Torch/TorchConfig.cmake)
    list(PREPEND CMAKE_LIBRARY_PATH ${prefix}/../../lib)
    add_link_options(-Wl,--allow-shlib-undefined)
  endif()
endforeach()
# A CUDA build of it asks which GPUs to compile kernels for, and fails where it cannot find out. There are no kernels
# here, so any answer will do.
if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
  set(TORCH_CUDA_ARCH_LIST 8.0)
endif()
find_package(Torch REQUIRED)
if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  message(FATAL_ERROR "expected a LibTorch with the new string layout, as Debian's libraries have it, got an old one: "
                      "use a wheel of torch 2.6 or later")
endif()
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(Boost REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(TBB REQUIRED)
find_package(cereal REQUIRED)
pkg_check_modules(ZeroMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(Pcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(Stb REQUIRED IMPORTED_TARGET stb)

# A wheel brings its own fmt headers, which are not those that spdlog was compiled with: let the latter be found first.
find_package(fmt REQUIRED)
get_target_property(archleak_fmt fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${archleak_fmt}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)
include_directories(BEFORE SYSTEM ${CMAKE_BINARY_DIR}/include)
