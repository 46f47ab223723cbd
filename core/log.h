#pragma once
#include <spdlog/spdlog.h>

#include <filesystem>
#include <string>

namespace archleak {

/// Sends the log (spdlog's default logger, so `spdlog::info(...)`) to the console (stderr) and, unless `file` is empty,
/// also to `file`, appending. `level` is "trace", "debug", "info", "warn", "error" or "off" and holds for the console;
/// the file takes everything from debug on. `role` ("coordinator", "worker 2") is part of every line.
void start_logging(const std::string& role, const std::string& level, const std::filesystem::path& file = {});

}  // namespace archleak
