#include "sim/run_directory.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

#include "core/csv.h"
#include "core/error.h"
#include "core/file.h"

namespace archleak::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNotFields[] = {"time", "kind"};

std::string line_name(const fs::path& file, size_t index) {
  return fmt::format("{}:{}", file.string(), index + 1);
}

bool holds_run(const fs::path& path) {
  if (!fs::is_regular_file(path / "metrics.csv")) return false;
  const auto lines = LineFile(path / "metrics.csv").lines();
  return !lines.empty() && lines.front() == metrics_header();
}

/// The lines after the header, which must be `header`.
std::vector<std::string> rows_after(const fs::path& file, std::vector<std::string> lines, const std::string& header) {
  if (lines.empty() || lines.front() != header) {
    throw DataError(fmt::format("{}: expected the columns '{}', got '{}'", line_name(file, 0), header,
                                lines.empty() ? "nothing" : lines.front().substr(0, 200)));
  }
  lines.erase(lines.begin());
  return lines;
}

}  // namespace

RunDirectory::RunDirectory(fs::path path)
    : path_(std::move(path)), metrics_(path_ / "metrics.csv"), events_(path_ / "events.jsonl") {}

RunDirectory RunDirectory::create(const fs::path& path, bool overwrite) {
  if (fs::exists(path) && !fs::is_directory(path)) {
    throw ConfigError(path.string() + ": expected a folder for the run, got a file");
  }
  if (fs::exists(path) && !fs::is_empty(path)) {
    const bool run = holds_run(path);
    if (!run)
      throw ConfigError(path.string() +
                        ": expected a new or empty folder, got one that holds something else than a run");
    if (!overwrite) {
      throw ConfigError(
          fmt::format("{0}: expected a new or empty folder, got an earlier run; `archleak resume {0}` "
                      "continues it, --overwrite replaces it",
                      path.string()));
    }
    for (const auto& entry : fs::directory_iterator(path)) fs::remove_all(entry.path());
  }
  std::error_code error;
  fs::create_directories(path / "checkpoints", error);
  if (error) throw Error(path.string() + ": cannot create: " + error.message());
  RunDirectory run(path);
  run.metrics_.rewrite({metrics_header()});
  run.events_.rewrite({});
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::is_regular_file(path / "metrics.csv")) {
    throw DataError(path.string() + ": expected a run directory, got " +
                    (fs::exists(path) ? "something without metrics.csv" : "nothing"));
  }
  return RunDirectory(path);
}

fs::path RunDirectory::log(const std::string& role) const {
  std::string name = role;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '/'; }, '-');
  return path_ / (name + ".log");
}

void RunDirectory::append_metrics(RoundMetrics metrics) {
  if (metrics.time.empty()) metrics.time = utc_now();
  metrics_.append(to_csv(metrics));
}

void RunDirectory::append_event(const std::string& kind, const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json line{{"time", utc_now()}, {"kind", kind}};
  line.update(fields);
  events_.append(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void RunDirectory::append_start(const RunFacts& facts) {
  append_event(read_facts() ? "resume" : "start", to_json(facts));
}

void RunDirectory::sync() {
  metrics_.sync();
  events_.sync();
}

std::vector<RoundMetrics> RunDirectory::read_metrics() const {
  std::vector<RoundMetrics> all;
  for (const auto& row : rows_after(metrics(), metrics_.lines(), metrics_header())) {
    all.push_back(metrics_from_csv(row, line_name(metrics(), all.size() + 1)));
  }
  return all;
}

std::vector<Event> RunDirectory::read_events() const {
  std::vector<Event> all;
  for (const auto& line : events_.lines()) {
    const std::string where = line_name(events(), all.size());
    auto fields = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!fields.is_object()) throw DataError(where + ": expected a JSON object, got '" + line.substr(0, 40) + "'");
    Event event;
    for (const char* name : kNotFields) {
      if (!fields.contains(name) || !fields[name].is_string()) {
        throw DataError(fmt::format("{}: expected an event with the text '{}', got none", where, name));
      }
    }
    event.time = fields["time"];
    event.kind = fields["kind"];
    for (const char* name : kNotFields) fields.erase(name);
    event.fields = std::move(fields);
    all.push_back(std::move(event));
  }
  return all;
}

std::optional<RunFacts> RunDirectory::read_facts() const {
  std::optional<RunFacts> facts;
  for (const Event& event : read_events()) {
    if (event.kind == "start" || event.kind == "resume") facts = facts_from_json(event.fields, events().string());
  }
  return facts;
}

void RunDirectory::truncate_metrics(int64_t round) {
  std::vector<std::string> kept{metrics_header()};
  for (const RoundMetrics& metrics : read_metrics()) {
    if (metrics.round <= round) kept.push_back(to_csv(metrics));
  }
  metrics_.rewrite(kept);
}

void RunDirectory::write_clients(const ClientClasses& clients) {
  std::vector<std::string> header{"client", "examples"};
  header.insert(header.end(), clients.class_names.begin(), clients.class_names.end());
  std::string text = csv_row(header) + '\n';
  for (size_t client = 0; client < clients.counts.size(); ++client) {
    const auto& counts = clients.counts[client];
    int64_t examples = 0;
    for (const int64_t count : counts) examples += count;
    text += fmt::format("{},{},{}\n", client, examples, fmt::join(counts, ","));
  }
  write_file_atomically(this->clients(), text);
}

std::optional<ClientClasses> RunDirectory::read_clients() const {
  if (!fs::exists(clients())) return std::nullopt;
  const auto lines = LineFile(clients()).lines();
  if (lines.empty()) throw DataError(line_name(clients(), 0) + ": expected a header, got an empty file");
  ClientClasses result;
  result.class_names = split_csv_row(lines.front(), line_name(clients(), 0));
  if (result.class_names.size() < 3 || result.class_names[0] != "client" || result.class_names[1] != "examples") {
    throw DataError(line_name(clients(), 0) + ": expected the columns 'client,examples,...', got others");
  }
  result.class_names.erase(result.class_names.begin(), result.class_names.begin() + 2);
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto fields = split_csv_row(lines[i], line_name(clients(), i));
    if (fields.size() != result.class_names.size() + 2) {
      throw DataError(fmt::format("{}: expected {} fields, got {}", line_name(clients(), i),
                                  result.class_names.size() + 2, fields.size()));
    }
    auto& counts = result.counts.emplace_back();
    for (size_t field = 2; field < fields.size(); ++field) {
      int64_t count = -1;
      const char* end = fields[field].data() + fields[field].size();
      if (std::from_chars(fields[field].data(), end, count).ptr != end || count < 0) {
        throw DataError(fmt::format("{}: expected a count, got '{}'", line_name(clients(), i), fields[field]));
      }
      counts.push_back(count);
    }
  }
  return result;
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                     milliseconds % 1000);
}

}  // namespace archleak::sim
