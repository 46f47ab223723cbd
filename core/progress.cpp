#include "core/progress.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace archleak {
namespace {

constexpr double kLineIntervalS = 10;     // between plain lines
constexpr double kRedrawIntervalS = 0.1;  // between redraws on a terminal
constexpr int kBarWidth = 24;

}  // namespace

Progress::Progress(std::string label, std::string unit, int64_t total, int64_t done, std::FILE* stream)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      done_(done),
      first_(done),
      stream_(stream),
      terminal_(isatty(fileno(stream)) == 1),
      start_(std::chrono::steady_clock::now()),
      shown_(start_) {}

Progress::~Progress() {
  finish();
}

void Progress::advance(int64_t steps, const std::string& note) {
  done_ = std::min(done_ + steps, total_);
  note_ = note;
  const double since = std::chrono::duration<double>(std::chrono::steady_clock::now() - shown_).count();
  if (since >= (terminal_ ? kRedrawIntervalS : kLineIntervalS)) show(false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  show(true);
}

std::string Progress::line(double elapsed_s) const {
  const int64_t counted = done_ - first_;
  const double rate = elapsed_s > 0 ? static_cast<double>(counted) / elapsed_s : 0;
  const double left_s = rate > 0 ? static_cast<double>(total_ - done_) / rate : -1;
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
  const std::string speed =
      rate >= 1 || rate == 0 ? fmt::format("{:.1f} {}/s", rate, unit_) : fmt::format("{:.1f} s each", 1 / rate);
  std::string text = fmt::format("{} {}/{} {} ({:.0f} %), {}, {} left", label_, done_, total_, unit_, 100 * share,
                                 speed, format_duration(done_ == total_ ? 0 : left_s));
  if (!note_.empty()) text += ", " + note_;
  return text;
}

void Progress::show(bool last) {
  shown_ = std::chrono::steady_clock::now();
  const std::string text = line(std::chrono::duration<double>(shown_ - start_).count());
  if (terminal_) {
    const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
    const auto filled = static_cast<int>(std::lround(share * kBarWidth));
    fmt::print(stream_, "\r\033[K[{}{}] {}{}", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), text,
               last ? "\n" : "");
  } else {
    fmt::print(stream_, "{}\n", text);
  }
  std::fflush(stream_);
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} s", whole);
}

}  // namespace archleak
