#include "data/batch.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <random>

#include "core/error.h"

namespace archleak::data {
namespace {

/// The normalised value of each of the 256 pixel values, per channel.
class PixelTable {
 public:
  PixelTable(const Transform& transform, int64_t channels) : shared_(transform.mean.size() == 1) {
    const size_t tables = transform.mean.size();
    const bool fits = tables == transform.deviation.size() && (shared_ || static_cast<int64_t>(tables) == channels);
    if (!fits) {
      throw DataError(fmt::format("transform: expected 1 or {} means and deviations, got {} and {}", channels, tables,
                                  transform.deviation.size()));
    }
    values_.resize(tables);
    for (size_t c = 0; c < tables; ++c) {
      for (int pixel = 0; pixel < 256; ++pixel) {
        values_[c][pixel] = (static_cast<float>(pixel) / 255.0f - transform.mean[c]) / transform.deviation[c];
      }
    }
  }

  const float* channel(int64_t c) const { return values_[shared_ ? 0 : c].data(); }

 private:
  bool shared_;
  std::vector<std::array<float, 256>> values_;
};

/// What the augmentation of one image draws.
struct Placement {
  int64_t top = 0;  // of the crop within the image; negative in the padding
  int64_t left = 0;
  bool flip = false;
  int64_t cut_y = 0;  // centre of the cutout
  int64_t cut_x = 0;
};

Placement draw_placement(const Transform& transform, const ExampleShape& shape, RandomEngine& engine) {
  Placement placement;
  if (transform.crop_padding > 0) {
    placement.top = uniform_index(2 * transform.crop_padding + 1, engine) - transform.crop_padding;
    placement.left = uniform_index(2 * transform.crop_padding + 1, engine) - transform.crop_padding;
  }
  if (transform.flip) placement.flip = uniform(engine) < 0.5;
  if (transform.cutout > 0) {
    placement.cut_y = uniform_index(shape.height, engine);
    placement.cut_x = uniform_index(shape.width, engine);
  }
  return placement;
}

/// Writes one image as [height, width, channels].
void write_image(std::span<const uint8_t> pixels, const ExampleShape& shape, const PixelTable& table,
                 const Placement& placement, float* out) {
  const auto [channels, height, width] = shape;
  const int64_t first = std::clamp<int64_t>(-placement.left, 0, width);
  const int64_t last = std::clamp<int64_t>(width - placement.left, first, width);
  for (int64_t c = 0; c < channels; ++c) {
    const float* values = table.channel(c);
    const uint8_t* plane = pixels.data() + c * height * width;
    for (int64_t y = 0; y < height; ++y) {
      float* row = out + y * width * channels + c;
      int64_t step = channels;
      if (placement.flip) {
        row += (width - 1) * channels;
        step = -channels;
      }
      const int64_t from = y + placement.top;
      if (from < 0 || from >= height) {
        for (int64_t x = 0; x < width; ++x) row[x * step] = values[0];
        continue;
      }
      const uint8_t* source = plane + from * width + placement.left;
      for (int64_t x = 0; x < first; ++x) row[x * step] = values[0];
      for (int64_t x = first; x < last; ++x) row[x * step] = values[source[x]];
      for (int64_t x = last; x < width; ++x) row[x * step] = values[0];
    }
  }
}

/// Zeroes the square of side `side` around the placement's centre, as far as it lies in the image.
void cut_out(const ExampleShape& shape, const Placement& placement, int64_t side, float* out) {
  const int64_t top = std::max<int64_t>(0, placement.cut_y - side / 2);
  const int64_t bottom = std::min(shape.height, placement.cut_y + side / 2);
  const int64_t left = std::max<int64_t>(0, placement.cut_x - side / 2);
  const int64_t right = std::min(shape.width, placement.cut_x + side / 2);
  for (int64_t y = top; y < bottom; ++y) {
    float* row = out + y * shape.width * shape.channels;
    std::fill(row + left * shape.channels, row + right * shape.channels, 0.0f);
  }
}

}  // namespace

Batch gather(const Dataset& dataset, std::span<const int64_t> indices, const Transform& transform,
             RandomEngine* augmentation) {
  const ExampleShape& shape = dataset.shape;
  const PixelTable table(transform, shape.channels);
  const auto count = static_cast<int64_t>(indices.size());
  Batch batch;
  batch.images = torch::empty({count, shape.channels, shape.height, shape.width},
                              torch::TensorOptions(torch::kFloat32).memory_format(torch::MemoryFormat::ChannelsLast));
  batch.labels = torch::empty({count}, torch::kInt64);
  float* images = batch.images.data_ptr<float>();
  int64_t* labels = batch.labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = indices[i];
    if (index < 0 || index >= dataset.size()) {
      throw DataError(
          fmt::format("{}: expected an index from 0 to {}, got {}", dataset.name, dataset.size() - 1, index));
    }
    const Placement placement = augmentation ? draw_placement(transform, shape, *augmentation) : Placement();
    float* out = images + i * shape.size();
    write_image(dataset.example(index), shape, table, placement, out);
    if (augmentation && transform.cutout > 0) cut_out(shape, placement, transform.cutout, out);
    labels[i] = dataset.labels[index];
  }
  return batch;
}

void add_pixel_noise(torch::Tensor images, const Transform& transform, double std, RandomEngine& engine) {
  std::normal_distribution<double> normal(0, std);
  torch::Tensor noise = torch::empty_like(images, torch::MemoryFormat::Contiguous);
  float* const values = noise.data_ptr<float>();
  for (int64_t i = 0; i < noise.numel(); ++i) values[i] = static_cast<float>(normal(engine));
  images.add_(noise.div_(torch::tensor(transform.deviation).view({1, -1, 1, 1})));
}

}  // namespace archleak::data
