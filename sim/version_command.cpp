#include "sim/version_command.h"

#include <dlfcn.h>
#include <spdlog/spdlog.h>
#include <zmq.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/instruction_set.h"
#include "wire/message.h"

namespace archleak::sim {
namespace {

/// The file that the program's BLAS comes from, with links followed; empty if it has none of its own (a wheel of
/// LibTorch brings its own inside).
std::string blas_file() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find('/');
    if (path == std::string::npos) continue;
    const std::string file = line.substr(path);
    const std::string name = std::filesystem::path(file).filename().string();
    if (name.starts_with("libblas.so") || name.starts_with("libopenblas")) return file;
  }
  return {};
}

}  // namespace

void add_version_command(CLI::App& app) {
  app.add_subcommand("version", "Show the versions of the program and its libraries")->callback([] {
    int major = 0;
    int minor = 0;
    int patch = 0;
    zmq_version(&major, &minor, &patch);
    const std::string blas = blas_file();
    fmt::print("archleak {}\nwire protocol {}\nLibTorch {}\nZeroMQ {}.{}.{}\nBLAS {}\nkernels {}\nprocessor {}\n",
               ARCHLEAK_VERSION, wire::kProtocolVersion, ARCHLEAK_TORCH_VERSION, major, minor, patch,
               blas.empty() ? "inside LibTorch" : blas, name_of(instruction_set()), processor());
  });
}

void warn_of_reference_blas() {
  const std::string blas = blas_file();
  // The reference BLAS exports no function of OpenBLAS, MKL or BLIS.
  const bool known = dlsym(RTLD_DEFAULT, "openblas_get_config") || dlsym(RTLD_DEFAULT, "mkl_get_max_threads") ||
                     dlsym(RTLD_DEFAULT, "bli_info_get_version_str");
  if (!blas.empty() && !known) {
    spdlog::warn("{} is the reference BLAS, which makes training many times slower; install libopenblas0-openmp", blas);
  }
}

}  // namespace archleak::sim
