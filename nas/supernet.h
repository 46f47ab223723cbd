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

  void draw(const at::Generator& generator) override;

  torch::Tensor forward(const torch::Tensor& images) override { return forward_with(images, alphas()); }
  torch::Tensor forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) override;
  bool is_alpha(const std::string& parameter_name) const override;
  std::vector<torch::Tensor> alphas() const override;
  std::optional<Place> place(const std::string& parameter_name) const override;
  std::vector<torch::Tensor> probabilities() const override;
  void select(const std::vector<int64_t>& choice) override;
  void restrict(const SubSpace& space) override;
  bool has(const std::string& name) const override;

  /// The output of every cell for `images`, `[batch, channels, height, width]` each.
  std::vector<torch::Tensor> features(const torch::Tensor& images) { return features(images, alphas()); }

 private:
  std::vector<torch::Tensor> features(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas);
  /// How the mixture is computed for `images`. Throws ConfigError for what the fused kernels cannot do.
  Execution execution_for(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) const;
  /// What the mixture of the cells of one kind weighs its operations with, and which of them it has (null: all).
  torch::Tensor mixture(const torch::Tensor& alpha, bool reduction) const;
  const OperationSet* kept(bool reduction) const;
  /// The hypernetwork's code for the selected sub-network and a batch of so many examples (Code). Throws Error when no
  /// sub-network is selected.
  torch::Tensor encode_choice(int64_t examples);
  /// Where a row of the normal or the reduction cells begins.
  int64_t first_row(bool reduction) const { return reduction ? edge_count(options_.steps) : 0; }

  SpaceOptions options_;
  ExampleShape shape_;
  std::shared_ptr<Filter> stem_filter_;
  std::shared_ptr<models::BatchNorm> stem_norm_;
  std::vector<std::shared_ptr<Cell>> cells_;
  std::shared_ptr<Code> code_;  // null: there is no hypernetwork
  torch::nn::Linear hypernetwork_{nullptr}, classifier_{nullptr};
  torch::Tensor alphas_normal_, alphas_reduce_;
  std::vector<int64_t> choice_;
  SubSpace space_;
  std::vector<int64_t> used_;  ///< the cells of space_, by index
};

}  // namespace archleak::nas
