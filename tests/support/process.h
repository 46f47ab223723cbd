#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace archleak::test {

/// A child process with its output in a file; ended with the object.
class Process {
 public:
  /// Starts `command` (a path and its arguments); standard output and error go to `output`.
  Process(const std::vector<std::string>& command, const std::filesystem::path& output);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;

  /// Waits for the end; the exit code, or minus the number of the signal that ended it.
  int wait();

  /// What it has written so far.
  std::string output() const;

 private:
  std::filesystem::path output_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace archleak::test
