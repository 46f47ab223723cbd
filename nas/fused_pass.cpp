#include "nas/fused_pass.h"

#include <algorithm>

#include "nas/fused_backward.h"
#include "nas/fused_forward.h"

namespace archleak::nas {
namespace {

using torch::Tensor;

template <typename T>
class Pass : public FusedPass {
 public:
  Pass(const Cell& cell, const Tensor& first, const Tensor& second, const Tensor& weights, at::TensorList skips,
       at::TensorList filters, bool with_backward)
      : pass_(cell, first, second, weights, skips, filters), with_backward_(with_backward) {}

  size_t skip_count() const override {
    return std::count_if(pass_.edges.begin(), pass_.edges.end(), [](const auto& edge) { return edge.stride == 2; });
  }
  size_t filter_count() const override { return pass_.edges.size() * 2 * kUnits; }
  Tensor forward() override { return FusedForward<T>(pass_).run(with_backward_); }
  std::vector<Tensor> backward(const Tensor& output_gradient, Wanted wanted) override {
    return FusedBackward<T>(pass_).run(output_gradient, wanted);
  }

 private:
  CellPass<T> pass_;
  const bool with_backward_;
};

}  // namespace

c10::intrusive_ptr<FusedPass> make_fused_pass(const Cell& cell, const Tensor& first, const Tensor& second,
                                              const Tensor& weights, at::TensorList skips, at::TensorList filters,
                                              bool with_backward) {
  if (first.scalar_type() == torch::kFloat32) {
    return c10::make_intrusive<Pass<float>>(cell, first, second, weights, skips, filters, with_backward);
  }
  return c10::make_intrusive<Pass<double>>(cell, first, second, weights, skips, filters, with_backward);
}

}  // namespace archleak::nas
