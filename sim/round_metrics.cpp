#include "sim/round_metrics.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <charconv>
#include <variant>
#include <vector>

#include "core/csv.h"
#include "core/error.h"

namespace archleak::sim {
namespace {

using Member = std::variant<std::string RoundMetrics::*, int64_t RoundMetrics::*, double RoundMetrics::*,
                            std::optional<double> RoundMetrics::*>;

struct Column {
  const char* name;
  Member member;
};

const std::array<Column, 19>& columns() {
  static const std::array<Column, 19> all{{
      {"time", &RoundMetrics::time},
      {"round", &RoundMetrics::round},
      {"phase", &RoundMetrics::phase},
      {"test_accuracy", &RoundMetrics::test_accuracy},
      {"test_loss", &RoundMetrics::test_loss},
      {"train_loss", &RoundMetrics::train_loss},
      {"alpha_entropy", &RoundMetrics::alpha_entropy},
      {"broadcast_s", &RoundMetrics::broadcast_s},
      {"train_s", &RoundMetrics::train_s},
      {"aggregate_s", &RoundMetrics::aggregate_s},
      {"evaluate_s", &RoundMetrics::evaluate_s},
      {"total_s", &RoundMetrics::total_s},
      {"bytes_up", &RoundMetrics::bytes_up},
      {"bytes_down", &RoundMetrics::bytes_down},
      {"clients", &RoundMetrics::clients},
      {"lost", &RoundMetrics::lost},
      {"reassigned", &RoundMetrics::reassigned},
      {"epsilon", &RoundMetrics::epsilon},
      {"model_hash", &RoundMetrics::model_hash},
  }};
  return all;
}

std::string write(const std::string& value) {
  return value;
}
std::string write(int64_t value) {
  return std::to_string(value);
}
std::string write(double value) {
  return fmt::format("{}", value);
}
std::string write(const std::optional<double>& value) {
  return value ? write(*value) : "";
}

void read(const std::string& text, std::string& value, const std::string&) {
  value = text;
}

template <typename Number>
void read(const std::string& text, Number& value, const std::string& where) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) {
    throw DataError(where + ": expected " + (std::is_integral_v<Number> ? "an integer" : "a number") + ", got '" +
                    text.substr(0, 40) + "'");
  }
}

void read(const std::string& text, std::optional<double>& value, const std::string& where) {
  value.reset();
  if (!text.empty()) read(text, value.emplace(), where);
}

}  // namespace

std::string metrics_header() {
  std::vector<std::string> names;
  for (const Column& column : columns()) names.emplace_back(column.name);
  return csv_row(names);
}

std::string to_csv(const RoundMetrics& metrics) {
  std::vector<std::string> fields;
  for (const Column& column : columns()) {
    std::visit([&](auto member) { fields.push_back(write(metrics.*member)); }, column.member);
  }
  return csv_row(fields);
}

RoundMetrics metrics_from_csv(std::string_view row, const std::string& where) {
  const std::vector<std::string> fields = split_csv_row(row, where);
  if (fields.size() != columns().size()) {
    throw DataError(fmt::format("{}: expected {} fields, got {}", where, columns().size(), fields.size()));
  }
  RoundMetrics metrics;
  for (size_t i = 0; i < fields.size(); ++i) {
    const Column& column = columns()[i];
    std::visit([&](auto member) { read(fields[i], metrics.*member, where + ": " + column.name); }, column.member);
  }
  return metrics;
}

}  // namespace archleak::sim
