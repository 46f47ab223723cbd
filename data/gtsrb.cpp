#include "data/gtsrb.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <map>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "data/image.h"
#include "data/lines.h"

namespace archleak::data {
namespace {

constexpr int64_t kClasses = 43;
constexpr int64_t kTestEvery = 4;
constexpr uint64_t kMaxCsvBytes = 1 << 24;
constexpr std::string_view kHeader = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";

/// One line of a GT file; the region's corners are both inside it.
struct Row {
  std::string file;
  int64_t width, height, left, top, right, bottom;
  int64_t line;
};

[[noreturn]] void fail(const std::filesystem::path& csv, int64_t line, const std::string& message) {
  throw DataError(fmt::format("{}:{}: {}", csv.string(), line, message));
}

Row parse_row(std::string_view text, int64_t label, const std::filesystem::path& csv, int64_t line) {
  std::array<std::string_view, 8> fields;
  size_t count = 0;
  for (std::string_view rest = text; count < fields.size();) {
    const size_t end = rest.find(';');
    fields[count++] = rest.substr(0, end);
    if (end == std::string_view::npos) break;
    rest = rest.substr(end + 1);
    if (count == fields.size()) fail(csv, line, "expected 8 fields, got more");
  }
  if (count != fields.size()) fail(csv, line, fmt::format("expected 8 fields, got {}", count));
  std::array<int64_t, 7> numbers{};
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!parse_number(fields[i + 1], numbers[i])) {
      fail(csv, line, fmt::format("expected a whole number in field {}, got '{}'", i + 2, fields[i + 1]));
    }
  }
  if (numbers[6] != label) fail(csv, line, fmt::format("expected class {}, got {}", label, numbers[6]));
  if (fields[0].empty() || fields[0].find('/') != std::string_view::npos) {
    fail(csv, line, fmt::format("expected a file name, got '{}'", fields[0]));
  }
  return {std::string(fields[0]), numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], line};
}

/// The rows of one class by track.
std::map<int64_t, std::vector<Row>> read_tracks(const std::filesystem::path& csv, int64_t label) {
  const std::string text = read_file(csv, kMaxCsvBytes);
  Lines lines(text);
  std::string_view line;
  if (!lines.next(line) || line != kHeader)
    fail(csv, 1, fmt::format("expected the header '{}', got '{}'", kHeader, line));
  std::map<int64_t, std::vector<Row>> tracks;
  while (lines.next(line)) {
    if (line.empty()) continue;
    Row row = parse_row(line, label, csv, lines.number());
    int64_t track = 0;
    if (!parse_number(std::string_view(row.file).substr(0, row.file.find('_')), track)) {
      fail(csv, row.line, fmt::format("expected a file name TRACK_FRAME.ppm, got '{}'", row.file));
    }
    tracks[track].push_back(std::move(row));
  }
  return tracks;
}

void append(const std::filesystem::path& csv, const Row& row, int64_t label, bool region_of_interest,
            Dataset& dataset) {
  const auto file = csv.parent_path() / row.file;
  Image image = read_image(file, 3);
  if (image.width != row.width || image.height != row.height) {
    fail(csv, row.line,
         fmt::format("expected {} of {}x{} pixels, got {}x{}", row.file, row.width, row.height, image.width,
                     image.height));
  }
  if (region_of_interest) {
    if (row.right < row.left || row.bottom < row.top || row.right >= row.width || row.bottom >= row.height) {
      fail(csv, row.line,
           fmt::format("expected a region within {}x{} pixels, got ({}, {}) to ({}, {})", row.width, row.height,
                       row.left, row.top, row.right, row.bottom));
    }
    image = crop(image, row.top, row.left, row.bottom - row.top + 1, row.right - row.left + 1);
  }
  append_planar(resize(image, dataset.shape.height, dataset.shape.width), dataset.pixels);
  dataset.labels.push_back(static_cast<int32_t>(label));
}

}  // namespace

Splits read_gtsrb(const std::filesystem::path& folder, int64_t image_size, bool region_of_interest) {
  const ExampleShape shape{3, image_size, image_size};
  Splits splits{{"gtsrb train", shape, kClasses, {}, {}, {}}, {"gtsrb test", shape, kClasses, {}, {}, {}}};
  for (int64_t label = 0; label < kClasses; ++label) {
    const auto csv = folder / fmt::format("{:05}", label) / fmt::format("GT-{:05}.csv", label);
    int64_t position = 0;
    for (const auto& [track, rows] : read_tracks(csv, label)) {
      Dataset& split = ++position % kTestEvery == 0 ? splits.test : splits.train;
      for (const Row& row : rows) append(csv, row, label, region_of_interest, split);
    }
  }
  splits.train.validate();
  splits.test.validate();
  return splits;
}

}  // namespace archleak::data
