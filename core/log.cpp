#include "core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <vector>

namespace archleak {

void start_logging(const std::string& role, const std::string& level, const std::filesystem::path& file) {
  const auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  console->set_level(spdlog::level::from_str(level));
  std::vector<spdlog::sink_ptr> sinks{console};
  if (!file.empty()) {
    const auto appended = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    appended->set_level(spdlog::level::debug);
    sinks.push_back(appended);
  }
  const auto logger = std::make_shared<spdlog::logger>(role, sinks.begin(), sinks.end());
  logger->set_level(file.empty() ? console->level() : std::min(console->level(), spdlog::level::debug));
  logger->flush_on(spdlog::level::info);
  logger->set_pattern("%H:%M:%S.%e %^%-5l%$ [%n] %v");
  spdlog::set_default_logger(logger);
}

}  // namespace archleak
