#include "tests/run/archleak_program.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "core/file.h"

namespace archleak::test {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

std::vector<std::string> lines(const std::filesystem::path& file) {
  std::vector<std::string> all;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

}  // namespace

std::unique_ptr<Process> start_archleak(const std::vector<std::string>& arguments,
                                        const std::filesystem::path& output) {
  std::vector<std::string> command = {ARCHLEAK_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return std::make_unique<Process>(command, output);
}

Ended archleak(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  const auto process = start_archleak(arguments, folder / "output.txt");
  const int code = process->wait();
  return {code, process->output()};
}

std::filesystem::path write_tiny_search(const std::filesystem::path& folder, int64_t rounds) {
  const auto file = folder / "tiny.toml";
  write_file_atomically(file, R"([run]
workload = "search"
[data]
name = "digits"
train_size = 96
test_size = 40
[federation]
clients = 6
heartbeat_s = 0.2
evaluation_shard = 20
rounds = )" + std::to_string(rounds) +
                                  R"(
[federation.schedule]
lease_s = 3
[space]
channels = 2
layers = 2
steps = 2
multiplier = 2
[training]
batch_size = 8
max_steps = 1
[wire]
url = "auto"
[workers]
count = 2
)");
  return file;
}

std::vector<std::string> metric(const std::filesystem::path& run, const std::string& column) {
  const auto rows = lines(run / "metrics.csv");
  std::vector<std::string> values;
  if (rows.empty()) return values;
  const auto names = split(rows.front());
  const auto place = static_cast<size_t>(std::find(names.begin(), names.end(), column) - names.begin());
  for (size_t row = 1; row < rows.size(); ++row) {
    const auto cells = split(rows[row]);
    values.push_back(place < cells.size() ? cells[place] : std::string());
  }
  return values;
}

std::string last_metric(const std::filesystem::path& run, const std::string& column) {
  const auto values = metric(run, column);
  return values.empty() ? std::string() : values.back();
}

int64_t finished_rounds(const std::filesystem::path& run) {
  const auto rows = static_cast<int64_t>(lines(run / "metrics.csv").size());
  return rows == 0 ? 0 : rows - 1;
}

bool has_event(const std::filesystem::path& run, const std::string& kind) {
  for (const auto& line : lines(run / "events.jsonl")) {
    if (line.find("\"kind\":\"" + kind + "\"") != std::string::npos) return true;
  }
  return false;
}

pid_t child_of(pid_t parent, const std::string& role) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream command(entry.path() / "cmdline");
    std::string program;
    std::string first;
    std::getline(command, program, '\0');
    std::getline(command, first, '\0');
    std::ifstream status(entry.path() / "status");
    for (std::string line; first == role && std::getline(status, line);) {
      if (line == "PPid:\t" + std::to_string(parent)) return std::stoi(name);
    }
  }
  return -1;
}

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return condition();
}

}  // namespace archleak::test
