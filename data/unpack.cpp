#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "data/download.h"

extern char** environ;

namespace archleak::data {

void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const bool zip = archive.extension() == ".zip";
  // Both refuse paths that leave the folder.
  std::vector<std::string> words =
      zip ? std::vector<std::string>{"unzip", "-q", "-o", archive.string(), "-d", folder.string()}
          : std::vector<std::string>{"tar", "-x",           "-z", "--no-same-owner", "-f", archive.string(),
                                     "-C",  folder.string()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, words[0].c_str(), nullptr, nullptr, arguments.data(), environ)) {
    throw DataError(
        fmt::format("{}: expected '{}' to unpack it, got: {}", archive.string(), words[0], std::strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw DataError(
        fmt::format("{}: expected an archive, got an error from '{}' (status {})", archive.string(), words[0], status));
  }
}

}  // namespace archleak::data
