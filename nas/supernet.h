#pragma once
#include <memory>
#include <vector>

#include "nas/cell.h"
#include "nas/search_network.h"

namespace archleak::nas {

/// The search network of DARTS; see make_search_network, which validates the options.
class Supernet : public SearchNetwork {
 public:
  Supernet(const SpaceOptions& options, ExampleShape shape, int64_t classes);

  /// Draws weights and alpha anew from `generator`.
  void draw(const at::Generator& generator);

  torch::Tensor forward(const torch::Tensor& images) override { return forward_with(images, alphas()); }
  torch::Tensor forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) override;
  bool is_alpha(const std::string& parameter_name) const override;
  std::vector<torch::Tensor> alphas() const override { return {alphas_normal_, alphas_reduce_}; }
  std::optional<Place> place(const std::string& parameter_name) const override;
  void select(const std::vector<int64_t>& choice) override;

  /// The output of every cell for `images`, `[batch, channels, height, width]` each.
  std::vector<torch::Tensor> features(const torch::Tensor& images) { return features(images, alphas()); }

 private:
  std::vector<torch::Tensor> features(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas);
  /// How the mixture is computed for `images`. Throws ConfigError for what the fused kernels cannot do.
  Execution execution_for(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) const;
  SpaceOptions options_;
  ExampleShape shape_;
  std::shared_ptr<Filter> stem_filter_;
  std::shared_ptr<models::BatchNorm> stem_norm_;
  std::vector<std::shared_ptr<Cell>> cells_;
  torch::nn::Linear classifier_{nullptr};
  torch::Tensor alphas_normal_, alphas_reduce_;
  std::vector<int64_t> choice_;
};

}  // namespace archleak::nas
