#include "attacks/reconstruction/evaluation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>

#include "attacks/reconstruction/image_metrics.h"
#include "core/error.h"

namespace archleak::attacks {

void expect_large_enough(ExampleShape shape) {
  if (std::min(shape.height, shape.width) >= kSmallestSide) return;
  throw DataError(
      fmt::format("reconstruction: expected images of at least {}x{}, by which structural similarity is "
                  "taken, got {}x{}",
                  kSmallestSide, kSmallestSide, shape.height, shape.width));
}

Verdict judge(const torch::Tensor& image, const torch::Tensor& original, const torch::Tensor& others,
              ExampleShape shape, int64_t label, const Recogniser& recogniser, const SuccessOptions& options) {
  const torch::NoGradGuard no_grad;
  const std::vector<int64_t> sizes{shape.channels, shape.height, shape.width};
  const auto found = image.detach().to(torch::kFloat64).clamp(0, 1);
  const auto seen = found.view(sizes), truth = original.to(torch::kFloat64).view(sizes);
  Verdict verdict{.mse = mean_squared_error(seen, truth),
                  .psnr = peak_signal_to_noise(seen, truth),
                  .ssim = structural_similarity(seen, truth),
                  .correlation = correlation(seen, truth)};
  for (int64_t i = 0; i < others.size(0); ++i) {
    if (structural_similarity(seen, others[i].to(torch::kFloat64).view(sizes)) >= verdict.ssim) ++verdict.nearer;
  }
  verdict.identified = verdict.nearer == 0;
  verdict.recognised = verdict.ssim >= options.similarity;
  if (recogniser) {
    verdict.probability = recogniser(found.view({1, -1}))[0][label].item<double>();
    verdict.recognised = verdict.recognised && *verdict.probability >= options.probability;
  }
  return verdict;
}

std::vector<int64_t> assign_to_originals(const torch::Tensor& images, const torch::Tensor& originals) {
  if (images.dim() != 2 || images.sizes() != originals.sizes()) {
    throw Error("evaluation: expected as many reconstructions as originals, [images, pixels] each, got other sizes");
  }
  const int64_t n = images.size(0);
  const auto cost = (images.to(torch::kFloat64).unsqueeze(1) - originals.to(torch::kFloat64).unsqueeze(0))
                        .square()
                        .sum(2)
                        .contiguous();
  const auto at = [&](int64_t row, int64_t column) { return cost.data_ptr<double>()[(row - 1) * n + column - 1]; };
  // Rows are added one by one along the shortest augmenting path; index 0 is none.
  std::vector<double> row_potential(n + 1), column_potential(n + 1);
  std::vector<int64_t> row_of(n + 1), way(n + 1);
  for (int64_t row = 1; row <= n; ++row) {
    std::vector<double> least(n + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> used(n + 1);
    int64_t column = 0;
    row_of[0] = row;
    do {
      used[column] = true;
      const int64_t from = row_of[column];
      double step = std::numeric_limits<double>::infinity();
      int64_t next = 0;
      for (int64_t j = 1; j <= n; ++j) {
        if (used[j]) continue;
        const double reduced = at(from, j) - row_potential[from] - column_potential[j];
        if (reduced < least[j]) {
          least[j] = reduced;
          way[j] = column;
        }
        if (least[j] < step) {
          step = least[j];
          next = j;
        }
      }
      for (int64_t j = 0; j <= n; ++j) {
        if (used[j]) {
          row_potential[row_of[j]] += step;
          column_potential[j] -= step;
        } else {
          least[j] -= step;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    for (; column != 0; column = way[column]) row_of[column] = row_of[way[column]];
  }
  std::vector<int64_t> original_of(n);
  for (int64_t j = 1; j <= n; ++j) original_of[row_of[j] - 1] = j - 1;
  return original_of;
}

}  // namespace archleak::attacks
