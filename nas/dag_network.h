#pragma once
#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/shape.h"
#include "nas/dag_options.h"
#include "nas/operations.h"
#include "nas/search_network.h"

namespace archleak::nas {

/// A directed acyclic graph of P cells with one mixture each (our reading of ADRA, equations 2 and 7).
///
/// f_0 is a 3x3 convolution of the image; for p = 1..P-1
///
///     s_p = sum over j < p of a_pj f_j,   h_p = activation(s_p + b_p),   f_p = sum over o of w_po op_o(h_p),
///
/// and a linear classifier reads f_{P-1}. All features are `[batch, C, height, width]`. The operations are those of
/// nas::Primitive at stride 1: separable and dilated convolutions are one depthwise and one pointwise convolution with
/// nothing between them, and there is no normalisation. Alpha is P(P-1)/2 connections and (P-1) x 8 operations.
///
/// Parameters: "stem.weight", "cells.<p>.bias", "cells.<p>.<primitive>.{depthwise,pointwise}.weight",
/// "head.{weight,bias}", "alphas_connections" (rows one after the other), "alphas_operations".
class DagNetwork : public SearchNetwork {
 public:
  /// The parameters are zero until `draw`.
  DagNetwork(const DagOptions& options, ExampleShape shape, int64_t classes);

  /// Draws all parameters anew, so that features and logits stay of order one: weights from U(-0.25, 0.25), the head's
  /// from U(-b, b) with b = min(0.25, sqrt(3 / fan_in)), connections about 1 / (p + 1) and operations about 0.35 (as
  /// the mixture takes them; uniform for softmax), off by a relative N(0, 0.1).
  void draw(const at::Generator& generator) override;

  torch::Tensor forward(const torch::Tensor& images) override { return forward_with(images, alphas()); }
  torch::Tensor forward_with(const torch::Tensor& images, const std::vector<torch::Tensor>& alphas) override;
  bool is_alpha(const std::string& parameter_name) const override;

  /// The connections `[P(P-1)/2]`, then the operations `[P-1, 8]`.
  std::vector<torch::Tensor> alphas() const override { return {alphas_connections_, alphas_operations_}; }

  /// What the mixture takes: the operations `[P-1, 8]`, then each cell's connections `[1, p]`.
  std::vector<torch::Tensor> probabilities() const override;
  std::optional<Place> place(const std::string& parameter_name) const override;

  /// One operation a cell, then one input a cell.
  void select(const std::vector<int64_t>& choice) override;
  bool has(const std::string& name) const override;

  const DagOptions& options() const { return options_; }
  ExampleShape shape() const { return shape_; }
  int64_t classes() const { return classes_; }

 private:
  struct Cell;
  torch::Tensor operation(const Cell& cell, int64_t primitive, const torch::Tensor& input) const;
  torch::Tensor mapped(const torch::Tensor& alpha) const;
  torch::Tensor connections(int64_t cell) const;

  DagOptions options_;
  ExampleShape shape_;
  int64_t classes_;
  std::shared_ptr<Filter> stem_;
  std::vector<std::shared_ptr<Cell>> cells_;  // of cells 1..P-1
  torch::nn::Linear head_{nullptr};
  torch::Tensor alphas_connections_, alphas_operations_;
  std::vector<int64_t> choice_;
};

/// A graph for images of `shape` (one or more channels, any size), drawn from `init`. Throws ConfigError for options
/// that describe no network.
std::shared_ptr<DagNetwork> make_dag_network(const DagOptions& options, ExampleShape shape, int64_t classes,
                                             const at::Generator& init);

}  // namespace archleak::nas
