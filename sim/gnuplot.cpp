#include "sim/gnuplot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/error.h"

extern char** environ;

namespace archleak::sim {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File temporary_file() {
  File file(std::tmpfile());
  if (!file) throw Error(std::string("cannot make a temporary file for gnuplot: ") + std::strerror(errno));
  return file;
}

std::string content(std::FILE* file) {
  std::string text;
  std::rewind(file);
  char block[1 << 16];
  for (size_t count; (count = std::fread(block, 1, sizeof block, file)) > 0;) text.append(block, count);
  return text;
}

}  // namespace

std::string run_gnuplot(const std::string& script) {
  // Files rather than pipes: neither side can wait for the other.
  const File input = temporary_file();
  const File output = temporary_file();
  const File complaints = temporary_file();
  if (std::fwrite(script.data(), 1, script.size(), input.get()) != script.size() || std::fflush(input.get()) != 0) {
    throw Error(std::string("cannot write a script for gnuplot: ") + std::strerror(errno));
  }
  std::rewind(input.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(complaints.get()), STDERR_FILENO);
  char name[] = "gnuplot";
  char defaults[] = "--default-settings";
  char* arguments[] = {name, defaults, nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == ENOENT) throw Error("expected gnuplot to draw the charts, got none: install gnuplot-nox");
  if (failed != 0) throw Error(std::string("cannot start gnuplot: ") + std::strerror(failed));

  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::string drawn = content(output.get());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || drawn.empty()) {
    throw Error("expected gnuplot to draw a chart, got: " + content(complaints.get()).substr(0, 2000));
  }
  return drawn;
}

std::string gnuplot_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char character : text) {
    const bool control = static_cast<unsigned char>(character) < 0x20;
    if (character == '\'') {
      quoted += "\xe2\x80\x99";
    } else {
      quoted += control ? ' ' : character;
    }
  }
  return quoted + "'";
}

}  // namespace archleak::sim
