# Everything comes from Debian packages (see cmake/setup.sh); LibTorch may also be a wheel's:
#   cmake -DCMAKE_PREFIX_PATH=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)') ...
find_package(PkgConfig REQUIRED)
find_package(Torch REQUIRED)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(TBB REQUIRED)
find_package(cereal REQUIRED)
pkg_check_modules(ZeroMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(Stb REQUIRED IMPORTED_TARGET stb)

# A wheel of LibTorch may be built with the old string layout; everything that links it must agree.
separate_arguments(ARCHLEAK_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_compile_options(${ARCHLEAK_TORCH_FLAGS})
