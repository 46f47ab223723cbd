#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "nas/genotype.h"

namespace archleak::nas {

/// One operation of a trained-from-scratch cell; batch norm has weights of its own.
class DerivedOperation : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& input) = 0;
  virtual bool is_identity() const { return false; }
};

/// `name` is one of kPrimitives but "none"; the result has the input's sides, halved and rounded up at stride 2.
std::shared_ptr<DerivedOperation> make_derived_operation(const std::string& name, int64_t channels, int64_t stride);

/// A cell of a derived network: two inputs, two operations a node, the chosen nodes concatenated.
class DerivedCell : public torch::nn::Module {
 public:
  struct Shape {
    int64_t before_previous, previous;  ///< channels of the two inputs
    int64_t channels;                   ///< of each node
    bool reduction;                     ///< halves the image on the edges from the inputs
    bool previous_reduction;            ///< the first input has twice the second one's sides
  };
  DerivedCell(const std::vector<Genotype::Edge>& edges, const std::vector<int64_t>& concat, const Shape& shape);

  /// `drop_path` is the probability of dropping, zero for none. The result is `[batch, concat * channels, ...]`.
  torch::Tensor forward(const torch::Tensor& before_previous, const torch::Tensor& previous, double drop_path,
                        const at::Generator& generator);

 private:
  std::vector<int64_t> from_;
  std::vector<int64_t> concat_;
  std::shared_ptr<DerivedOperation> preprocess0_, preprocess1_;
  std::vector<std::shared_ptr<DerivedOperation>> operations_;
};

}  // namespace archleak::nas
